"""Models of scikit-learn's pipelines."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _flow
from ._flow import Model, UnsupportedError

try:
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
    from sklearn.utils.validation import check_is_fitted
except ImportError as _fault:
    raise ImportError("from_pipeline needs scikit-learn 1.6 or later: pip install flow-embedded[sklearn]") from _fault


class _Affine(NamedTuple):
    """``(x - offset) * factor``, column by column."""

    offset: NDArray[np.float64]
    factor: NDArray[np.float64]


def from_pipeline(pipeline: Any) -> Model:
    """The model of raw rows that a fitted pipeline of scalers and a ``FlowDetector`` stands for.

    The scalers become part of the model's own standardisation, so a device gives it raw rows and
    nothing is computed twice. Log-likelihoods are per raw unit: ``pipeline.score_samples(rows)`` plus
    the sum of the logarithms of the scales, the same number for each row. P-values are the
    pipeline's. Both hold to the rounding of ``float32``: some 1e-4 nats, and a row whose score is that
    of a calibration row to so many digits may get the p-value of its neighbour.

    Columns get the names that the pipeline was fitted with. The model is saved by ``Model.save``.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted. Its last step is a ``FlowDetector``; steps before it are ``StandardScaler``,
        ``MinMaxScaler``, ``MaxAbsScaler``, ``RobustScaler``, ``"passthrough"`` or pipelines of these.

    Returns
    -------
    model : Model
        It scores raw rows.

    Raises
    ------
    UnsupportedError
        A step is none of these, a scaler clips, or ``float32`` holds too few digits of a raw column.
    TypeError
        This is no pipeline that ends in a ``FlowDetector``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from flow_embedded import FlowDetector, from_pipeline
    >>> rows = np.random.default_rng(0).normal(20.0, 3.0, size=(1000, 2))
    >>> detector = FlowDetector(family="maf", layers=2, hidden=(16,), epochs=20)
    >>> model = from_pipeline(make_pipeline(StandardScaler(), detector).fit(rows))
    >>> bool((model.p_value([[20.0, 21.0], [80.0, -50.0]]) > [0.05, 0.0]).all())
    True
    """
    from .estimator import FlowDetector

    if not isinstance(pipeline, Pipeline):
        raise TypeError(f"from_pipeline takes a scikit-learn Pipeline, not {type(pipeline).__name__}")
    steps = _steps(pipeline)
    name, detector = steps.pop()
    if not isinstance(detector, FlowDetector):
        raise TypeError(f"the last step, `{name}`, is {_kind(detector)}: it must be a FlowDetector")
    check_is_fitted(detector)
    offset, factor = np.zeros(detector.n_features_in_), np.ones(detector.n_features_in_)
    for name, step in steps:
        own = _affine(name, step, detector.n_features_in_)
        offset, factor = offset + own.offset / factor, factor * own.factor
    model = detector.model_
    first = steps[0][1] if steps else detector
    names = getattr(first, "feature_names_in_", [own.name for own in model.channels])
    kinds = ", ".join(_kind(step) for _, step in steps)
    command = f"flow_embedded.from_pipeline({kinds}): {model.command}"
    return _flow.rescale(model, [str(own) for own in names], offset.tolist(), factor.tolist(), command)


def steps_before(detector: Any) -> str:
    """The kinds of the steps through which the rows that ``detector`` is being fitted to have gone.

    A pipeline does not tell its last step about the others, so the calls in progress are asked.
    """
    found: list[str] = []
    seen: list[Any] = []
    frame = sys._getframe(1) if hasattr(sys, "_getframe") else None
    while frame is not None:
        own = frame.f_locals.get("self")
        if isinstance(own, Pipeline) and not any(own is other for other in seen):
            seen.append(own)
            steps = [(name, step) for name, step in _steps(own) if step is not detector]
            found = [_kind(step) for _, step in steps if _transforms(step)] + found
        frame = frame.f_back
    return ", ".join(found)


def _steps(pipeline: Any) -> list[tuple[str, Any]]:
    """The steps of a pipeline that are there, with those of pipelines inside it in their places."""
    steps: list[tuple[str, Any]] = []
    for name, step in pipeline.steps:
        if isinstance(step, Pipeline):
            steps += [(f"{name}.{inner}", own) for inner, own in _steps(step)]
        elif step is not None and not isinstance(step, str):
            steps.append((name, step))
    return steps


def _transforms(step: Any) -> bool:
    return hasattr(step, "transform")


def _kind(step: Any) -> str:
    return type(step).__name__


def _affine(name: str, step: Any, columns: int) -> _Affine:
    """What a fitted scaler does."""
    # Subclasses may do something else.
    kind = type(step)
    if kind not in (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler):
        raise UnsupportedError(
            f"the step `{name}` ({kind.__name__}) can't be put into a model: leave it out and fit again, since a flow "
            "standardises its columns by itself, or compute it on the device and save pipeline[-1].model_ with as_is=True"
        )
    check_is_fitted(step)
    if getattr(step, "clip", False):
        raise UnsupportedError(
            f"the step `{name}` ({kind.__name__}) clips, which a model can't: fit again with clip=False"
        )
    zeros, ones = np.zeros(columns), np.ones(columns)

    def given(value: Any, default: NDArray[np.float64]) -> NDArray[np.float64]:
        return default if value is None else np.asarray(value, np.float64)

    if kind is MinMaxScaler:
        factor = given(step.scale_, ones)
        return _Affine(-given(step.min_, zeros) / factor, factor)
    if kind is StandardScaler:
        offset = given(step.mean_ if step.with_mean else None, zeros)
    elif kind is RobustScaler:
        offset = given(step.center_, zeros)
    else:
        offset = zeros
    return _Affine(offset, 1.0 / given(step.scale_, ones))
