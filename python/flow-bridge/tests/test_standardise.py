"""What was done to a flow's columns goes to the columns of the same names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flow_bridge.error import ExportError
from flow_bridge.golden import _matrix
from flow_bridge.standardise import scale
from sklearn.preprocessing import StandardScaler

NAMES = ["load", "speed"]


class Series:
    """As pandas has them."""

    iloc = None

    def __init__(self, values: list[float], index: list[Any]) -> None:
        self.values, self.index = values, index

    def to_numpy(self) -> np.ndarray:
        return np.array(self.values)


def test_series_go_by_name() -> None:
    mean, std = Series([1.0, 2.0], NAMES), Series([4.0, 3.0], NAMES[::-1])
    own = scale((mean, std), 2, "standardise", NAMES)
    assert own.mean.tolist() == [1.0, 2.0] and own.std.tolist() == [3.0, 4.0]
    # Without names of columns there is nothing to match, nor with labels that are no names.
    assert scale((mean, std), 2, "standardise").std.tolist() == [4.0, 3.0]
    assert scale((mean, Series([4.0, 3.0], [1, 0])), 2, "standardise", NAMES).std.tolist() == [4.0, 3.0]
    with pytest.raises(ExportError, match="for speed: it has the names load, pace"):
        scale((Series([1.0, 2.0], ["load", "pace"]), 1.0), 2, "standardise", NAMES)


def test_scalers_of_tables_go_by_name() -> None:
    scaler = StandardScaler().fit(np.array([[0.0, 10.0], [2.0, 50.0]]))
    scaler.feature_names_in_ = np.array(NAMES[::-1], dtype=object)
    own = scale(scaler, 2, "standardise", NAMES)
    assert own.mean.tolist() == [30.0, 1.0] and own.std.tolist() == [20.0, 1.0]
    plain = StandardScaler(with_std=False).fit(np.array([[0.0, 10.0], [2.0, 50.0]]))
    assert scale(plain, 2, "standardise", NAMES).mean.tolist() == [1.0, 30.0]


def test_masked_numbers_are_refused() -> None:
    with pytest.raises(ExportError, match="the std has a masked number"):
        scale((0.0, np.ma.array([1.0, 2.0], mask=[False, True])), 2, "standardise")
    with pytest.raises(ExportError, match="masked values"):
        _matrix(np.ma.array(np.zeros((40, 2)), mask=True), 2, "golden")
