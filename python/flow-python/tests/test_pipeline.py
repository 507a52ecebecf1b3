"""A model that leaves a pipeline takes raw rows, or does not leave."""

import pickle

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import flow_embedded as fe
from flow_embedded import FlowDetector, from_pipeline

QUICK = {"family": "maf", "layers": 2, "hidden": (16,), "epochs": 10}


def room(seed):
    """Rows of a room: temperature in °C, pressure in Pa, a humidity that ends, and light with a long tail."""
    rng = np.random.default_rng(seed)
    temperature = rng.normal(21.0, 1.5, size=1500)
    pressure = 101_325 + 300 * rng.normal(size=1500) + 20 * temperature
    humidity = rng.beta(2, 3, size=1500)
    light = np.exp(rng.normal(size=1500)) * 200
    return np.column_stack([temperature, pressure, humidity, light])


@pytest.fixture(scope="module")
def rows():
    return room(0)


SCALERS = {
    "standard": StandardScaler(),
    "standard-mean": StandardScaler(with_std=False),
    "standard-scale": StandardScaler(with_mean=False),
    "min-max": MinMaxScaler(),
    "min-max-wide": MinMaxScaler(feature_range=(-3, 2)),
    "max-abs": MaxAbsScaler(),
    "robust": RobustScaler(),
    "robust-scale": RobustScaler(with_centering=False, quantile_range=(5, 95)),
    "two": make_pipeline(MinMaxScaler(), StandardScaler()),
    "nothing": "passthrough",
}


@pytest.fixture(scope="module", params=SCALERS)
def pipeline(request, rows):
    scaler = SCALERS[request.param]
    scaler = scaler if isinstance(scaler, str) else clone(scaler)
    return Pipeline([("scaler", scaler), ("detector", FlowDetector(**QUICK))]).fit(rows)


def moved(pipeline):
    """The sum of the logarithms of what one raw unit becomes, column by column."""
    ends = np.array([[0.0] * 4, [1.0] * 4])
    for _, step in pipeline.steps[:-1]:
        ends = ends if isinstance(step, str) else step.transform(ends)
    return np.log(ends[1] - ends[0]).sum()


def test_the_model_of_a_pipeline_scores_raw_rows(pipeline, rows, tmp_path):
    from_pipeline(pipeline).save(tmp_path / "model.flow")
    model = fe.load(tmp_path / "model.flow")
    # Not the rows that calibrate: their scores are those of the table, where the last bit decides.
    fresh = np.concatenate([room(1), room(2) + 3 * rows.std(axis=0)]).astype(np.float32)
    expected = pipeline.score_samples(fresh)
    found = model.log_prob(fresh) - moved(pipeline)
    inside = np.isfinite(expected)
    assert np.array_equal(inside, np.isfinite(found)) and inside.mean() > 0.5
    # The chip reads pressures near 101325 Pa as float32: 1/128 Pa apart, 3e-5 of their deviation.
    error = np.abs(found - expected)[inside].max()
    assert error < 1e-3, error
    judged = np.abs(model.p_value(fresh) - pipeline[-1].p_value(pipeline[:-1].transform(fresh)))
    # A row between two rows of the calibration may change sides.
    assert judged.max() < 2.5 / 300 and np.mean(judged > 0) < 0.01
    alarms = model.p_value(fresh) <= model.alpha * (1 + 1e-6)
    assert np.mean(alarms == (pipeline.predict(fresh) == -1)) > 0.999
    assert np.mean(alarms[:1500]) < 0.08


def test_the_model_of_a_pipeline_draws_raw_rows(pipeline, rows):
    drawn = from_pipeline(pipeline).sample(4000, seed=1)
    low, middle, high = np.quantile(rows, [0.25, 0.5, 0.75], axis=0)
    assert (np.abs(np.median(drawn, axis=0) - middle) < 0.25 * (high - low)).all()


def test_a_model_does_not_leave_its_pipeline_in_silence(pipeline, tmp_path):
    model = pipeline[-1].model_
    if pipeline.steps[0][1] == "passthrough":
        assert from_pipeline(pipeline).log_prob([[20, 1e5, 0.4, 100]]) == model.log_prob([[20, 1e5, 0.4, 100]])
        model.save(tmp_path / "model.flow")
        return
    for leave in (lambda: model.save(tmp_path / "model.flow"), model.to_bytes):
        with pytest.raises(fe.UnsupportedError, match="of its pipeline, .*from_pipeline.*as_is=True") as fault:
            leave()
        assert "Scaler" in str(fault.value)
    assert not (tmp_path / "model.flow").exists()
    model.save(tmp_path / "model.flow", as_is=True)
    assert fe.load(tmp_path / "model.flow") == model
    assert model.to_bytes(as_is=True) == (tmp_path / "model.flow").read_bytes()


