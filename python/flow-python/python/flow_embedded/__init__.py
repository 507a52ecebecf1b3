"""Normalizing flows that run on microcontrollers, in Python.

``load`` reads a ``model.flow``, ``train`` makes one from arrays, ``FlowDetector`` is an estimator
for scikit-learn. Scores and samples have the bits of the chip. See ``Model`` and ``Detector``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._flow import (
    ArtefactError,
    CalibrationError,
    Channel,
    Detector,
    FlowError,
    Model,
    NonFiniteError,
    Progress,
    ShapeError,
    Trained,
    TrainingError,
    UnsupportedError,
    Verdict,
)
from ._train import train

if TYPE_CHECKING:
    from .estimator import FlowDetector
    from .pipeline import from_pipeline

__all__ = [
    "ArtefactError",
    "CalibrationError",
    "Channel",
    "Detector",
    "FlowDetector",
    "FlowError",
    "Model",
    "NonFiniteError",
    "Progress",
    "ShapeError",
    "Trained",
    "TrainingError",
    "UnsupportedError",
    "Verdict",
    "from_pipeline",
    "load",
    "train",
]


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model from a file, as ``flow train`` writes it.

    Raises ``OSError`` if the file can't be read, and ``ArtefactError`` if it holds no model that
    this version can use.
    """
    return Model.load(path)


def __getattr__(name: str) -> Any:
    # These alone need scikit-learn, and so are imported when they are asked for.
    if name == "FlowDetector":
        from .estimator import FlowDetector

        return FlowDetector
    if name == "from_pipeline":
        from .pipeline import from_pipeline

        return from_pipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
