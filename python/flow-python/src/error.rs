//! What can go wrong, as exceptions of Python.
//!
//! All are `FlowError`s, and so `ValueError`s; files that can't be read or written are `OSError`s.

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;

create_exception!(
    flow_embedded,
    FlowError,
    PyValueError,
    "Something was given that can't be used; the message says what, where, and what to do."
);
create_exception!(
    flow_embedded,
    ArtefactError,
    FlowError,
    "The bytes hold no model that this version can use: truncated, damaged, or too new."
);
create_exception!(
    flow_embedded,
    ShapeError,
    FlowError,
    "An array has other axes, columns or rows than are needed, lacks a column, or holds no numbers."
);
create_exception!(
    flow_embedded,
    NonFiniteError,
    FlowError,
    "A value is missing (masked, null, NA), NaN, infinite, or too large for float32."
);
create_exception!(
    flow_embedded,
    CalibrationError,
    FlowError,
    "The model promises no false-alarm rate for what was asked."
);
create_exception!(
    flow_embedded,
    UnsupportedError,
    FlowError,
    "The model is of a kind that can't do this."
);
create_exception!(
    flow_embedded,
    TrainingError,
    FlowError,
    "No model can be trained on these rows with these options."
);
