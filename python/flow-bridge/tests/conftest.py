"""What all tests share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Import = Callable[[Path], Path]


@pytest.fixture(scope="session")
def flow_command() -> Path:
    """The `flow` command, which the variable FLOW names."""
    named = os.environ.get("FLOW")
    if not named:
        pytest.skip("FLOW names no `flow` command: build flow-train and set it")
    return Path(named).resolve()


@pytest.fixture
def flow_import(flow_command: Path) -> Import:
    """Imports `NAME.safetensors` with `NAME.json`, or one file of both, and gives the model's path."""

    def run(source: Path) -> Path:
        model = source.with_suffix(".flow")
        beside = ["--manifest", str(source.with_suffix(".json"))] if source.suffix == ".safetensors" else []
        done = subprocess.run(
            [flow_command, "import", source, *beside, "-o", model], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"`flow import` of {source.name} failed:\n{done.stdout}{done.stderr}")
        return model

    return run
