//! What is said of a flow that does not reproduce the golden rows.

use super::check::{Reproduced, Scales, disagrees, largest, off};
use super::rounding::Rounding;
use super::source::Source;
use flow_artefact::Draft;
use flow_data::Dataset;
use flow_evaluate::exact_log_probs;
use std::fmt;

/// Of differences that are the same in every row: how far they may be apart, relative to the larger of 1 and their size.
const CONSTANT: f64 = 1e-6;
/// The share of a difference that a cause must explain to be named.
const NAMED: f64 = 0.25;

/// Golden rows that an imported flow does not reproduce, told by the one that is furthest off.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Where they differ.
    pub stage: Stage,
    /// The row, from 0, that exceeds its tolerance by the largest factor.
    pub row: usize,
    /// All golden rows.
    pub rows: usize,
    /// Those that differ by more than is tolerated.
    pub differing: usize,
    /// The log-likelihood that the library gave, in nats.
    pub expected: f64,
    /// That of the imported flow in double precision.
    pub exact: f64,
    /// That of the artefact, as the chip computes it; none if no artefact could be made.
    pub on_chip: Option<f64>,
    /// The largest difference from `expected` that is tolerated in this row, in nats.
    pub tolerated: f64,
    /// The library and the version that exported it.
    pub exported: String,
    /// What the differences point to, the strongest evidence first.
    pub causes: Vec<String>,
}

/// Which evaluation of an imported flow differs from the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// That in double precision: the import has understood the flow wrongly.
    Exact,
    /// That of the chip alone: `f32` does not hold the flow.
    Chip,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            row,
            rows,
            differing,
            expected,
            exact,
            tolerated,
            exported,
            ..
        } = self;
        write!(
            to,
            "golden row {row}: log_prob is {expected} by {exported}, {exact} by the imported flow in double precision"
        )?;
        match self.on_chip {
            Some(on_chip) => write!(to, ", and {on_chip} in f32 on the chip")?,
            None => write!(to, ", and no artefact can be made")?,
        }
        let (stage, verdict) = match self.stage {
            Stage::Exact => (
                "in double precision",
                "The import understands the flow otherwise than the library",
            ),
            Stage::Chip => (
                "on the chip",
                "The flow is understood rightly, but f32 does not hold it",
            ),
        };
        write!(
            to,
            "; {stage} {tolerated:.1e} nats are tolerated, which {differing} of {rows} rows exceed, this one by the \
             most. {verdict}: {}",
            self.causes.join("; ")
        )
    }
}

/// What the version says, where it is not the one that the conventions are known of.
fn version(source: &Source, known: &str) -> Option<String> {
    (!source.version.is_empty() && source.version != known).then(|| {
        format!(
            "the flow is of {} {}, and the import was tested with {known}: conventions may have changed between them",
            source.library, source.version
        )
    })
}

/// The causes of differences in double precision, by what they look like over all rows.
pub(super) fn of_understanding(
    source: &Source,
    scales: &Scales,
    found: &Reproduced,
    known: &str,
) -> Vec<String> {
    let golden = &source.golden;
    let expected = &golden.log_probs;
    let mut causes = Vec::new();
    if let Some(row) = expected.iter().position(|own| own.is_nan()) {
        causes.push(format!(
            "the library's own log_prob of row {row} is not a number: leave such rows out"
        ));
    }
    let differences: Vec<f64> = found
        .exact
        .iter()
        .zip(expected)
        .map(|(own, expected)| own - expected)
        .collect();
    let (least, most) = differences
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), own| {
            (least.min(*own), most.max(*own))
        });
    let whole = differences.iter().all(|own| own.is_finite());
    let constant = 0.5 * (least + most);
    let agreeing: Vec<bool> = (0..expected.len())
        .map(|row| !disagrees(found.exact[row], expected[row], found.tolerated[row]))
        .collect();
    let some = agreeing.iter().any(|own| *own);
    if !some && whole && most - least <= CONSTANT * constant.abs().max(1.0) {
        let scale = scales.event.log_scale();
        causes.push(match (constant - scale).abs() <= CONSTANT * scale.abs().max(1.0) && scale != 0.0 {
            true => format!(
                "every row is off by {constant:.6} nats, the sum of −ln std of `standardise`: the golden log_prob are \
                 of standardised data; subtract the sum of ln std from them, or leave `standardise` out and give \
                 standardised rows"
            ),
            false => format!(
                "every row is off by the same {constant:.6} nats: a log-determinant that does not depend on the row \
                 is missing or of the wrong sign (scales of ActNorm or BatchNorm, the diagonal of a matrix, the \
                 standard deviations of `standardise`), or the scale of the base"
            ),
        });
    } else if some {
        let events = scales.event.apply(&golden.events);
        let width = scales.event.len();
        let size = |row: usize| largest(&events[row * width..][..width]);
        let sizes = |wanted: bool| {
            let rows = agreeing.iter().enumerate();
            let rows = rows.filter(move |own| *own.1 == wanted);
            rows.map(|(row, _)| size(row)).collect::<Vec<_>>()
        };
        let (near, far) = (largest(&sizes(true)), sizes(false));
        let far = far.into_iter().fold(f64::INFINITY, f64::min);
        causes.push(match far > near {
            true => format!(
                "only rows with a standardised value beyond ±{near:.3} differ: the bound of the splines or their \
                 tails; state `bound` and `tails` in the manifest"
            ),
            false => "some rows agree, so most conventions are right, and what differs acts in some rows only: the \
                      bound or the least sizes of splines, an activation, a floor of scales; state them in the \
                      manifest"
                .into(),
        });
    } else {
        causes.push(
            "no row agrees, and each is off by another amount: a convention that the tensors do not hold; state \
             `activation`, `scale_map`, `bound`, `order`, `direction` in the manifest, as far as the library has them"
                .into(),
        );
    }
    causes.extend(version(source, known));
    causes
}

