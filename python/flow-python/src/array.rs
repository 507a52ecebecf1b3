//! Tables, rows and columns as `f32`.
//!
//! ```text
//! value ──► lies as slices do: borrowed
//!       ├─► has names: its columns in the model's order   ┐ by flow_embedded._arrays,
//!       └─► anything else that holds numbers, by position ┘ with one copy
//! ```
//!
//! A C-contiguous, aligned array of `float32` is read where it lies. Everything else that holds real
//! numbers (lists, `float64`, integers, transposed and strided views) is converted, each number rounded
//! once; what is missing (masked, null, NA) becomes NaN.

use crate::error::{NonFiniteError, ShapeError};
use flow_embedded::artefact::Channels;
use numpy::ndarray::Dimension;
use numpy::{
    Ix1, Ix2, IxDyn, PyArray, PyArrayMethods as _, PyReadonlyArray, PyUntypedArray,
    PyUntypedArrayMethods as _,
};
use pyo3::prelude::*;
use std::borrow::Cow;

/// An array that lies in memory as slices do.
pub(crate) struct Floats<'py, D: Dimension> {
    array: PyReadonlyArray<'py, f32, D>,
}

impl<'py, D: Dimension> Floats<'py, D> {
    /// Reads an array with as many axes as `D` has, by position; `what` names it in messages, in the plural.
    pub(crate) fn new(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Self> {
        if let Some(array) = Self::in_place(value) {
            return Ok(array);
        }
        let array = numbers(value, what)?;
        if let Some(array) = Self::in_place(&array) {
            return Ok(array);
        }
        let axes: usize = array.getattr("ndim")?.extract()?;
        let found = match axes {
            1 => "one axis".to_owned(),
            _ => format!("{axes} axes"),
        };
        let needed = match D::NDIM {
            Some(1) => "one is needed: a list of values",
            _ => {
                "two are needed, rows and channels: [x] makes one row of a list of values, \
                 numpy.reshape(x, (-1, 1)) one channel"
            }
        };
        Err(ShapeError::new_err(format!(
            "the {what} have {found}, and {needed}"
        )))
    }

    fn in_place(value: &Bound<'py, PyAny>) -> Option<Self> {
        // Subclasses may mean more than their numbers: a masked array has a mask.
        if !value.is_exact_instance_of::<PyUntypedArray>() {
            return None;
        }
        let array = value.cast::<PyArray<f32, D>>().ok()?;
        let array = array.try_readonly().ok()?;
        // Slices of columns one behind the other are slices, too.
        (array.is_c_contiguous() && array.as_slice().is_ok()).then_some(Self { array })
    }

    /// The numbers, row after row.
    pub(crate) fn values(&self) -> &[f32] {
        // What is not contiguous was refused above, so there is always a slice.
        self.array.as_slice().unwrap_or_default()
    }
}

/// An array of NumPy of any number of axes, which [`Floats`] then borrows.
pub(crate) fn numbers<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Bound<'py, PyAny>> {
    match Floats::<IxDyn>::in_place(value) {
        Some(_) => Ok(value.clone()),
        None => arrays(value.py())?.call_method1("numbers", (value, what)),
    }
}

/// The half of this module that is Python: it knows the libraries of tables.
pub(crate) fn arrays(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("flow_embedded._arrays")
}

/// One number for each row.
pub(crate) fn column<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Floats<'py, Ix1>> {
    Floats::new(value, what)
}

/// Rows × columns.
pub(crate) struct Table<'py> {
    floats: Floats<'py, Ix2>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl<'py> Table<'py> {
    /// By position.
    pub(crate) fn new(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Self> {
        let floats = Floats::<Ix2>::new(value, what)?;
        let shape = floats.array.shape();
        let (rows, columns) = (shape[0], shape[1]);
        Ok(Self {
            floats,
            rows,
            columns,
        })
    }

    pub(crate) fn values(&self) -> &[f32] {
        self.floats.values()
    }
}

/// An empty list with room for so many numbers.
pub(crate) fn room(count: usize) -> PyResult<Vec<f32>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        pyo3::exceptions::PyMemoryError::new_err(format!(
            "there is no memory for {count} numbers: ask for fewer rows at a time"
        ))
    })?;
    Ok(values)
}

/// One value of a table that is no finite number.
pub(crate) struct NonFinite {
    row: usize,
    column: usize,
    value: f32,
}

impl NonFinite {
    /// Looks for one.
    pub(crate) fn find(values: &[f32], columns: usize) -> Result<(), Self> {
        /// Values that are looked at together, by vectors.
        const PIECE: usize = 1024;
        let finite = |piece: &&[f32]| piece.iter().fold(true, |all, x| all & x.is_finite());
        let Some(piece) = values.chunks(PIECE).position(|piece| !finite(&piece)) else {
            return Ok(());
        };
        let from = piece * PIECE;
        let within = values[from..].iter().position(|x| !x.is_finite());
        let place = from + within.unwrap_or(0);
        Err(Self {
            row: place / columns,
            column: place % columns,
            value: values[place],
        })
    }

    /// Says so, with the name of its column.
    pub(crate) fn error(&self, name: impl Fn(usize) -> Cow<'static, str>) -> PyErr {
        let (row, column) = (self.row, name(self.column));
        NonFiniteError::new_err(match self.value.is_nan() {
            true => format!(
                "row {row}, column `{column}`: NaN, or the value is missing; fill it in, or leave the row out"
            ),
            false => format!(
                "row {row}, column `{column}`: {} is not a finite float32; correct the value, or leave the row out",
                self.value
            ),
        })
    }
}

/// Refuses rows with a value that is no finite number.
pub(crate) fn finite(values: &[f32], channels: Channels<'_>) -> PyResult<()> {
    let name = |column| channels.get(column).map_or("", |own| own.name);
    NonFinite::find(values, channels.len())
        .map_err(|fault| fault.error(|column| name(column).to_owned().into()))
}
