"""The project's golden files, if they are here: a flow of their make exports tensors of the same keys and shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flowjax.distributions
import flowjax.flows
import jax
import jax.numpy as jnp
import nflows.distributions
import nflows.flows
import nflows.transforms
import normflows
import numpy as np
import pytest
import torch
import zuko
from flow_bridge import Manifest, export
from nflows.nn.nets import ResidualNet
from safetensors.numpy import load_file

# Beside the checkout, or beside the worktrees.
FIXTURES = Path(__file__).parents[4] / "shared" / "import" / "fixtures"


def _coupling_spline() -> Any:
    univariate = zuko.transforms.MonotonicRQSTransform
    shapes = [(5,), (5,), (4,)]
    return zuko.flows.NICE(4, 2, transforms=2, hidden_features=(16,), univariate=univariate, shapes=shapes)


def _nflows(*layers: Any) -> Any:
    return nflows.flows.Flow(nflows.transforms.CompositeTransform(layers), nflows.distributions.StandardNormal([4]))


def _net(inputs: int, outputs: int) -> Any:
    return ResidualNet(inputs, outputs, hidden_features=16, context_features=2, num_blocks=2)


def _nflows_maf() -> Any:
    def layer(blocks: int) -> Any:
        return nflows.transforms.MaskedAffineAutoregressiveTransform(4, 16, 2, num_blocks=blocks)

    reverse = nflows.transforms.ReversePermutation
    return _nflows(reverse(4), layer(2), reverse(4), layer(1))


def _nflows_batch_norm() -> Any:
    layer = nflows.transforms.MaskedAffineAutoregressiveTransform(4, 16, num_blocks=1, use_residual_blocks=False)
    return _nflows(nflows.transforms.ReversePermutation(4), layer, nflows.transforms.BatchNorm(4))


def _nflows_spline() -> Any:
    coupling = nflows.transforms.PiecewiseRationalQuadraticCouplingTransform(
        [1, 0, 1, 0], _net, num_bins=5, tails="linear", tail_bound=3.0, apply_unconditional_transform=True
    )
    return _nflows(nflows.transforms.RandomPermutation(4), nflows.transforms.LULinear(4), coupling)


def _nflows_realnvp() -> Any:
    masks = ([1, 0, 1, 0], [0, 1, 0, 1])
    return _nflows(*(nflows.transforms.AffineCouplingTransform(mask, _net) for mask in masks))


def _normflows(flows: list[Any], conditional: bool = False) -> Any:
    kind = normflows.ConditionalNormalizingFlow if conditional else normflows.NormalizingFlow
    return kind(normflows.distributions.DiagGaussian(4), flows)


def _normflows_realnvp() -> Any:
    def block() -> Any:
        return normflows.flows.AffineCouplingBlock(normflows.nets.MLP([2, 16, 4]))

    return _normflows([block(), normflows.flows.Permute(4), block()])


def _flowjax() -> Any:
    base = flowjax.distributions.Normal(jnp.zeros(3))
    maf = flowjax.flows.masked_autoregressive_flow
    return maf(jax.random.key(0), base_dist=base, cond_dim=2, flow_layers=2, nn_width=8)


MAKES: dict[str, Callable[[], Any]] = {
    "zuko_maf": lambda: zuko.flows.MAF(4, 2, hidden_features=(16, 12)),
    "zuko_maf_residual": lambda: zuko.flows.MAF(4, 2, transforms=2, hidden_features=(16, 16), residual=True),
    "zuko_nsf": lambda: zuko.flows.NSF(4, 2, transforms=2, bins=5, hidden_features=(16, 16)),
    "zuko_nice": lambda: zuko.flows.NICE(4, 2, hidden_features=(16,)),
    "zuko_coupling_rqs": _coupling_spline,
    "nflows_maf_feedforward_batchnorm_between": _nflows_batch_norm,
    "nflows_maf_resid_ctx": _nflows_maf,
    "nflows_nsf_c_ctx": _nflows_spline,
    "nflows_realnvp_affine_coupling_ctx": _nflows_realnvp,
    "normflows_maf": lambda: _normflows(
        [normflows.flows.MaskedAffineAutoregressive(4, 16), normflows.flows.LULinearPermute(4)]
    ),
    "normflows_ar_nsf_ctx": lambda: _normflows(
        [
            normflows.flows.AutoregressiveRationalQuadraticSpline(4, 2, 16, num_context_channels=2, num_bins=5),
            normflows.flows.LULinearPermute(4),
        ],
        conditional=True,
    ),
    "normflows_realnvp_exp": _normflows_realnvp,
    "flowjax_maf_ctx": _flowjax,
}


@pytest.mark.parametrize("name", MAKES)
def test_keys_and_shapes_are_those_of_the_fixture(name: str, tmp_path: Path) -> None:
    path = FIXTURES / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    fixture = json.loads(path.read_text())
    torch.manual_seed(0)
    flow = MAKES[name]()
    if isinstance(flow, torch.nn.Module):
        flow.eval()
    export(flow, tmp_path / "x", golden=64)
    expected = {key: tensor["shape"] for key, tensor in fixture["state"].items()}
    assert {key: list(tensor.shape) for key, tensor in load_file(tmp_path / "x.safetensors").items()} == expected
    manifest: Manifest = json.loads((tmp_path / "x.json").read_text())
    assert fixture["meta"]["lib"] == f"{manifest['library']} {manifest['version']}"
    assert np.shape(manifest["x"])[1] == np.shape(fixture["x"])[1]
    assert (manifest["context"] is None) == (fixture["context"] is None)


def test_every_fixture_has_a_make() -> None:
    assert {path.stem for path in FIXTURES.glob("*.json")} <= set(MAKES)
