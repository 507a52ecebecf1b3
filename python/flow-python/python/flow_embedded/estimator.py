"""A detector of outliers for scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _flow
from ._arrays import checked
from ._flow import Model
from ._train import train

try:
    from sklearn.base import BaseEstimator, DensityMixin, OutlierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data

    from .pipeline import steps_before
except ImportError as _fault:
    raise ImportError(
        "FlowDetector needs scikit-learn 1.6 or later: pip install flow-embedded[sklearn]"
    ) from _fault

_FEWEST = 20
"""Rows that the trainer can divide into parts to fit, to stop and to calibrate on, unless there are many columns."""


class FlowDetector(OutlierMixin, DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Density and outliers by a normalizing flow that runs on a microcontroller.

    ``fit`` trains on normal rows; a share of them is held out and calibrates, so that ``predict``
    raises at most ``alpha`` of false alarms on rows like them. ``model_`` is the artefact:
    ``model_.save("model.flow")`` gives the file that ``flow codegen`` compiles, and the firmware
    computes the same bits as ``score_samples``.

    A flow standardises its columns by itself and needs no scaler before it. Behind the steps of a
    pipeline, ``model_`` knows nothing of these and would be wrong on a device's raw rows, so its
    ``save`` refuses; ``flow_embedded.from_pipeline`` puts scalers into the model.

    Columns follow scikit-learn's rule: a detector that was fitted to a table with names takes tables
    with the same names in the same order, and refuses others. ``model_`` itself matches by name.

    Parameters
    ----------
    alpha : float, default=0.05
        The false-alarm rate to promise. It takes ``1 / alpha - 1`` rows to calibrate, and a third of the rows
        at most calibrates; with too few, ``fit`` warns, and the quantile of the training rows' scores serves
        instead of a promise.
    family : {"auto", "nice", "realnvp", "nsf", "maf", "iaf", "nsf-ar"}, default="auto"
        The kind of flow; ``auto`` compares some, and decides its size and smoothing, too.
    layers : int, default=None
        Layers of a named family.
    hidden : sequence of int, default=None
        Widths of the hidden layers of a named family.
    epochs : int, default=None
        Passes over the rows, at most.
    smoothing : float, default=None
        Standard deviation of the noise added to training rows, in standard deviations of each column.
    domains : mapping of str to str, default=None
        Where the values of columns live, by name, as in ``flow_embedded.train``.
    split : {"random", "time"}, default="random"
        Which rows calibrate: any, or the last, for rows that follow each other.
    random_state : int, RandomState instance or None, default=0
        Seed of everything random; a number is the ``--seed`` of ``flow train``.

    Attributes
    ----------
    model_ : Model
        The model, to score, sample and save.
    offset_ : float
        ``decision_function`` is ``score_samples`` less this: rows below it are outliers.
    calibrated_ : bool
        Whether the false-alarm rate is promised.
    n_features_in_ : int
        Columns seen in ``fit``.
    feature_names_in_ : ndarray of str
        Their names, if they have some.

    Examples
    --------
    >>> import numpy as np
    >>> from flow_embedded import FlowDetector
    >>> rows = np.random.default_rng(0).normal(size=(1000, 2))
    >>> detector = FlowDetector(family="maf", layers=2, hidden=(16,), epochs=20).fit(rows)
    >>> detector.predict([[0.0, 0.5], [8.0, -8.0]]).tolist()
    [1, -1]
    """

    def __init__(
        self,
        *,
        alpha: float = 0.05,
        family: Literal["auto", "nice", "realnvp", "nsf", "maf", "iaf", "nsf-ar"] = "auto",
        layers: int | None = None,
        hidden: Sequence[int] | None = None,
        epochs: int | None = None,
        smoothing: float | None = None,
        domains: Mapping[str, str] | None = None,
        split: Literal["random", "time"] = "random",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.alpha = alpha
        self.family = family
        self.layers = layers
        self.hidden = hidden
        self.epochs = epochs
        self.smoothing = smoothing
        self.domains = domains
        self.split = split
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> FlowDetector:
        """Train on normal rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : None
            Not used.

        Returns
        -------
        self : FlowDetector
            The fitted detector.
        """
        rows = validate_data(self, checked(X), dtype=np.float32, order="C", ensure_min_samples=2)
        given, few = rows, max(_FEWEST, rows.shape[1] + 9)
        if len(rows) < few:
            # Nothing can be held out of them. Each is there as often as the others, but for a rest.
            rows = np.tile(rows, (-(-few // len(rows)), 1))
        names = getattr(self, "feature_names_in_", None)
        trained = train(
            rows,
            names=None if names is None else [str(name) for name in names],
            domains=self.domains,
            split=self.split,
            alpha=self.alpha,
            seed=self._seed(),
            family=self.family,
            layers=self.layers,
            hidden=self.hidden,
            epochs=self.epochs,
            smoothing=self.smoothing,
        )
        self.model_: Model = trained.model
        if steps := steps_before(self):
            self.model_ = _flow.of_scaled_rows(
                trained.model, f"the model was fitted to what {steps} made of the rows of its pipeline"
            )
        # Rows that are repeated promise nothing of others.
        threshold = self.model_.threshold if len(given) >= few else None
        self.calibrated_ = threshold is not None
        if threshold is not None:
            self.offset_ = threshold
        else:
            scores = self.model_.log_prob(given)
            self.offset_ = float(np.quantile(scores, self.alpha, method="higher"))
            warnings.warn(
                f"{len(given)} rows are too few to promise a false-alarm rate of {self.alpha}: predict goes by the "
                f"scores of the training rows, and more of other rows will be below them",
                stacklevel=2,
            )
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log-likelihood of each row in nats, in the units of the data: the chip's ``float32``, as ``float64``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The log-likelihoods.
        """
        return self._model().log_prob(self._rows(X)).astype(np.float64)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log-likelihood of each row above that of the least likely row that is no outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell outliers, by the calibrated p-value against alpha.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            -1 for outliers, 1 for others.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_value(self, X: ArrayLike) -> NDArray[np.float32]:
        """Conformal p-value of each row, in (0, 1].

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            At most alpha where ``predict`` says -1.
        """
        return self._model().p_value(self._rows(X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Mean log-likelihood of rows, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : None
            Not used.

        Returns
        -------
        score : float
            The mean.
        """
        return float(np.mean(self.score_samples(X)))

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> NDArray[np.float32]:
        """Draw rows.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            A number gives the rows that ``flow sample --seed`` and the chip draw.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            The rows.
        """
        return self._model().sample(n_samples, seed=_seed(random_state))

    def _model(self) -> Model:
        check_is_fitted(self)
        return self.model_

    def _rows(self, X: ArrayLike) -> Any:
        check_is_fitted(self)
        return validate_data(self, checked(X), dtype=np.float32, order="C", reset=False)

    def _seed(self) -> int:
        return _seed(self.random_state)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """A number is its own seed; a generator gives one."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**63 - 1, dtype=np.int64))
