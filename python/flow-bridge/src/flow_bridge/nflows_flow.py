"""Takes nflows' flows apart (read from version 0.14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nflows.flows
import numpy as np
import torch
from nflows import transforms
from nflows.distributions.normal import StandardNormal
from nflows.nn.nets import MLP, ResidualNet
from nflows.transforms.made import MADE
from nflows.transforms.standard import PointwiseAffineTransform

from .activation import same
from .error import ExportError
from .manifest import Layer
from .networks import describe, spline
from .taken import Rows, Taken, share_activation
from .torch_flow import evaluated, in_64_bits, over_probe, quiet, refuse_dropout, sampled, tensors


def _sigmoid_scale(u: Rows) -> Rows:
    return 1.0 / (1.0 + np.exp(-(u + 2.0))) + 1e-3


def _softplus_scale(u: Rows) -> Rows:
    return np.clip(np.logaddexp(0.0, u) + 1e-3, 0.0, 3.0)


def take(flow: Any) -> Taken:
    """Takes a `nflows.flows.Flow` apart."""
    if not isinstance(flow, nflows.flows.Flow):
        raise ExportError.of("flow", flow, "is no nflows.flows.Flow")
    refuse_dropout(flow)
    base = flow._distribution
    if not isinstance(base, StandardNormal) or len(base._shape) != 1:
        raise ExportError.of("_distribution", base, "only a StandardNormal of one axis can be represented")
    embedding = flow._embedding_net
    if not isinstance(embedding, torch.nn.Identity):
        reason = "an embedding of the context can't be represented: train on contexts that are embedded already"
        raise ExportError.of("_embedding_net", embedding, reason)
    found = list(_layers(flow._transform, "_transform.", forward=True))
    layers = [layer for layer, _ in found]
    exact, drawn = in_64_bits(flow), quiet(flow)
    return Taken(
        library="nflows",
        features=int(base._shape[0]),
        context=max((context for _, context in found), default=0),
        tensors=tensors(flow),
        settings=share_activation(layers),
        layers=layers,
        log_prob=evaluated(lambda x, c: exact.log_prob(x, context=c)),
        sample=sampled(lambda n, c: drawn.sample(n) if c is None else drawn.sample(1, context=c).squeeze(1)),
    )


def _layers(module: Any, key: str, forward: bool) -> Iterator[tuple[Layer, int]]:
    """The layers from the data to the noise, each with the number of its context's channels."""
    if isinstance(module, transforms.CompositeTransform):
        children = list(enumerate(module._transforms))
        for index, child in children if forward else reversed(children):
            yield from _layers(child, f"{key}_transforms.{index}.", forward)
    elif isinstance(module, transforms.InverseTransform):
        yield from _layers(module._transform, f"{key}_transform.", not forward)
    elif not isinstance(module, transforms.IdentityTransform):
        yield _layer(module, key, forward)


def _layer(module: Any, key: str, forward: bool) -> tuple[Layer, int]:
    where = key.rstrip(".")
    layer: Layer = {"key": key, "class": type(module).__name__, "direction": "normalizing" if forward else "generative"}
    context = 0
    if isinstance(module, transforms.MaskedAffineAutoregressiveTransform):
        # 0.14 has no choice here; the unreleased version keeps this one.
        layer.update({"scale_map": "softplus", "eps": float(module._epsilon)})
        context = describe(layer, f"{where}.autoregressive_net", module.autoregressive_net, MADE)
    elif isinstance(module, transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform):
        spline(layer, where, module, module.autoregressive_net)
        context = describe(layer, f"{where}.autoregressive_net", module.autoregressive_net, MADE)
    elif isinstance(module, transforms.AdditiveCouplingTransform):
        layer["scale_map"] = None
        context = describe(layer, f"{where}.transform_net", module.transform_net, ResidualNet, MLP)
    elif isinstance(module, transforms.AffineCouplingTransform):
        layer["scale_map"] = _scale_map(where, module)
        context = describe(layer, f"{where}.transform_net", module.transform_net, ResidualNet, MLP)
    elif isinstance(module, transforms.PiecewiseRationalQuadraticCouplingTransform):
        spline(layer, where, module, module.transform_net)
        context = describe(layer, f"{where}.transform_net", module.transform_net, ResidualNet, MLP)
    elif isinstance(module, transforms.Permutation):
        # How it came about, at random or by reversal, says nothing that its indices do not.
        layer["class"] = "Permutation"
    elif isinstance(module, (transforms.LULinear, transforms.BatchNorm)):
        layer["eps"] = float(module.eps)
    elif isinstance(module, PointwiseAffineTransform):
        layer["class"] = "PointwiseAffineTransform"
    elif not isinstance(module, transforms.ActNorm):
        raise ExportError.of(where, module, "is no transform that can be represented")
    return layer, context


def _scale_map(where: str, module: Any) -> str:
    """Which of the library's functions makes scales; later versions than 0.14 take any."""
    if not hasattr(module, "scale_activation"):
        return "sigmoid"
    function = over_probe(module.scale_activation)
    if same(function, _sigmoid_scale):
        return "sigmoid"
    if same(function, _softplus_scale):
        return "softplus_clamped"
    raise ExportError.of(where, module, "the scale activation is neither sigmoid(u + 2) + 0.001 nor the general one")
