"""Training from arrays: what comes of it, and how it ends early."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import bits

import flow_embedded as fe

QUICK = {"family": "maf", "layers": 1, "hidden": [8], "epochs": 5, "split": "random"}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 2)).astype(np.float32)
    rows[:, 1] += rows[:, 0] ** 2
    return rows


def test_the_same_call_gives_the_same_bytes(rows):
    one, other = (fe.train(rows, **QUICK, seed=3).model for _ in range(2))
    assert one.to_bytes() == other.to_bytes()
    assert one != fe.train(rows, **QUICK, seed=4).model
    assert "epochs=5" in one.command and "seed=3" in one.command


def test_auto_beats_a_gaussian_and_keeps_its_promise(rows):
    trained = fe.train(rows, split="random", name="curved")
    assert trained.gain_over_gaussian > 0.2
    assert trained.no_promise is None and trained.rows == (700, 100, 200)
    # A random split hides dependence.
    assert trained.promise_stands is None and trained.standing.startswith("not examined: ")
    model = trained.model
    assert (model.name, model.alpha, model.weights) == ("curved", 0.01, "f32")
    rng = np.random.default_rng(1)
    fresh = rng.normal(size=(20_000, 2))
    fresh[:, 1] += fresh[:, 0] ** 2
    assert np.mean(model.p_value(fresh) <= model.alpha) < 0.03
    drawn = model.sample(20_000, seed=1)
    # Single draws lie far out: the base has wide tails on purpose.
    assert np.allclose(np.median(drawn, axis=0), np.median(fresh, axis=0), atol=0.1)


def test_a_promise_comes_with_its_standing():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 2))
    by_time = {**QUICK, "split": "time"}
    trained = fe.train(rows, **by_time)
    assert trained.promise_stands is True and trained.standing.startswith("the promise stands: ")
    # Each row stays for four samples.
    trained = fe.train(np.repeat(rows, 4, axis=0), **by_time)
    assert trained.promise_stands is False and "depends on its past" in trained.standing


def test_columns_have_names_units_domains_and_context():
    rng = np.random.default_rng(0)
    speed = rng.uniform(1, 2, size=(500, 1))
    rows = np.exp(rng.normal(size=(500, 1))) * speed
    trained = fe.train(
        rows, speed, names=["load"], context_names=["speed"], units={"load": "kg"}, domains={"load": "positive"}, **QUICK
    )
    model = trained.model
    assert [(own.name, own.unit, own.domain) for own in model.channels] == [("load", "kg", "positive")]
    assert [own.name for own in model.context_channels] == ["speed"]
    assert model.log_prob([[-1.0]], [1.5]) == -np.inf
    assert (model.sample(100, [1.5], seed=0) > 0).all()
    assert any("load" in sentence for sentence in trained.columns)


def test_names_that_no_one_should_print_are_refused(rows):
    for evil, why in [
        ("a\n```\nb", "holds a line break"),
        ("\x1b[2J", "U\\+001B"),
        ("a\u202eb", "U\\+202E"),
        ("x" * 241, "241 bytes"),
    ]:
        with pytest.raises(fe.TrainingError, match=why) as fault:
            fe.train(rows, **QUICK, names=["a", evil])
        assert not set("\n\x1b\u202e") & set(str(fault.value))
    model = fe.train(rows, **QUICK, names=["a", "b\u200f"]).model
    assert repr(model.channels[1]).startswith("<Channel b\ufffd: ")


def test_rounded_columns_are_drawn_rounded(rows):
    model = fe.train(np.round(rows), steps={"x0": 1.0, "x1": 1.0}, **QUICK).model
    drawn = model.sample(100, seed=0, round=True)
    assert np.array_equal(drawn, np.round(drawn))


def test_categories_have_probabilities():
    rng = np.random.default_rng(0)
    state = rng.integers(3, size=2000)
    rows = np.column_stack([state, rng.normal(loc=10 * state)])
    names = ["idle", "off", "run"]
    model = fe.train(rows, names=["state", "current"], categories={"state": names}, **QUICK).model
    assert model.channels[0].categories == names and model.channels[1].categories is None
    assert model.log_prob([[3, 0.0]]) == -np.inf
    assert set(model.sample(100, seed=0)[:, 0]) <= {0.0, 1.0, 2.0}
    alone = fe.train(state[:, None], names=["state"], categories={"state": names}, split="random", epochs=5).model
    probabilities = np.exp(alone.log_prob([[0], [1], [2]]))
    assert abs(probabilities.sum() - 1) < 1e-5 and np.allclose(probabilities, 1 / 3, atol=0.05)


def test_rows_of_one_group_stay_together_and_weights_count(rows):
    groups = [f"day {row // 50}" for row in range(1000)]
    weights = np.ones(1000)
    weights[::2] = 0
    trained = fe.train(rows, groups=groups, weights=weights, **QUICK)
    assert sum(trained.rows) == 500 and all(part % 25 == 0 for part in trained.rows)


def test_progress_is_told_and_can_end_training(rows):
    told = []
    trained = fe.train(rows, **{**QUICK, "epochs": 50}, progress=lambda news: told.append(news) or len(told) < 3)
    assert [news.epoch for news in told[:3]] == [1, 2, 3] and told[0].epochs == 50
    assert trained.stop == "interrupted" and trained.epochs < 50
    assert bits(trained.model.log_prob(rows[:1])).shape == (1,)


def test_what_progress_raises_ends_training(rows):
    def fail(news):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fe.train(rows, **{**QUICK, "epochs": 100_000, "patience": 100_000}, progress=fail)


def test_progress_may_score_on_a_single_core(tmp_path, rows):
    fe.train(rows, **QUICK).model.save(tmp_path / "model.flow")
    program = """if True:
        import flow_embedded as fe, numpy as np
        rows = np.random.default_rng(0).normal(size=(1000, 2))
        model = fe.load("model.flow")
        fe.train(rows, family="maf", layers=1, hidden=[8], epochs=5, progress=lambda _: model.log_prob(rows).size > 0)
    """
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, timeout=60, check=True)


def test_control_c_ends_training(rows):
    long = {**QUICK, "epochs": 100_000, "patience": 100_000}
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    # What is started in the background by a shell ignores the signal, and Python leaves it at that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            fe.train(rows, **long)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - start < 5


def test_other_threads_run_meanwhile(rows):
    ticks = []
    worker = threading.Thread(target=fe.train, args=(rows,), kwargs={**QUICK, "epochs": 200, "patience": 200})
    start = time.perf_counter()
    worker.start()
    while worker.is_alive():
        ticks.append(time.perf_counter())
    assert max(np.diff([start, *ticks])) < max(0.5, (ticks[-1] - start) / 2)
