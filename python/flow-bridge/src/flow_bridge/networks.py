"""The networks and splines that nflows has, and that normflows took from it: MADE, ResidualNet, rational quadratics."""

from __future__ import annotations

from math import sqrt
from typing import Any

import torch

from .error import ExportError
from .manifest import Layer
from .torch_flow import one_activation


def describe(layer: Layer, where: str, network: Any, *known: type[Any]) -> int:
    """Writes what a network's state does not hold, and returns the number of its context's channels."""
    if not isinstance(network, known):
        names = " or ".join(kind.__name__ for kind in known)
        raise ExportError.of(where, network, f"the network is no {names}")
    preprocessing = getattr(network, "preprocessing", None)
    if not (preprocessing is None or isinstance(preprocessing, torch.nn.Identity)):
        raise ExportError.of(f"{where}.preprocessing", preprocessing, "a preprocessing can't be represented")
    functions = []
    for path, module in network.named_modules():
        own = f"{where}.{path}" if path else where
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            raise ExportError.of(own, module, "a batch normalisation inside a network can't be represented")
        # A plain perceptron of nflows hides its own.
        for attribute in ("activation", "_activation"):
            if hasattr(module, attribute):
                functions.append(getattr(module, attribute))
    name = one_activation(where, functions)
    if name is not None:
        layer["activation"] = name
    if getattr(network, "_activate_output", False):
        raise ExportError.of(where, network, "a function of a network's output can't be represented")
    blocks = getattr(network, "blocks", ())
    layer["residual"] = len(blocks) > 0 and all(hasattr(block, "linear_layers") for block in blocks)
    return _context(network)


def _context(network: Any) -> int:
    # A MADE adds the context by a layer of its own; a ResidualNet joins it to its inputs.
    if hasattr(network, "context_layer"):
        return int(network.context_layer.in_features)
    return int(getattr(network, "context_features", None) or 0)


def spline(layer: Layer, where: str, module: Any, network: Any) -> None:
    """Writes the settings of a rational-quadratic spline whose parameters a network gives."""
    if module.tails != "linear":
        named = "no tails" if module.tails is None else f"the tails {module.tails}"
        reason = f"a spline with {named} can't be represented: only linear tails are defined for every event"
        raise ExportError.of(where, module, reason)
    if isinstance(module.tail_bound, torch.Tensor):
        raise ExportError.of(where, module, "tail bounds that differ by channel can't be represented")
    layer.update(
        {
            "bins": int(module.num_bins),
            "bound": float(module.tail_bound),
            "tails": "linear",
            "min_bin_width": float(module.min_bin_width),
            "min_bin_height": float(module.min_bin_height),
            "min_derivative": float(module.min_derivative),
            # The libraries divide widths and heights if the network says how wide it is.
            "divisor": sqrt(network.hidden_features) if hasattr(network, "hidden_features") else 1.0,
            "identity_init": bool(getattr(module, "enable_identity_init", False)),
        }
    )


