"""Spark on a cluster of two workers gives the bits of ``flow score`` and the models of ``flow calibrate``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("pyspark")

from conftest import KINDS, Flow, same_bits
from flow_fleet import spark
from flow_fleet.scorer import Scorer
from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A master and two workers, each with a core, as processes of this machine."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_WORKER_DIR"] = str(tmp_path_factory.mktemp("workers"))
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        .config("spark.executor.memory", "1g")
        .config("spark.executor.cores", 1)
        .config("spark.ui.enabled", False)
        .config("spark.sql.shuffle.partitions", 4)
        # Batches that end anywhere.
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 333)
        .getOrCreate()
    )
    yield session
    session.stop()


def test_the_cluster_has_two_workers(session: SparkSession) -> None:
    # The driver is one more that holds blocks. Workers sign on after the session has begun.
    deadline = time.monotonic() + 60.0
    while (known := session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert known == 3


@pytest.mark.parametrize("partitions", [1, 2, 13])
def test_scores_have_the_bits_of_flow_score(
    session: SparkSession, folder: Path, expected: pa.Table, partitions: int
) -> None:
    rows = session.read.parquet(str(folder / "fleet")).repartition(partitions, "id")
    scorer = Scorer.load(folder / "model.flow")
    scored = spark.score(rows, scorer)
    assert scored.columns == ["id", "kind", "x", "y", "load", "log_prob", "p_value", "alarm"]
    same_bits(scored.toArrow(), expected)
    if partitions == 2:
        same_bits(spark.score_pandas(rows, scorer).toArrow(), expected)


def test_each_kind_has_its_model(session: SparkSession, folder: Path, flow: Flow) -> None:
    scorer = Scorer.load(folder / "model.flow")
    each = ["--each", "kind", "--alpha", "0.01"]
    flow("calibrate", "model.flow", "fleet", *each, "-o", "models")
    names = sorted(path.name for path in (folder / "models").iterdir())
    assert len(names) == len(KINDS)
    for partitions in (1, 9):
        rows = session.read.parquet(str(folder / "fleet")).repartition(partitions)
        counts = spark.count(spark.score(rows, scorer), "kind", branches=3)
        counts.write.mode("overwrite").parquet(str(folder / "counts"))
        flow("calibrate", "model.flow", "counts", "--scored", *each, "-o", "by_spark")
        assert sorted(path.name for path in (folder / "by_spark").iterdir()) == names
        for name in names:
            assert (folder / "models" / name).read_bytes() == (folder / "by_spark" / name).read_bytes(), name


def test_rows_that_can_not_be_scored_are_refused_before_any_task(session: SparkSession, folder: Path) -> None:
    scorer = Scorer.load(folder / "model.flow")
    rows = session.read.parquet(str(folder / "fleet")).drop("load")
    with pytest.raises(ValueError, match="lack 1 of the model's columns: load"):
        spark.score(rows, scorer)


def test_scores_that_spark_wrote_are_read_by_flow(session: SparkSession, folder: Path, flow: Flow) -> None:
    rows = session.read.parquet(str(folder / "fleet"))
    scored = spark.score(rows, Scorer.load(folder / "model.flow"))
    scored.write.mode("overwrite").partitionBy("kind").parquet(str(folder / "by_kind"))
    flow("calibrate", "model.flow", "by_kind", "--scored", "--each", "kind", "-o", "from_scores")
    flow("calibrate", "model.flow", "fleet", "--each", "kind", "-o", "from_rows")
    for path in (folder / "from_rows").iterdir():
        assert path.read_bytes() == (folder / "from_scores" / path.name).read_bytes()
    assert pq.read_table(folder / "by_kind").num_rows == 6000
