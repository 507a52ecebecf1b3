"""Trained flows, of one family of each library, as `live.py` writes them."""

from __future__ import annotations

from pathlib import Path

import live
import pytest
from conftest import Import
from families import FAMILIES


@pytest.mark.parametrize("name", ["zuko_nsf", "nflows_affine_coupling", "normflows_nsf", "flowjax_maf_context"])
def test_a_moment_of_training(name: str, tmp_path: Path, flow_import: Import) -> None:
    family = next(own for own in FAMILIES if own.name == name)
    losses = live.write(family, tmp_path)
    assert losses[-1] < losses[0] - 0.02
    assert {path.name for path in tmp_path.iterdir()} == {"flow.safetensors", "flow.json"}
    flow_import(tmp_path / "flow.safetensors")
