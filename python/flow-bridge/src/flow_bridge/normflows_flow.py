"""Takes normflows' flows apart (read from version 1.7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import normflows
import torch
from normflows import flows, nets
from normflows.distributions import DiagGaussian, GaussianMixture
from normflows.flows.affine.coupling import AffineConstFlow, AffineCoupling, AffineCouplingBlock, MaskedAffineFlow
from normflows.flows.base import Composite, Reverse
from normflows.flows.mixing import InvertibleAffine, LULinearPermute, Permute
from normflows.nets.made import MADE
from normflows.nets.resnet import ResidualNet

from .error import ExportError
from .manifest import Layer
from .networks import describe, spline
from .taken import Taken, share_activation
from .torch_flow import evaluated, in_64_bits, one_activation, quiet, refuse_dropout, require_bias, sampled, tensors

_SCALE_MAPS = ("exp", "sigmoid", "sigmoid_inv")


def take(flow: Any) -> Taken:
    """Takes a `normflows.NormalizingFlow` apart."""
    if not isinstance(flow, normflows.NormalizingFlow):
        raise ExportError.of("flow", flow, "is no normflows.NormalizingFlow")
    refuse_dropout(flow)
    base = flow.q0
    features = _features(base)
    # The last flow is the data's side.
    children = reversed(list(enumerate(flow.flows)))
    found = [layer for index, child in children for layer in _layers(child, f"flows.{index}.", forward=True)]
    layers = [layer for layer, _ in found]
    exact, drawn = in_64_bits(flow), quiet(flow)

    def log_prob(x: torch.Tensor, context: torch.Tensor | None) -> torch.Tensor:
        found: torch.Tensor = exact.log_prob(x) if context is None else exact.log_prob(x, context=context)
        return found

    def sample(count: int, context: torch.Tensor | None) -> torch.Tensor:
        found: torch.Tensor
        found, _ = drawn.sample(count) if context is None else drawn.sample(count, context=context)
        return found

    return Taken(
        library="normflows",
        features=features,
        context=max((context for _, context in found), default=0),
        # A target that the flow was trained on is no part of it.
        tensors=tensors(flow, ("q0.", "flows.")),
        settings=share_activation(layers),
        layers=layers,
        log_prob=evaluated(log_prob),
        sample=sampled(sample),
    )


def _features(base: Any) -> int:
    if isinstance(base, GaussianMixture):
        return int(base.dim)
    if not isinstance(base, DiagGaussian) or base.n_dim != 1:
        raise ExportError.of("q0", base, "is neither a DiagGaussian of one axis nor a GaussianMixture")
    if base.temperature is not None:
        raise ExportError.of("q0", base, "has a temperature: set it to None")
    return int(base.d)


def _layers(module: Any, key: str, forward: bool) -> Iterator[tuple[Layer, int]]:
    """The layers from the data to the noise, each with the number of its context's channels.

    `forward` is the library's: from the noise to the data, unless a `Reverse` is around it.
    """
    if isinstance(module, Composite):
        children = list(enumerate(module._flows))
        for index, child in reversed(children) if forward else children:
            yield from _layers(child, f"{key}_flows.{index}.", forward)
    elif isinstance(module, Reverse):
        yield from _layers(module.flow, f"{key}flow.", not forward)
    else:
        yield _layer(module, key, forward)


def _layer(module: Any, key: str, forward: bool) -> tuple[Layer, int]:
    where = key.rstrip(".")
    layer: Layer = {"key": key, "class": type(module).__name__}
    # Of the layers that nflows had first, the formula is the library's `inverse`.
    inverted = False
    context = 0
    if isinstance(module, flows.MaskedAffineAutoregressive):
        layer.update({"scale_map": "sigmoid", "eps": 1e-3})
        context = describe(layer, f"{where}.autoregressive_net", module.autoregressive_net, MADE)
    elif isinstance(module, flows.AutoregressiveRationalQuadraticSpline):
        inverted, own = True, module.mprqat
        spline(layer, f"{where}.mprqat", own, own.autoregressive_net)
        context = describe(layer, f"{where}.mprqat.autoregressive_net", own.autoregressive_net, MADE)
    elif isinstance(module, flows.CoupledRationalQuadraticSpline):
        inverted, own = True, module.prqct
        spline(layer, f"{where}.prqct", own, own.transform_net)
        context = describe(layer, f"{where}.prqct.transform_net", own.transform_net, ResidualNet)
    elif isinstance(module, AffineCouplingBlock):
        _coupling_block(layer, where, module)
    elif isinstance(module, MaskedAffineFlow):
        _masked(layer, where, module)
    elif isinstance(module, LULinearPermute):
        inverted = True
        layer["eps"] = float(module.linear.eps)
    elif isinstance(module, InvertibleAffine):
        inverted = True
        layer["use_lu"] = bool(module.use_lu)
    elif isinstance(module, Permute):
        layer["mode"] = module.mode
    elif isinstance(module, AffineConstFlow):
        _constant(where, module)
    else:
        raise ExportError.of(where, module, "is no flow that can be represented")
    layer["direction"] = "normalizing" if forward == inverted else "generative"
    return layer, context


def _coupling_block(layer: Layer, where: str, module: Any) -> None:
    split, coupling = module.flows[0], module.flows[1]
    if type(coupling) is not AffineCoupling:
        raise ExportError.of(f"{where}.flows.1", coupling, "is no AffineCoupling")
    if coupling.scale and coupling.scale_map not in _SCALE_MAPS:
        known = ", ".join(_SCALE_MAPS)
        raise ExportError.of(f"{where}.flows.1", coupling, f"the scale map {coupling.scale_map} is none of {known}")
    layer["split"] = split.mode
    layer["scale_map"] = coupling.scale_map if coupling.scale else None
    _perceptrons(layer, where, [("flows.1.param_map", coupling.param_map)])


def _masked(layer: Layer, where: str, module: Any) -> None:
    if not torch.isin(module.b, torch.tensor([0.0, 1.0], dtype=module.b.dtype, device=module.b.device)).all():
        raise ExportError.of(where, module, "the mask has other numbers than 0 and 1")
    layer["scale_map"] = "exp" if isinstance(module.s, torch.nn.Module) else None
    _perceptrons(layer, where, [(name, getattr(module, name)) for name in ("s", "t")])


def _perceptrons(layer: Layer, where: str, networks: list[tuple[str, Any]]) -> None:
    """Writes the activation of perceptrons; a function in place of one gives zeros and has no state."""
    functions = []
    for name, network in networks:
        own = f"{where}.{name}"
        if network is torch.zeros_like:
            continue
        if not isinstance(network, nets.MLP):
            raise ExportError.of(own, network, "the network is no normflows.nets.MLP")
        dense = [place for place, module in enumerate(network.net) if isinstance(module, torch.nn.Linear)]
        for place, module in enumerate(network.net):
            if place in dense:
                require_bias(f"{own}.net.{place}", module)
            elif place > dense[-1]:
                reason = "a function of a network's output can't be represented: leave `output_fn` out"
                raise ExportError.of(f"{own}.net.{place}", module, reason)
            elif not isinstance(module, torch.nn.Dropout):
                functions.append(module)
    activation = one_activation(where, functions)
    if activation is not None:
        layer["activation"] = activation


def _constant(where: str, module: Any) -> None:
    if module.n_dim != 2:
        raise ExportError.of(where, module, "has more than one axis")
    # It would take its numbers from the golden rows.
    if isinstance(module, flows.ActNorm) and not module.data_dep_init_done:
        raise ExportError.of(where, module, "has seen no batch yet: train the flow, or evaluate it once")
