"""Scores of Arrow batches. The only module that knows ``flow_embedded``."""

from __future__ import annotations

import functools

import flow_embedded
import numpy as np
import pyarrow as pa

#: The columns that scoring adds, with the types that ``flow score`` writes.
SCORES = pa.schema(
    [
        pa.field("log_prob", pa.float32()),
        pa.field("p_value", pa.float32()),
        pa.field("alarm", pa.bool_()),
    ]
)


class Scorer:
    """A model that gives rows their scores. It travels as the bytes of its file, so that a
    cluster's driver alone needs the file."""

    def __init__(self, artefact: bytes) -> None:
        self.artefact = bytes(artefact)
        model = _model(self.artefact)
        if model.past_channels:
            raise ValueError(
                "the model is conditioned on the past of its rows, and rows of a cluster have no order: "
                "score such recordings with flow score, file by file"
            )
        channels = [*model.channels, *model.context_channels]
        categories = [channel.name for channel in channels if channel.categories is not None]
        if categories:
            raise ValueError(
                f"the model knows {', '.join(categories)} by categories, which only flow score reads: score the "
                "folder with it"
            )
        self.events = [channel.name for channel in model.channels]
        self.context = [channel.name for channel in model.context_channels]

    @classmethod
    def load(cls, path: str) -> Scorer:
        """A scorer of the model in a file."""
        with open(path, "rb") as file:
            return cls(file.read())

    def __reduce__(self) -> tuple:
        return type(self), (self.artefact,)

    @property
    def columns(self) -> list[str]:
        """The columns that the model reads."""
        return [*self.events, *self.context]

    def check(self, names: list[str]) -> None:
        """Raises ``ValueError`` if a table of columns with these names can't be scored."""
        missing = [name for name in self.columns if name not in names]
        if missing:
            raise ValueError(
                f"the rows lack {len(missing)} of the model's columns: {', '.join(missing)}; they have "
                f"{', '.join(names)}"
            )
        twice = [name for name in self.columns if names.count(name) > 1]
        if twice:
            raise ValueError(f"the rows have more than one column {', '.join(twice)}: rename or drop the others")

    def score(self, columns: list[pa.Array]) -> pa.RecordBatch:
        """The scores of rows, given as the columns of ``columns``: without a value where a cell is missing or
        not finite, as ``flow score`` leaves them empty."""
        numbers = [_numbers(name, column) for name, column in zip(self.columns, columns, strict=True)]
        cells = np.stack(numbers, axis=1)
        usable = np.isfinite(cells).all(axis=1)
        model = _model(self.artefact)
        width = len(self.events)
        events = np.ascontiguousarray(cells[usable, :width])
        context = np.ascontiguousarray(cells[usable, width:]) if self.context else None
        log_probs = model.log_prob(events, context)
        missing = ~usable
        rows = len(usable)
        if model.alpha is None:
            judged = [pa.nulls(rows, pa.float32()), pa.nulls(rows, pa.bool_())]
        else:
            p_values = model.p_value_of(log_probs, context)
            alarms = p_values <= _rounded_up(model.alpha)
            judged = [_spread(p_values, missing), _spread(alarms, missing)]
        return pa.RecordBatch.from_arrays([_spread(log_probs, missing), *judged], schema=SCORES)


@functools.lru_cache(maxsize=4)
def _model(artefact: bytes) -> flow_embedded.Model:
    """The model of an artefact, which each process of a cluster reads once."""
    return flow_embedded.Model.from_bytes(artefact)


def _numbers(name: str, column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A column as the chip's ``float32``, NaN where it has no value."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise TypeError(f"column {name!r} holds {kind}, and the model needs numbers: cast it first")
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    if missing.any():
        column = column.fill_null(0)
    # One rounding, from the type that the column has; what is too large becomes infinite.
    with np.errstate(over="ignore"):
        numbers = column.to_numpy(zero_copy_only=False).astype(np.float32)
    numbers[missing] = np.nan
    return numbers


def _spread(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    """The values of the rows that have one, in their places."""
    spread = np.zeros(len(missing), values.dtype)
    spread[~missing] = values
    return pa.array(spread, mask=missing)


def _rounded_up(alpha: float) -> np.float32:
    """The smallest ``float32`` that is not below a rate, as the model has it."""
    nearest = np.float32(alpha)
    return nearest if float(nearest) >= alpha else np.nextafter(nearest, np.float32(np.inf))
