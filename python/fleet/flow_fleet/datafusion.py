"""A fleet's rows in DataFusion: the scores of a model as functions of SQL."""

from __future__ import annotations

import pyarrow as pa
from datafusion import SessionContext, udf

from .scorer import SCORES, Scorer


def register(context: SessionContext, name: str, scorer: Scorer) -> None:
    """Adds the functions ``NAME_log_prob``, ``NAME_p_value`` and ``NAME_alarm`` of the model's columns, in the
    order of ``scorer.columns``, as ``double``: wide enough for every number of ``float`` and of 53 bits."""
    arguments = [pa.float64()] * len(scorer.columns)
    for field in SCORES:

        def scored(*columns: pa.Array, of: str = field.name) -> pa.Array:
            return scorer.score(list(columns)).column(of)

        function = udf(scored, arguments, field.type, "immutable", f"{name}_{field.name}")
        context.register_udf(function)
