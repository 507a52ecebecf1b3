"""A flow, taken apart: what every library's module gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .manifest import Layer, Settings

Rows = npt.NDArray[np.float64]
Tensors = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Taken:
    """What the exporter needs of a flow. Rows are in the flow's own units, one event a row."""

    library: str
    #: Channels of the event and of the context.
    features: int
    context: int
    tensors: Tensors
    settings: Settings
    #: From the data to the noise.
    layers: list[Layer]
    #: In nats, in 64 bits; the context is none if there are no channels of it.
    log_prob: Callable[[Rows, Rows | None], Rows]
    #: One event for each context, or so many without.
    sample: Callable[[int, Rows | None, int], Rows]


def share_activation(layers: list[Layer]) -> Settings:
    """Moves the activation to the whole flow's settings if the layers have one in common."""
    names = {layer["activation"] for layer in layers if "activation" in layer}
    if len(names) != 1:
        return {}
    for layer in layers:
        layer.pop("activation", None)
    return {"activation": names.pop()}
