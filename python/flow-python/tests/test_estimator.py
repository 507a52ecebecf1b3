"""The estimator keeps scikit-learn's conventions, and the model's promise."""

import pickle
import warnings

import numpy as np
import pandas
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import flow_embedded as fe
from flow_embedded import FlowDetector

QUICK = {"family": "maf", "layers": 1, "hidden": (8,), "epochs": 10}


@pytest.fixture(scope="module")
def rows():
    rows = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    rows[:, 2] += rows[:, 0]
    return rows


def conforms(estimator, check):
    with warnings.catch_warnings():
        # Most of the checks' tables are too small for a promise.
        warnings.filterwarnings("ignore", message=".*too few to promise")
        check(estimator)


@parametrize_with_checks([FlowDetector(**QUICK)])
def test_scikit_learn(estimator, check):
    conforms(estimator, check)


@pytest.mark.slow
@parametrize_with_checks([FlowDetector()])
def test_scikit_learn_with_defaults(estimator, check):
    conforms(estimator, check)


def test_it_is_the_model_of_train(rows):
    detector = FlowDetector(**QUICK, random_state=7).fit(rows)
    trained = fe.train(rows, split="random", seed=7, alpha=0.05, **QUICK)
    assert detector.model_ == trained.model
    scores = detector.score_samples(rows)
    assert np.array_equal(scores, trained.model.log_prob(rows))
    assert detector.score(rows) == np.mean(scores)
    assert np.array_equal(detector.sample(5, random_state=3), trained.model.sample(5, seed=3))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_predict_is_the_p_value_against_alpha(alpha, rows):
    detector = FlowDetector(**QUICK, alpha=alpha).fit(rows[:600])
    assert detector.calibrated_
    others = np.concatenate([rows[600:], 3 * rows[600:]])
    predicted = detector.predict(others)
    assert np.array_equal(predicted == -1, detector.p_value(others) <= alpha * (1 + 1e-6))
    assert np.array_equal(predicted == -1, detector.decision_function(others) < 0)
    # 120 rows calibrate and 400 are counted: three standard errors of both.
    error = np.sqrt(alpha * (1 - alpha) * (1 / 120 + 1 / 400))
    assert np.mean(detector.predict(rows[600:]) == -1) < alpha + 3 * error
    assert np.mean(detector.predict(10 * rows[600:]) == -1) > 0.8


def test_too_few_rows_for_a_promise_are_told(rows):
    with pytest.warns(UserWarning, match="30 rows are too few to promise a false-alarm rate of 0.05"):
        detector = FlowDetector(**QUICK).fit(rows[:30])
    assert not detector.calibrated_
    with pytest.raises(fe.CalibrationError):
        detector.p_value(rows)
    with pytest.warns(UserWarning, match="7 rows"):
        assert set(FlowDetector(**QUICK).fit(rows[:7]).predict(rows)) == {-1, 1}


def test_faults_of_training_arrive(rows):
    with pytest.raises(fe.TrainingError, match="family="):
        FlowDetector(family="odd").fit(rows)
    with pytest.raises(ValueError, match="NaN"):
        FlowDetector(**QUICK).fit(np.where(rows > 2, np.nan, rows))


def test_columns_may_have_names(rows):
    frame = pandas.DataFrame(rows, columns=["a", "b", "c"])
    detector = FlowDetector(**QUICK, domains={"a": "heavy-tailed"}).fit(frame)
    assert [own.name for own in detector.model_.channels] == ["a", "b", "c"]
    assert detector.model_.channels[0].domain == "heavy-tailed"


def test_it_goes_into_pipelines_searches_and_pickles(rows):
    pipeline = make_pipeline(StandardScaler(), FlowDetector(**QUICK)).fit(rows)
    assert set(pipeline.predict(np.concatenate([rows, 20 * rows]))) == {-1, 1}
    assert np.array_equal(pickle.loads(pickle.dumps(pipeline)).predict(rows), pipeline.predict(rows))
    search = GridSearchCV(FlowDetector(**QUICK), {"smoothing": [0.0, 0.3]}, cv=3).fit(rows)
    assert search.best_params_["smoothing"] in (0.0, 0.3)
    assert len(cross_val_score(FlowDetector(**QUICK), rows, cv=3, n_jobs=2)) == 3


def test_the_model_leaves_python(rows, tmp_path):
    detector = FlowDetector(**QUICK).fit(rows)
    detector.model_.save(tmp_path / "model.flow")
    assert fe.load(tmp_path / "model.flow") == detector.model_
