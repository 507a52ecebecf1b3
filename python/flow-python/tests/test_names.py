"""Columns that have names are matched by name, in any order, wherever rows are taken."""

import collections

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from conftest import bits

import flow_embedded as fe

NAMES = ["load", "speed", "heat"]
QUICK = {"family": "maf", "layers": 1, "hidden": [8], "epochs": 5, "split": "random"}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    # Of scales so different that a column in the place of another is far out.
    return (rng.normal(size=(600, 3)) * [1, 30, 1000] + [5, 0, -4000]).astype(np.float32)


@pytest.fixture(scope="module")
def given():
    return np.random.default_rng(1).uniform(1, 2, size=(600, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model(rows):
    return fe.train(rows, names=NAMES, **QUICK).model


@pytest.fixture(scope="module")
def conditional(rows, given):
    return fe.train(rows, given, names=NAMES, context_names=["hour", "site"], **QUICK).model


def structured(names, rows):
    return np.array([tuple(row) for row in rows], dtype=[(name, np.float32) for name in names])


def by_row(names, rows):
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]


def named_tuples(names, rows):
    kind = collections.namedtuple("Row", names)
    return [kind(*row) for row in rows.tolist()]


class SparkRow(tuple):
    """As ``pyspark.sql.Row``."""

    __fields__: list


def spark_rows(names, rows):
    found = [SparkRow(row) for row in rows.tolist()]
    for row in found:
        row.__fields__ = list(names)
    return found


class Interchange:
    """A table of a library that nobody knows here, as those that speak the interchange protocol."""

    def __init__(self, names, rows):
        self._columns = dict(zip(names, rows.T, strict=True))

    def __dataframe__(self):
        return self

    def column_names(self):
        return list(self._columns)

    def __getitem__(self, name):
        return self._columns[name]


TABLES = {
    "pandas": lambda names, rows: pandas.DataFrame(rows, columns=names),
    "pandas-float64": lambda names, rows: pandas.DataFrame(rows.astype(float), columns=names),
    "pandas-nullable": lambda names, rows: pandas.DataFrame(rows, columns=names).astype("Float32"),
    "pandas-arrow": lambda names, rows: pandas.DataFrame(rows, columns=names).astype("float[pyarrow]"),
    "pandas-rows": lambda names, rows: [row for _, row in pandas.DataFrame(rows, columns=names).iterrows()],
    "pandas-tuples": lambda names, rows: list(pandas.DataFrame(rows, columns=names).itertuples()),
    "polars": lambda names, rows: polars.DataFrame(rows, schema=names),
    "arrow": lambda names, rows: pyarrow.table(dict(zip(names, rows.T, strict=True))),
    "arrow-batch": lambda names, rows: pyarrow.record_batch(dict(zip(names, rows.T, strict=True))),
    "structured": structured,
    "mapping": lambda names, rows: dict(zip(names, rows.T, strict=True)),
    "mappings": by_row,
    "named-tuples": named_tuples,
    "spark-rows": spark_rows,
    "interchange": Interchange,
}


@pytest.fixture(params=TABLES)
def table(request):
    return TABLES[request.param]


def turned(table, names, rows, order):
    return table([names[place] for place in order], np.ascontiguousarray(rows[:, order]))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]], ids=str)
def test_the_order_of_columns_does_not_matter(table, order, model, rows):
    own = turned(table, NAMES, rows, order)
    assert np.array_equal(bits(model.log_prob(own)), bits(model.log_prob(rows)))
    assert np.array_equal(bits(model.p_value(own)), bits(model.p_value(rows)))


def test_other_columns_are_left_out(table, model, rows):
    wide = table(["serial", "heat", "load", "mode", "speed"], np.column_stack([rows[:, 0], rows[:, [2, 0, 1, 1]]]))
    assert np.array_equal(bits(model.log_prob(wide)), bits(model.log_prob(np.ascontiguousarray(rows[:, [0, 1, 2]]))))


def test_a_column_that_is_missing_is_named(table, model, rows):
    words = "no column `speed`: the model needs load, speed, heat, and they have .*heat, pace, load"
    with pytest.raises(fe.ShapeError, match=words):
        model.log_prob(table(["heat", "pace", "load"], rows))
    with pytest.raises(fe.ShapeError, match="no column `load`, `heat`"):
        model.p_value(table(["a", "speed", "b"], rows))


