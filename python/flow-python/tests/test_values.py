"""What is missing or no real number is told, and every number is the nearest ``float32``."""

import datetime
import decimal
import warnings

import numpy as np
import pandas
import polars
import pyarrow
import pytest
import scipy.sparse
from conftest import bits

import flow_embedded as fe

QUICK = {"family": "maf", "layers": 1, "hidden": [8], "epochs": 2, "split": "random"}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model(rows):
    # Integers of these sizes are not far out.
    scale = np.float32(2.0**54)
    return fe.train(rows * scale, names=["a", "b"], **QUICK).model


def masked(place, kind=np.float32):
    values = np.ma.array(np.arange(6).reshape(3, 2).astype(kind), mask=np.zeros((3, 2), bool))
    values[place] = np.ma.masked
    return values


MISSING = {
    "masked": lambda: masked((1, 1)),
    "masked-int": lambda: masked((1, 1), np.int64),
    "masked-rows": lambda: list(masked((1, 1))),
    "masked-columns": lambda: {"a": masked((1, 1))[:, 0], "b": masked((1, 1))[:, 1]},
    "masked-records": lambda: np.ma.array(
        [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)],
        mask=[(0, 0), (0, 1), (0, 0)],
        dtype=[("a", np.float32), ("b", np.float64)],
    ),
    "nan": lambda: [[0.0, 1.0], [2.0, np.nan], [4.0, 5.0]],
    "pandas-Float64": lambda: pandas.DataFrame({"a": [0.0, 2, 4], "b": [1, None, 5]}, dtype="Float64"),
    "pandas-Int64": lambda: pandas.DataFrame({"a": [0, 2, 4], "b": [1, None, 5]}, dtype="Int64"),
    "pandas-boolean": lambda: pandas.DataFrame({"a": [0, 1, 0], "b": [True, None, False]}).astype({"b": "boolean"}),
    "pandas-arrow": lambda: pandas.DataFrame({"a": [0, 2, 4], "b": [1, None, 5]}, dtype="int64[pyarrow]"),
    "pandas-sparse": lambda: pandas.DataFrame({"a": [0.0, 2, 4], "b": [1.0, np.nan, 5]}).astype("Sparse[float]"),
    "pandas-unnamed": lambda: pandas.DataFrame([[0, 1], [2, None], [4, 5]], dtype="Int64"),
    "polars-float": lambda: polars.DataFrame({"a": [0.0, 2, 4], "b": [1.0, None, 5]}),
    "polars-int": lambda: polars.DataFrame({"a": [0, 2, 4], "b": [1, None, 5]}),
    "polars-bool": lambda: polars.DataFrame({"a": [0, 2, 4], "b": [True, None, False]}),
    "arrow-int": lambda: pyarrow.table({"a": [0, 2, 4], "b": [1, None, 5]}),
    "arrow-bool": lambda: pyarrow.table({"a": [0, 2, 4], "b": [True, None, False]}),
    "mappings": lambda: [{"a": 0.0, "b": 1.0}, {"a": 2.0, "b": None}, {"a": 4.0, "b": 5.0}],
    "mappings-na": lambda: [{"a": 0.0, "b": 1.0}, {"a": 2.0, "b": pandas.NA}, {"a": 4.0, "b": 5.0}],
}


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_missing_is_told_with_its_place(kind, model):
    value = MISSING[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (model.log_prob, model.p_value):
            with pytest.raises(fe.NonFiniteError, match="row 1, column `b`: NaN, or the value is missing"):
                call(value)
        name = "x1" if kind in ("masked", "masked-int", "masked-rows", "nan", "pandas-unnamed") else "b"
        with pytest.raises(fe.NonFiniteError, match=f"row 1, column `{name}`"):
            fe.train(value)


def test_a_mask_that_masks_nothing_is_no_matter(model, rows):
    own = np.ma.array(rows, mask=np.zeros(rows.shape, bool))
    assert np.array_equal(bits(model.log_prob(own)), bits(model.log_prob(rows)))
    assert fe.train(own, **QUICK).model == fe.train(rows, **QUICK).model


def test_masked_samples_are_missing(model, artefact):
    detector = fe.Detector(model)
    for sample in (np.ma.array([0.0, 1.0], mask=[0, 1]), pandas.Series([0, None], index=["a", "b"], dtype="Int64")):
        with pytest.raises(fe.NonFiniteError, match="column `b`"):
            detector.observe(sample)
    assert detector.observed == 0
    # As NaN does, one leaves a gap in the past of a stream.
    stream = fe.load(artefact("examples/anomaly-firmware"))
    one, other = fe.Detector(stream), fe.Detector(stream)
    rows = np.random.default_rng(3).normal(size=(60, len(stream.channels))).astype(np.float32)
    for place, row in enumerate(rows):
        if place == 30:
            hidden = np.ma.array(row, mask=True)
            for detector, sample in ((one, hidden), (other, np.full_like(row, np.nan))):
                with pytest.raises(fe.NonFiniteError):
                    detector.observe(sample)
        else:
            found, expected = one.observe(row), other.observe(row)
            assert (found is None) == (expected is None)
            assert found is None or found.log_prob == expected.log_prob


def test_masks_of_everything_else_are_seen(model, rows, artefact):
    thermistor = fe.load(artefact("examples/sensor-calibration"))
    given = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    events = np.ones((2, 3), np.float32)
    for call in (
        lambda: thermistor.log_prob(events, given),
        lambda: thermistor.p_value(events, given),
        lambda: thermistor.sample(2, given),
        lambda: thermistor.p_value_of([0.0, 1.0], given),
        lambda: fe.Detector(thermistor).observe(events[0], given),
    ):
        with pytest.raises(fe.NonFiniteError, match="column `count25`"):
            call()
    with pytest.raises(fe.NonFiniteError, match="row 1: the log-likelihood"):
        model.p_value_of(np.ma.array([0.0, 1.0], mask=[0, 1]))
    weights = np.ma.array(np.ones(600), mask=np.arange(600) == 7)
    with pytest.raises(fe.NonFiniteError, match="row 7: the weight"):
        fe.train(rows, weights=weights, **QUICK)
    with pytest.raises(fe.NonFiniteError, match="row 0, column `c0`"):
        fe.train(rows, np.ma.masked_all((600, 1)), **QUICK)
    labels = np.arange(600) // 10
    for groups in (
        np.ma.array(labels, mask=labels == 3),
        pandas.Series(labels, dtype="Int64").mask(labels == 3),
        polars.Series([None if label == 3 else label for label in labels]),
        [None if label == 3 else label for label in labels],
        np.where(labels == 3, np.nan, labels),
    ):
        with pytest.raises(fe.ShapeError, match="groups: row 30 has no label"):
            fe.train(rows, groups=groups, **QUICK)


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_the_estimator_takes_no_times_for_numbers(rows):
    detector = fe.FlowDetector(family="maf", layers=1, hidden=(8,), epochs=2).fit(rows)
    tables = [
        TIMES,
        list(TIMES),
        TIMES - TIMES[0, 0],
        pandas.DataFrame(TIMES),
        pandas.DataFrame({"a": TIMES[0], "b": [1.0, 2.0]}),
        polars.DataFrame({"a": TIMES[0], "b": TIMES[0]}),
        pyarrow.table({"a": TIMES[0], "b": TIMES[0]}),
    ]
    for table in tables:
        for method in (detector.score_samples, detector.predict, detector.fit):
            with pytest.raises((ValueError, TypeError)):
                method(table)


def test_the_estimator_sees_masks(rows):
    detector = fe.FlowDetector(family="maf", layers=1, hidden=(8,), epochs=2)
    hidden = np.ma.array(rows, mask=rows > 2)
    assert hidden.mask.any()
    with pytest.raises(ValueError, match="NaN"):
        detector.fit(hidden)
    detector.fit(rows)
    for method in (detector.score_samples, detector.predict, detector.p_value, detector.decision_function, detector.score):
        with pytest.raises(ValueError, match="NaN"):
            method(hidden)
        with pytest.raises(ValueError, match="NaN"):
            method(list(hidden))
        with pytest.raises(ValueError, match="NaN|NA"):
            method(pandas.DataFrame([[1, None]], dtype="Int64"))
        with pytest.raises(ValueError, match="omplex"):
            method(rows * 1j)
        with pytest.raises(TypeError, match="parse"):
            method(scipy.sparse.csr_matrix(rows))
    assert np.array_equal(detector.score_samples(np.ma.array(rows)), detector.score_samples(rows))


TIMES = np.array([["2026-01-01", "2026-01-02"]], "datetime64[ns]")
REFUSED = {
    "complex": (np.array([[1j, 2]]), "complex128.*x.real"),
    "complex-masked": (np.ma.array([[1j, 2]]), "complex128"),
    "complex-column": (pandas.DataFrame({"a": [1j], "b": [1.0]}), "values of `a` hold complex128"),
    "object": (np.array([[1.5, None]]), "hold object"),
    "decimal": ([[decimal.Decimal(1), 2]], "hold object"),
    "text": (np.array([["1", "2"]]), "hold <U1"),
    "text-column": (pandas.DataFrame({"a": ["1"], "b": [1.0]}), "values of `a` hold"),
    "text-polars": (polars.DataFrame({"a": ["1"], "b": [1.0]}), "values of `a` hold String"),
    "text-arrow": (pyarrow.table({"a": ["1"], "b": [1.0]}), "values of `a` hold string"),
    "category": (pandas.DataFrame({"a": pandas.Categorical([1]), "b": [1.0]}), "values of `a` hold category"),
    "times": (TIMES, "datetime64.*leave times out"),
    "durations": (TIMES - TIMES[0, 0], "timedelta64.*seconds"),
    "times-column": (pandas.DataFrame({"a": TIMES[0], "b": [1.0, 2.0]}), "values of `a` hold datetime64"),
    "times-zone": (
        pandas.DataFrame({"a": pandas.to_datetime(TIMES[0], utc=True), "b": [1.0, 2.0]}),
        "values of `a` hold datetime64",
    ),
    "times-polars": (polars.DataFrame({"a": [datetime.date(2026, 1, 1)], "b": [1.0]}), "values of `a` hold Date"),
    "times-arrow": (pyarrow.table({"a": pyarrow.array(TIMES[0]), "b": [1.0, 2.0]}), "values of `a` hold timestamp"),
    "sparse": (scipy.sparse.csr_matrix([[1.0, 2.0]]), "sparse matrix.*toarray"),
    "sparse-array": (scipy.sparse.coo_array([[1.0, 2.0]]), "sparse matrix.*toarray"),
    "lazy": (polars.LazyFrame({"a": [1.0], "b": [1.0]}), "of the type LazyFrame"),
    "set": ({1.0, 2.0}, "of the type set"),
    "generator": ((row for row in [[1.0, 2.0]]), "of the type generator"),
    "none": (None, "NaN|0 axes"),
    "bytes": (b"ab", "hold .S2"),
    "nested": ({"a": [[1.0, 2.0]], "b": [[1.0, 2.0]]}, "values of `a` have 2 axes"),
    "list-column": (polars.DataFrame({"a": [[1.0]], "b": [1.0]}), "values of `a` hold List"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_real_numbers_is_refused(kind, model):
    value, words = REFUSED[kind]
    with pytest.raises(fe.ShapeError, match=words) as fault:
        model.log_prob(value)
    assert "\n" not in str(fault.value)
    with pytest.raises(fe.ShapeError):
        fe.train(value)


def test_times_that_are_no_channel_are_no_matter(model, rows):
    frame = pandas.DataFrame({"time": pandas.date_range("2026", periods=600), "b": rows[:, 1], "a": rows[:, 0]})
    assert np.array_equal(model.log_prob(frame), model.log_prob(rows))


BEYOND = 2**53 + 1
INTEGERS = [BEYOND, -BEYOND, 2**62 + 2**38 + 1, 2**24 + 1, 2**60 + 2**36 + 1, -(2**63)]


def wide(kind):
    columns = {"a": INTEGERS, "b": INTEGERS[::-1]}
    return {
        "list": lambda: list(map(list, zip(*columns.values(), strict=True))),
        "numpy": lambda: np.array(list(columns.values()), np.int64).T,
        "mapping": lambda: columns,
        "mappings": lambda: [{"a": a, "b": b} for a, b in zip(*columns.values(), strict=True)],
        "pandas": lambda: pandas.DataFrame(columns),
        "pandas-nullable": lambda: pandas.DataFrame(columns, dtype="Int64"),
        "pandas-arrow": lambda: pandas.DataFrame(columns, dtype="int64[pyarrow]"),
        "polars": lambda: polars.DataFrame(columns),
        "arrow": lambda: pyarrow.table(columns),
        "masked": lambda: np.ma.array(np.array(list(columns.values()), np.int64).T),
        "longdouble": lambda: np.array(list(columns.values()), np.int64).T.astype(np.longdouble),
    }[kind]()


@pytest.mark.parametrize(
    "kind",
    [
        "list", "numpy", "mapping", "mappings", "pandas", "pandas-nullable", "pandas-arrow", "polars", "arrow",
        "masked", "longdouble",
    ],
)  # fmt: skip
def test_large_integers_are_rounded_once(kind, model):
    def nearest(number):
        # Of whole numbers exactly: to 24 binary digits, ties to even.
        size = abs(number)
        step = 1 << max(size.bit_length() - 24, 0)
        low, rest = divmod(size, step)
        low += rest * 2 > step or (rest * 2 == step and low % 2 == 1)
        return np.float32(float(low * step) * (1 if number > 0 else -1))

    expected = np.array([[nearest(a), nearest(b)] for a, b in zip(INTEGERS, INTEGERS[::-1], strict=True)], np.float32)
    from flow_embedded import _arrays

    named = _arrays.named(wide(kind), "events")
    found = _arrays.numbers(wide(kind), "events") if named is None else named.take([0, 1])
    assert np.array_equal(bits(found), bits(expected))
    assert np.array_equal(bits(model.log_prob(wide(kind))), bits(model.log_prob(expected)))


def test_flags_half_floats_and_tiny_numbers_are_numbers(model):
    ones = model.log_prob(np.array([[1, 0]], np.float32))
    flags = np.array([[True, False]])
    tables = [
        flags,
        flags.tolist(),
        flags.astype(np.float16),
        np.array([[1, 1e-60]]),
        pandas.DataFrame(flags, columns=["a", "b"]),
        pandas.DataFrame(flags, columns=["a", "b"], dtype="boolean"),
        polars.DataFrame(flags, schema=["a", "b"]),
        polars.DataFrame({"a": [1], "b": [0]}, schema={"a": polars.Decimal(10, 2), "b": polars.UInt8}),
        pyarrow.table({"a": [True], "b": [False]}),
        pyarrow.table({"a": pyarrow.array([decimal.Decimal("1.0")]), "b": [0]}),
    ]
    for table in tables:
        assert np.array_equal(bits(model.log_prob(table)), bits(ones)), type(table)


@pytest.mark.parametrize(
    "table",
    [
        np.array([[1e39, 0.0]]),
        np.array([[1e39, 0.0]], np.longdouble),
        {"a": [1e39], "b": [0.0]},
        pandas.DataFrame({"a": [1e39], "b": [0.0]}),
        pandas.DataFrame({"a": [1e39], "b": [0.0]}, dtype="Float64"),
        polars.DataFrame({"a": [1e39], "b": [0.0]}),
        pyarrow.table({"a": [1e39], "b": [0.0]}),
    ],
    ids=lambda own: f"{type(own).__module__}-{getattr(own, 'dtype', '')}",
)
def test_numbers_beyond_float32_are_told(table, model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(fe.NonFiniteError, match="row 0, column `a`: inf"):
            model.log_prob(table)
