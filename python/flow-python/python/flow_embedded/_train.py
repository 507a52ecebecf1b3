"""The signature of ``train``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from numpy.typing import ArrayLike

from . import _flow
from ._flow import Progress, Trained

def train(
    events: ArrayLike | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    context: ArrayLike | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    *,
    names: Sequence[str] | None = None,
    context_names: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    domains: Mapping[str, str] | None = None,
    infer_domains: bool = True,
    rounding: bool = True,
    steps: Mapping[str, float] | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    groups: Sequence[object] | ArrayLike | None = None,
    weights: ArrayLike | None = None,
    split: Literal["time", "random"] = "time",
    alpha: float = 0.01,
    seed: int = 0,
    name: str = "",
    family: Literal["auto", "nice", "realnvp", "nsf", "maf", "iaf", "nsf-ar"] = "auto",
    layers: int | None = None,
    hidden: Sequence[int] | None = None,
    bins: int | None = None,
    base: str | None = None,
    activation: str = "relu",
    residual: bool = False,
    epochs: int | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    smoothing: float | None = None,
    patience: int | None = None,
    progress: Callable[[Progress], bool | None] | None = None,
) -> Trained:
    """Train a model on normal rows, and calibrate it, as ``flow train`` does.

    The rows are divided into 70 % to train, 10 % to decide when to stop and 20 % to calibrate.
    The same arrays, options and seed give the same model, byte for byte.

    Parameters
    ----------
    events
        What the model is of: rows × channels, finite. Kept as ``float32``, the precision of the chip.
        The channels have the names of a table's columns (pandas, Polars, Arrow, a mapping), and the
        model is given rows by these names later. Give raw rows: a flow standardises its columns by
        itself. A model of rows that look as a scaler leaves them is not saved without ``as_is=True``.
    context
        What may explain a row but is not judged itself: one row for each event.
    names, context_names
        Names of the columns of arrays without names; ``x0``, ``x1`` … and ``c0``, ``c1`` … if nothing is
        said.
    units
        Units of columns by name, for the record; that of an angle makes its column circular.
    domains
        Where the values of columns live, by name: ``real``, ``positive[:LOW]``,
        ``soft-positive[:LOW[:SCALE]]``, ``bounded:LOW:HIGH``, ``circular:LOW:HIGH`` or
        ``heavy-tailed``.
    infer_domains
        Whether to find out the domains of other columns; they are real otherwise.
    rounding
        Whether to look for columns that are rounded, as the counts of an ADC, and dequantise them.
    steps
        What columns are known to be rounded to, by name; such a column may be constant.
    categories
        For columns that hold codes of categories, 0 to K − 1: the K names, ascending.
    groups
        One label for each row, none of them missing: rows of one label go to one part as a whole. In place of ``split``.
    weights
        How much each row counts.
    split
        ``time`` calibrates on the last rows, which shows drift; ``random`` is right for rows that are
        independent of each other, and for no others.
    alpha
        The false-alarm rate to promise.
    seed
        Of everything random.
    name
        The model's name.
    family, layers, hidden, bins, base, activation, residual
        The shape of the flow; see ``flow train --help``. ``auto`` decides all but the last two.
        An activation may have a number, as in ``"leaky-relu:0.2"``.
    epochs, batch, learning_rate, smoothing, patience
        How to fit it; likewise.
    progress
        Called after every epoch; training ends with the best model so far if it returns False.

    Raises
    ------
    ShapeError, NonFiniteError
        An array can't be used.
    TrainingError
        There are too few rows, an option is impossible, a column is constant, or training diverges.
    KeyboardInterrupt
        On Ctrl-C, at the next step.
    """
    options = {
        "names": None if names is None else list(names),
        "context_names": None if context_names is None else list(context_names),
        "units": dict(units or {}),
        "domains": dict(domains or {}),
        "infer_domains": infer_domains,
        "rounding": rounding,
        "steps": dict(steps or {}),
        "categories": {column: list(own) for column, own in (categories or {}).items()},
        "groups": groups,
        "weights": weights,
        "split": split,
        "alpha": alpha,
        "seed": seed,
        "name": name,
        "family": family,
        "layers": layers,
        "hidden": None if hidden is None else list(hidden),
        "bins": bins,
        "base": base,
        "activation": activation,
        "residual": residual,
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "smoothing": smoothing,
        "patience": patience,
    }
    return _flow.train(events, context, options, progress)
