"""Standardisation that was done outside the flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .error import ExportError
from .taken import Rows


@dataclass(frozen=True)
class Scale:
    """``(x - mean) / std`` of each column."""

    mean: Rows
    std: Rows

    def to_flow(self, raw: Rows) -> Rows:
        """Raw units to the flow's."""
        return (raw - self.mean) / self.std

    def to_raw(self, own: Rows) -> Rows:
        """The flow's units to raw ones."""
        return own * self.std + self.mean

    @property
    def log_det(self) -> float:
        """The log-Jacobian of `to_flow`, in nats."""
        return -float(np.log(self.std).sum())


def scale(given: Any, columns: int, argument: str, names: Sequence[str] | None = None) -> Scale:
    """Reads a pair of mean and std, a fitted scikit-learn scaler, or none.

    Where both the numbers and the columns have names, they are matched by name: `names` are those of the columns.

    Raises:
        ExportError: The numbers are too few, masked, not finite or not positive, the scaler is not fitted, or a
            column's name has no number.
    """
    if given is None:
        return Scale(np.zeros(columns), np.ones(columns))
    if hasattr(given, "with_mean") and hasattr(given, "with_std"):
        if not hasattr(given, "scale_"):
            raise ExportError(argument, "the scaler is not fitted")
        # scikit-learn leaves out what it was told not to do.
        mean = given.mean_ if given.with_mean else 0.0
        std = given.scale_ if given.with_std else 1.0
        labels = getattr(given, "feature_names_in_", None)
        mean, std = (_labelled(own, labels) for own in (mean, std))
    else:
        try:
            mean, std = given
        except (TypeError, ValueError):
            raise ExportError(argument, "is neither a pair (mean, std) nor a StandardScaler") from None
    mean, std = (_ordered(own, names, argument) for own in (mean, std))
    return Scale(_vector(mean, columns, argument, "mean"), _positive(_vector(std, columns, argument, "std"), argument))


class _Labelled(NamedTuple):
    """Numbers with the names of their columns."""

    values: Any
    labels: list[str]


def _labelled(values: Any, labels: Any) -> Any:
    """The numbers with their names, if they have some and are one for each."""
    if labels is None or np.ndim(values) != 1 or not all(isinstance(own, str) for own in labels):
        return values
    return _Labelled(values, [str(own) for own in labels])


def _ordered(given: Any, names: Sequence[str] | None, argument: str) -> Any:
    """The numbers in the order of the columns, if both have names."""
    # A series of pandas has an index; a list has a method of that name.
    if not isinstance(given, _Labelled) and hasattr(given, "iloc"):
        given = _labelled(given.to_numpy(), list(given.index))
    if not isinstance(given, _Labelled):
        return given
    values = np.asarray(given.values)
    if names is None:
        return values
    missing = [name for name in names if given.labels.count(name) != 1]
    if missing:
        raise ExportError(
            argument,
            f"has no number, or more than one, for {', '.join(missing)}: it has the names {', '.join(given.labels)}",
        )
    return values[[given.labels.index(name) for name in names]]


def _vector(given: Any, columns: int, argument: str, which: str) -> Rows:
    if np.ma.is_masked(given):
        raise ExportError(argument, f"the {which} has a masked number: give a number for each column")
    values: Rows = np.asarray(given, dtype=np.float64).reshape(-1)
    if values.size == 1:
        values = np.full(columns, values[0])
    if values.size != columns:
        raise ExportError(argument, f"the {which} has {values.size} numbers, and the flow {columns} columns")
    if not np.isfinite(values).all():
        raise ExportError(argument, f"the {which} has a number that is not finite")
    return values


def _positive(std: Rows, argument: str) -> Rows:
    if (std <= 0.0).any():
        raise ExportError(argument, "a std is not positive: leave constant columns out of the flow")
    return std
