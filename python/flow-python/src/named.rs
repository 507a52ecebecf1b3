//! Columns by name.
//!
//! Tables of pandas, Polars and Arrow, structured arrays, mappings and rows with names are matched to a model's
//! channels by name: in any order, other columns are left out, and a column that is missing or there twice is
//! refused.

use crate::array::{Floats, Table, arrays};
use crate::channel::names;
use crate::error::ShapeError;
use flow_embedded::artefact::{Channel, Channels};
use flow_train::foreign::{Medium, show};
use numpy::{Ix1, IxDyn, PyArray, PyUntypedArray};
use pyo3::prelude::*;

/// The columns of a table, or the values of a row, that have names.
pub(crate) struct Named<'py> {
    names: Vec<String>,
    own: Bound<'py, PyAny>,
}

impl<'py> Named<'py> {
    /// Looks for names.
    pub(crate) fn find(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Option<Self>> {
        // Most values are plain arrays, and samples of a stream come one by one.
        if value.is_exact_instance_of::<PyUntypedArray>()
            && value.cast::<PyArray<f32, IxDyn>>().is_ok()
        {
            return Ok(None);
        }
        let own = arrays(value.py())?.call_method1("named", (value, what))?;
        if own.is_none() {
            return Ok(None);
        }
        let names = own.getattr("names")?.extract()?;
        Ok(Some(Self { names, own }))
    }

    /// Whether there is a column of each of these names.
    pub(crate) fn has(&self, channels: Channels<'_>) -> bool {
        let mut channels = channels.iter();
        channels.all(|channel| self.names.iter().any(|own| own == channel.name))
    }

    /// The columns of these channels, in their order; of a row its values. Other columns are left out.
    pub(crate) fn take(&self, channels: Channels<'_>, what: &str) -> PyResult<Bound<'py, PyAny>> {
        let places = |channel: Channel<'_>| {
            let own = self.names.iter().enumerate();
            let own = own.filter(|(_, name)| *name == channel.name);
            own.map(|(place, _)| place).collect::<Vec<_>>()
        };
        let found: Vec<Vec<usize>> = channels.iter().map(places).collect();
        let of = |count: fn(usize) -> bool| {
            let own = channels.iter().zip(&found);
            let own = own.filter(|(_, places)| count(places.len()));
            own.map(|(channel, _)| channel.name).collect::<Vec<_>>()
        };
        let missing = of(|count| count == 0);
        if !missing.is_empty() {
            let default = match has_default_names(channels) {
                true => {
                    "; the model was trained on rows without names, so give an array, which goes by position, if the \
                     columns are in the order of training"
                }
                false => {
                    "; columns are matched by name, in any order: rename them, or add what is missing"
                }
            };
            return Err(refused(format!(
                "the {what} have no column {}: the model needs {}, and they have {}{default}",
                quoted(&missing),
                names(channels),
                listed(&self.names),
            )));
        }
        let twice = of(|count| count > 1);
        if !twice.is_empty() {
            return Err(refused(format!(
                "the {what} have more than one column {}: the model needs one of each name, so rename or leave out the \
                 others",
                quoted(&twice)
            )));
        }
        let places: Vec<usize> = found.into_iter().flatten().collect();
        self.own.call_method1("take", (places,))
    }

    /// All columns, in their order.
    fn all(&self) -> PyResult<Bound<'py, PyAny>> {
        let places: Vec<usize> = (0..self.names.len()).collect();
        self.own.call_method1("take", (places,))
    }
}

/// Whether channels are called as rows without names are: x0, x1 and so on by Python, c0, c1 and so on as context or
/// by the command.
fn has_default_names(channels: Channels<'_>) -> bool {
    let named = |letter: char| {
        let mut own = channels.iter().enumerate();
        own.all(|(place, channel)| channel.name == format!("{letter}{place}"))
    };
    named('x') || named('c')
}

/// The first of some names, which may be thousands.
fn listed(names: &[String]) -> String {
    const LISTED: usize = 40;
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

// Callers make the sentence for this.
#[allow(clippy::needless_pass_by_value)]
fn refused(why: String) -> PyErr {
    // It quotes names that others chose.
    ShapeError::new_err(show(&why, Medium::Line))
}

/// The values of one row: by name where they have names, else by position.
pub(crate) fn row<'py>(
    value: &Bound<'py, PyAny>,
    what: &str,
    channels: Channels<'_>,
) -> PyResult<Floats<'py, Ix1>> {
    let floats = match Named::find(value, what)? {
        Some(named) => Floats::new(&named.take(channels, what)?, what)?,
        None => Floats::<Ix1>::new(value, what)?,
    };
    let found = floats.values().len();
    if found == channels.len() {
        return Ok(floats);
    }
    Err(ShapeError::new_err(format!(
        "{found} {what} are given, and the model has {} channels: {}",
        channels.len(),
        names(channels)
    )))
}

/// Rows of any number of columns, and the names of these where they have some.
pub(crate) fn table<'py>(
    value: &Bound<'py, PyAny>,
    what: &str,
) -> PyResult<(Table<'py>, Option<Vec<String>>)> {
    match Named::find(value, what)? {
        Some(named) => Ok((Table::new(&named.all()?, what)?, Some(named.names))),
        None => Ok((Table::new(value, what)?, None)),
    }
}
