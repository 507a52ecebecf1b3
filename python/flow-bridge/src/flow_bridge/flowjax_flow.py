"""Takes FlowJAX's flows apart (read from version 19.1.2).

FlowJAX has no state dictionary: keys are the paths of the leaves in the tree, and what is not a leaf (the transformer
that a network parameterises) is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import paramax
from flowjax import bijections
from flowjax.distributions import AbstractDistribution, Normal, StandardNormal, Transformed
from flowjax.utils import get_ravelled_pytree_constructor

from . import activation
from .error import ExportError
from .manifest import Layer, Settings
from .taken import Rows, Taken, Tensors, share_activation


def take(flow: Any) -> Taken:
    """Takes a `flowjax.distributions.Transformed` apart."""
    if not isinstance(flow, Transformed):
        raise ExportError.of("flow", flow, "is no Transformed distribution")
    flow = _without_frozen(flow)
    _base(flow.base_dist)
    with jax.enable_x64(True):
        exact = _in_64_bits(flow)
        settings, layers = _layers(exact)
        found = _tensors(flow)
    settings = {**share_activation(layers), **settings}

    def log_prob(x: Rows, context: Rows | None) -> Rows:
        with jax.enable_x64(True):
            given = None if context is None else jnp.asarray(context)
            return np.asarray(exact.log_prob(jnp.asarray(x), given), dtype=np.float64)

    def sample(count: int, context: Rows | None, seed: int) -> Rows:
        key = jax.random.key(seed)
        if context is None:
            return np.asarray(flow.sample(key, (count,)), dtype=np.float64)
        return np.asarray(flow.sample(key, condition=jnp.asarray(context)), dtype=np.float64)

    return Taken(
        library="flowjax",
        features=int(flow.shape[0]),
        context=0 if flow.cond_shape is None else int(flow.cond_shape[0]),
        tensors=found,
        settings=settings,
        layers=layers,
        log_prob=log_prob,
        sample=sample,
    )


def _is_frozen(node: Any) -> bool:
    return isinstance(node, paramax.NonTrainable)


def _without_frozen(tree: Any) -> Any:
    """What was kept from training is a tensor like any other, without a key of its own."""
    return jax.tree_util.tree_map(lambda node: node.tree if _is_frozen(node) else node, tree, is_leaf=_is_frozen)


def _base(base: AbstractDistribution) -> None:
    if not isinstance(base, (Normal, StandardNormal)) or len(base.shape) != 1 or base.cond_shape is not None:
        raise ExportError.of(".base_dist", base, "only a Normal of one axis can be represented")


def _wide(leaf: Any) -> Any:
    return jnp.asarray(np.asarray(leaf), dtype=jnp.float64) if eqx.is_inexact_array(leaf) else leaf


def _in_64_bits(flow: Any) -> Any:
    """A copy in 64 bits. A layer's constructor of transformers has the bits of its making, so it is made again."""
    flow = jax.tree_util.tree_map(_wide, flow)

    def parameterised(tree: Any) -> list[Any]:
        nodes = jax.tree_util.tree_leaves(tree, is_leaf=_is_layer)
        return [node for node in nodes if _is_layer(node)]

    constructors = [_constructor(_transformer(layer)) for layer in parameterised(flow)]
    if not constructors:
        return flow
    return eqx.tree_at(
        lambda tree: [layer.transformer_constructor for layer in parameterised(tree)], flow, replace=constructors
    )


def _is_layer(node: Any) -> bool:
    return isinstance(node, (bijections.MaskedAutoregressive, bijections.Coupling))


def _constructor(transformer: Any) -> Callable[..., Any]:
    # As the library makes it.
    constructor: Callable[..., Any]
    constructor, _ = get_ravelled_pytree_constructor(
        transformer, filter_spec=eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
    )
    return constructor


def _network(layer: Any) -> Any:
    return layer.conditioner if isinstance(layer, bijections.Coupling) else layer.masked_autoregressive_mlp


def _parameters(layer: Any) -> int:
    """Of one channel."""
    transformed = layer.dim - layer.untransformed_dim if isinstance(layer, bijections.Coupling) else layer.shape[0]
    return int(_network(layer).layers[-1].bias.shape[-1]) // int(transformed)


def _transformer(layer: Any) -> Any:
    """The transformer that a network's zeros give, in 64 bits."""
    count = _parameters(layer)
    # The constructor checks that it is given the type of its making.
    for kind in (jnp.float32, jnp.float64):
        try:
            made = layer.transformer_constructor(jnp.zeros(count, kind))
        except TypeError:
            continue
        return jax.tree_util.tree_map(_wide, made)
    raise ExportError.of("transformer", layer, "the transformer's parameters are neither of 32 nor of 64 bits")


