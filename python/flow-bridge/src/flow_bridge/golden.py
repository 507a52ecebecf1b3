"""Golden rows: events with the log-likelihoods that the library gives, which an import must reproduce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .error import ExportError
from .standardise import Scale
from .taken import Rows, Taken

#: An import needs so many.
FEWEST = 32
#: Rows of given data beyond this are thinned out evenly: more of them check nothing new.
MOST = 256
#: One in so many drawn rows is moved far out, where the tails of splines and clipped scales show.
_ONE_IN = 8
#: How far, in the flow's units.
_FAR = 4.0


@dataclass(frozen=True)
class Golden:
    """Rows in raw units and their log-likelihoods in nats."""

    x: Rows
    context: Rows | None
    log_prob: Rows


def golden(taken: Taken, given: Any, event: Scale, context: Scale, seed: int) -> Golden:
    """Takes rows of the given data, or draws as many as are asked for.

    Raises:
        ExportError: There are too few rows, they have the wrong columns, or the flow gives no finite number for one.
    """
    drawn = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    x, c = _draw(taken, int(given), event, context, seed) if drawn else _read(taken, given)
    # The chip's numbers have 32 bits: what it is given is what the library is asked about.
    x = _narrow(x)
    c = None if c is None else _narrow(c)
    log_prob = taken.log_prob(event.to_flow(x), None if c is None else context.to_flow(c)) + event.log_det
    finite = np.isfinite(log_prob)
    if drawn:
        # A row that is too far out for the flow is no fault of the flow.
        x, log_prob = x[finite], log_prob[finite]
        c = None if c is None else c[finite]
    elif not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise ExportError("golden", f"the flow's log_prob of row {row} is not finite: {x[row].tolist()}")
    if len(x) < FEWEST:
        raise ExportError("golden", f"the flow gives a finite log_prob for {len(x)} rows, and {FEWEST} are needed")
    return Golden(x, c, log_prob)


def _narrow(rows: Rows) -> Rows:
    return rows.astype(np.float32).astype(np.float64)


def _draw(taken: Taken, count: int, event: Scale, context: Scale, seed: int) -> tuple[Rows, Rows | None]:
    if count < FEWEST:
        raise ExportError("golden", f"{count} rows are asked for, and {FEWEST} are needed")
    random = np.random.default_rng(seed)
    contexts = random.standard_normal((count, taken.context)) if taken.context else None
    try:
        rows = taken.sample(count, contexts, seed)
    except (NotImplementedError, RuntimeError, AttributeError) as fault:
        raise ExportError("golden", f"the flow can't be sampled ({fault}): give rows of your data") from fault
    rows = rows.copy()
    far = rows[::_ONE_IN]
    far += _FAR * random.standard_normal(far.shape)
    return event.to_raw(rows), None if contexts is None else context.to_raw(contexts)


def _read(taken: Taken, given: Any) -> tuple[Rows, Rows | None]:
    x, context = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    rows = _matrix(x, taken.features, "golden")
    contexts = None
    if taken.context:
        if context is None:
            raise ExportError("golden", f"the flow has a context of {taken.context} columns: give (x, context)")
        contexts = _matrix(context, taken.context, "golden context")
        if len(contexts) != len(rows):
            raise ExportError("golden", f"there are {len(rows)} rows of x and {len(contexts)} of the context")
    elif context is not None:
        raise ExportError("golden", "there is a context, and the flow has none")
    if len(rows) < FEWEST:
        raise ExportError("golden", f"there are {len(rows)} rows, and {FEWEST} are needed")
    kept = np.linspace(0, len(rows) - 1, min(len(rows), MOST)).round().astype(int)
    return rows[kept], None if contexts is None else contexts[kept]


def _matrix(given: Any, columns: int, argument: str) -> Rows:
    # Tensors of torch that need a gradient, or that are elsewhere, do not become arrays by themselves.
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    if np.ma.is_masked(given):
        raise ExportError(argument, "has masked values: give rows without any")
    rows: Rows = np.asarray(given, dtype=np.float64)
    if rows.ndim == 1 and columns == 1:
        rows = rows[:, None]
    if rows.ndim != 2 or rows.shape[1] != columns:
        raise ExportError(argument, f"has the shape {rows.shape}, expected rows of {columns}")
    if not np.isfinite(rows).all():
        raise ExportError(argument, "has a number that is not finite")
    return rows
