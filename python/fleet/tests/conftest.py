"""A fleet's rows, a model of them, and the command ``flow`` to compare with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[3]
KINDS = ["pump a", "fan/2", "valve"]


def _flow() -> str:
    """The command: what FLOW names, or what cargo built last."""
    if named := os.environ.get("FLOW"):
        return named
    built = [ROOT / "target" / profile / "flow" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    assert built, "build the command first: cargo build --release -p flow-cli"
    return str(max(built, key=lambda path: path.stat().st_mtime))


class Flow:
    """Runs ``flow`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> None:
        done = subprocess.run([_flow(), *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def fleet_rows(count: int) -> pa.Table:
    """Rows of every type of number, some of which can't be scored."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=count)
    y = (0.5 * x + rng.normal(size=count) ** 3).astype(np.float32)
    load = rng.integers(0, 1000, count)
    y[::97] = np.nan
    y[1::97] = np.inf
    y[2::97] = -1e30
    missing = np.zeros(count, bool)
    missing[3::89] = True
    return pa.table(
        {
            "id": pa.array(np.arange(count)),
            "kind": pa.array(rng.choice(KINDS, count)),
            "x": pa.array(x, mask=missing),
            "y": pa.array(y),
            "load": pa.array(load, pa.int32(), mask=np.roll(missing, 5)),
        }
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``model.flow``, ``fleet/*.parquet``, and what ``flow score`` makes of them."""
    folder = tmp_path_factory.mktemp("fleet")
    flow = Flow(folder)
    rows = fleet_rows(6000)
    (folder / "fleet").mkdir()
    for part, start in enumerate(range(0, 6000, 1700)):
        own = rows.slice(start, 1700)
        pq.write_table(own, folder / f"fleet/{part}.parquet", row_group_size=500)
    train = "train fleet/0.parquet -o model.flow --columns x,y --context load --family maf --alpha 0.02"
    flow(*train.split(), *"--layers 2 --hidden 16 --epochs 3 --seed 1".split())
    flow(*"score model.flow fleet -o scores.parquet --keep id,kind".split())
    return folder


@pytest.fixture(scope="session")
def flow(folder: Path) -> Flow:
    return Flow(folder)


@pytest.fixture(scope="session")
def expected(folder: Path) -> pa.Table:
    """The scores of ``flow score``, in the order of the rows."""
    return pq.read_table(folder / "scores.parquet")


def same_bits(found: pa.Table, expected: pa.Table) -> None:
    """Asserts that two tables of scores have the same bits, row for row, once sorted by ``id``."""
    found = found.sort_by("id")
    assert found.num_rows == expected.num_rows
    for name in ("log_prob", "p_value"):
        own, other = (table.column(name).combine_chunks() for table in (found, expected))
        assert own.is_null().equals(other.is_null()), name
        own, other = (column.drop_null().to_numpy().view(np.uint32) for column in (own, other))
        assert np.array_equal(own, other), name
    assert found.column("alarm").combine_chunks().equals(expected.column("alarm").combine_chunks())
    assert expected.column("alarm").null_count > 0
