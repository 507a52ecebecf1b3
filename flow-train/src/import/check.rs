//! The imported flow beside the golden rows.

use super::ImportError;
use super::source::{Source, Standardise};
use crate::export::{Draft, DraftChannel, noted};
use crate::model::{Flow, FlowParts};
use flow_embedded::artefact::{Base, Domain, LoadedFlow};
use flow_embedded::math::Backend;

/// The fewest golden rows.
const NEEDED: usize = 32;
/// How far log-likelihoods in `f64` may be off, relative to the larger of 1 and their size.
const EXACT: f64 = 1e-10;
/// How far those of the artefact may be off, in nats, where they are above −[`USUAL`].
const ROUNDED: f64 = 1e-4;
/// Below that a row is so far out that `f32` keeps fewer digits.
const USUAL: f64 = 100.0;

/// A flow that was imported.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The flow over standardised data, in `f64`.
    pub flow: Flow<f64>,
    /// The artefact, not calibrated.
    pub draft: Draft,
    /// How near it comes to the golden rows.
    pub parity: Parity,
}

/// How near an imported flow comes to the golden rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parity {
    /// Golden rows.
    pub rows: usize,
    /// The largest difference in `f64`, relative to the larger of 1 and the log-likelihood's size.
    pub exact: f64,
    /// The largest difference of the artefact's log-likelihoods where they are above −100 nats.
    pub rounded: f64,
}

/// A flow that reproduces the golden rows in `f64`.
pub(super) struct Reproduced {
    parts: FlowParts<f64>,
    flow: Flow<f64>,
    exact: f64,
}

/// Checks that there are golden rows enough.
pub(super) fn enough(source: &Source) -> Result<(), ImportError> {
    match source.golden.log_probs.len() {
        found if found < NEEDED => Err(ImportError::Golden {
            found,
            needed: NEEDED,
        }),
        _ => Ok(()),
    }
}

/// Makes a flow of its parts, and holds it to the golden rows in `f64`.
pub(super) fn reproduced(
    source: &Source,
    parts: FlowParts<f64>,
    known: &str,
) -> Result<Reproduced, ImportError> {
    let golden = &source.golden;
    let shape = source.shape();
    let scales = Scales::of(source.standardise.as_ref(), shape.event, shape.context)?;
    let flow = Flow::<f64>::from_parts(parts.clone()).map_err(refused)?;
    let mut found = vec![0.0; golden.log_probs.len()];
    let events = scales.event.apply(&golden.events);
    let contexts = scales.context.apply(&golden.contexts);
    flow.log_prob(&events, &contexts, &mut found);
    let constant: f64 = scales.event.0.iter().map(|[_, std]| -std.ln()).sum();
    found.iter_mut().for_each(|own| *own += constant);
    let off = found
        .iter()
        .zip(&golden.log_probs)
        .map(|(found, expected)| (found - expected).abs() / expected.abs().max(1.0));
    let exact = worst(source, off.collect(), EXACT, &found, known)?;
    Ok(Reproduced { parts, flow, exact })
}

fn refused(fault: impl std::fmt::Display) -> ImportError {
    ImportError::unsupported("the flow", &fault.to_string())
}

/// Makes an artefact of a flow, and holds it to the golden rows.
pub(super) fn imported(
    source: &Source,
    found: Reproduced,
    known: &str,
) -> Result<Imported, ImportError> {
    let golden = &source.golden;
    let shape = source.shape();
    let rows = golden.log_probs.len();
    let scales = Scales::of(source.standardise.as_ref(), shape.event, shape.context)?;
    let Reproduced { parts, flow, exact } = found;
    let narrow = Flow::<f32>::from_parts(parts.narrow()).map_err(refused)?;
    let draft = draft(source, &scales, &narrow)?;
    let bytes = draft.encode().map_err(refused)?;
    let loaded = LoadedFlow::from_bytes(&bytes).map_err(refused)?;
    let mut scratch = vec![0.0; loaded.scratch_len()];
    let narrow = |values: &[f64]| -> Vec<f32> { values.iter().map(|x| *x as f32).collect() };
    let (events, contexts) = (narrow(&golden.events), narrow(&golden.contexts));
    let mut on_chip = Vec::new();
    for row in 0..rows {
        let event = &events[row * shape.event..][..shape.event];
        let context = &contexts[row * shape.context..][..shape.context];
        let log_prob = loaded
            .log_prob(event, context, &mut scratch)
            .map_err(|fault| ImportError::Format(fault.to_string()))?;
        on_chip.push(f64::from(log_prob));
    }
    let off = on_chip
        .iter()
        .zip(&golden.log_probs)
        .map(|(found, expected)| match expected.abs() < USUAL {
            true => (found - expected).abs(),
            false => 0.0,
        });
    let rounded = worst(source, off.collect(), ROUNDED, &on_chip, known)?;
    Ok(Imported {
        flow,
        draft,
        parity: Parity {
            rows,
            exact,
            rounded,
        },
    })
}

