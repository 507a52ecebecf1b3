"""Counted scores: all that a calibration table needs, in bounded memory, and exact to add up.

The twin of ``flow_train::calibrate::Sketch``, which says why sums do not depend on how rows were divided;
``flow calibrate --scored`` reads what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: The most different scores that are told apart; those of ``flow calibrate``.
MAX_SCORES = 1 << 20

_IMPOSSIBLE = np.uint32(0x007F_FFFF)
_SIGN = np.uint32(1 << 31)


@dataclass(frozen=True)
class Sketch:
    """Different scores, ascending, and the rows that have each; ``level`` last bits are rounded down."""

    scores: np.ndarray
    rows: np.ndarray
    level: int


class Sketcher:
    """Adds up scores and sketches of them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting_rows = 0
        self._level = 0

    def push(self, log_probs: np.ndarray) -> None:
        """Adds rows. NaN counts as −∞, as it does on the chip."""
        self.add(log_probs, np.ones(len(log_probs), np.int64), 0)

    def add(self, scores: np.ndarray, rows: np.ndarray, level: int) -> None:
        """Adds so many rows of each score, from a sketch of this level."""
        self._waiting.append((_keys(np.asarray(scores, np.float32)), np.asarray(rows, np.int64)))
        self._waiting_rows += len(scores)
        self._level = max(self._level, level)
        # What waits is as much as a sketch at most, beside the sketch itself.
        if self._waiting_rows > 2 * MAX_SCORES:
            self._settle()

    def finish(self) -> Sketch:
        """The sketch of all rows so far."""
        keys, rows = self._settle()
        return Sketch(_scores(keys), rows, self._level)

    def _settle(self) -> tuple[np.ndarray, np.ndarray]:
        """Equal scores as one, at the lowest level that has room for them."""
        keys = np.concatenate([keys for keys, _ in self._waiting] or [np.zeros(0, np.uint32)])
        rows = np.concatenate([rows for _, rows in self._waiting] or [np.zeros(0, np.int64)])
        keys, rows = _joined(keys, rows, self._level)
        while len(keys) > MAX_SCORES:
            self._level += 1
            keys, rows = _joined(keys, rows, self._level)
        self._waiting, self._waiting_rows = [(keys, rows)], len(keys)
        return keys, rows


def _joined(keys: np.ndarray, rows: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Ascending keys at a level, each once, and the sums of their rows."""
    step = np.uint32(level)
    # What lies below −∞ in this order is no score.
    floored = np.maximum((keys >> step) << step, _IMPOSSIBLE)
    order = np.argsort(floored, kind="stable")
    floored = floored[order]
    first = np.flatnonzero(np.diff(floored, prepend=floored[:1] ^ 1))
    # Sums of integers: those of floating point are exact only to 2^53.
    return floored[first], np.add.reduceat(rows[order], first) if len(first) else rows[:0]


def _keys(scores: np.ndarray) -> np.ndarray:
    """Numbers that ascend with the scores, one for each."""
    bits = (scores + np.float32(0)).view(np.uint32)
    keys = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return np.where(np.isnan(scores), _IMPOSSIBLE, keys)


def _scores(keys: np.ndarray) -> np.ndarray:
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float32)
