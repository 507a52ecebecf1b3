"""Whatever holds numbers, as arrays of ``float32``: the compiled half asks for it.

No library of tables is imported here: whoever gives a table of one has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._flow import ShapeError

_REAL = "biuf"
_FLOATS: frozenset[Any] = frozenset((float, np.float64, np.float32))


def numbers(value: Any, what: str) -> NDArray[np.float32]:
    """An array of the same axes, C-contiguous. What is missing (masked, null, NA) is NaN.

    ``what`` names the value in messages, in the plural. Raises ``ShapeError`` for what holds no real numbers.
    """
    if _is(value, "pandas", "DataFrame"):
        columns = [_floats(value.iloc[:, place], what) for place in range(value.shape[1])]
        if not columns:
            return np.empty(value.shape, np.float32)
        return np.ascontiguousarray(np.stack(columns, axis=1))
    # A scalar of its own axes would become a list of one.
    return np.require(_floats(value, what), np.float32, ["C", "A"])


def is_missing(label: Any) -> bool:
    """Whether a label is none: masked, null, NA or NaN."""
    return (
        label is None
        or label is np.ma.masked
        or _is(label, "pandas", "NA")
        or (isinstance(label, float | np.floating | np.datetime64 | np.timedelta64) and bool(label != label))
        or (_is(label, "pyarrow", "Scalar") and not label.is_valid)
    )


def checked(value: Any) -> Any:
    """A table for scikit-learn, which loses masks and takes times for numbers: NaN in place of what is masked.

    Raises ``ShapeError`` for times. Anything else is left for scikit-learn to judge.
    """
    try:
        kind = np.asanyarray(value[:1]).dtype
    except Exception:
        # No rows that can be cut; scikit-learn says so.
        kind = np.dtype(np.float32)
    if kind.kind in "mM":
        _real(kind.kind, kind, "rows")
    if isinstance(value, list | tuple) and any(isinstance(own, np.ma.MaskedArray) for own in value):
        value = np.ma.array(value)
    if not isinstance(value, np.ma.MaskedArray):
        return value
    if not np.ma.is_masked(value):
        return value.data
    # Integers have no NaN.
    return np.ma.filled(value.astype(np.float64) if value.dtype.kind in _REAL else value, np.nan)


def named(value: Any, what: str) -> Named | None:
    """The columns of a table, or the values of a row, by their names; None if it goes by position."""
    if isinstance(value, np.ndarray | np.void):
        if value.dtype.names is None:
            return None
        columns = list(value.dtype.names)
        return Named(what, columns, lambda place: value[columns[place]])
    if _is(value, "pandas", "DataFrame"):
        names = _names(list(value.columns), what)
        return None if names is None else Named(what, names, lambda place: value.iloc[:, place])
    if _is(value, "pandas", "Series"):
        labels = list(value.index)
        # Times and other labels tell rows apart, and not the channels of one row.
        if not any(isinstance(label, str | int | np.integer) for label in labels):
            return None
        names = _names(labels, what)
        # Numbers of NumPy are much faster than those of a series, one by one.
        row = value.to_numpy() if isinstance(value.dtype, np.dtype) else value.iloc
        return None if names is None else Named(what, names, lambda place: row[place])
    if _is(value, "polars", "DataFrame"):
        return Named(what, value.columns, lambda place: value.to_series(place))
    if _is(value, "pyarrow", "Table", "RecordBatch"):
        return Named(what, value.schema.names, lambda place: value.column(place))
    # Mappings, and rows of sqlite3, which are none but for their name.
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        keys = list(value.keys())
        names = _names(keys, what)
        return None if names is None else Named(what, names, lambda place: value[keys[place]])
    if (fields := _fields(value)) is not None:
        return Named(what, fields, lambda place: value[place])
    if isinstance(value, list | tuple):
        return _named_rows(value, what)
    if hasattr(value, "__dataframe__"):
        names = _names(list(value.__dataframe__().column_names()), what)
        return None if names is None else Named(what, names, lambda place: value[names[place]])
    return None


class Named:
    """Columns, or the values of one row, that have names."""

    def __init__(self, what: str, names: Sequence[str], read: Callable[[int], Any]) -> None:
        self.what = what
        self.names = list(names)
        self._read = read

    def take(self, places: Sequence[int]) -> NDArray[np.float32]:
        """Rows × columns of those at these places; of a row its values."""
        values = [self._read(place) for place in places]
        if all(type(value) in _FLOATS for value in values):
            # A sample of a stream, of which there are many.
            return _rounded(lambda: np.array(values, np.float64).astype(np.float32))
        columns = [self._column(place, value) for place, value in zip(places, values, strict=True)]
        shapes = {column.shape for column in columns}
        if len(shapes) > 1:
            sizes = ", ".join(
                f"{_shown(self.names[place])}: {'one value' if column.ndim == 0 else len(column)}"
                for place, column in zip(places, columns, strict=True)
            )
            raise ShapeError(f"the {self.what} have columns of different lengths ({sizes}): give one value for each row")
        return np.ascontiguousarray(np.stack(columns, axis=-1)) if columns else np.empty((0, 0), np.float32)

    def _column(self, place: int, value: Any) -> NDArray[np.float32]:
        what = f"values of `{_shown(self.names[place])}`"
        column = _floats(value, what)
        if column.ndim > 1:
            raise ShapeError(f"the {what} have {column.ndim} axes: give one value for each row")
        return column


def _named_rows(rows: Sequence[Any], what: str) -> Named | None:
    """Rows one by one, each with names of its own."""
    first = next(iter(rows), None)
    if isinstance(first, int | float | np.ndarray | list | np.number):
        return None
    owns = [named(row, what) if not isinstance(row, list | tuple) or _fields(row) else None for row in rows]
    if not any(owns):
        return None
    names = list(dict.fromkeys(name for own in owns if own for name in own.names))

    def read(place: int) -> NDArray[np.float32]:
        name = names[place]
        values = np.empty(len(owns), np.float32)
        for row, own in enumerate(owns):
            if own is None or own.names.count(name) != 1:
                raise ShapeError(f"the {what} have no single `{_shown(name)}` in row {row}: give each row the same names")
            value = own.take([own.names.index(name)])
            if value.shape != (1,):
                raise ShapeError(f"the {what} have a list of values for `{_shown(name)}` in row {row}: give one value")
            values[row] = value[0]
        return values

    return Named(what, names, read)


def _shown(name: str) -> str:
    """A name as a message may quote it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def _fields(value: Any) -> Sequence[str] | None:
    """The names of a named tuple, or of a row of Spark."""
    if not isinstance(value, tuple):
        return None
    fields = getattr(value, "_fields", None) or getattr(value, "__fields__", None)
    return list(fields) if isinstance(fields, list | tuple) else None


