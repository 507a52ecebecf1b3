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
    let columns: Vec<(&str, Column)> = event
        .chain(context)
        .filter(|(name, _)| !codes(name))
        .collect();
    // A deviation of 1 to five digits is no chance, so one column says it.
    if let Some((name, _)) = columns.iter().find(|(_, own)| own.is_standardised()) {
        let name = show(name, Medium::Line);
        return Some(format!(
            "column `{name}` has mean 0 and standard deviation 1"
        ));
    }
    let all = |like: fn(&Column) -> bool| {
        let measured = columns.iter().any(|(_, own)| !own.is_whole);
        measured && columns.iter().all(|(_, own)| like(own))
    };
    if all(Column::is_unit_range) {
        return Some("each column goes from 0 to 1 exactly".to_owned());
    }
    if all(Column::has_unit_size) {
        return Some("the largest size in each column is 1 exactly".to_owned());
    }
    if all(Column::is_robust) {
        return Some("each column has median 0 and quartiles 1 apart".to_owned());
    }
    None
}

/// The columns of a row-major table.
fn columns<'r>(
    names: &'r [String],
    values: &'r [f32],
) -> impl Iterator<Item = (&'r str, Column)> + 'r {
    names.iter().enumerate().map(|(place, name)| {
        let own = values.iter().skip(place).step_by(names.len());
        (name.as_str(), Column::of(own.map(|x| f64::from(*x))))
    })
}

struct Column {
    mean: f64,
    deviation: f64,
    /// Least value, quartiles, largest value.
    quartiles: [f64; 5],
    /// Whether it holds integers only, which counts and flags do.
    is_whole: bool,
}

impl Column {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let square = |x: &f64| (x - mean) * (x - mean);
        let quartile = |quarter: usize| {
            let place = values.len().saturating_sub(1) as f64 * quarter as f64 / 4.0;
            let (low, rest) = (place.floor() as usize, place.fract());
            let at = |place: usize| values.get(place).copied().unwrap_or_default();
            at(low) + rest * (at(low + usize::from(rest > 0.0)) - at(low))
        };
        Self {
            mean,
            deviation: (values.iter().map(square).sum::<f64>() / count).sqrt(),
            quartiles: std::array::from_fn(quartile),
            is_whole: values.iter().all(|x| x.fract() == 0.0),
        }
    }

    fn is_standardised(&self) -> bool {
        near(self.mean, 0.0) && near(self.deviation, 1.0)
    }

    fn is_unit_range(&self) -> bool {
        let [least, .., largest] = self.quartiles;
        near(least, 0.0) && near(largest, 1.0)
    }

    fn has_unit_size(&self) -> bool {
        let [least, .., largest] = self.quartiles;
        near(largest.max(-least), 1.0)
    }

    fn is_robust(&self) -> bool {
        let [_, lower, median, upper, _] = self.quartiles;
        near(median, 0.0) && near(upper - lower, 1.0)
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= ROUNDING
}
