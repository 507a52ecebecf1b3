"""What can't be used is told in a sentence, by an exception with a type, and never by a panic."""

import numpy as np
import pytest

import flow_embedded as fe


def refused(kind, words, call):
    with pytest.raises(kind, match=words) as caught:
        call()
    assert issubclass(kind, (fe.FlowError, OSError, MemoryError, OverflowError, TypeError))
    assert "\n" not in str(caught.value)


def test_every_fault_is_a_value_error():
    kinds = [
        fe.ArtefactError,
        fe.CalibrationError,
        fe.NonFiniteError,
        fe.ShapeError,
        fe.TrainingError,
        fe.UnsupportedError,
    ]
    assert all(issubclass(kind, fe.FlowError) for kind in kinds)
    assert issubclass(fe.FlowError, ValueError)


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ([[1, 2, np.nan]], fe.NonFiniteError, "row 0, column `x2`: NaN"),
        ([[1, 2, 3], [1, -np.inf, 3]], fe.NonFiniteError, "row 1, column `x1`: -inf"),
        (np.full((5000, 3), 1.0) * ([[1e39, 1, 1]] + [[1, 1, 1]] * 4999), fe.NonFiniteError, "row 0, column `x0`: inf"),
        ([[1, 2]], fe.ShapeError, "the events have 2 columns, and the model has 3: x0, x1, x2"),
        ([1, 2, 3], fe.ShapeError, "one axis, and two are needed"),
        (1.0, fe.ShapeError, "0 axes"),
        (np.zeros((2, 3, 1)), fe.ShapeError, "3 axes"),
        ([["a", "b", "c"]], fe.ShapeError, "real numbers are needed"),
        ([[1j, 2, 3]], fe.ShapeError, "hold complex128"),
        ([[None, 2, 3]], fe.ShapeError, "hold object"),
        ([[1, 2, 3], [4]], fe.ShapeError, "make no array"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_rows_that_cannot_be_scored(rows, kind, words, small):
    model, _ = small
    refused(kind, words, lambda: model.log_prob(rows))
    refused(kind, words, lambda: model.p_value(rows))


def test_contexts_that_do_not_fit(small, artefact):
    model, rows = small
    refused(fe.ShapeError, "has no context", lambda: model.log_prob(rows, rows))
    thermistor = fe.load(artefact("examples/sensor-calibration"))
    events = np.ones((2, 3), np.float32)
    refused(fe.ShapeError, "needs a context .*count0", lambda: thermistor.log_prob(events))
    refused(fe.ShapeError, "2 events and 3 contexts", lambda: thermistor.log_prob(events, np.ones((3, 3))))
    refused(fe.ShapeError, "contexts have 2 columns", lambda: thermistor.log_prob(events, [1, 2]))
    refused(fe.NonFiniteError, "row 0, column `count25`", lambda: thermistor.log_prob(events, [1, np.nan, 2]))
    refused(fe.NonFiniteError, "column `count25`", lambda: thermistor.sample(2, [1, np.nan, 2]))
    refused(fe.UnsupportedError, "does not look at the past", lambda: thermistor.context_of(events))
    refused(fe.UnsupportedError, "flow train --text", lambda: thermistor.score_lines("a\n"))


def test_bytes_that_hold_no_model(tmp_path, artefact):
    whole = artefact("tests/case").read_bytes()
    refused(fe.ArtefactError, "truncated", lambda: fe.Model.from_bytes(b""))
    refused(fe.ArtefactError, "the bytes: ", lambda: fe.Model.from_bytes(b"no model at all, but long enough"))
    for length in range(0, len(whole), 97):
        refused(fe.ArtefactError, "truncated", lambda: fe.Model.from_bytes(whole[:length]))
    rng = np.random.default_rng(0)
    for place in rng.integers(len(whole), size=300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        with pytest.raises(fe.ArtefactError):
            fe.Model.from_bytes(bytes(damaged))
    (tmp_path / "short.flow").write_bytes(whole[:100])
    refused(fe.ArtefactError, "short.flow: .*truncated", lambda: fe.load(tmp_path / "short.flow"))
    refused(FileNotFoundError, "none.flow can't be read", lambda: fe.load(tmp_path / "none.flow"))
    refused(OSError, "can't be read", lambda: fe.load(tmp_path))
    refused(OSError, "can't be written", lambda: fe.load(artefact("tests/case")).save(tmp_path))


def test_models_that_cannot_do_it(artefact, flow, motions, tmp_path):
    from conftest import write

    write(tmp_path / "rows.csv", *motions)
    flow("quantise", artefact("tests/case"), tmp_path / "rows.csv", "--weights", "i8", "-o", tmp_path / "i8.flow", "-q")
    integers = fe.load(tmp_path / "i8.flow")
    refused(fe.UnsupportedError, "quantised to integers", lambda: integers.sample(1))
    assert fe.Detector(integers).observe(motions[1][0]).log_prob == integers.log_prob(motions[1][:1])[0]
    text = fe.load(artefact("examples/log-sentinel"))
    codes, past = np.zeros((1, 1)), np.zeros((1, 8))
    refused(fe.CalibrationError, "use score_lines", lambda: text.p_value(codes, past))
    refused(fe.CalibrationError, "use score_lines", lambda: fe.Detector(text))
    rows = np.random.default_rng(0).normal(size=(40, 2))
    unpromised = fe.train(rows, family="maf", layers=1, hidden=[8], epochs=1, split="random")
    assert unpromised.promise_stands is None and unpromised.standing is None
    assert "99" in unpromised.no_promise and unpromised.model.alpha is None and unpromised.model.threshold is None
    refused(fe.CalibrationError, "not calibrated", lambda: unpromised.model.p_value(rows))
    refused(fe.CalibrationError, "not calibrated", lambda: fe.Detector(unpromised.model))
    refused(MemoryError, "no memory", lambda: text.sample(2**62, [0] * 8))
    refused(OverflowError, "negative", lambda: text.sample(-1))


def test_a_detector_does_not_count_what_it_refuses(small):
    model, rows = small
    detector = fe.Detector(model)
    refused(fe.NonFiniteError, "column `x1`", lambda: detector.observe([0, np.nan, 0]))
    refused(fe.ShapeError, "2 values of the sample", lambda: detector.observe([0, 1]))
    refused(fe.ShapeError, "has no context|0 channels", lambda: detector.observe(rows[0], [1]))
    assert not detector.observe(rows[0]).alarm and detector.observe([90, -90, 90]).alarm
    assert (detector.observed, detector.alarms) == (2, 1)
    detector.reset()
    assert (detector.observed, detector.alarms) == (0, 0)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"family": "normal"}, fe.TrainingError, "family=\"normal\""),
        ({"family": "auto"}, fe.TrainingError, "layers: family=\"auto\" decides"),
        ({"split": "odd"}, fe.TrainingError, "split=\"odd\""),
        ({"activation": "mish"}, fe.TrainingError, "activation="),
        ({"base": "cauchy"}, fe.TrainingError, "no base distribution"),
        ({"alpha": 0}, fe.TrainingError, "between 0 and 1"),
        ({"alpha": float("nan")}, fe.TrainingError, "between 0 and 1"),
        ({"epochs": 0}, fe.TrainingError, "epochs must be at least 1"),
        ({"batch": 0}, fe.TrainingError, "batch must be"),
        ({"patience": 0}, fe.TrainingError, "patience must be"),
        ({"learning_rate": float("nan")}, fe.TrainingError, "learning rate must be"),
        ({"smoothing": -1}, fe.TrainingError, "smoothing must be"),
        ({"layers": 0}, fe.TrainingError, "layer"),
        ({"layers": 10_000}, fe.TrainingError, "layers"),
        ({"hidden": [0]}, fe.TrainingError, "hidden"),
        ({"hidden": [8, 4], "residual": True}, fe.TrainingError, "residual"),
        ({"family": "nsf-ar", "bins": 1}, fe.TrainingError, "bins"),
        ({"names": ["a"]}, fe.ShapeError, "names has 1 names for 2 columns"),
        ({"names": ["a", "a"]}, fe.TrainingError, "two columns have the name `a`"),
        ({"units": {"z": "m"}}, fe.TrainingError, "no column `z`: they are x0, x1"),
        ({"domains": {"x0": "odd"}}, fe.TrainingError, "`odd` is no domain"),
        ({"domains": {"x0": "positive"}}, fe.TrainingError, "x0"),
        ({"steps": {"x0": 0.0}}, fe.TrainingError, "positive number"),
        ({"categories": {"x0": ["a"]}}, fe.TrainingError, "from 2 to 256"),
        ({"categories": {"x0": ["b", "a"]}}, fe.TrainingError, "ascend"),
        ({"categories": {"x0": ["a", "b"]}}, fe.TrainingError, "codes are whole numbers from 0 to 1"),
        ({"weights": [1.0]}, fe.ShapeError, "60 events and 1 weights"),
        ({"weights": [-1.0] * 60}, fe.NonFiniteError, "row 0: the weight -1"),
        ({"weights": [0.0] * 60}, fe.TrainingError, "each row has the weight 0"),
        ({"groups": [1, 2]}, fe.ShapeError, "60 events and 2 groups"),
        ({"groups": [1] * 60}, fe.TrainingError, "group"),
        ({"context": np.zeros((3, 1))}, fe.ShapeError, "60 events and 3 contexts"),
        ({"context": np.full((60, 1), np.nan)}, fe.NonFiniteError, "row 0, column `c0`"),
        ({"context": np.zeros((60, 1))}, fe.TrainingError, "c0"),
        ({"seed": -1}, fe.TrainingError, "seed: .*negative"),
        ({"epochs": "many"}, TypeError, "epochs: .*integer"),
    ],
    ids=str,
)
def test_trainings_that_cannot_be(options, kind, words):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    plain = {"family": "maf", "layers": 1, "hidden": [8], "epochs": 1, "split": "random"}
    refused(kind, words, lambda: fe.train(rows, **{**plain, **options}))


def test_rows_that_cannot_be_trained_on():
    refused(fe.TrainingError, "5 usable rows and at least", lambda: fe.train(np.eye(5)))
    refused(fe.TrainingError, "0 usable rows", lambda: fe.train(np.zeros((0, 2))))
    refused(fe.ShapeError, "no column", lambda: fe.train(np.zeros((100, 0))))
    refused(fe.TrainingError, "a constant has no density", lambda: fe.train(np.ones((100, 1))))
    rows = np.random.default_rng(0).normal(size=(400, 300))
    refused(fe.TrainingError, "300|channels", lambda: fe.train(rows, family="maf", layers=1, hidden=[4], epochs=1))
