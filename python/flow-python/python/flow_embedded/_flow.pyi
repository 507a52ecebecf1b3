"""The compiled half of the package."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ArtefactError",
    "CalibrationError",
    "Channel",
    "Detector",
    "FlowError",
    "Model",
    "NonFiniteError",
    "Progress",
    "ShapeError",
    "Trained",
    "TrainingError",
    "UnsupportedError",
    "Verdict",
    "of_scaled_rows",
    "rescale",
    "restore",
    "train",
]

_Row: TypeAlias = ArrayLike | Mapping[str, Any]
"""One row: by name if its values have names, else by position."""
_Rows: TypeAlias = ArrayLike | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A table: by name if its columns have names, else by position."""

class FlowError(ValueError):
    """Something was given that can't be used; the message says what, where, and what to do."""

class ArtefactError(FlowError):
    """The bytes hold no model that this version can use: truncated, damaged, or too new."""

class ShapeError(FlowError):
    """An array has other axes, columns or rows than are needed, lacks a column, or holds no numbers."""

class NonFiniteError(FlowError):
    """A value is missing (masked, null, NA), NaN, infinite, or too large for float32."""

class CalibrationError(FlowError):
    """The model promises no false-alarm rate for what was asked."""

class UnsupportedError(FlowError):
    """The model is of a kind that can't do this."""

class TrainingError(FlowError):
    """No model can be trained on these rows with these options."""

@final
class Channel:
    """A column that a model knows."""

    @property
    def name(self) -> str:
        """Its name."""
    @property
    def unit(self) -> str:
        """The unit of its values; empty if none was given."""
    @property
    def domain(self) -> str:
        """Where its values live."""
    @property
    def categories(self) -> list[str] | None:
        """The names of the categories, in the order of their codes; None where values are numbers."""

