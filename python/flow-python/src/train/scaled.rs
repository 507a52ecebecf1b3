//! Whether rows were scaled before they came here: a device has raw ones.
//!
//! What a scaler leaves of the rows that it was fitted to is exact, and raw rows are not like that by chance.

use flow_train::data::Recording;
use flow_train::foreign::{Medium, show};

/// How far rounding to `float32` moves a mean, a deviation or a quantile.
const ROUNDING: f64 = 1e-5;

/// What the rows look like, if a scaler seems to have been there; `codes` are columns of categories.
pub(super) fn found(recording: &Recording, codes: impl Fn(&str) -> bool) -> Option<String> {
    let data = &recording.data;
    let event = columns(data.event_names(), data.events());
    let context = columns(data.context_names(), data.contexts());
    let columns: Vec<Column<'_>> = event
        .chain(context)
        .filter(|own| !codes(own.name))
        .collect();
    let spans: Vec<Span> = columns.iter().map(Column::span).collect();
    // A mean and a deviation that are right to five digits are no chance, so one column says it.
    if let Some(place) = spans.iter().position(Span::is_standardised) {
        let name = show(columns[place].name, Medium::Line);
        return Some(format!(
            "column `{name}` has mean 0 and standard deviation 1"
        ));
    }
    // Counts and flags may well go from 0 to 1.
    if spans.iter().all(|own| own.is_whole) {
        return None;
    }
    if spans.iter().all(Span::is_unit_range) {
        return Some("each column goes from 0 to 1 exactly".to_owned());
    }
    if spans.iter().all(Span::has_unit_size) {
        return Some("the largest size in each column is 1 exactly".to_owned());
    }
    if spans.iter().all(|own| own.is_balanced) && columns.iter().all(Column::is_robust) {
        return Some("each column has median 0 and quartiles 1 apart".to_owned());
    }
    None
}

/// The columns of a row-major table.
fn columns<'r>(names: &'r [String], values: &'r [f32]) -> impl Iterator<Item = Column<'r>> {
    names.iter().enumerate().map(|(place, name)| Column {
        name,
        values: values.get(place..).unwrap_or_default(),
        step: names.len(),
    })
}

/// Every `step`-th value, from the first on.
struct Column<'r> {
    name: &'r str,
    values: &'r [f32],
    step: usize,
}

/// What one pass over a column finds out.
struct Span {
    mean: f64,
    deviation: f64,
    least: f64,
    largest: f64,
    /// Whether there are only integers.
    is_whole: bool,
    /// Whether the median may be 0: as many values are above as below.
    is_balanced: bool,
}

impl Column<'_> {
    fn values(&self) -> impl Iterator<Item = f64> {
        let own = self.values.iter().step_by(self.step);
        own.map(|x| f64::from(*x))
    }

    fn span(&self) -> Span {
        let count = self.values().count();
        let mean = self.values().sum::<f64>() / count as f64;
        let square = |x: f64| (x - mean) * (x - mean);
        let above = self.values().filter(|x| *x >= -ROUNDING).count();
        let below = self.values().filter(|x| *x <= ROUNDING).count();
        Span {
            mean,
            deviation: (self.values().map(square).sum::<f64>() / count as f64).sqrt(),
            least: self.values().fold(f64::INFINITY, f64::min),
            largest: self.values().fold(f64::NEG_INFINITY, f64::max),
            is_whole: self.values().all(|x| x.fract() == 0.0),
            is_balanced: 2 * above >= count && 2 * below >= count,
        }
    }

    fn is_robust(&self) -> bool {
        let mut values: Vec<f64> = self.values().collect();
        values.sort_unstable_by(f64::total_cmp);
        let quartile = |quarter: usize| {
            let place = values.len().saturating_sub(1) as f64 * quarter as f64 / 4.0;
            let (low, rest) = (place.floor() as usize, place.fract());
            let at = |place: usize| values.get(place).copied().unwrap_or_default();
            at(low) + rest * (at(low + usize::from(rest > 0.0)) - at(low))
        };
        near(quartile(2), 0.0) && near(quartile(3) - quartile(1), 1.0)
    }
}

impl Span {
    fn is_standardised(&self) -> bool {
        near(self.mean, 0.0) && near(self.deviation, 1.0)
    }

    fn is_unit_range(&self) -> bool {
        near(self.least, 0.0) && near(self.largest, 1.0)
    }

    fn has_unit_size(&self) -> bool {
        near(self.largest.max(-self.least), 1.0)
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= ROUNDING
}
