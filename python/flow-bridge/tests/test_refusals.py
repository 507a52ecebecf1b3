"""What can't be represented is refused, with the place and the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import flowjax.bijections
import flowjax.distributions
import flowjax.flows
import jax
import jax.numpy as jnp
import nflows.distributions
import nflows.flows
import nflows.transforms
import normflows
import pytest
import torch
import zuko
from flow_bridge import ExportError, export
from nflows.nn.nets import ResidualNet


@dataclass(frozen=True)
class Refusal:
    """A flow, the place that the error names, and words of its reason."""

    name: str
    make: Callable[[], Any]
    where: str
    reason: str


def _nflows(*layers: Any, embedding: Any = None, base: Any = None) -> Any:
    transform = nflows.transforms.CompositeTransform(list(layers))
    base = base or nflows.distributions.StandardNormal([3])
    return nflows.flows.Flow(transform, base, embedding).eval()


def _nflows_maf(**settings: Any) -> Any:
    return nflows.transforms.MaskedAffineAutoregressiveTransform(3, 8, **settings)


def _nflows_spline(**settings: Any) -> Any:
    return nflows.transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(3, 8, **settings)


def _custom_net(inputs: int, outputs: int) -> Any:
    return torch.nn.Linear(inputs, outputs)


def _scaled(function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    transform = nflows.transforms.AffineCouplingTransform([1, 0, 1], partial(ResidualNet, hidden_features=8))
    transform.scale_activation = function
    return transform


def _normflows(*flows: Any, base: Any = None) -> Any:
    return normflows.NormalizingFlow(base or normflows.distributions.DiagGaussian(3), list(flows)).eval()


def _warm(temperature: float) -> Any:
    base = normflows.distributions.DiagGaussian(3)
    base.temperature = temperature
    return base


def _flowjax(**settings: Any) -> Any:
    base = flowjax.distributions.Normal(jnp.zeros(3))
    settings = {"base_dist": base, "flow_layers": 1, "nn_width": 8, **settings}
    return flowjax.flows.masked_autoregressive_flow(jax.random.key(0), **settings)


def _flowjax_rescaled() -> Any:
    outer = flowjax.bijections.Affine(jnp.zeros(3), jnp.ones(3))
    flow = _flowjax()
    chain = flowjax.bijections.Chain([flow.bijection, outer])
    return flowjax.distributions.Transformed(flow.base_dist, chain)


REFUSALS = [
    Refusal("a_module", lambda: torch.nn.Linear(2, 2), "flow", "no flow of zuko, nflows"),
    Refusal("zuko_neural", lambda: zuko.flows.NAF(3), "transform.transforms.0", "MNN is none"),
    Refusal("zuko_integrated", lambda: zuko.flows.UNAF(3), "transform.transforms.0", "UMNN is none"),
    Refusal("zuko_polynomial", lambda: zuko.flows.SOSPF(3), "transform.transforms.0", "is none of MonotonicAffine"),
    Refusal("zuko_continuous", lambda: zuko.flows.CNF(3), "transform", "neither an autoregressive"),
    Refusal("zuko_circular", lambda: zuko.flows.NCSF(3), "base", "DiagNormal"),
    Refusal("zuko_rotation", lambda: zuko.flows.GF(3), "transform.transforms.0", "GaussianizationTransform is none"),
    Refusal(
        "zuko_normalised",
        lambda: zuko.flows.NICE(3, normalize=True),
        "transform.transforms.0.hyper.2",
        "normalisation inside",
    ),
    Refusal(
        "zuko_no_bias", lambda: zuko.flows.NICE(3, bias=False), "transform.transforms.0.hyper.0", "without a bias"
    ),
    Refusal(
        "zuko_activation",
        lambda: zuko.flows.MAF(3, activation=partial(torch.nn.LeakyReLU, 0.3)),
        "transform.transforms.0.hyper",
        "LeakyReLU(negative_slope=0.3)",
    ),
    Refusal(
        "zuko_prelu",
        lambda: zuko.flows.MAF(3, activation=torch.nn.PReLU),
        "transform.transforms.0.hyper",
        "weights of its own",
    ),
    Refusal(
        "nflows_batch_norm",
        lambda: _nflows(_nflows_maf(use_batch_norm=True)),
        "_transform._transforms.0.autoregressive_net.blocks.0.batch_norm_layers.0",
        "batch normalisation inside",
    ),
    Refusal(
        "nflows_dropout",
        lambda: _nflows(_nflows_maf(dropout_probability=0.2)).train(),
        "_transform._transforms.0.autoregressive_net.blocks.0.dropout",
        "flow.eval()",
    ),
    Refusal("nflows_no_tails", lambda: _nflows(_nflows_spline()), "_transform._transforms.0", "no tails"),
    Refusal(
        "nflows_cubic",
        lambda: _nflows(nflows.transforms.MaskedPiecewiseCubicAutoregressiveTransform(4, 3, 8)),
        "_transform._transforms.0",
        "no transform that can be represented",
    ),
    Refusal(
        "nflows_embedding",
        lambda: _nflows(_nflows_maf(context_features=2), embedding=torch.nn.Linear(4, 2)),
        "_embedding_net",
        "embedded already",
    ),
    Refusal(
        "nflows_base",
        lambda: _nflows(_nflows_maf(), base=nflows.distributions.ConditionalDiagonalNormal([3])),
        "_distribution",
        "StandardNormal",
    ),
    Refusal(
        "nflows_network",
        lambda: _nflows(nflows.transforms.AffineCouplingTransform([1, 0, 1], _custom_net)),
        "_transform._transforms.0.transform_net",
        "no ResidualNet or MLP",
    ),
    Refusal(
        "nflows_scale_activation",
        lambda: _nflows(_scaled(torch.exp)),
        "_transform._transforms.0",
        "scale activation is neither",
    ),
    Refusal(
        "normflows_circular",
        lambda: _normflows(normflows.flows.CircularAutoregressiveRationalQuadraticSpline(3, 1, 8, [1])),
        "flows.0",
        "no flow that can be represented",
    ),
    Refusal(
        "normflows_circular_tails",
        lambda: _normflows(normflows.flows.CoupledRationalQuadraticSpline(3, 1, 8, tails="circular")),
        "flows.0.prqct",
        "tails circular",
    ),
    Refusal(
        "normflows_output_function",
        lambda: _normflows(
            normflows.flows.AffineCouplingBlock(normflows.nets.MLP([2, 8, 2], output_fn="tanh")),
        ),
        "flows.0.flows.1.param_map.net.3",
        "output_fn",
    ),
    Refusal(
        "normflows_scale_map",
        lambda: _normflows(
            normflows.flows.AffineCouplingBlock(normflows.nets.MLP([2, 8, 2]), scale_map="tanh"),
        ),
        "flows.0.flows.1",
        "scale map tanh",
    ),
    Refusal(
        "normflows_act_norm", lambda: _normflows(normflows.flows.ActNorm((3,))), "flows.0", "has seen no batch yet"
    ),
    Refusal("normflows_planar", lambda: _normflows(normflows.flows.Planar((3,))), "flows.0", "no flow that can be"),
    Refusal("normflows_temperature", lambda: _normflows(base=_warm(0.5)), "q0", "temperature"),
    Refusal(
        "normflows_base",
        lambda: _normflows(base=normflows.distributions.UniformGaussian(3, [0])),
        "q0",
        "neither a DiagGaussian",
    ),
    Refusal(
        "flowjax_base",
        lambda: _flowjax(base_dist=flowjax.distributions.StudentT(jnp.ones(3))),
        ".base_dist",
        "only a Normal",
    ),
    Refusal("flowjax_standardised", _flowjax_rescaled, ".bijection", "`standardise`"),
    Refusal(
        "flowjax_activation",
        lambda: _flowjax(nn_activation=jnp.sin),
        ".bijection.bijection.bijection.bijections[0]",
        "the activation is none of",
    ),
    Refusal(
        "flowjax_transformer",
        lambda: _flowjax(transformer=flowjax.bijections.Exp()),
        ".bijection.bijection.bijection.bijections[0]",
        "neither Affine nor RationalQuadraticSpline",
    ),
    Refusal(
        "flowjax_interval",
        lambda: _flowjax(transformer=flowjax.bijections.RationalQuadraticSpline(knots=4, interval=(-1, 3))),
        ".bijection.bijection.bijection.bijections[0]",
        "not symmetric",
    ),
    Refusal(
        "flowjax_bnaf",
        lambda: flowjax.flows.block_neural_autoregressive_flow(
            jax.random.key(0), base_dist=flowjax.distributions.Normal(jnp.zeros(3))
        ),
        ".bijection.bijection.bijection.bijections[0]",
        "no bijection that can be represented",
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_refused(refusal: Refusal, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as caught:
        export(refusal.make(), tmp_path / "refused")
    assert caught.value.where == refusal.where
    assert refusal.reason in caught.value.reason
    assert str(caught.value).startswith(f"`{refusal.where}`")
    assert not list(tmp_path.iterdir()), "nothing is written"
