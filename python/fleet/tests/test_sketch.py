"""Sums of sketches do not depend on how scores were divided, and are those of ``flow calibrate``."""

from __future__ import annotations

from pathlib import Path

import flow_fleet.sketch as sketch
import numpy as np
import pyarrow.parquet as pq
import pytest

from conftest import Flow
from flow_fleet.sketch import Sketcher


def whole(scores: np.ndarray) -> tuple:
    sketcher = Sketcher()
    sketcher.push(scores)
    return bits(sketcher.finish())


def bits(own: sketch.Sketch) -> tuple:
    return own.scores.tobytes(), own.rows.tobytes(), own.level


@pytest.mark.parametrize("room", [16, 64, 1 << 20])
def test_any_division_and_order_gives_the_same(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(sketch, "MAX_SCORES", room)
    rng = np.random.default_rng(3)
    for _ in range(50):
        scores = rng.normal(-5, 3, rng.integers(1, 400)).astype(np.float32)
        scores[rng.random(len(scores)) < 0.1] = rng.choice([-np.inf, np.nan, 0.0, -0.0])
        expected = whole(scores)
        parts = np.split(scores, np.sort(rng.integers(0, len(scores), 5)))
        rng.shuffle(parts)
        total = Sketcher()
        for part in parts:
            own = Sketcher()
            own.push(part)
            own = own.finish()
            total.add(own.scores, own.rows, own.level)
        assert bits(total.finish()) == expected


def test_counts_are_those_of_flow_calibrate(folder: Path, flow: Flow) -> None:
    flow(*"calibrate model.flow fleet --each kind --sketch counted.parquet".split())
    counted = pq.read_table(folder / "counted.parquet")
    scores = pq.read_table(folder / "scores.parquet")
    for kind in ("pump a", "valve"):
        own = counted.filter(np.array(counted.column("kind").to_pylist()) == kind)
        scored = scores.filter(np.array(scores.column("kind").to_pylist()) == kind)
        found = whole(scored.column("log_prob").drop_null().to_numpy())
        columns = [own.column(name).to_numpy().tobytes() for name in ("log_prob", "rows")]
        assert (*columns, own.column("level").to_pylist()[0]) == found
