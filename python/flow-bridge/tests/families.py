"""One small flow of every family that can be exported: the table that all tests run over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import flowjax.bijections
import flowjax.distributions
import flowjax.flows
import jax
import jax.numpy as jnp
import nflows.distributions
import nflows.flows
import nflows.transforms
import normflows
import numpy as np
import numpy.typing as npt
import paramax
import torch
import zuko
from nflows.nn.nets import MLP, ResidualNet
from nflows.transforms.standard import PointwiseAffineTransform

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Family:
    """A flow of random weights, and what its manifest must say."""

    name: str
    make: Callable[[], Any]
    features: int = 3
    context: int = 0
    #: Settings of the layer whose class is the first of the pair.
    says: tuple[str, dict[str, Any]] = ("", {})

    @property
    def library(self) -> str:
        """The name's first word."""
        return self.name.partition("_")[0]


def data(features: int, context: int, rows: int = 512, seed: int = 1) -> tuple[Rows, Rows | None]:
    """Correlated, skewed rows in units far from 1, whose mean the context moves."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((rows, features))
    for channel in range(1, features):
        z[:, channel] = 0.6 * z[:, channel] + np.tanh(z[:, channel - 1])
    c = random.standard_normal((rows, context)) if context else None
    if c is not None:
        z += 0.5 * c[:, :1]
    scale = 10.0 ** np.linspace(-1.0, 2.0, features)
    return z * scale + 3.0 * scale, c


def _jitter(flow: Any) -> Any:
    """Moves the weights of a torch module off their first values, at which many layers are the identity."""
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return flow.eval()


def _torch(make: Callable[[], Any]) -> Callable[[], Any]:
    def seeded() -> Any:
        torch.manual_seed(3)
        return _jitter(make())

    return seeded


def _zuko_spline_coupling() -> Any:
    bins = 5
    return zuko.flows.NICE(
        3,
        2,
        transforms=2,
        hidden_features=(8,),
        univariate=zuko.transforms.MonotonicRQSTransform,
        shapes=[(bins,), (bins,), (bins - 1,)],
    )


def _zuko_adjacency() -> Any:
    adjacency = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 1]], dtype=torch.bool)
    first = zuko.flows.MaskedAutoregressiveTransform(3, adjacency=adjacency, hidden_features=(8,))
    second = zuko.flows.MaskedAutoregressiveTransform(3, order=torch.tensor([2, 1, 0]), hidden_features=(8,))
    return zuko.lazy.Flow([first, second], _zuko_base(3))


def _zuko_inverse() -> Any:
    layers = [zuko.flows.MaskedAutoregressiveTransform(3, hidden_features=(8,)) for _ in range(2)]
    return zuko.lazy.Flow([layers[0], layers[1].inv], _zuko_base(3))


def _zuko_base(features: int) -> Any:
    return zuko.lazy.UnconditionalDistribution(
        zuko.distributions.DiagNormal, loc=torch.zeros(features), scale=torch.ones(features), buffer=True
    )


def _nflows(layers: Callable[[], list[Any]], features: int = 3) -> Callable[[], Any]:
    def make() -> Any:
        transform = nflows.transforms.CompositeTransform(layers())
        return nflows.flows.Flow(transform, nflows.distributions.StandardNormal([features]))

    return _torch(make)


def _residual_net(inputs: int, outputs: int, context: int | None = None) -> Any:
    return ResidualNet(inputs, outputs, hidden_features=8, context_features=context, num_blocks=1)


class _PlainNet(MLP):  # type: ignore[misc]
    """nflows' perceptron takes no context, not even none, and couplings hand it one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__([inputs], [outputs], hidden_sizes=[8, 8], activation=torch.tanh)

    def forward(self, inputs: torch.Tensor, _context: None) -> torch.Tensor:
        found: torch.Tensor = super().forward(inputs)
        return found


def _nflows_maf(context: int | None = None, **settings: Any) -> Any:
    return nflows.transforms.MaskedAffineAutoregressiveTransform(3, 8, context, num_blocks=1, **settings)


def _nflows_spline(context: int | None = None) -> Any:
    return nflows.transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
        3, 8, context, num_bins=6, num_blocks=1, tails="linear", tail_bound=4.0
    )


def _nflows_spline_coupling(mask: list[int], context: int | None = None) -> Any:
    return nflows.transforms.PiecewiseRationalQuadraticCouplingTransform(
        mask,
        partial(_residual_net, context=context),
        num_bins=5,
        tails="linear",
        tail_bound=3.0,
        apply_unconditional_transform=True,
    )