def _names(labels: list[Any], what: str) -> list[str] | None:
    """Labels that are names; None for those that number columns in their order."""
    if labels and all(isinstance(label, str) for label in labels):
        return [str(label) for label in labels]
    numbered = all(isinstance(label, int | np.integer) for label in labels)
    if numbered and all(one < other for one, other in zip(labels, labels[1:], strict=False)):
        return None
    shown = ", ".join(map(repr, labels[:10])) + (", …" if len(labels) > 10 else "")
    raise ShapeError(
        f"the {what} have columns labelled {shown}, which are neither all names nor ascending numbers: give them the "
        "names of the model's columns, or an array without labels, which goes by position"
    )


def _floats(value: Any, what: str) -> NDArray[np.float32]:
    """Numbers of any number of axes, each rounded once."""
    if _is(value, "pandas", "Series") or _is(value, "pandas", "Index"):
        kind = getattr(value.dtype, "kind", "O")
        _real(kind, value.dtype, what)
        if not isinstance(value.dtype, np.dtype):
            return _rounded(lambda: value.to_numpy(dtype="float32", na_value=np.nan))
        value = value.to_numpy()
    elif _is(value, "polars", "Series"):
        polars = sys.modules["polars"]
        kind = "f" if value.dtype.is_numeric() or value.dtype == polars.Boolean else "O"
        _real("M" if value.dtype.is_temporal() else kind, value.dtype, what)
        return _rounded(lambda: value.cast(polars.Float32, strict=False).to_numpy())
    elif _is(value, "pyarrow", "Array", "ChunkedArray", "Scalar"):
        types = sys.modules["pyarrow"].types
        real = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
        kind = "f" if any(own(value.type) for own in real) else "M" if types.is_temporal(value.type) else "O"
        _real(kind, value.type, what)
        cast = value.cast("float32", safe=False) if not types.is_boolean(value.type) else value.cast("uint8")
        if _is(value, "pyarrow", "Scalar"):
            value = np.nan if not cast.is_valid else cast.as_py()
        else:
            return _rounded(lambda: cast.cast("float32").to_numpy(zero_copy_only=False))
    elif hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise ShapeError(f"the {what} are a sparse matrix, and rows are dense here: give x.toarray()")
    elif value is None or _is(value, "pandas", "NA"):
        value = np.nan
    elif isinstance(value, list | tuple) and any(isinstance(own, np.ma.MaskedArray) for own in value):
        # As an array it would lose what is masked.
        value = np.ma.array(value)
    try:
        array = np.asanyarray(value)
    except Exception as fault:
        raise ShapeError(f"the {what} make no array: {fault}") from fault
    if array.dtype.kind == "O" and array.ndim == 0:
        raise ShapeError(
            f"the {what} are of the type {type(value).__name__}, which holds no numbers that can be read: give an array, "
            "a table in memory, or a list of rows"
        )
    _real(array.dtype.kind, array.dtype, what)
    if isinstance(array, np.ma.MaskedArray):
        return _rounded(lambda: np.ma.filled(array.astype(np.float32), np.nan))
    # Subclasses (matrices, records) index in ways of their own.
    return _rounded(lambda: np.asarray(array).astype(np.float32, order="C", copy=False))


def _rounded(convert: Callable[[], Any]) -> NDArray[np.float32]:
    # What is too large becomes infinite, and is told with its row and column.
    with np.errstate(over="ignore", invalid="ignore"):
        found: NDArray[np.float32] = np.asarray(convert(), np.float32)
    return found


def _real(kind: str, dtype: Any, what: str) -> None:
    if kind in _REAL:
        return
    remedy = {
        "c": "take x.real or abs(x)",
        "M": "leave times out, or give seconds: (t - t[0]) / numpy.timedelta64(1, 's')",
        "m": "give seconds: x / numpy.timedelta64(1, 's')",
    }.get(kind, 'convert them first, as by numpy.asarray(x, dtype="float32")')
    raise ShapeError(f"the {what} hold {dtype}, and real numbers are needed: {remedy}")


def _is(value: Any, library: str, *kinds: str) -> bool:
    """Whether it is of one of these kinds of a library, which need not be installed."""
    module = sys.modules.get(library)
    for kind in kinds:
        own = getattr(module, kind, None)
        if own is not None and (value is own if not isinstance(own, type) else isinstance(value, own)):
            return True
    return False
