//! Calibration tables by context, for people and for machines.

use flow_calibrate::threshold;
use flow_embedded::artefact::LoadedFlow;
use serde::Serialize;

/// Calibration tables by context.
#[derive(Debug, Serialize)]
pub(super) struct ContextReport<'a> {
    column: &'a str,
    categories: Vec<CategoryReport>,
}

#[derive(Debug, Serialize)]
struct CategoryReport {
    value: f32,
    rows: u32,
    entries: u16,
    threshold: Option<f32>,
}

impl<'a> ContextReport<'a> {
    /// `None` if the model has none.
    pub(super) fn new(flow: &LoadedFlow<'a>) -> Option<Self> {
        let own = flow.header().mondrian?;
        let categories = flow.calibrations_by_context();
        let categories = categories.map(|(category, table)| CategoryReport {
            value: category.value,
            rows: category.rows,
            entries: category.entries,
            threshold: threshold(table.entries(), table.alpha()),
        });
        let column = flow.header().context.get(usize::from(own.channel))?;
        Some(Self {
            column: column.name,
            categories: categories.collect(),
        })
    }

    pub(super) fn line(&self) -> String {
        let categories = self.categories.iter().map(|own| {
            let alarm = own
                .threshold
                .map_or("never".to_owned(), |score| format!("below {score:.4}"));
            format!("{} (alarm {alarm}, {} rows)", own.value, own.rows)
        });
        let categories: Vec<String> = categories.collect();
        format!(
            "the promise holds within each value of {}: {}",
            self.column,
            categories.join(", ")
        )
    }
}