def _nflows_norm() -> Any:
    norm = nflows.transforms.BatchNorm(3)
    norm.running_mean += torch.tensor([0.1, -0.2, 0.3])
    norm.running_var += torch.tensor([0.5, 1.0, 2.0])
    return norm


def _normflows(flows: Callable[[], list[Any]], features: int = 3, conditional: bool = False) -> Callable[[], Any]:
    def make() -> Any:
        kind = normflows.ConditionalNormalizingFlow if conditional else normflows.NormalizingFlow
        return kind(normflows.distributions.DiagGaussian(features), flows())

    return _torch(make)


def _coupling_block(scale_map: str = "exp", split: str = "channel", scale: bool = True) -> Any:
    # Of three channels the first two are constant, or one if the halves are the other way round.
    constant = 1 if split == "channel_inv" else 2
    network = normflows.nets.MLP([constant, 8, (2 if scale else 1) * (3 - constant)])
    return normflows.flows.AffineCouplingBlock(network, scale=scale, scale_map=scale_map, split_mode=split)


def _masked_affine(mask: list[float], scale: bool) -> Any:
    networks = [normflows.nets.MLP([3, 8, 3]) for _ in range(2)]
    return normflows.flows.MaskedAffineFlow(torch.tensor(mask), networks[0], networks[1] if scale else None)


def _act_norm() -> Any:
    norm = normflows.flows.ActNorm((3,))
    norm(torch.randn(32, 3))
    return norm


def _flowjax(
    make: Callable[..., Any],
    features: int = 3,
    trained_base: bool = True,
    transformer: Callable[[], Any] | None = None,
    **settings: Any,
) -> Callable[[], Any]:
    def made() -> Any:
        base = flowjax.distributions.Normal(jnp.zeros(features))
        flow = make(
            jax.random.key(2),
            base_dist=base if trained_base else paramax.non_trainable(base),
            transformer=None if transformer is None else transformer(),
            flow_layers=2,
            nn_width=8,
            **settings,
        )
        return jax.tree_util.tree_map(_moved, flow, is_leaf=lambda node: isinstance(node, paramax.NonTrainable))

    return made


def _moved(leaf: Any) -> Any:
    if not eqx.is_inexact_array(leaf):
        return leaf
    random = np.random.default_rng(leaf.size)
    return leaf + jnp.asarray(0.1 * random.standard_normal(leaf.shape), dtype=leaf.dtype)


def _flowjax_spline() -> Any:
    return flowjax.bijections.RationalQuadraticSpline(knots=5, interval=4)


_MAF, _COUPLING = flowjax.flows.masked_autoregressive_flow, flowjax.flows.coupling_flow
_ZUKO_MAF, _ZUKO_COUPLING = "MaskedAutoregressiveTransform", "GeneralCouplingTransform"

