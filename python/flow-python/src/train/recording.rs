//! Arrays as the recording that `flow train` would have read.

use super::Options;
use crate::array::{NonFinite, Table, arrays, column};
use crate::error::{NonFiniteError, ShapeError, TrainingError};
use crate::named::table;
use flow_train::data::{CleaningReport, Dataset, Recording, fault_of_name};
use flow_train::foreign::{Medium, show};
use pyo3::prelude::*;
use std::collections::HashMap;

/// Reads events, their context, and what options say of each row.
pub(super) fn of(
    events: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
    options: &Options,
) -> PyResult<Recording> {
    let py = events.py();
    let (events, event_labels) = table(events, "events")?;
    if events.columns == 0 {
        return Err(ShapeError::new_err(
            "the events have no column: there is nothing to model",
        ));
    }
    let (context, context_labels) = match context {
        Some(own) => {
            let (table, labels) = table(own, "contexts")?;
            (Some(table), labels)
        }
        None => (None, None),
    };
    let (rows, width) = (events.rows, context.as_ref().map_or(0, |own| own.columns));
    let event_names = names(
        options.names.as_ref(),
        event_labels.as_ref(),
        events.columns,
        "names",
        "x",
    )?;
    let context_names = options.context_names.as_ref();
    let context_names = names(
        context_names,
        context_labels.as_ref(),
        width,
        "context_names",
        "c",
    )?;
    differ(event_names.iter().chain(&context_names))?;
    finite(&events, &event_names)?;
    if let Some(context) = &context {
        same_rows(rows, context.rows, "contexts")?;
        finite(context, &context_names)?;
    }
    let groups = options
        .groups
        .as_ref()
        .map(|own| groups(own.bind(py), rows));
    let weights = options
        .weights
        .as_ref()
        .map(|own| weights(own.bind(py), rows));
    let mut data = Dataset::new(event_names, context_names);
    let contexts = context.as_ref().map_or(&[][..], Table::values);
    for row in 0..rows {
        let event = &events.values()[row * events.columns..][..events.columns];
        data.push(event, &contexts[row * width..][..width]);
    }
    Ok(Recording {
        data,
        anomalies: None,
        groups: groups.transpose()?,
        weights: weights.transpose()?,
        report: CleaningReport {
            rows_read: rows as u64,
            rows_used: rows as u64,
            ..CleaningReport::default()
        },
        has_header: true,
    })
}

/// The names that were given, those that the table has, or `x0`, `x1` and so on.
fn names(
    given: Option<&Vec<String>>,
    labels: Option<&Vec<String>>,
    columns: usize,
    option: &str,
    letter: &str,
) -> PyResult<Vec<String>> {
    if let Some((given, labels)) = given.zip(labels)
        && given != labels
    {
        let [given, labels] = [given, labels].map(|own| show(&own.join(", "), Medium::Line));
        return Err(TrainingError::new_err(format!(
            "{option}: {given} are given for columns that have the names {labels}: leave {option} out, or give an array \
             without names"
        )));
    }
    match given.or(labels) {
        None => Ok((0..columns)
            .map(|column| format!("{letter}{column}"))
            .collect()),
        Some(names) if names.len() == columns => printable(names, option),
        Some(names) => Err(ShapeError::new_err(format!(
            "{option} has {} names for {columns} columns: give one for each",
            names.len()
        ))),
    }
}

/// Names that an artefact can hold, and a message can quote.
pub(crate) fn printable(names: &[String], option: &str) -> PyResult<Vec<String>> {
    for (column, name) in names.iter().enumerate() {
        if let Some(why) = fault_of_name(name) {
            let name = show(&name.chars().take(40).collect::<String>(), Medium::Line);
            return Err(TrainingError::new_err(format!(
                "{option}: the name \"{name}\" of column {column} {why}: give the column another one"
            )));
        }
    }
    Ok(names.to_vec())
}

/// Refuses names of which two are the same.
pub(crate) fn differ<'n>(names: impl Iterator<Item = &'n String>) -> PyResult<()> {
    let mut seen = HashMap::new();
    for name in names {
        if seen.insert(name, ()).is_some() {
            return Err(TrainingError::new_err(format!(
                "two columns have the name `{name}`: give each another one"
            )));
        }
    }
    Ok(())
}

fn finite(table: &Table<'_>, names: &[String]) -> PyResult<()> {
    NonFinite::find(table.values(), table.columns)
        .map_err(|fault| fault.error(|column| names[column].clone().into()))
}

fn same_rows(rows: usize, found: usize, what: &str) -> PyResult<()> {
    if rows == found {
        return Ok(());
    }
    Err(ShapeError::new_err(format!(
        "there are {rows} events and {found} {what}: give one for each row"
    )))
}

/// Numbers groups in the order of their appearance, whatever they are called.
fn groups(labels: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<u32>> {
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut groups = Vec::with_capacity(rows);
    let is_missing = arrays(labels.py())?.getattr("is_missing")?;
    for (row, label) in labels.try_iter()?.enumerate() {
        let label = label?;
        if is_missing.call1((&label,))?.extract()? {
            return Err(ShapeError::new_err(format!(
                "groups: row {row} has no label: give it one, or leave the row out"
            )));
        }
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        groups.push(*known.entry(label.str()?.to_string()).or_insert(next));
    }
    same_rows(rows, groups.len(), "groups")?;
    Ok(groups)
}

fn weights(values: &Bound<'_, PyAny>, rows: usize) -> PyResult<Vec<f32>> {
    let own = column(values, "weights")?;
    let own = own.values();
    same_rows(rows, own.len(), "weights")?;
    if let Some(row) = own.iter().position(|x| !(x.is_finite() && *x >= 0.0)) {
        return Err(NonFiniteError::new_err(format!(
            "row {row}: the weight {} is no finite number of at least 0; correct it, or give rows that shall not count \
             the weight 0",
            own[row]
        )));
    }
    if own.iter().all(|x| *x == 0.0) {
        return Err(TrainingError::new_err(
            "each row has the weight 0: give some rows a positive weight",
        ));
    }
    Ok(own.to_vec())
}
