"""A fleet's rows in Polars: any lazy query, scored batch by batch by its streaming engine."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from .scorer import SCORES, Scorer


def score(rows: pl.LazyFrame, scorer: Scorer) -> pl.LazyFrame:
    """The rows, and behind their columns ``log_prob``, ``p_value`` and ``alarm``.

    Write the result with ``sink_parquet``: the query then runs in constant memory, on all cores.
    """
    schema = rows.collect_schema()
    scorer.check(schema.names())
    scores = {"log_prob": pl.Float32, "p_value": pl.Float32, "alarm": pl.Boolean}

    def scored(batch: pl.DataFrame) -> pl.DataFrame:
        columns = [batch[name].rechunk().to_arrow() for name in scorer.columns]
        own = pa.Table.from_batches([scorer.score(columns)], SCORES)
        return batch.hstack(pl.from_arrow(own))

    return rows.map_batches(scored, streamable=True, schema={**schema, **scores})