FAMILIES = [
    Family(
        "zuko_maf",
        _torch(lambda: zuko.flows.MAF(3, hidden_features=(8, 8))),
        says=(_ZUKO_MAF, {"transformer": "affine", "slope": 1e-3, "passes": 3, "residual": False}),
    ),
    Family("zuko_maf_context", _torch(lambda: zuko.flows.MAF(3, 2, randperm=True, hidden_features=(8,))), context=2),
    Family("zuko_maf_tanh", _torch(lambda: zuko.flows.MAF(3, hidden_features=(8,), activation=torch.nn.Tanh))),
    Family(
        "zuko_maf_residual",
        _torch(lambda: zuko.flows.MAF(3, 2, residual=True, hidden_features=(8, 8))),
        context=2,
        says=(_ZUKO_MAF, {"residual": True}),
    ),
    Family("zuko_maf_passes", _torch(lambda: zuko.flows.MAF(4, passes=2, hidden_features=(8,))), features=4),
    Family("zuko_adjacency", _torch(_zuko_adjacency), says=(_ZUKO_MAF, {"order": [0, 0, 1], "passes": 2})),
    Family("zuko_inverse", _torch(_zuko_inverse), says=(_ZUKO_MAF, {"direction": "normalizing"})),
    Family("zuko_maf_one_channel", _torch(lambda: zuko.flows.MAF(1)), features=1, says=("ElementWiseTransform", {})),
    Family(
        "zuko_nsf_one_channel_context",
        _torch(lambda: zuko.flows.NSF(1, 2, transforms=1, hidden_features=(8,))),
        features=1,
        context=2,
        says=("ElementWiseTransform", {"transformer": "spline", "bins": 8, "bound": 5.0}),
    ),
    Family(
        "zuko_nsf",
        _torch(lambda: zuko.flows.NSF(3, 2, bins=6, hidden_features=(8, 8))),
        context=2,
        says=(_ZUKO_MAF, {"transformer": "spline", "bins": 6, "bound": 5.0, "slope": 1e-3}),
    ),
    Family(
        "zuko_nice",
        _torch(lambda: zuko.flows.NICE(3, 2, randmask=True, hidden_features=(8,))),
        context=2,
        says=(_ZUKO_COUPLING, {"transformer": "affine"}),
    ),
    Family("zuko_realnvp", _torch(lambda: zuko.flows.RealNVP(3, hidden_features=(8,)))),
    Family("zuko_coupling_spline", _torch(_zuko_spline_coupling), context=2, says=(_ZUKO_COUPLING, {"bins": 5})),
    Family(
        "nflows_maf",
        _nflows(lambda: [nflows.transforms.ReversePermutation(3), _nflows_maf(), _nflows_maf()]),
        says=("MaskedAffineAutoregressiveTransform", {"scale_map": "softplus", "eps": 1e-3, "residual": True}),
    ),
    Family(
        "nflows_maf_context",
        _nflows(lambda: [nflows.transforms.RandomPermutation(3), _nflows_maf(2)]),
        context=2,
        says=("Permutation", {}),
    ),
    Family(
        "nflows_maf_feedforward_batchnorm",
        _nflows(lambda: [_nflows_maf(use_residual_blocks=False, random_mask=True), _nflows_norm()]),
        says=("BatchNorm", {"eps": 1e-5}),
    ),
    Family(
        "nflows_maf_class",
        _torch(lambda: nflows.flows.MaskedAutoregressiveFlow(3, 8, 2, 1, use_residual_blocks=False)),
        says=("MaskedAffineAutoregressiveTransform", {"residual": False}),
    ),
    Family(
        "nflows_nsf",
        _nflows(lambda: [_nflows_spline(2), nflows.transforms.LULinear(3), _nflows_spline(2)]),
        context=2,
        says=(
            "MaskedPiecewiseRationalQuadraticAutoregressiveTransform",
            {"bins": 6, "bound": 4.0, "tails": "linear", "divisor": 1.0, "min_derivative": 1e-3},
        ),
    ),
    Family(
        "nflows_nsf_coupling",
        _nflows(
            lambda: [
                PointwiseAffineTransform(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.5, 1.0, 0.5])),
                _nflows_spline_coupling([1, 0, 1], 2),
                nflows.transforms.LULinear(3),
                _nflows_spline_coupling([0, 1, 0], 2),
            ]
        ),
        context=2,
        says=("PiecewiseRationalQuadraticCouplingTransform", {"bins": 5, "bound": 3.0, "divisor": 8.0**0.5}),
    ),
    Family(
        "nflows_affine_coupling",
        _nflows(
            lambda: [
                nflows.transforms.AffineCouplingTransform([1, 0, 1], partial(_residual_net, context=2)),
                nflows.transforms.ActNorm(3),
                nflows.transforms.AffineCouplingTransform([0, 1, 0], partial(_residual_net, context=2)),
            ]
        ),
        context=2,
        says=("AffineCouplingTransform", {"scale_map": "sigmoid"}),
    ),
    Family(
        "nflows_coupling_plain",
        _nflows(
            lambda: [
                nflows.transforms.PiecewiseRationalQuadraticCouplingTransform(
                    mask, _PlainNet, num_bins=4, tails="linear", tail_bound=5.0
                )
                for mask in ([1, 0, 1], [0, 1, 0])
            ]
        ),
        says=("PiecewiseRationalQuadraticCouplingTransform", {"divisor": 1.0, "residual": False}),
    ),
    Family(
        "nflows_realnvp_additive",
        _torch(lambda: nflows.flows.SimpleRealNVP(3, 8, 2, 1, use_volume_preserving=True)),
        says=("AdditiveCouplingTransform", {"scale_map": None}),
    ),
    Family(
        "nflows_inverse",
        _nflows(lambda: [_nflows_maf(), nflows.transforms.InverseTransform(_nflows_maf())]),
        says=("MaskedAffineAutoregressiveTransform", {"direction": "normalizing"}),
    ),
    Family(
        "normflows_maf",
        _normflows(
            lambda: [
                normflows.flows.MaskedAffineAutoregressive(3, 8, num_blocks=1),
                normflows.flows.LULinearPermute(3),
            ]
        ),
        says=("MaskedAffineAutoregressive", {"scale_map": "sigmoid", "eps": 1e-3, "direction": "generative"}),
    ),
    Family(
        "normflows_maf_feedforward",
        _normflows(
            lambda: [
                normflows.flows.MaskedAffineAutoregressive(3, 8, num_blocks=2, use_residual_blocks=False),
                normflows.flows.Permute(3, mode="swap"),
            ]
        ),
        says=("Permute", {"mode": "swap", "direction": "generative"}),
    ),
    Family(
        "normflows_nsf",
        _normflows(
            lambda: [
                normflows.flows.AutoregressiveRationalQuadraticSpline(
                    3, 1, 8, num_context_channels=2, permute_mask=True
                ),
                normflows.flows.AutoregressiveRationalQuadraticSpline(3, 1, 8, num_context_channels=2),
            ],
            conditional=True,
        ),
        context=2,
        says=(
            "AutoregressiveRationalQuadraticSpline",
            {"bins": 8, "bound": 3.0, "divisor": 1.0, "direction": "normalizing"},
        ),
    ),
    Family(
        "normflows_nsf_coupling",
        _normflows(
            lambda: [
                normflows.flows.CoupledRationalQuadraticSpline(3, 1, 8, reverse_mask=reverse)
                for reverse in (False, True)
            ]
        ),
        says=("CoupledRationalQuadraticSpline", {"divisor": 8.0**0.5, "direction": "normalizing"}),
    ),
    Family(
        "normflows_realnvp",
        _normflows(
            lambda: [
                _coupling_block("exp"),
                normflows.flows.Permute(3),
                _coupling_block("sigmoid"),
                _act_norm(),
                _coupling_block("sigmoid_inv", "channel_inv"),
            ]
        ),
        says=("AffineCouplingBlock", {"scale_map": "sigmoid_inv", "split": "channel_inv"}),
    ),
    Family(
        "normflows_mixture",
        _torch(
            lambda: normflows.NormalizingFlow(normflows.distributions.GaussianMixture(3, 3), [_coupling_block("exp")])
        ),
    ),
    Family(
        "normflows_nice",
        _normflows(lambda: [_coupling_block(scale=False), normflows.flows.InvertibleAffine(3)]),
        says=("InvertibleAffine", {"use_lu": True, "direction": "normalizing"}),
    ),
    Family(
        "normflows_masked_affine",
        _normflows(
            lambda: [
                _masked_affine([1.0, 0.0, 1.0], True),
                _masked_affine([0.0, 1.0, 0.0], False),
                normflows.flows.AffineConstFlow((3,)),
            ]
        ),
        says=("AffineConstFlow", {"direction": "generative"}),
    ),
    Family(
        "flowjax_maf",
        _flowjax(_MAF),
        says=("MaskedAutoregressive", {"transformer": "affine", "min_scale": 1e-2, "direction": "normalizing"}),
    ),
    Family("flowjax_maf_context", _flowjax(_MAF, cond_dim=2, nn_activation=jax.nn.silu), context=2),
    Family("flowjax_maf_generative", _flowjax(_MAF, invert=False), says=("Permute", {"direction": "generative"})),
    Family(
        "flowjax_maf_spline",
        _flowjax(_MAF, transformer=_flowjax_spline, nn_activation=jnp.tanh),
        says=(
            "MaskedAutoregressive",
            {"transformer": "spline", "bins": 6, "bound": 4.0, "min_width": 1e-3, "min_derivative": 1e-3},
        ),
    ),
    Family("flowjax_coupling", _flowjax(_COUPLING, features=2), features=2, says=("Flip", {})),
    Family(
        "flowjax_coupling_spline_context",
        _flowjax(_COUPLING, transformer=_flowjax_spline, cond_dim=2, nn_depth=2, trained_base=False),
        context=2,
        says=("Coupling", {"transformer": "spline"}),
    ),
    Family(
        "flowjax_maf_one_channel",
        _flowjax(_MAF, features=1, cond_dim=2),
        features=1,
        context=2,
    ),
]
