"""Scores and samples are those of the command `flow`, bit for bit: floats, half floats and integers."""

import numpy as np
import pytest
from conftest import bits, read, write

import flow_embedded as fe


def rows_of(model, count, seed):
    """Rows for a model: what it draws itself, some of it far out."""
    rng = np.random.default_rng(seed)
    names = [channel.name for channel in model.context_channels]
    context = rng.normal(size=(count, len(names))).astype(np.float32) if names else None
    rows = model.sample(count, context, seed=seed)
    rows[::7] *= 3
    return rows, context


def scored(model, path, folder, flow, rows, context=None):
    """Columns of `flow score` for these rows."""
    names = [channel.name for channel in model.channels]
    table = rows
    if context is not None:
        names += [channel.name for channel in model.context_channels[model.past_channels :]]
        table = np.concatenate([rows, context], axis=1)
    write(folder / "rows.csv", names, table)
    flow("score", path, folder / "rows.csv", "-o", folder / "scores.csv", "-q")
    return read(folder / "scores.csv")


@pytest.mark.parametrize("name", ["tests/case", "examples/sensor-calibration", "examples/tiny-camera"])
def test_rows_are_scored_as_by_flow_score(name, artefact, flow, tmp_path):
    model = fe.load(artefact(name))
    rows, context = rows_of(model, 3000, 1)
    expected = scored(model, artefact(name), tmp_path, flow, rows, context)
    log_prob, p_value = model.log_prob(rows, context), model.p_value(rows, context)
    assert np.array_equal(bits(log_prob), bits(expected["log_prob"]))
    assert np.array_equal(bits(p_value), bits(expected["p_value"]))
    assert np.array_equal(bits(model.p_value_of(log_prob, context)), bits(p_value))
    assert np.array_equal(log_prob < model.threshold, expected["alarm"] == 1)


@pytest.mark.parametrize("weights", ["f16", "i16", "i8"])
def test_quantised_models_are_scored_as_by_flow_score(weights, artefact, flow, motions, tmp_path):
    names, rows = motions
    write(tmp_path / "motions.csv", names, rows)
    path = tmp_path / "model.flow"
    flow("quantise", artefact("tests/case"), tmp_path / "motions.csv", "--weights", weights, "-o", path, "-q")
    model = fe.load(path)
    assert model.weights == weights
    expected = scored(model, path, tmp_path, flow, rows)
    assert np.array_equal(bits(model.log_prob(rows)), bits(expected["log_prob"]))
    assert np.array_equal(bits(model.p_value(rows)), bits(expected["p_value"]))


@pytest.mark.parametrize("name", ["examples/anomaly-firmware", "examples/sensor-noise"])
def test_streams_are_scored_as_by_flow_score(name, artefact, flow, tmp_path):
    model = fe.load(artefact(name))
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(20_000, len(model.channels))).astype(np.float32)
    given = model.context_channels[model.past_channels :]
    beside = rng.normal(loc=20, size=(20_000, len(given))).astype(np.float32) if given else None
    expected = scored(model, artefact(name), tmp_path, flow, rows, beside)
    context = model.context_of(rows, beside)
    ready = np.isfinite(context).all(axis=1)
    assert 0 < np.count_nonzero(~ready) < 19_000
    assert np.array_equal(ready, np.isfinite(expected["log_prob"]))
    log_prob = model.log_prob(rows[ready], context[ready])
    assert np.array_equal(bits(log_prob), bits(expected["log_prob"][ready]))
    # A detector computes the past by itself.
    detector = fe.Detector(model)
    for row in range(np.argmax(ready) + 300):
        verdict = detector.observe(rows[row], None if beside is None else beside[row])
        assert (verdict is not None) == ready[row]
        if verdict is not None:
            assert bits(verdict.log_prob) == bits(expected["log_prob"][row])
            assert bits(verdict.p_value) == bits(expected["p_value"][row])
            assert verdict.alarm == (expected["alarm"][row] == 1)


def test_lines_are_scored_as_by_flow_score(artefact, flow, tmp_path):
    path = artefact("examples/log-sentinel")
    model = fe.load(path)
    letters = "".join(name for name in model.channels[0].categories if name != "\n")
    rng = np.random.default_rng(3)
    text = "".join("".join(rng.choice(list(letters), size=20)) + "\n" for _ in range(200)) + "what is ☃\n"
    (tmp_path / "device.log").write_text(text)
    flow("score", path, tmp_path / "device.log", "-o", tmp_path / "scores.csv", "-q")
    expected = read(tmp_path / "scores.csv")
    log_prob, p_value = model.score_lines(text)
    ready = np.isfinite(p_value)
    assert not ready[0] and ready[1:].all()
    assert np.array_equal(bits(log_prob[ready]), bits(expected["log_prob"][ready]))
    assert np.array_equal(bits(p_value[ready]), bits(expected["p_value"][ready]))


@pytest.mark.parametrize("name", ["tests/case", "examples/sensor-noise"])
def test_samples_are_those_of_flow_sample(name, artefact, flow, tmp_path):
    model = fe.load(artefact(name))
    given = [channel.name for channel in model.context_channels[model.past_channels :]]
    options = ["--given", ",".join(f"{name}=21.5" for name in given)] if given else []
    flow("sample", artefact(name), "-n", 500, "--seed", 7, "-o", tmp_path / "drawn.csv", "-q", *options)
    drawn = read(tmp_path / "drawn.csv")
    rows = model.sample(500, [21.5] * len(given) if given else None, seed=7)
    for column, channel in enumerate(model.channels):
        assert np.array_equal(bits(rows[:, column]), bits(drawn[channel.name]))


def test_one_row_has_the_bits_that_it_has_among_others(small):
    model, rows = small
    together = model.log_prob(rows[:300])
    alone = np.concatenate([model.log_prob(rows[row : row + 1]) for row in range(300)])
    assert np.array_equal(bits(alone), bits(together))
    detector = fe.Detector(model)
    one_by_one = [detector.observe(row).log_prob for row in rows[:300]]
    assert np.array_equal(bits(one_by_one), bits(together))


def test_a_model_trained_here_has_the_bits_of_one_trained_by_flow_train(flow, tmp_path):
    rows = np.random.default_rng(4).normal(size=(600, 2)).astype(np.float32)
    write(tmp_path / "rows.csv", ["a", "b"], rows)
    path = tmp_path / "model.flow"
    options = ["--family", "maf", "--layers", 2, "--hidden", "16,16", "--epochs", 10, "--seed", 5]
    flow("train", tmp_path / "rows.csv", "-o", path, "--split", "random", "--alpha", 0.05, "-q", *options)
    trained = fe.train(
        rows, names=["a", "b"], family="maf", layers=2, hidden=[16, 16], epochs=10, seed=5, split="random", alpha=0.05
    )
    theirs = fe.load(path)
    assert trained.model.alpha == theirs.alpha == 0.05
    assert np.array_equal(bits(trained.model.log_prob(rows)), bits(theirs.log_prob(rows)))
    assert np.array_equal(bits(trained.model.p_value(rows)), bits(theirs.p_value(rows)))
