"""The recipe for several processes, small: its parts, and the whole of it with two processes and with one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import Import

FOLDER = Path(__file__).parents[1] / "examples" / "ddp"
ROWS = 60_000


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ddp_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Data classes look up the module that they are defined in.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


train, make_shards = script("train"), script("make_shards")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "known"
    folder.mkdir()
    make_shards.write_known(folder, ROWS, seed=0)
    return folder


def groups(shards: Path) -> list[Any]:
    found: list[Any] = train.row_groups(sorted(shards.glob("train-*.parquet")))
    return found


def test_each_row_belongs_to_one_process(shards: Path) -> None:
    every = groups(shards)
    assert sum(group.rows for group in every) == ROWS
    assert len(every) > 3
    for world in (1, 2, 3):
        for order in (None, np.random.default_rng(7)):
            shares = [
                train.share(every, rank, world, order if order is None else train.order_of(order))
                for rank in range(world)
            ]
            dealt = [(group.path, group.index) for own in shares for group in own]
            assert sorted(dealt) == [(group.path, group.index) for group in every]


def test_an_epoch_gives_each_row_once(shards: Path) -> None:
    every, size = groups(shards), 1000
    seen = list(train.batches(every, size, 20_000, np.random.default_rng(0)))
    assert {rows.shape for rows in seen} == {(size, make_shards.CHANNELS)}
    rows = np.concatenate(seen)
    assert len(rows) == ROWS - ROWS % size
    assert len(np.unique(rows, axis=0)) == len(rows)
    given = np.concatenate([group.read() for group in every])
    assert (rows[:size] == given[:size]).all(axis=1).mean() < 0.01, "they are in another order"


def test_all_processes_take_as_many_steps(shards: Path) -> None:
    every, order = groups(shards), np.random.default_rng(3)
    for world in (1, 2, 3):
        steps = train.steps_of_an_epoch(every, 1024, world, order)
        assert steps > 0
        for rank in range(world):
            own = train.share(every, rank, world, train.order_of(order))
            assert len(list(train.batches(own, 1024, 8192, np.random.default_rng(rank)))) >= steps


def test_moments_of_the_shares_are_those_of_all(shards: Path) -> None:
    every = groups(shards)
    rows = np.concatenate([group.read() for group in every]).astype(np.float64)
    around = rows[0]
    total = sum(train.moments(train.share(every, rank, 3), around) for rank in range(3))
    mean, std = train.mean_and_std(total, around)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(std, rows.std(axis=0), rtol=1e-9)


def test_the_known_density_integrates_to_one() -> None:
    rows, log_prob = make_shards.known_rows(200_000, np.random.default_rng(0))
    # The mean of q / p over rows of p is the integral of q: 1 for a Gaussian that is narrow enough, if p is right.
    mean, std = rows.mean(axis=0), rows.std(axis=0) * 0.5
    inside = (rows - mean) / std
    log_q = -0.5 * (inside**2 + np.log(2.0 * np.pi)).sum(axis=1) - np.log(std).sum()
    ratio = np.exp(log_q - log_prob)
    assert abs(ratio.mean() - 1.0) < 5.0 * ratio.std() / np.sqrt(len(ratio))


def test_shards_of_a_csv_file(tmp_path: Path) -> None:
    source = tmp_path / "recording.csv"
    values = np.arange(300.0).reshape(100, 3)
    np.savetxt(source, values, delimiter=",", header="a,b,c", comments="")
    make_shards.write_csv(tmp_path, source, ["c", "a"], seed=0)
    files = [*sorted(tmp_path.glob("train-*.parquet")), tmp_path / "validation.parquet", tmp_path / "test.parquet"]
    rows = [np.concatenate([group.read() for group in train.row_groups([file])]) for file in files]
    assert [len(own) for own in rows] == [80, 10, 10]
    together = np.concatenate(rows)
    np.testing.assert_array_equal(together[together[:, 0].argsort()], values[:, [2, 0]])


def run(shards: Path, model: Path, processes: int, batch: int = 512) -> dict[str, float]:
    package = str(Path(__file__).parents[1] / "src")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    settings = ["--batch", str(batch), "--buffer", "20000", "--hidden", "24", "--steps", "240", "--validate-every", "80"]
    done = subprocess.run(
        [*command, FOLDER / "train.py", shards, model, *settings],
        env={**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, float] = json.loads(model.with_suffix(".report.json").read_text())
    return report


def test_two_processes_fit_as_well_as_one(
    shards: Path, tmp_path: Path, flow_command: Path, flow_import: Import
) -> None:
    two, one = (run(shards, tmp_path / f"processes{count}", count) for count in (2, 1))
    assert two["processes"] == 2.0
    # Same rows, so the errors are of the fits alone: a few hundredths of a nat between two seeds.
    assert abs(two["test_log_prob"] - one["test_log_prob"]) < 0.15
    truth = json.loads((shards / "truth.json").read_text())["test_log_prob"]
    assert truth - 1.5 < two["test_log_prob"] < truth + 0.1
    model = flow_import(tmp_path / "processes2.safetensors")
    module = tmp_path / "model.rs"
    subprocess.run([flow_command, "codegen", model, "-o", module], check=True, capture_output=True)
    assert "log_prob" in module.read_text()


def test_too_few_row_groups_are_told(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no whole batch of rows"):
        run(shards, tmp_path / "model", 1, batch=100_000)
