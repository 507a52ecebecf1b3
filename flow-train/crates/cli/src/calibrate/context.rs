//! The promise within each value of a categorical context.

use crate::Error;
use flow_calibrate::MondrianTables;
use flow_data::Dataset;
use flow_embedded::artefact::LoadedFlow;
use std::path::Path;

/// Whether the promise is kept by context.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Context")]
pub(super) struct ContextOptions {
    /// A context column of few values, an operating mode say: each of its values in the rows gets a
    /// calibration table of its own, so that the promise holds within each. At least 1/alpha − 1 rows
    /// are needed of each; other values are judged by the table of all rows [default: as the model
    /// has it]
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Drop the model's tables by context
    #[arg(long, conflicts_with = "by")]
    pooled: bool,
}

impl ContextOptions {
    /// Whether tables by context are asked for.
    pub(super) fn is_asked_for(&self) -> bool {
        self.by.is_some()
    }

    /// The tables asked for, or else those that the model has, by these rows.
    pub(super) fn tables(
        &self,
        path: &Path,
        flow: &LoadedFlow<'_>,
        rows: &Dataset,
        log_probs: &[f32],
        alpha: f64,
    ) -> Result<Option<MondrianTables>, Error> {
        let header = flow.header();
        let channel = match &self.by {
            Some(column) => Some(self::channel(flow, column)?),
            None if self.pooled => None,
            None => header.mondrian.map(|own| usize::from(own.channel)),
        };
        let Some(channel) = channel else {
            return Ok(None);
        };
        let width = header.context.len();
        let column = header.context.get(channel).map(|own| own.name);
        let tables = MondrianTables::new(log_probs, rows.contexts(), width, channel, alpha);
        tables.map(Some).map_err(|fault| Error::ByContext {
            path: path.to_owned(),
            column: column.unwrap_or_default().to_owned(),
            fault,
        })
    }
}

/// The context channel of a name. What is computed from the past is none to choose.
fn channel(flow: &LoadedFlow<'_>, column: &str) -> Result<usize, Error> {
    let header = flow.header();
    let given = header
        .context
        .iter()
        .enumerate()
        .skip(header.features.len());
    let mut found = given.clone().filter(|(_, channel)| channel.name == column);
    found.next().map(|(index, _)| index).ok_or_else(|| {
        let names: Vec<&str> = given.map(|(_, channel)| channel.name).collect();
        let has = match names.as_slice() {
            [] => "it has none: train it with --context".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        Error::Usage(format!(
            "--by {column}: the model has no context column of this name; {has}"
        ))
    })
}