def test_copies_of_a_model_do_not_leave_either(rows):
    pipeline = make_pipeline(FunctionTransformer(np.log1p), FlowDetector(**QUICK)).fit(rows)
    for other in (pickle.loads(pickle.dumps(pipeline)), pickle.loads(pickle.dumps(pipeline, protocol=2))):
        with pytest.raises(fe.UnsupportedError, match="FunctionTransformer"):
            other[-1].model_.to_bytes()
        assert np.array_equal(other.score_samples(rows), pipeline.score_samples(rows))


def test_searches_and_pipelines_in_pipelines_are_noticed(rows):
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(np.log1p), FlowDetector(**QUICK)),
        {"flowdetector__smoothing": [0.1]}, cv=2, n_jobs=2,
    ).fit(rows)  # fmt: skip
    inner = make_pipeline(FunctionTransformer(np.log1p), make_pipeline(FlowDetector(**QUICK))).fit(rows)
    labels = make_pipeline(FunctionTransformer(np.log1p), FlowDetector(**QUICK))
    labels.fit_predict(rows)
    for model in (search.best_estimator_[-1].model_, inner[-1][-1].model_, labels[-1].model_):
        with pytest.raises(fe.UnsupportedError, match="FunctionTransformer"):
            model.to_bytes()
    # Fitted again to raw rows it may leave.
    labels[-1].fit(rows).model_.to_bytes()


