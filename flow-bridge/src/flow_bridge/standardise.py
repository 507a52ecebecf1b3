"""Standardisation that was done outside the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def scale(given: Any, columns: int, argument: str) -> Scale:
    """Reads a pair of mean and std, a fitted scikit-learn scaler, or none.

    Raises:
        ExportError: The numbers are too few, not finite or not positive, or the scaler is not fitted.
    """
    if given is None:
        return Scale(np.zeros(columns), np.ones(columns))
    if hasattr(given, "with_mean") and hasattr(given, "with_std"):
        if not hasattr(given, "scale_"):
            raise ExportError(argument, "the scaler is not fitted")
        # scikit-learn leaves out what it was told not to do.
        mean = given.mean_ if given.with_mean else 0.0
        std = given.scale_ if given.with_std else 1.0
    else:
        try:
            mean, std = given
        except (TypeError, ValueError):
            raise ExportError(argument, "is neither a pair (mean, std) nor a StandardScaler") from None
    return Scale(_vector(mean, columns, argument, "mean"), _positive(_vector(std, columns, argument, "std"), argument))


def _vector(given: Any, columns: int, argument: str, which: str) -> Rows:
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
