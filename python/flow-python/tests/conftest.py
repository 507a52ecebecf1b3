"""What tests share: the repository, the command `flow`, and models."""

from __future__ import annotations

import os
import pathlib
import subprocess

import numpy as np
import pytest

import flow_embedded as fe

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(scope="session")
def flow():
    """Runs the command `flow` and gives what it prints."""
    program = os.environ.get("FLOW", str(ROOT / "target/release/flow"))

    def run(*arguments):
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def artefact():
    """The path of a committed model by the name of its folder."""
    return lambda name: ROOT / name / "model.flow"


@pytest.fixture(scope="session")
def motions():
    """Normal rows of the recording that comes with the trainer: six channels."""
    table = np.genfromtxt(
        ROOT / "flow-train/crates/cli/data/basic_motions.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )
    table = table[np.isin(table["activity"], ["standing", "walking"])]
    names = table.dtype.names[3:]
    rows = np.stack([table[name] for name in names], axis=1).astype(np.float32)
    return list(names), rows


@pytest.fixture(scope="session")
def small():
    """A model of three channels, and the rows that it was trained on."""
    rows = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    rows[:, 2] += rows[:, 0]
    trained = fe.train(rows, split="random", family="maf", layers=2, hidden=[16], epochs=20)
    return trained.model, rows


def write(path, names, rows):
    """Writes rows as CSV, every number so that it is read back as it is."""
    lines = [",".join(names), *(",".join(str(value) for value in row) for row in np.asarray(rows, np.float32))]
    path.write_text("\n".join(lines) + "\n")


def read(path):
    """The columns of a table as float32; an empty cell is NaN."""
    table = np.genfromtxt(path, delimiter=",", names=True, dtype=np.float64)
    return {name: np.atleast_1d(table[name]).astype(np.float32) for name in table.dtype.names}


def bits(values):
    return np.ascontiguousarray(values, np.float32).view(np.uint32)