def test_a_column_that_is_there_twice_is_refused(model, rows):
    four = rows[:, [0, 1, 2, 2]]
    names = [*NAMES, "heat"]
    tables = [pandas.DataFrame(four, columns=names), pyarrow.table(list(four.T), names=names)]
    for own in tables:
        with pytest.raises(fe.ShapeError, match="more than one column `heat`"):
            model.log_prob(own)
    # Of those that are left out there may be any number.
    others = pandas.DataFrame(rows[:, [0, 0, 1, 2]], columns=["note", "note", "speed", "heat"])
    others.insert(0, "load", rows[:, 0])
    assert np.array_equal(model.log_prob(others), model.log_prob(rows))


def test_the_context_goes_by_name(table, conditional, rows, given):
    expected = conditional.log_prob(rows, given)
    own = turned(table, ["hour", "site"], given, [1, 0])
    assert np.array_equal(bits(conditional.log_prob(rows, own)), bits(expected))
    assert np.array_equal(bits(conditional.p_value(rows, own)), bits(conditional.p_value(rows, given)))
    assert np.array_equal(conditional.p_value_of(expected, own), conditional.p_value_of(expected, given))
    assert np.array_equal(bits(conditional.sample(600, own, seed=1)), bits(conditional.sample(600, given, seed=1)))
    with pytest.raises(fe.ShapeError, match="contexts have no column `site`"):
        conditional.sample(600, table(["hour", "place"], given))
    with pytest.raises(fe.ShapeError, match="contexts have no column `site`"):
        conditional.p_value_of(expected, table(["hour", "place"], given))


def test_a_table_may_hold_events_and_context(table, conditional, rows, given):
    both = turned(table, [*NAMES, "hour", "site"], np.column_stack([rows, given]), [4, 2, 0, 3, 1])
    assert np.array_equal(bits(conditional.log_prob(both)), bits(conditional.log_prob(rows, given)))
    # What is given as context counts.
    assert np.array_equal(conditional.log_prob(both, given[::-1]), conditional.log_prob(rows, given[::-1]))
    with pytest.raises(fe.ShapeError, match="needs a context .*hour, site"):
        conditional.log_prob(turned(table, NAMES, rows, [0, 1, 2]))


ROWS = {
    "series": lambda names, row: pandas.Series(row, index=names),
    "series-nullable": lambda names, row: pandas.Series(row, index=names, dtype="Float32"),
    "mapping": lambda names, row: dict(zip(names, row.tolist(), strict=True)),
    "named-tuple": lambda names, row: collections.namedtuple("Row", names)(*row),
    "spark-row": lambda names, row: spark_rows(names, row[None, :])[0],
    "record": lambda names, row: structured(names, row[None, :])[0],
}


@pytest.fixture(params=ROWS)
def one(request):
    return ROWS[request.param]


def test_samples_go_by_name(one, model, rows):
    expected, detector = model.log_prob(rows[:20]), fe.Detector(model)
    for row, score in zip(rows, expected, strict=False):
        assert detector.observe(one(NAMES[::-1], row[::-1])).log_prob == score
    with pytest.raises(fe.ShapeError, match="no column `speed`"):
        detector.observe(one(["load", "pace", "heat"], rows[0]))
    assert detector.observed == 20


def test_samples_may_hold_their_context(one, conditional, rows, given):
    score = conditional.log_prob(rows[:1], given[:1])[0]
    detector = fe.Detector(conditional)
    beside = one(["site", "hour"], given[0, ::-1])
    assert detector.observe(rows[0], beside).log_prob == score
    both = one(["site", *NAMES, "hour"], np.concatenate([given[0, 1:], rows[0], given[0, :1]]))
    assert detector.observe(both).log_prob == score
    assert np.array_equal(conditional.sample(5, beside, seed=2), conditional.sample(5, given[0], seed=2))
    with pytest.raises(fe.ShapeError, match="needs a context: hour, site"):
        detector.observe(rows[0])


def test_streams_go_by_name(artefact):
    model = fe.load(artefact("examples/anomaly-firmware"))
    names = [own.name for own in model.channels]
    rows = np.random.default_rng(2).normal(size=(300, len(names))).astype(np.float32)
    frame = pandas.DataFrame(rows[:, ::-1], columns=names[::-1])
    assert np.array_equal(bits(model.context_of(frame)), bits(model.context_of(rows)))
    one, other = fe.Detector(model), fe.Detector(model)
    for place, (_, row) in enumerate(frame.iterrows()):
        found, expected = one.observe(row), other.observe(rows[place])
        assert (found is None) == (expected is None)
        assert found is None or found.log_prob == expected.log_prob


