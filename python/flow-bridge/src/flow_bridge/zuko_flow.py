"""Takes zuko's flows apart (read from version 1.6.0)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
import zuko
from zuko.flows.gaussianization import ElementWiseTransform
from zuko.lazy import LazyComposedTransform, LazyInverse, UnconditionalDistribution
from zuko.nn import LayerNorm, Linear, MaskedLinear, Residual

from .error import ExportError
from .manifest import Layer
from .taken import Taken, share_activation
from .torch_flow import evaluated, in_64_bits, one_activation, quiet, refuse_dropout, require_bias, sampled, tensors

_AFFINE = zuko.transforms.MonotonicAffineTransform
_SPLINE = zuko.transforms.MonotonicRQSTransform
_SHIFT = zuko.transforms.AdditiveTransform


def take(flow: Any) -> Taken:
    """Takes a `zuko.lazy.Flow` apart."""
    if not isinstance(flow, zuko.lazy.Flow):
        raise ExportError.of("flow", flow, "is no zuko.lazy.Flow")
    refuse_dropout(flow)
    features = _features(flow.base)
    found = list(_layers(flow.transform, "transform.", features, forward=True))
    layers = [layer for layer, _ in found]
    context = max((context for _, context in found), default=0)
    exact, drawn = in_64_bits(flow), quiet(flow)
    return Taken(
        library="zuko",
        features=features,
        context=context,
        tensors=tensors(flow),
        settings=share_activation(layers),
        layers=layers,
        log_prob=evaluated(lambda x, c: exact(c).log_prob(x)),
        sample=sampled(lambda count, c: drawn(c).sample((count,) if c is None else ())),
    )


def _features(base: Any) -> int:
    normal = zuko.distributions.DiagNormal
    named = isinstance(base, UnconditionalDistribution) and base.f is normal and set(base._keys) == {"loc", "scale"}
    if not named:
        raise ExportError.of("base", base, "only DiagNormal(loc=…, scale=…) can be represented")
    return int(base.loc.numel())


def _layers(module: Any, key: str, features: int, forward: bool) -> Iterator[tuple[Layer, int]]:
    """The layers from the data to the noise, each with the number of its context's channels."""
    if isinstance(module, LazyComposedTransform):
        children = list(enumerate(module.transforms))
        for index, child in children if forward else reversed(children):
            yield from _layers(child, f"{key}transforms.{index}.", features, forward)
    elif isinstance(module, LazyInverse):
        yield from _layers(module.transform, f"{key}transform.", features, not forward)
    else:
        yield _layer(module, key, features, forward)


def _layer(module: Any, key: str, features: int, forward: bool) -> tuple[Layer, int]:
    where = key.rstrip(".")
    layer: Layer = {"key": key, "class": type(module).__name__, "direction": "normalizing" if forward else "generative"}
    if isinstance(module, zuko.flows.MaskedAutoregressiveTransform):
        layer["passes"] = int(module.passes)
        if module.order is None:
            layer["order"] = _ranks(module, features)
        inputs = features
    elif isinstance(module, zuko.flows.GeneralCouplingTransform):
        inputs = int(module.mask.sum())
    elif isinstance(module, ElementWiseTransform):
        inputs = 0
    else:
        reason = "is neither an autoregressive, nor a coupling, nor an element-wise transform"
        raise ExportError.of(where, module, reason)
    _univariate(layer, where, module)
    if not hasattr(module, "hyper"):
        return layer, 0
    _network(layer, f"{where}.hyper", module.hyper)
    return layer, int(module.hyper.in_features) - inputs


def _univariate(layer: Layer, where: str, module: Any) -> None:
    function = module.univariate
    given: dict[str, Any] = {}
    while isinstance(function, functools.partial):
        if function.args:
            raise ExportError.of(where, module, f"{function} has arguments without names")
        given = {**function.keywords, **given}
        function = function.func
    shapes = [tuple(shape) for shape in module.shapes]

    def setting(name: str) -> float:
        return float(given.get(name, inspect.signature(function).parameters[name].default))

    if function is _AFFINE and shapes == [(), ()]:
        layer.update({"transformer": "affine", "slope": setting("slope")})
    elif function is _SHIFT and shapes == [()]:
        layer["transformer"] = "shift"
    elif function is _SPLINE and len(shapes) == 3 and len(shapes[0]) == 1:
        bins = int(shapes[0][0])
        if shapes != [(bins,), (bins,), (bins - 1,)]:
            raise ExportError.of(where, module, f"a spline of {bins} bins has the parameters {shapes}")
        layer.update({"transformer": "spline", "bins": bins, "bound": setting("bound"), "slope": setting("slope")})
    else:
        name = getattr(function, "__qualname__", type(function).__qualname__)
        known = ", ".join(kind.__name__ for kind in (_AFFINE, _SPLINE, _SHIFT))
        raise ExportError.of(where, module, f"the univariate transform {name} is none of {known}")


def _network(layer: Layer, where: str, network: Any) -> None:
    functions: list[Callable[[torch.Tensor], torch.Tensor]] = []
    layer["residual"] = any(isinstance(module, Residual) for module in network)
    for path, module in network.named_modules():
        own = f"{where}.{path}"
        if isinstance(module, LayerNorm):
            raise ExportError.of(own, module, "a normalisation inside a network can't be represented")
        if isinstance(module, (MaskedLinear, Linear)):
            require_bias(own, module)
        elif not isinstance(module, (torch.nn.Sequential, torch.nn.Dropout)):
            functions.append(module)
    name = one_activation(where, functions)
    if name is not None:
        layer["activation"] = name


def _ranks(module: Any, features: int) -> list[int]:
    """Ranks of the channels of a transform that was given an adjacency matrix: each is above those that it sees."""
    seen = _seen(module.hyper)[:: module.total, :features]
    ranks = [0] * features
    for _ in range(int(module.passes)):
        for channel in range(features):
            below = [ranks[other] + 1 for other in range(features) if seen[channel, other]]
            ranks[channel] = max(below, default=0)
    return ranks


def _seen(module: Any) -> torch.Tensor:
    """Which input each output of a network depends on."""
    # Residual blocks add paths, but a unit sees by them only what it sees already.
    masks = [child.mask.double() for child in module.modules() if isinstance(child, MaskedLinear)]
    linked: torch.Tensor = functools.reduce(lambda below, mask: mask @ below, masks)
    return linked > 0
