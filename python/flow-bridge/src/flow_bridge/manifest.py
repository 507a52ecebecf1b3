"""The manifest: what a state dictionary does not hold, in the form that `flow import` reads.

A flow is two files: the tensors (safetensors, under the keys that the library gives them) and this manifest in JSON.
With a path that ends in `.json` the tensors are inside the manifest, under ``state``; with `.npz` both are in one
archive of NumPy, tensors as ``state/KEY`` and the manifest's bytes as ``manifest``.

Layers are listed **in the order from the data to the noise**, whatever the library's own order is. ``direction`` says
which way a layer's formula goes: ``"normalizing"`` maps data to noise, ``"generative"`` maps noise to data, and is
inverted for a log-likelihood.
"""

from __future__ import annotations

from typing import Literal, TypedDict

Library = Literal["zuko", "nflows", "normflows", "flowjax"]
Direction = Literal["normalizing", "generative"]


class Standardise(TypedDict):
    """``(x - mean) / std`` of each column, done outside the flow. All four lists are as long as the columns."""

    mean: list[float]
    std: list[float]
    context_mean: list[float]
    context_std: list[float]


class Settings(TypedDict, total=False):
    """What holds for the whole flow."""

    #: The non-linearity of all networks, if they have one in common; else each layer names its own.
    activation: str
    #: FlowJAX: data to noise is one pass of the layers, from the first of a stack to the last. If not, it is their
    #: inverse, from the last to the first.
    invert: bool
    #: FlowJAX: the length of the leading axis of each tensor of the layers. The listed layers are applied in turn, that
    #: many times.
    stacked: int


class _Named(TypedDict):
    #: The beginning of the keys of the layer's tensors; ends in a dot.
    key: str


# `class` is a word of the language, hence the form of a call.
_Class = TypedDict("_Class", {"class": str})


class Layer(_Named, _Class, total=False):
    """One layer. Each class has the settings that the table of the README gives, and no others."""

    direction: Direction
    # Networks.
    activation: str
    residual: bool
    # Which channels see which.
    order: list[int]
    passes: int
    # Transformers.
    transformer: Literal["shift", "affine", "spline"]
    scale_map: str | None
    slope: float
    bins: int
    bound: float
    tails: Literal["linear"]
    min_bin_width: float
    min_bin_height: float
    min_derivative: float
    divisor: float
    identity_init: bool
    # FlowJAX: parameters are `init` plus what the network gives.
    init: list[float]
    min_scale: float
    min_width: float
    # Linear layers.
    eps: float
    use_lu: bool
    # normflows.
    split: str
    mode: str


class StoredTensor(TypedDict):
    """A tensor inside a manifest; its numbers are row-major."""

    shape: list[int]
    dtype: str
    data: list[float]


class Manifest(TypedDict, total=False):
    """The whole file. ``state`` is there only in the form of one file."""

    name: str
    library: str
    version: str
    columns: list[str]
    context_columns: list[str]
    standardise: Standardise | None
    settings: Settings
    layers: list[Layer]
    #: Golden rows in the units of the raw data; each number is one that 32 bits hold.
    x: list[list[float]]
    context: list[list[float]] | None
    #: In nats, in the units of the raw data, computed in 64 bits.
    log_prob: list[float]
    state: dict[str, StoredTensor]