@pytest.mark.parametrize(
    ("scaler", "words"),
    [
        (StandardScaler(), "column `x0` has mean 0 and standard deviation 1"),
        (PowerTransformer(), "mean 0 and standard deviation 1"),
        (PCA(whiten=True, svd_solver="full"), None),
        (ColumnTransformer([("some", StandardScaler(), [2])], remainder="passthrough"), "column `x0` has mean 0"),
        (MinMaxScaler(), "each column goes from 0 to 1"),
        (QuantileTransformer(n_quantiles=1500), "each column goes from 0 to 1"),
        (MaxAbsScaler(), "the largest size in each column is 1"),
        (RobustScaler(), "median 0 and quartiles 1 apart"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_rows_that_were_scaled_by_hand_are_noticed(kind, scaler, words, rows):
    scaled = clone(scaler).fit_transform(rows.astype(kind))
    if words is None:
        # Whitening divides by the deviation of a sample, a little more than that of the rows.
        scaled *= np.sqrt(len(rows) / (len(rows) - 1))
        words = "mean 0 and standard deviation 1"
    if kind is np.float32 and isinstance(scaler, PowerTransformer):
        pytest.skip("its logarithms leave float32 nothing of a pressure")
    quick = {**QUICK, "epochs": 1}
    models = [FlowDetector(**quick).fit(scaled).model_, fe.train(scaled, split="random", **quick).model]
    if not isinstance(scaler, PowerTransformer):
        given = fe.train(rows[:, :1], scaled, split="random", **quick).model
        if "each" not in words and "quartiles" not in words:
            models.append(given)
    for model in models:
        with pytest.raises(fe.UnsupportedError, match="look scaled: .*raw rows") as fault:
            model.to_bytes()
        assert words.replace("x0", "c0" if model is models[-1] and len(models) == 3 else "x0") in str(fault.value)
        model.to_bytes(as_is=True)


def test_raw_rows_are_not_taken_for_scaled_ones(rows, motions):
    rng = np.random.default_rng(4)
    quick = {**QUICK, "epochs": 1}
    normal = [rng.normal(size=(500, 3)) for _ in range(5)]
    flags = np.column_stack([rng.integers(2, size=500), rng.integers(2, size=500)]).astype(float)
    for own in (rows, motions[1], *normal):
        fe.train(own, split="random", **quick).model.to_bytes()
    names = ["no", "yes"]
    categories = {"x0": names, "x1": names}
    fe.train(flags, categories=categories, split="random", epochs=1).model.to_bytes()


def test_parts_that_were_fitted_apart_are_put_together(rows):
    scaler = StandardScaler().fit(rows)
    detector = FlowDetector(**QUICK).fit(scaler.transform(rows))
    apart = from_pipeline(make_pipeline(scaler, detector))
    assert apart.command.startswith("flow_embedded.from_pipeline(StandardScaler): flow_embedded.train(")
    together = from_pipeline(make_pipeline(StandardScaler(), FlowDetector(**QUICK)).fit(rows))
    assert apart == together


def test_channels_have_the_names_of_the_columns(rows):
    names = ["temperature", "pressure", "humidity", "light"]
    frame = pandas.DataFrame(rows, columns=names)
    plain = make_pipeline(StandardScaler(), FlowDetector(**QUICK)).fit(frame)
    assert [own.name for own in plain[-1].model_.channels] == ["x0", "x1", "x2", "x3"]
    model = from_pipeline(plain)
    assert [own.name for own in model.channels] == names
    assert np.array_equal(model.log_prob(frame[names[::-1]]), model.log_prob(frame))
    named = make_pipeline(StandardScaler(), FlowDetector(**QUICK)).set_output(transform="pandas").fit(frame)
    assert from_pipeline(named).log_prob(frame).tolist() == model.log_prob(frame).tolist()
    frame.columns = ["a\nb", *names[1:]]
    with pytest.raises(fe.TrainingError, match="holds a line break"):
        from_pipeline(make_pipeline(StandardScaler(), FlowDetector(**QUICK)).fit(frame))


def test_rounded_and_bounded_columns_are_drawn_as_such(rows):
    counts = np.column_stack([np.round(rows[:, 0] * 10), rows[:, 3]])
    domains = {"x1": "positive:-0.85"}
    scaler = StandardScaler().fit(counts)
    low = (0 - scaler.mean_[1]) / scaler.scale_[1]
    domains = {"x1": f"positive:{low:.6f}"}
    model = from_pipeline(make_pipeline(scaler, FlowDetector(**QUICK, domains=domains)).fit(counts))
    assert model.channels[1].domain == "positive"
    drawn = model.sample(500, seed=0, round=True)
    assert (drawn[:, 1] > -0.01).all()
    assert np.allclose(drawn[:, 0], np.round(drawn[:, 0]), atol=1e-3)


@pytest.mark.parametrize(
    ("steps", "kind", "words"),
    [
        ([PCA()], fe.UnsupportedError, r"the step `pca` \(PCA\) can't be put into a model: leave it out"),
        ([PowerTransformer()], fe.UnsupportedError, "PowerTransformer"),
        ([FunctionTransformer(np.log1p)], fe.UnsupportedError, "FunctionTransformer"),
        ([StandardScaler(), PCA()], fe.UnsupportedError, "PCA"),
        ([MinMaxScaler(clip=True)], fe.UnsupportedError, "clips.*clip=False"),
    ],
    ids=str,
)
def test_steps_that_are_no_scales_are_refused(steps, kind, words, rows):
    pipeline = make_pipeline(*map(clone, steps), FlowDetector(**QUICK)).fit(rows)
    with pytest.raises(kind, match=words):
        from_pipeline(pipeline)


def test_what_is_no_pipeline_of_a_detector_is_refused(rows):
    with pytest.raises(TypeError, match="takes a scikit-learn Pipeline, not FlowDetector"):
        from_pipeline(FlowDetector(**QUICK).fit(rows))
    with pytest.raises(TypeError, match="`standardscaler`, is StandardScaler: it must be a FlowDetector"):
        from_pipeline(make_pipeline(StandardScaler()).fit(rows))
    with pytest.raises(ValueError, match="not fitted"):
        from_pipeline(make_pipeline(StandardScaler(), FlowDetector()))

    class Own(StandardScaler):
        pass

    with pytest.raises(fe.UnsupportedError, match="Own"):
        from_pipeline(make_pipeline(Own(), FlowDetector(**QUICK)).fit(rows))


def test_columns_that_float32_can_not_hold_are_refused(rows):
    far = rows.copy()
    # Microseconds since 1970.
    far[:, 1] = 1.76e15 + 1e6 * np.random.default_rng(1).normal(size=1500)
    pipeline = make_pipeline(StandardScaler(), FlowDetector(**QUICK)).fit(far)
    with pytest.raises(fe.UnsupportedError, match="column `x1`: .*subtract an offset near 1.76"):
        from_pipeline(pipeline)
    # The remedy.
    far[:, 1] -= 1.76e15
    from_pipeline(make_pipeline(StandardScaler(), FlowDetector(**QUICK)).fit(far))