@pytest.mark.parametrize("kind", ["pandas", "pandas-nullable", "polars", "arrow", "structured", "mapping", "mappings"])
def test_training_takes_the_names_of_a_table(kind, model, conditional, rows, given):
    own = TABLES[kind](NAMES, rows)
    assert fe.train(own, **QUICK).model == model
    assert fe.train(own, TABLES[kind](["hour", "site"], given), **QUICK).model == conditional
    assert fe.train(own, names=NAMES, **QUICK).model == model
    with pytest.raises(fe.TrainingError, match="names: a, b, c are given for columns that have the names load, speed"):
        fe.train(own, names=["a", "b", "c"], **QUICK)


def test_a_table_that_has_the_names_of_columns_twice_trains_nothing(rows):
    with pytest.raises(fe.TrainingError, match="two columns have the name `load`"):
        fe.train(pandas.DataFrame(rows, columns=["load", "load", "heat"]), **QUICK)


def test_a_model_without_names_takes_rows_without_names(small):
    model, rows = small
    named = pandas.DataFrame(rows, columns=NAMES)
    with pytest.raises(fe.ShapeError, match="no column `x0`, `x1`, `x2`: .*was trained on rows without names.* an array"):
        model.log_prob(named)
    # The remedy, and columns that are numbered as pandas does it.
    assert np.array_equal(model.log_prob(named.to_numpy()), model.log_prob(rows))
    assert np.array_equal(model.log_prob(pandas.DataFrame(rows)), model.log_prob(rows))
    assert np.array_equal(model.log_prob(pandas.DataFrame(rows, columns=[4, 5, 9])), model.log_prob(rows))
    assert np.array_equal(model.log_prob(pandas.DataFrame(rows, columns=["x0", "x1", "x2"])), model.log_prob(rows))


@pytest.mark.parametrize(
    "labels", [[2, 1, 0], ["load", 1, "heat"], [("a", "load"), ("a", "speed"), ("b", "heat")], [0, 0, 1]], ids=str
)
def test_labels_that_are_neither_names_nor_ascending_numbers_are_refused(labels, model, rows):
    frame = pandas.DataFrame(rows)
    frame.columns = pandas.Index(labels) if not isinstance(labels[0], tuple) else pandas.MultiIndex.from_tuples(labels)
    with pytest.raises(fe.ShapeError, match="neither all names nor ascending numbers"):
        model.log_prob(frame)


def test_rows_with_different_names_are_refused(model, rows):
    own = by_row(NAMES, rows[:4])
    del own[2]["speed"]
    with pytest.raises(fe.ShapeError, match="no single `speed` in row 2"):
        model.log_prob(own)
    with pytest.raises(fe.ShapeError, match=r"different lengths \(load: 4, speed: 3, heat: 4\)"):
        model.log_prob({"load": rows[:4, 0], "speed": rows[:3, 1], "heat": rows[:4, 2]})


def test_the_estimator_keeps_to_the_rule_of_scikit_learn(rows):
    frame = pandas.DataFrame(rows, columns=NAMES)
    detector = fe.FlowDetector(family="maf", layers=1, hidden=(8,), epochs=5).fit(frame)
    for method in (detector.score_samples, detector.predict, detector.p_value, detector.decision_function):
        with pytest.raises(ValueError, match="same order"):
            method(frame[NAMES[::-1]])
        with pytest.raises(ValueError, match="speed"):
            method(frame[["load", "heat"]])
    assert np.array_equal(detector.model_.log_prob(frame[NAMES[::-1]]), detector.score_samples(frame))


def test_only_some_of_many_columns_are_listed(model, rows):
    frame = pandas.DataFrame(np.zeros((2, 5000)), columns=[f"n{place}" for place in range(5000)])
    with pytest.raises(fe.ShapeError, match="n38, n39 and 4960 more; columns"):
        model.log_prob(frame)


def test_names_of_others_are_printed_safely(model, rows):
    frame = pandas.DataFrame(rows, columns=["\x1b[2J", "a\nb", "\u202e"])
    with pytest.raises(fe.ShapeError) as fault:
        model.log_prob(frame)
    assert not set("\n\x1b\u202e") & set(str(fault.value))