def _layers(flow: Any) -> tuple[Settings, list[Layer]]:
    key, bijection = ".bijection.", flow.bijection
    invert = isinstance(bijection, bijections.Invert)
    if invert:
        key, bijection = f"{key}bijection.", bijection.bijection
    if not isinstance(bijection, bijections.Scan):
        reason = "is no Scan of layers, as masked_autoregressive_flow and coupling_flow make it"
        if isinstance(bijection, (bijections.Chain, bijections.Affine)):
            reason += "; standardisation around the flow is carried in by `standardise`"
        raise ExportError.of(key.rstrip("."), bijection, reason)
    key, bijection = f"{key}bijection.", bijection.bijection
    steps = [(key, bijection)]
    if isinstance(bijection, bijections.Chain):
        steps = [(f"{key}bijections[{index}].", step) for index, step in enumerate(bijection.bijections)]
    lengths = {int(leaf.shape[0]) for leaf in jax.tree_util.tree_leaves(eqx.filter(bijection, eqx.is_array))}
    if len(lengths) != 1:
        raise ExportError.of(key.rstrip("."), bijection, f"the layers are stacked to different heights: {lengths}")
    layers = [_layer(key, step, invert) for key, step in steps]
    return {"invert": invert, "stacked": lengths.pop()}, layers if invert else layers[::-1]


def _layer(key: str, bijection: Any, invert: bool) -> Layer:
    where = key.rstrip(".")
    direction: Layer = {
        "key": key,
        "class": type(bijection).__name__,
        "direction": "normalizing" if invert else "generative",
    }
    if isinstance(bijection, (bijections.Permute, bijections.Flip)):
        return direction
    if not _is_layer(bijection):
        raise ExportError.of(where, bijection, "is no bijection that can be represented")
    layer = direction
    transformer = _transformer(bijection)
    # The order of parameters is that of the tree's leaves.
    flat, _ = jax.flatten_util.ravel_pytree(eqx.filter(transformer, eqx.is_inexact_array))
    if flat.size != _parameters(bijection):
        raise ExportError.of(where, transformer, "a transformer of which a part is kept from the network")
    layer["init"] = np.asarray(flat, dtype=np.float64).tolist()
    if type(transformer) is bijections.Affine:
        layer["transformer"] = "affine"
        layer["min_scale"] = _floor(where, transformer.scale)
    elif type(transformer) is bijections.RationalQuadraticSpline:
        _spline(layer, where, transformer)
    else:
        raise ExportError.of(where, transformer, "the transformer is neither Affine nor RationalQuadraticSpline")
    network = _network(bijection)
    if not network.use_bias or not network.use_final_bias:
        raise ExportError.of(where, network, "a dense layer without a bias can't be represented")
    if not activation.same(lambda x: np.asarray(network.final_activation(jnp.asarray(x))), lambda x: x):
        raise ExportError.of(where, network, "a function of a network's output can't be represented")
    name = activation.name(lambda x: np.asarray(_scalar(network.activation)(jnp.asarray(x))))
    if name is None:
        raise ExportError.of(where, network, f"the activation is none of {', '.join(activation.NAMES)}")
    layer["activation"] = name
    return layer


def _scalar(function: Any) -> Callable[..., Any]:
    """An activation of equinox, which may hold weights for each unit and layer."""
    weights = jax.tree_util.tree_leaves(eqx.filter(function, eqx.is_array))
    if weights:
        raise ExportError.of("activation", function, "an activation with weights of its own can't be represented")
    found: Callable[..., Any] = function
    return found


def _floor(where: str, scale: Any) -> float:
    """The least of what is softplus(u) + floor."""
    function = scale.fn if isinstance(scale, paramax.Parameterize) else None
    if function is None or len(scale.args) != 1 or scale.kwargs:
        raise ExportError.of(where, scale, "is no Parameterize of softplus")
    floor = float(function(jnp.asarray(-jnp.inf)))
    found: Callable[[Rows], Rows] = lambda u: np.asarray(function(jnp.asarray(u)))
    if not activation.same(found, lambda u: np.logaddexp(0.0, u) + floor):
        raise ExportError.of(where, scale, "is no softplus with a least value")
    return floor


def _spline(layer: Layer, where: str, spline: Any) -> None:
    low, high = (float(end) for end in spline.interval)
    if low != -high:
        raise ExportError.of(where, spline, f"the interval [{low}, {high}] is not symmetric")
    widths, heights = spline.x_pos, spline.y_pos
    for own in (widths, heights):
        sound = (
            isinstance(own, paramax.RealToIncreasingOnInterval)
            and tuple(own.interval) == tuple(spline.interval)
            and own.include_endpoints == "both"
        )
        if not sound:
            raise ExportError.of(where, own, "the knots are not those that RationalQuadraticSpline makes")
    if float(widths.min_width) != float(heights.min_width):
        raise ExportError.of(where, spline, "the least width and height differ")
    layer.update(
        {
            "transformer": "spline",
            # So many inner knots make one bin more.
            "bins": int(spline.knots) + 1,
            "bound": high,
            "tails": "linear",
            "min_width": float(widths.min_width),
            "min_derivative": _floor(where, spline.derivatives),
        }
    )


def _tensors(flow: Any) -> Tensors:
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(flow, eqx.is_array))
    return {jax.tree_util.keystr(path): np.ascontiguousarray(leaf) for path, leaf in leaves}
