"""Polars and DataFusion give the bits of ``flow score``."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import same_bits
from flow_fleet.scorer import Scorer


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return Scorer.load(folder / "model.flow")


def test_polars(folder: Path, expected: pa.Table, scorer: Scorer) -> None:
    pl = pytest.importorskip("polars")
    from flow_fleet import polars

    rows = pl.scan_parquet(folder / "fleet/*.parquet")
    polars.score(rows, scorer).sink_parquet(folder / "polars.parquet")
    same_bits(pq.read_table(folder / "polars.parquet"), expected)
    alarms = polars.score(rows, scorer).filter(pl.col("alarm")).collect(engine="streaming")
    assert alarms.height == expected.column("alarm").to_pylist().count(True)
    with pytest.raises(ValueError, match="lack 1 of the model's columns: y"):
        polars.score(rows.drop("y"), scorer)


def test_datafusion(folder: Path, expected: pa.Table, scorer: Scorer) -> None:
    engine = pytest.importorskip("datafusion")
    from flow_fleet import datafusion

    context = engine.SessionContext()
    datafusion.register(context, "pump", scorer)
    context.register_parquet("fleet", str(folder / "fleet"))
    scores = ", ".join(f"pump_{name}(x, y, load) AS {name}" for name in ("log_prob", "p_value", "alarm"))
    found = context.sql(f"SELECT id, {scores} FROM fleet").to_arrow_table()
    same_bits(found, expected)


def test_columns_that_are_no_numbers_are_refused(scorer: Scorer) -> None:
    rows = pa.array([1.0, 2.0])
    with pytest.raises(TypeError, match="column 'y' holds string"):
        scorer.score([rows, pa.array(["a", "b"]), rows])


def test_columns_that_are_there_twice_are_refused(scorer: Scorer) -> None:
    with pytest.raises(ValueError, match="more than one column y"):
        scorer.check(["x", "y", "load", "y"])
    scorer.check(["note", "x", "note", "y", "load"])


def test_a_batch_without_a_row_that_can_be_scored(scorer: Scorer) -> None:
    nothing = pa.array([None, float("nan")], pa.float64())
    assert scorer.score([nothing] * 3).column("log_prob").null_count == 2
    assert scorer.score([nothing.slice(0, 0)] * 3).num_rows == 0
