"""A fleet's rows in Spark: scored by ``mapInArrow`` or ``mapInPandas``, counted for each kind of device.

Each executor needs the packages ``flow-embedded`` and ``flow-fleet``; the model comes with the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute
from pyspark.sql import functions
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from .scorer import SCORES, Scorer
from .sketch import Sketcher

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

#: The columns of counted scores, behind that of the kind.
COUNTS = "log_prob float, rows long, level int"


def score(rows: DataFrame, scorer: Scorer) -> DataFrame:
    """The rows, and behind their columns ``log_prob``, ``p_value`` and ``alarm``."""
    scorer.check(rows.columns)
    columns = scorer.columns
    schema = StructType([*rows.schema.fields, *from_arrow_schema(SCORES).fields])
    broadcast = rows.sparkSession.sparkContext.broadcast(scorer)

    def scored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            scores = broadcast.value.score([batch.column(name) for name in columns])
            yield pa.RecordBatch.from_arrays(
                [*batch.columns, *scores.columns], names=[*batch.schema.names, *SCORES.names]
            )

    return rows.mapInArrow(scored, schema)


def score_pandas(rows: DataFrame, scorer: Scorer) -> DataFrame:
    """As ``score``, by ``mapInPandas``: for clusters whose steps are in pandas already. Pandas keeps
    integers of columns with missing values as ``float64``: beyond 2^53 only ``score`` is exact."""
    scorer.check(rows.columns)
    schema = StructType([*rows.schema.fields, *from_arrow_schema(SCORES).fields])
    columns = scorer.columns
    broadcast = rows.sparkSession.sparkContext.broadcast(scorer)

    def scored(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            cells = [pa.Array.from_pandas(frame[name]) for name in columns]
            scores = broadcast.value.score(cells)
            yield frame.assign(
                log_prob=scores.column("log_prob").to_pandas().to_numpy(),
                p_value=scores.column("p_value").to_pandas().to_numpy(),
                alarm=scores.column("alarm").to_pandas().to_numpy(),
            )

    return rows.mapInPandas(scored, schema)


def count(scored: DataFrame, kind: str, branches: int = 32) -> DataFrame:
    """The counted scores of each value of column ``kind``, for ``flow calibrate --scored --each``.

    Each partition is counted where it lies. Counts are added up in two steps, of one in ``branches`` partitions
    and then of all, so that no executor holds many sketches of a kind at once. Sums are exact: the result does
    not depend on partitions. Rows without a score or a kind are left out.
    """
    schema = f"`{kind}` string, {COUNTS}"
    rows = scored.select(functions.col(kind).cast("string").alias(kind), "log_prob").dropna()
    rows = rows.where(functions.col(kind) != "")

    def counted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sketchers: dict[str, Sketcher] = {}
        for batch in batches:
            kinds = batch.column(0).dictionary_encode()
            scores = batch.column(1).to_numpy(zero_copy_only=False)
            codes = kinds.indices.to_numpy()
            for code, value in enumerate(kinds.dictionary.to_pylist()):
                sketchers.setdefault(value, Sketcher()).push(scores[codes == code])
        for value, sketcher in sketchers.items():
            yield from _table(kind, value, sketcher).to_batches()

    def summed(key: tuple[pa.Scalar, ...], counts: pa.Table) -> pa.Table:
        sketcher = Sketcher()
        level = pa.compute.max(counts.column("level")).as_py()
        scores, rows = (counts.column(name).to_numpy() for name in ("log_prob", "rows"))
        sketcher.add(scores, rows, level)
        return _table(kind, key[0].as_py(), sketcher)

    branch = functions.pmod(functions.spark_partition_id(), functions.lit(branches))
    parts = rows.mapInArrow(counted, schema).withColumn("branch", branch)
    # Only what the sums are of: a group is handed over whole.
    sums = parts.groupBy(kind, "branch").applyInArrow(summed, schema)
    return sums.groupBy(kind).applyInArrow(summed, schema)


def _table(kind: str, value: str, sketcher: Sketcher) -> pa.Table:
    """A sketch as rows."""
    sketch = sketcher.finish()
    rows = len(sketch.scores)
    columns = {
        kind: pa.array([value] * rows, pa.string()),
        "log_prob": pa.array(sketch.scores, pa.float32()),
        "rows": pa.array(sketch.rows, pa.int64()),
        "level": pa.array(np.full(rows, sketch.level, np.int32), pa.int32()),
    }
    return pa.table(columns)