/// The causes of a difference on the chip alone, in a row.
pub(super) fn of_precision(
    source: &Source,
    scales: &Scales,
    draft: &Draft,
    rounding: &Rounding,
    (row, on_chip): (usize, f64),
) -> Vec<String> {
    let golden = &source.golden;
    let expected = golden.log_probs[row];
    let (event, context) = (scales.event.len(), scales.context.len());
    let given = golden.events[row * event..][..event]
        .iter()
        .chain(&golden.contexts[row * context..][..context]);
    let given: Vec<f64> = given.copied().collect();
    let channels = draft.event.iter().chain(&draft.context);
    let names: Vec<&str> = channels.map(|own| own.name.as_str()).collect();
    if let Some(channel) = given.iter().position(|own| !(*own as f32).is_finite()) {
        return vec![format!(
            "channel `{}` is {:e} there, and f32 ends at 3.4e38: give rows that a chip can be given",
            names[channel], given[channel]
        )];
    }
    if !on_chip.is_finite() {
        return vec![
            "numbers on the way leave the range of f32, which ends at 3.4e38: leave such a row out if the chip is \
             never given one"
                .into(),
        ];
    }
    let lost = off(on_chip, expected);
    let inputs = rounding.inputs(row);
    let total: f64 = inputs.iter().sum();
    let widest = (0..inputs.len()).max_by(|a, b| inputs[*a].total_cmp(&inputs[*b]));
    let mut causes = Vec::new();
    if let Some(channel) = widest.filter(|_| total >= NAMED * lost) {
        let value = given[channel];
        let std = match channel.checked_sub(event) {
            None => scales.event.spread(&golden.events, channel),
            Some(own) => scales.context.spread(&golden.contexts, own),
        };
        let single = value as f32;
        let apart = f64::from(single.abs().next_up()) - f64::from(single.abs());
        causes.push(format!(
            "channel `{}` is {value} there, where numbers of f32 are {apart} apart, {:.2} of its standard deviation \
             {std:.4}: subtract a fixed offset of about {:e} from the channel, in integers or double precision, before \
             training and in what the chip is given",
            names[channel],
            apart / std,
            rounded(value),
        ));
        return causes;
    }
    let names = |what: &str, count: usize| (0..count).map(|own| format!("{what}{own}")).collect();
    let mut rows = Dataset::new(names("x", event), names("c", context));
    let single: Vec<f32> = given.iter().map(|own| *own as f32).collect();
    rows.push(&single[..event], &single[event..]);
    let rounded = exact_log_probs(draft, &rows);
    if let Some(rounded) = rounded.ok().and_then(|own| own.first().copied())
        && off(rounded, expected) >= NAMED * lost
    {
        causes.push(format!(
            "with its numbers rounded to f32 and double precision for all else, the flow already has {rounded}: \
             parameters cancel each other, as large weights and biases do"
        ));
    } else {
        causes.push(
            "rounding the parameters and the row is not the cause; digits are lost between the layers, where large \
             numbers cancel each other"
                .into(),
        );
    }
    if source.standardise.is_none() {
        causes.push(
            "the manifest has no `standardise`: a flow that is trained on standardised data has smaller numbers".into(),
        );
    }
    causes
}

/// With two digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}