@final
class Model:
    """A calibrated flow, as ``flow train`` or ``train`` made it.

    It does not change, and threads may share it. All scoring and sampling is done without the GIL, by
    as many threads as there are cores (or as RAYON_NUM_THREADS says), with the bits of the chip.

    Events are rows × channels and contexts rows × channels of the context; a list of values is the
    context of all rows. C-contiguous arrays of float32 are read where they lie, others are converted
    with one copy, each number rounded once. No array may be written to by another thread meanwhile.

    What has names is matched to the channels by name, in any order: tables of pandas, Polars and
    Arrow, structured arrays, mappings of columns, lists of mappings or of named tuples. Columns that
    the model does not know are left out. A column that is missing or there twice raises ShapeError,
    which names it. A table with names may hold the context beside the events. What has no names goes
    by position: arrays, lists, and tables whose columns are numbered in ascending order.

    A missing value (NaN, masked, null, NA) raises NonFiniteError; complex numbers, times, texts and
    sparse matrices raise ShapeError.
    """

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """Reads a model from a file."""
    @staticmethod
    def from_bytes(data: bytes) -> Model:
        """A model from the bytes of its file."""
    def to_bytes(self, *, as_is: bool = False) -> bytes:
        """The bytes of its file, the same as those that the chip loads; ``as_is`` as for ``save``."""
    def save(self, path: str | os.PathLike[str], *, as_is: bool = False) -> None:
        """Writes the model to a file.

        A file that is there is replaced when the new one is complete, keeps its permissions, and stays
        as it was if anything fails.

        A model that was trained on scaled rows would be wrong on a device's raw rows: it raises
        UnsupportedError if its rows came out of the earlier steps of a scikit-learn pipeline, or look
        exactly as a scaler leaves them. ``flow_embedded.from_pipeline`` puts scalers into a model;
        ``as_is=True`` saves it for a device whose rows are like those of the training.
        """
    def log_prob(
        self, events: _Rows, context: _Rows | None = None
    ) -> NDArray[np.float32]:
        """The log-likelihood of each row, in nats, in the units of the data.

        It is −∞ for a row outside the domain of a channel.
        """
    def p_value(
        self, events: _Rows, context: _Rows | None = None
    ) -> NDArray[np.float32]:
        """The conformal p-value of each row, in (0, 1].

        For a row like the calibration rows, it is at most alpha with a probability of at most alpha.
        """
    def p_value_of(
        self, log_probs: ArrayLike, context: _Rows | None = None
    ) -> NDArray[np.float32]:
        """The conformal p-values of log-likelihoods that are known already, one for each row and none of them NaN."""
    def sample(
        self,
        n: int = 1,
        context: _Rows | None = None,
        *,
        seed: int | None = None,
        round: bool = False,
    ) -> NDArray[np.float32]:
        """Draws ``n`` rows in the units of the data, as ``flow sample`` and the chip do for the same seed.

        Without a seed they differ each time. ``round`` puts rounded columns back on their grid. A model
        of a sensor's noise goes on from its own rows, and takes no past as context.
        """
    def context_of(
        self, events: _Rows, context: _Rows | None = None
    ) -> NDArray[np.float32]:
        """The context of each row of a stream, for a model that is conditioned on the stream's own past.

        ``context`` is what the model is given beside. A row without enough past before it has NaN.
        """
    def score_lines(
        self, text: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The log-likelihood and the p-value of each line of a text, for a model of one.

        NaN for lines that begin without enough past, as the first one does; no p-values without a
        calibration.
        """
    @property
    def name(self) -> str:
        """The model's name."""
    @property
    def channels(self) -> list[Channel]:
        """The channels of an event, in order."""
    @property
    def context_channels(self) -> list[Channel]:
        """The channels of the context, in order; those computed from the past of the events come first."""
    @property
    def past_channels(self) -> int:
        """How many of the context's channels are computed from the past of the events."""
    @property
    def alpha(self) -> float | None:
        """The false-alarm rate that is promised; None if the model is not calibrated."""
    @property
    def threshold(self) -> float | None:
        """The log-likelihood below which there is an alarm; None if there never is.

        A model that is calibrated by context may have others for some of its values.
        """
    @property
    def weights(self) -> str:
        """What the weights are stored as: f32, f16, i16 or i8."""
    @property
    def command(self) -> str:
        """The command that made the model."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(
        self,
    ) -> tuple[Callable[[bytes, str | None], Model], tuple[bytes, str | None]]: ...

@final
class Verdict:
    """What a detector says about one sample."""

    @property
    def log_prob(self) -> float:
        """Log-likelihood in nats, in the units of the data."""
    @property
    def p_value(self) -> float:
        """Conformal p-value, in (0, 1]."""
    @property
    def alarm(self) -> bool:
        """Whether the p-value is at most the model's alpha."""

@final
class Detector:
    """Watches a stream of samples with a calibrated model, as the chip does.

    A model that is conditioned on the past of its stream gets it from the samples that were observed.
    """

    def __new__(cls, model: Model) -> Detector: ...
    def observe(
        self, sample: _Row, context: _Row | None = None
    ) -> Verdict | None:
        """Scores one sample given its context; None while a model that needs the past has not enough of it.

        A sample with names (a mapping, a row of pandas, a named tuple) is matched by name, and may hold
        the context; a list or an array goes by position.

        A sample with a value that is missing or not finite raises NonFiniteError, is not counted, and leaves a gap in the past.
        """
    @property
    def observed(self) -> int:
        """The samples that got a verdict since the start or the last reset."""
    @property
    def alarms(self) -> int:
        """The alarms among them."""
    def reset(self) -> None:
        """Forgets all samples, the past of the stream among them."""

@final
class Progress:
    """How far training has come."""

    @property
    def epoch(self) -> int:
        """Epochs done."""
    @property
    def epochs(self) -> int:
        """Epochs at most."""
    @property
    def log_prob(self) -> float:
        """Mean log-likelihood of the validation rows, in nats."""
    @property
    def best(self) -> float:
        """The best so far."""

@final
class Trained:
    """A model, and what became of its training."""

    @property
    def model(self) -> Model:
        """The model."""
    @property
    def rows(self) -> tuple[int, int, int]:
        """Rows that trained, validated and calibrated."""
    @property
    def family(self) -> str:
        """Its kind: nice, realnvp, nsf, maf, iaf or nsf-ar."""
    @property
    def layers(self) -> int:
        """Layers of that kind."""
    @property
    def hidden(self) -> list[int]:
        """Units of the hidden layers in each."""
    @property
    def smoothing(self) -> float:
        """Standard deviation of the noise added to training rows, in standard deviations of each column."""
    @property
    def epochs(self) -> int:
        """Epochs begun."""
    @property
    def best_epoch(self) -> int:
        """The epoch that the model is of."""
    @property
    def stop(self) -> str:
        """Why training ended: finished, early (no further improvement) or interrupted."""
    @property
    def log_prob(self) -> float:
        """Mean log-likelihood of the calibration rows, in nats."""
    @property
    def log_prob_stderr(self) -> float:
        """Its standard error, for rows that are independent."""
    @property
    def gain_over_gaussian(self) -> float | None:
        """What that is above the log-likelihood of a Gaussian, in nats per row; None where none can be fitted."""
    @property
    def promise_stands(self) -> bool | None:
        """Whether the calibration rows bear the promise out; None without a promise, or if that was not examined."""
    @property
    def standing(self) -> str | None:
        """What is known of the promise's conditions, in a sentence; None without a promise."""
    @property
    def no_promise(self) -> str | None:
        """Why the model promises no false-alarm rate; None if it does."""
    @property
    def columns(self) -> list[str]:
        """What was found out about columns: domains and rounding, one sentence each."""

def of_scaled_rows(model: Model, why: str) -> Model:
    """The same model, which can't be saved unless the caller says that its rows need ``why`` first."""

def rescale(
    model: Model,
    names: Sequence[str],
    offsets: Sequence[float],
    factors: Sequence[float],
    command: str,
) -> Model:
    """The model of raw rows that a model of ``(raw - offset) * factor`` stands for, with new names of its channels."""

def restore(data: bytes, scaled: str | None) -> Model:
    """A model from a pickle."""

def train(
    events: _Rows,
    context: _Rows | None,
    options: Mapping[str, Any],
    progress: Callable[[Progress], bool | None] | None,
) -> Trained:
    """Trains on rows; ``options`` has all that the signature of ``flow_embedded.train`` has, by name."""
