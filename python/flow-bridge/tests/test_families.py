"""Every family of the table: exported, read back, held to what the library says, and imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from conftest import Import
from families import FAMILIES, Family, Rows, data
from flow_bridge import Manifest, export
from safetensors.numpy import load_file

BASES = {
    "zuko": ("base.",),
    "nflows": (),
    "normflows": ("q0.",),
    "flowjax": (".base_dist.",),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """The files and the flow of each family, made when first asked for."""
    folder = tmp_path_factory.mktemp("exported")
    made: dict[str, tuple[Path, Any]] = {}

    class Exported(dict[str, tuple[Path, Any]]):
        def __missing__(self, name: str) -> tuple[Path, Any]:
            family = next(own for own in FAMILIES if own.name == name)
            flow = family.make()
            x, context = data(family.features, family.context, rows=64)
            export(
                flow,
                folder / name,
                standardise=(x.mean(0), x.std(0)),
                columns=[f"channel {index}" for index in range(family.features)],
                golden=x if context is None else (x, context),
            )
            self[name] = folder / f"{name}.safetensors", flow
            return self[name]

    return Exported(made)


families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def read(path: Path) -> Manifest:
    manifest: Manifest = json.loads(path.with_suffix(".json").read_text())
    return manifest


def own_log_prob(family: Family, flow: Any, x: Rows, context: Rows | None) -> Rows:
    """What the library gives in 32 bits, as a user would call it."""
    if family.library == "flowjax":
        given = None if context is None else jnp.asarray(context, dtype=jnp.float32)
        return np.asarray(flow.log_prob(jnp.asarray(x, dtype=jnp.float32), given), dtype=np.float64)
    event = torch.tensor(x, dtype=torch.float32)
    condition = None if context is None else torch.tensor(context, dtype=torch.float32)
    with torch.no_grad():
        if family.library == "zuko":
            found = flow(condition).log_prob(event)
        elif condition is None:
            found = flow.log_prob(event)
        else:
            found = flow.log_prob(event, context=condition)
    log_prob: Rows = found.numpy().astype(np.float64)
    return log_prob


@families
def test_golden_rows_are_the_librarys(family: Family, exported: dict[str, tuple[Path, Any]]) -> None:
    path, flow = exported[family.name]
    manifest = read(path)
    scale = manifest["standardise"]
    assert scale is not None
    x = np.array(manifest["x"])
    assert (x == x.astype(np.float32)).all(), "the chip's numbers have 32 bits"
    context = None if manifest["context"] is None else np.array(manifest["context"])
    inside = (x - scale["mean"]) / scale["std"]
    expected = own_log_prob(family, flow, inside, context) - np.log(scale["std"]).sum()
    np.testing.assert_allclose(manifest["log_prob"], expected, rtol=2e-4, atol=2e-3)


@families
def test_manifest_says_what_the_state_does_not(family: Family, exported: dict[str, tuple[Path, Any]]) -> None:
    path, _ = exported[family.name]
    manifest = read(path)
    assert manifest["library"] == family.library
    assert len(manifest["x"]) == len(manifest["log_prob"]) == 64
    assert (manifest["context"] is not None) == (family.context > 0)
    kind, settings = family.says
    layers = [layer for layer in manifest["layers"] if not kind or layer["class"] == kind]
    assert layers
    assert all(layer["direction"] in ("normalizing", "generative") for layer in manifest["layers"])
    assert settings.items() <= layers[0].items()


@families
def test_every_tensor_is_a_layers_or_the_bases(family: Family, exported: dict[str, tuple[Path, Any]]) -> None:
    path, _ = exported[family.name]
    layers = tuple(layer["key"] for layer in read(path)["layers"])
    for key, tensor in load_file(path).items():
        assert key.startswith(layers + BASES[family.library]), key
        assert np.isfinite(tensor).all()


@families
def test_flow_import_reproduces_the_golden_rows(
    family: Family, exported: dict[str, tuple[Path, Any]], flow_import: Import
) -> None:
    path, _ = exported[family.name]
    assert flow_import(path).stat().st_size > 0


@pytest.mark.parametrize("name", ["zuko_nsf", "nflows_nsf", "normflows_nsf", "flowjax_maf_context"])
def test_drawn_rows(name: str, tmp_path: Path) -> None:
    family = next(own for own in FAMILIES if own.name == name)
    export(family.make(), tmp_path / "drawn.json", standardise=([5.0] * 3, [0.5] * 3), golden=40, seed=4)
    manifest = read(tmp_path / "drawn.json")
    inside = (np.array(manifest["x"]) - 5.0) / 0.5
    assert 32 <= len(inside) <= 40
    assert np.abs(inside[::8]).max() > 4.0, "some are far out"
    assert np.median(np.abs(inside)) < 3.0, "most are not"
    assert "state" in manifest
