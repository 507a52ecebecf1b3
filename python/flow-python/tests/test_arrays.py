"""What arrays may be, that they are not copied, and that other threads run meanwhile."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
from conftest import bits

import flow_embedded as fe


@pytest.fixture(scope="module")
def many(small):
    model, rows = small
    return model, np.tile(rows, (400, 1))


def traced(call):
    """The most bytes that NumPy held at once during a call, beyond those before it."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_float32_is_read_where_it_lies_and_others_are_copied_once(many):
    model, rows = many
    assert traced(lambda: model.log_prob(rows)) < rows.nbytes / 100
    assert traced(lambda: model.p_value(rows)) < rows.nbytes / 100
    for other in (rows.astype(np.float64), np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2]):
        assert rows.nbytes <= traced(lambda: model.log_prob(other)) < 1.01 * rows.nbytes


@pytest.mark.parametrize(
    "convert",
    [
        lambda rows: rows.astype(np.float64),
        lambda rows: rows.astype(">f4"),
        lambda rows: np.asfortranarray(rows),
        lambda rows: rows[:, ::-1][:, ::-1],
        lambda rows: rows.tolist(),
        lambda rows: np.frombuffer(b"\0" + rows.tobytes(), np.uint8)[1:].view(np.float32).reshape(rows.shape),
    ],
    ids=["float64", "big-endian", "fortran", "strided", "list", "misaligned"],
)
def test_every_array_of_the_same_numbers_has_the_same_bits(convert, small):
    model, rows = small
    assert np.array_equal(bits(model.log_prob(convert(rows))), bits(model.log_prob(rows)))


def test_arrays_that_may_not_be_written_to_will_do(small):
    model, rows = small
    frozen = rows.copy()
    frozen.flags.writeable = False
    assert np.array_equal(model.log_prob(frozen), model.log_prob(rows))


def test_no_rows_give_no_scores(small):
    model, rows = small
    assert model.log_prob(rows[:0]).shape == model.p_value(rows[:0]).shape == (0,)
    assert model.sample(0).shape == (0, 3)


def test_the_gil_is_released(many):
    model, rows = many
    rows, span = np.tile(rows, (10, 1)), []

    def score():
        start = time.perf_counter()
        model.log_prob(rows)
        span.extend([start, time.perf_counter()])

    worker = threading.Thread(target=score)
    # A thread that waits for the GIL gets it after so long, unless who has it is not running Python.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    ticks = []
    try:
        worker.start()
        while worker.is_alive():
            ticks.append(time.perf_counter())
    finally:
        sys.setswitchinterval(interval)
        worker.join()
    start, end = span
    during = [tick for tick in ticks if start < tick < end]
    # Held, it would leave a gap as long as the call.
    gap = max(np.diff([start, *during, end]))
    assert gap < (end - start) / 2, (gap, end - start)


def test_threads_may_share_a_model(small):
    model, rows = small
    expected, found = model.log_prob(rows), {}

    def score(name):
        found[name] = [model.log_prob(rows) for _ in range(20)]

    threads = [threading.Thread(target=score, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(expected, own) for own in sum(found.values(), []))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork")
def test_a_forked_process_scores_too(tmp_path, small):
    model, rows = small
    model.save(tmp_path / "model.flow")
    np.save(tmp_path / "rows.npy", rows)
    # In a process without other threads, which a fork would rightly warn of.
    program = """if True:
        import multiprocessing, sys, numpy, flow_embedded
        model = flow_embedded.load(sys.argv[1])
        rows = numpy.load(sys.argv[2])
        here = model.log_prob(rows)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert all((own == here).all() for own in pool.map(model.log_prob, [rows] * 4))
        print("same")
    """
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "model.flow", tmp_path / "rows.npy"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "same\n", done.stderr


def test_models_are_pickled_copied_and_saved(tmp_path, small):
    model, rows = small
    model.save(tmp_path / "model.flow")
    for other in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        fe.load(tmp_path / "model.flow"),
        fe.Model.from_bytes((tmp_path / "model.flow").read_bytes()),
    ):
        assert other == model and hash(other) == hash(model)
        assert np.array_equal(other.log_prob(rows), model.log_prob(rows))
    assert model != fe.train(rows, family="maf", layers=1, hidden=[8], epochs=1, split="random").model
