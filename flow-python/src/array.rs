//! Arrays of NumPy as rows of `f32`.
//!
//! A C-contiguous, aligned array of `float32` is read where it lies. Everything else that holds real
//! numbers (lists, `float64`, integers, transposed and strided views) is converted by NumPy, with one
//! copy.

use crate::channel::names;
use crate::error::{NonFiniteError, ShapeError};
use flow_embedded::artefact::Channel;
use numpy::ndarray::Dimension;
use numpy::{Ix1, Ix2, PyArray, PyArrayMethods as _, PyReadonlyArray, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use std::borrow::Cow;

/// An array that lies in memory as slices do.
pub(crate) struct Floats<'py, D: Dimension> {
    array: PyReadonlyArray<'py, f32, D>,
}

impl<'py, D: Dimension> Floats<'py, D> {
    /// Reads an array with as many axes as `D` has; `what` names it in messages, in the plural.
    fn new(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Self> {
        if let Some(array) = Self::in_place(value) {
            return Ok(array);
        }
        let numpy = value.py().import("numpy")?;
        let unusable = |why: String| ShapeError::new_err(format!("the {what} {why}"));
        let array = numpy
            .call_method1("asarray", (value,))
            .map_err(|fault| unusable(format!("make no array: {}", fault.value(value.py()))))?;
        let dtype = array.getattr("dtype")?;
        let kind: char = dtype.getattr("kind")?.extract()?;
        if !matches!(kind, 'b' | 'i' | 'u' | 'f') {
            return Err(unusable(format!(
                "hold {dtype}, and real numbers are needed: convert them first, as by .astype(\"float32\")"
            )));
        }
        let axes: usize = array.getattr("ndim")?.extract()?;
        if let Some(needed) = D::NDIM
            && axes != needed
        {
            let found = match axes {
                1 => "one axis".to_owned(),
                _ => format!("{axes} axes"),
            };
            return Err(unusable(match needed {
                1 => format!("have {found}, and one is needed: a list of values"),
                _ => format!(
                    "have {found}, and two are needed, rows and channels: x[None, :] makes one row of a list of \
                     values, x[:, None] one channel"
                ),
            }));
        }
        let array = numpy.call_method1("require", (array, "float32", ["C", "A"]))?;
        Self::in_place(&array)
            .ok_or_else(|| unusable("can't be converted to an array of float32".to_owned()))
    }

    fn in_place(value: &Bound<'py, PyAny>) -> Option<Self> {
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

/// One number for each row.
pub(crate) fn column<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Floats<'py, Ix1>> {
    Floats::new(value, what)
}

/// Rows of any number of columns.
pub(crate) fn table<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Table<'py>> {
    let floats = Floats::<Ix2>::new(value, what)?;
    let shape = floats.array.shape();
    let (rows, columns) = (shape[0], shape[1]);
    Ok(Table {
        floats,
        rows,
        columns,
    })
}

/// Rows × columns.
pub(crate) struct Table<'py> {
    floats: Floats<'py, Ix2>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Table<'_> {
    pub(crate) fn values(&self) -> &[f32] {
        self.floats.values()
    }
}

/// Events, and what they are conditioned on.
pub(crate) struct Rows<'py> {
    events: Table<'py>,
    context: Context<'py>,
}

impl<'py> Rows<'py> {
    /// Reads rows of these channels.
    pub(crate) fn new(
        events: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        channels: [&[Channel<'_>]; 2],
    ) -> PyResult<Self> {
        let events = table(events, "events")?;
        fits(events.columns, channels[0], "events")?;
        let context = Context::new(context, channels[1], events.rows)?;
        Ok(Self { events, context })
    }

    pub(crate) fn rows(&self) -> usize {
        self.events.rows
    }

    pub(crate) fn events(&self) -> &[f32] {
        self.events.values()
    }

    pub(crate) fn contexts(&self) -> &[f32] {
        self.context.values()
    }
}

/// The context of some rows.
pub(crate) enum Context<'py> {
    /// One for each row, or none at all.
    Rows(Option<Table<'py>>),
    /// The same for all rows, repeated.
    Repeated(Vec<f32>),
}

impl<'py> Context<'py> {
    /// Reads the context of so many rows: as many rows, or one list of values for all of them.
    pub(crate) fn new(
        value: Option<&Bound<'py, PyAny>>,
        channels: &[Channel<'_>],
        rows: usize,
    ) -> PyResult<Self> {
        let Some(value) = value else {
            return match channels {
                [] => Ok(Self::Rows(None)),
                _ => Err(ShapeError::new_err(format!(
                    "the model needs a context for its rows ({}): give it as an array of rows × {} values",
                    names(channels),
                    channels.len()
                ))),
            };
        };
        if channels.is_empty() {
            return Err(ShapeError::new_err(
                "the model has no context: leave the argument out",
            ));
        }
        if let Ok(same) = column(value, "contexts") {
            fits(same.values().len(), channels, "contexts")?;
            let count = rows.saturating_mul(channels.len());
            let mut values = room(count)?;
            for _ in 0..rows {
                values.extend_from_slice(same.values());
            }
            return Ok(Self::Repeated(values));
        }
        let table = table(value, "contexts")?;
        fits(table.columns, channels, "contexts")?;
        if table.rows != rows {
            return Err(ShapeError::new_err(format!(
                "there are {rows} events and {} contexts: give one for each row",
                table.rows
            )));
        }
        Ok(Self::Rows(Some(table)))
    }

    pub(crate) fn values(&self) -> &[f32] {
        match self {
            Self::Rows(table) => table.as_ref().map_or(&[], Table::values),
            Self::Repeated(values) => values,
        }
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

fn fits(columns: usize, channels: &[Channel<'_>], what: &str) -> PyResult<()> {
    if columns == channels.len() {
        return Ok(());
    }
    Err(ShapeError::new_err(format!(
        "the {what} have {columns} columns, and the model has {}: {}",
        channels.len(),
        names(channels)
    )))
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
        NonFiniteError::new_err(format!(
            "row {}, column `{}`: {} is no finite float32; mend the value, or leave the row out",
            self.row,
            name(self.column),
            self.value
        ))
    }
}

/// Refuses rows with a value that is no finite number.
pub(crate) fn finite(values: &[f32], channels: &[Channel<'_>]) -> PyResult<()> {
    NonFinite::find(values, channels.len())
        .map_err(|fault| fault.error(|column| channels[column].name.to_owned().into()))
}
