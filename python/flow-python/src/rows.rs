//! Events and their context, for the channels of a model.

use crate::array::{Floats, Table, column, numbers, room};
use crate::channel::names;
use crate::error::ShapeError;
use crate::named::{Named, row};
use flow_embedded::artefact::Channels;
use numpy::Ix1;
use pyo3::prelude::*;

/// Events, and what they are conditioned on.
pub(crate) struct Rows<'py> {
    events: Table<'py>,
    context: Context<'py>,
}

impl<'py> Rows<'py> {
    /// Reads rows of these channels. Events with names may hold the context, too.
    pub(crate) fn new(
        events: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        channels: [Channels<'_>; 2],
    ) -> PyResult<Self> {
        let named = Named::find(events, "events")?;
        let beside = match (&named, context, channels[1]) {
            (None, _, _) | (_, Some(_), _) => None,
            (_, _, own) if own.is_empty() => None,
            (Some(named), None, own) if named.has(own) => Some(named.take(own, "events")?),
            (Some(_), None, _) => None,
        };
        let events = match &named {
            Some(named) => Table::new(&named.take(channels[0], "events")?, "events")?,
            None => Table::new(events, "events")?,
        };
        fits(events.columns, channels[0], "events")?;
        let context = context.or(beside.as_ref());
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

/// One event, and what it is conditioned on.
pub(crate) struct Sample<'py> {
    event: Floats<'py, Ix1>,
    context: Option<Floats<'py, Ix1>>,
}

impl<'py> Sample<'py> {
    /// Reads one row of these channels. An event with names may hold the context, too.
    pub(crate) fn new(
        event: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        channels: [Channels<'_>; 2],
    ) -> PyResult<Self> {
        let context = match (context, channels[1]) {
            (None, own) if own.is_empty() => None,
            (Some(_), own) if own.is_empty() => return Err(without_context()),
            (Some(context), own) => Some(row(context, "values of the context", own)?),
            (None, own) => match Named::find(event, "values of the sample")? {
                Some(named) if named.has(own) => Some(row(event, "values of the sample", own)?),
                _ => {
                    return Err(ShapeError::new_err(format!(
                        "the model needs a context: {}",
                        names(own)
                    )));
                }
            },
        };
        let event = row(event, "values of the sample", channels[0])?;
        Ok(Self { event, context })
    }

    pub(crate) fn event(&self) -> &[f32] {
        self.event.values()
    }

    pub(crate) fn context(&self) -> &[f32] {
        self.context.as_ref().map_or(&[], Floats::values)
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
        channels: Channels<'_>,
        rows: usize,
    ) -> PyResult<Self> {
        let Some(value) = value else {
            return match channels.is_empty() {
                true => Ok(Self::Rows(None)),
                false => Err(ShapeError::new_err(format!(
                    "the model needs a context for its rows ({}): give it as an array of rows × {} values",
                    names(channels),
                    channels.len()
                ))),
            };
        };
        if channels.is_empty() {
            return Err(without_context());
        }
        let value = match Named::find(value, "contexts")? {
            Some(named) => &named.take(channels, "contexts")?,
            None => &numbers(value, "contexts")?,
        };
        if value.getattr("ndim")?.eq(1)? {
            let same = column(value, "contexts")?;
            fits(same.values().len(), channels, "contexts")?;
            let count = rows.saturating_mul(channels.len());
            let mut values = room(count)?;
            for _ in 0..rows {
                values.extend_from_slice(same.values());
            }
            return Ok(Self::Repeated(values));
        }
        let table = Table::new(value, "contexts")?;
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

fn without_context() -> PyErr {
    ShapeError::new_err("the model has no context: leave the argument out")
}

fn fits(columns: usize, channels: Channels<'_>, what: &str) -> PyResult<()> {
    if columns == channels.len() {
        return Ok(());
    }
    Err(ShapeError::new_err(format!(
        "the {what} have {columns} columns, and the model has {}: {}",
        channels.len(),
        names(channels)
    )))
}