/// The largest difference, if none is above the limit; NaN is.
fn worst(
    source: &Source,
    off: Vec<f64>,
    limit: f64,
    found: &[f64],
    known: &str,
) -> Result<f64, ImportError> {
    match off.iter().position(|own| *own > limit || own.is_nan()) {
        None => Ok(off.into_iter().fold(0.0, f64::max)),
        Some(row) => Err(ImportError::Differs {
            row,
            found: found[row],
            expected: source.golden.log_probs[row],
            exported: format!("{} {}", source.library, source.version),
            known: known.to_owned(),
        }),
    }
}

/// Mean and standard deviation of each column.
struct Columns(Vec<[f64; 2]>);

struct Scales {
    event: Columns,
    context: Columns,
}

impl Scales {
    fn of(own: Option<&Standardise>, event: usize, context: usize) -> Result<Self, ImportError> {
        let Some(own) = own else {
            return Ok(Self {
                event: Columns(vec![[0.0, 1.0]; event]),
                context: Columns(vec![[0.0, 1.0]; context]),
            });
        };
        let columns = |mean: &[f64], std: &[f64], count: usize| {
            let given = mean.len() == count && std.len() == count;
            let sound = std.iter().all(|own| *own > 0.0 && own.is_finite());
            match given && sound && mean.iter().all(|own| own.is_finite()) {
                true => {
                    let pairs = mean.iter().zip(std);
                    Ok(Columns(pairs.map(|(mean, std)| [*mean, *std]).collect()))
                }
                false => Err(ImportError::unsupported(
                    "standardise",
                    &format!(
                        "a finite mean and a positive std are needed of each of {count} columns"
                    ),
                )),
            }
        };
        Ok(Self {
            event: columns(&own.mean, &own.std, event)?,
            context: columns(&own.context_mean, &own.context_std, context)?,
        })
    }
}

impl Columns {
    fn apply(&self, rows: &[f64]) -> Vec<f64> {
        let own = self.0.iter().cycle();
        let values = rows.iter().zip(own);
        values.map(|(x, [mean, std])| (x - mean) / std).collect()
    }
}

fn draft(source: &Source, scales: &Scales, flow: &Flow<f32>) -> Result<Draft, ImportError> {
    let channels = |names: &[String], columns: &Columns, prefix: &str| -> Vec<DraftChannel> {
        let own = columns.0.iter().enumerate();
        own.map(|(index, [mean, std])| DraftChannel {
            name: names
                .get(index)
                .cloned()
                .unwrap_or_else(|| format!("{prefix}{index}")),
            unit: String::new(),
            domain: Domain::Real,
            grid: None,
            mean: *mean as f32,
            inv_std: std.recip() as f32,
        })
        .collect()
    };
    let mut draft = Draft {
        name: source.name.clone(),
        event: channels(&source.columns, &scales.event, "x"),
        context: channels(&source.context_columns, &scales.context, "context"),
        layers: vec![],
        base: Base::Normal,
        base_weights: vec![],
        math: Backend::Polynomial,
        calibration: None,
        evaluation: None,
        created_by: concat!("flow-train ", env!("CARGO_PKG_VERSION")).to_owned(),
        command: noted(&format!(
            "flow import ({} {})",
            source.library, source.version
        )),
        data_digest: 0,
        rows: 0,
        seed: 0,
        quantisation: None,
        features: vec![],
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: vec![],
        heads: vec![],
    };
    draft.set_flow(flow).map_err(refused)?;
    Ok(draft)
}
