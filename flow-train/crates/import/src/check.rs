//! The imported flow beside the golden rows.

use super::mismatch::{self, Mismatch, Stage};
use super::rounding::{Rounding, UNIT};
use super::source::{Source, Standardise};
use super::{ImportError, draws};
use flow_artefact::{Draft, DraftChannel, noted};
use flow_embedded::artefact::{Base, Domain, LoadedFlow};
use flow_embedded::math::Backend;
use flow_export::set_flow;
use flow_model::{Flow, FlowParts};

/// The fewest golden rows.
const NEEDED: usize = 32;
/// How far log-likelihoods in `f64` may be off, relative to the larger of 1 and their size.
const EXACT: f64 = 1e-10;

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

/// How near an imported flow comes to the golden rows. Every row is compared, however unlikely it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parity {
    /// Golden rows.
    pub rows: usize,
    /// The largest difference in `f64`, relative to the larger of 1 and the log-likelihood's size.
    pub exact: f64,
    /// The largest difference of the artefact's log-likelihoods, in nats.
    pub rounded: f64,
    /// What was tolerated of the row with that difference, in nats.
    pub tolerated: f64,
    /// The largest share of its tolerance that any row of the artefact takes up, at most 1.
    pub share: f64,
    /// The largest distance between a base value and the one that the event which the artefact draws for it has, in
    /// standard deviations of the base.
    pub drawn: f64,
}

/// A flow beside the golden rows in `f64`.
pub(super) struct Reproduced {
    pub(super) parts: FlowParts<f64>,
    pub(super) flow: Flow<f64>,
    /// Its log-likelihoods, and the differences that are tolerated.
    pub(super) exact: Vec<f64>,
    pub(super) tolerated: Vec<f64>,
    /// Rows that differ by more.
    pub(super) differing: usize,
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

/// How far a log-likelihood is off: 0 for the same infinity, and NaN if either is NaN.
pub(super) fn off(found: f64, expected: f64) -> f64 {
    match found == expected {
        true => 0.0,
        false => (found - expected).abs(),
    }
}

/// Whether a log-likelihood is further off than tolerated. What is NaN agrees with nothing, and tolerates nothing.
pub(super) fn disagrees(found: f64, expected: f64, tolerated: f64) -> bool {
    let off = off(found, expected);
    // The same infinity leaves nothing to tolerate.
    let agrees = off == 0.0 || (off.is_finite() && off <= tolerated);
    !agrees
}

/// The largest absolute value; NaN if there is one, where `f64::max` would pass it over.
pub(super) fn largest(values: &[f64]) -> f64 {
    values
        .iter()
        .map(|own| own.abs())
        .fold(0.0, |most, own| match own <= most {
            true => most,
            false => own,
        })
}

/// Log-likelihoods beside expected ones.
pub(super) struct Compared {
    /// The row that takes up the largest share of what is tolerated; the first of several.
    worst: usize,
    /// Rows that are further off than tolerated.
    pub(super) differing: usize,
    /// The largest share of what is tolerated.
    share: f64,
}

pub(super) fn compared(found: &[f64], expected: &[f64], tolerated: &[f64]) -> Compared {
    let mut all = Compared {
        worst: 0,
        differing: 0,
        share: 0.0,
    };
    for (row, found) in found.iter().enumerate() {
        let (expected, tolerated) = (expected[row], tolerated[row]);
        let share = match off(*found, expected) {
            0.0 => 0.0,
            off if (off / tolerated).is_nan() => f64::INFINITY,
            off => off / tolerated,
        };
        if share > all.share {
            (all.worst, all.share) = (row, share);
        }
        all.differing += usize::from(disagrees(*found, expected, tolerated));
    }
    all
}

/// Makes a flow of its parts, and compares it with the golden rows in `f64`.
pub(super) fn reproduced(
    source: &Source,
    parts: FlowParts<f64>,
) -> Result<Reproduced, ImportError> {
    let golden = &source.golden;
    let scales = Scales::of_source(source)?;
    let flow = Flow::<f64>::from_parts(parts.clone()).map_err(refused)?;
    let mut exact = vec![0.0; golden.log_probs.len()];
    let events = scales.event.apply(&golden.events);
    let contexts = scales.context.apply(&golden.contexts);
    flow.log_prob(&events, &contexts, &mut exact);
    let constant = scales.event.log_scale();
    exact.iter_mut().for_each(|own| *own += constant);
    let expected = golden.log_probs.iter();
    let tolerated: Vec<f64> = expected.map(|own| EXACT * own.abs().max(1.0)).collect();
    let differing = compared(&exact, &golden.log_probs, &tolerated).differing;
    Ok(Reproduced {
        parts,
        flow,
        exact,
        tolerated,
        differing,
    })
}

pub(super) fn refused(fault: impl std::fmt::Display) -> ImportError {
    ImportError::unsupported("the flow", &fault.to_string())
}

/// Why a flow does not reproduce the golden rows in `f64`.
pub(super) fn misunderstood(source: &Source, found: &Reproduced, known: &str) -> ImportError {
    let golden = &source.golden;
    let scales = match Scales::of_source(source) {
        Ok(scales) => scales,
        Err(fault) => return fault,
    };
    let Compared {
        worst, differing, ..
    } = compared(&found.exact, &golden.log_probs, &found.tolerated);
    let on_chip = drafted(source, &scales, &found.parts)
        .and_then(|draft| log_probs(source, &draft))
        .ok();
    ImportError::Differs(Box::new(Mismatch {
        stage: Stage::Exact,
        row: worst,
        rows: found.exact.len(),
        differing,
        expected: golden.log_probs[worst],
        exact: found.exact[worst],
        on_chip: on_chip.map(|own| own[worst]),
        tolerated: found.tolerated[worst],
        exported: exported(source),
        causes: mismatch::of_understanding(source, &scales, found, known),
    }))
}

fn exported(source: &Source) -> String {
    format!("{} {}", source.library, source.version)
        .trim_end()
        .to_owned()
}

/// Makes an artefact of a flow that reproduces the golden rows in `f64`, and holds it to them.
pub(super) fn imported(source: &Source, found: Reproduced) -> Result<Imported, ImportError> {
    let scales = Scales::of_source(source)?;
    let draft = drafted(source, &scales, &found.parts)?;
    let parity = held(source, &found, &draft)?;
    Ok(Imported {
        flow: found.flow,
        draft,
        parity,
    })
}

/// Holds an artefact to the golden rows: their log-likelihoods, and what it draws.
pub(super) fn held(
    source: &Source,
    found: &Reproduced,
    draft: &Draft,
) -> Result<Parity, ImportError> {
    let golden = &source.golden;
    let expected = &golden.log_probs;
    let scales = Scales::of_source(source)?;
    let on_chip = log_probs(source, draft)?;
    let rounding = Rounding::of(&found.flow, &scales, golden);
    let tolerated = &rounding.tolerated;
    let Compared {
        worst,
        differing,
        share,
    } = compared(&on_chip, expected, tolerated);
    if differing > 0 {
        let causes =
            mismatch::of_precision(source, &scales, draft, &rounding, (worst, on_chip[worst]));
        return Err(ImportError::Differs(Box::new(Mismatch {
            stage: Stage::Chip,
            row: worst,
            rows: expected.len(),
            differing,
            expected: expected[worst],
            exact: found.exact[worst],
            on_chip: Some(on_chip[worst]),
            tolerated: tolerated[worst],
            exported: exported(source),
            causes,
        })));
    }
    // An infinity that is expected and found is off by nothing.
    let relative = |row: usize| match off(found.exact[row], expected[row]) {
        0.0 => 0.0,
        off => off / expected[row].abs().max(1.0),
    };
    let rounded: Vec<f64> = (0..expected.len())
        .map(|row| off(on_chip[row], expected[row]))
        .collect();
    let furthest = (0..rounded.len()).max_by(|a, b| rounded[*a].total_cmp(&rounded[*b]));
    let furthest = furthest.unwrap_or(0);
    Ok(Parity {
        rows: expected.len(),
        exact: largest(&(0..expected.len()).map(relative).collect::<Vec<_>>()),
        rounded: rounded[furthest],
        tolerated: tolerated[furthest],
        share,
        drawn: draws::check(&found.flow, &scales, draft, golden)?,
    })
}

/// The artefact of a flow.
pub(super) fn drafted(
    source: &Source,
    scales: &Scales,
    parts: &FlowParts<f64>,
) -> Result<Draft, ImportError> {
    let narrow = Flow::<f32>::from_parts(parts.clone().narrow()).map_err(refused)?;
    draft(source, scales, &narrow)
}

/// The golden rows' log-likelihoods as the chip computes them.
pub(super) fn log_probs(source: &Source, draft: &Draft) -> Result<Vec<f64>, ImportError> {
    let golden = &source.golden;
    let shape = source.shape();
    let bytes = draft.encode().map_err(refused)?;
    let loaded = LoadedFlow::from_bytes(&bytes).map_err(refused)?;
    let mut scratch = vec![0.0; loaded.scratch_len()];
    let (events, contexts) = (narrow(&golden.events), narrow(&golden.contexts));
    let rows = (0..golden.log_probs.len()).map(|row| {
        let event = &events[row * shape.event..][..shape.event];
        let context = &contexts[row * shape.context..][..shape.context];
        loaded
            .log_prob(event, context, &mut scratch)
            .map(f64::from)
            .map_err(|fault| ImportError::Format(fault.to_string()))
    });
    rows.collect()
}

pub(super) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|own| *own as f32).collect()
}

/// Mean and standard deviation of each column.
pub(super) struct Columns(Vec<[f64; 2]>);

pub(super) struct Scales {
    pub(super) event: Columns,
    pub(super) context: Columns,
}

impl Scales {
    /// What was done to the data of a source.
    pub(super) fn of_source(source: &Source) -> Result<Self, ImportError> {
        let shape = source.shape();
        Self::of(source.standardise.as_ref(), shape.event, shape.context)
    }

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
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Standardised rows.
    pub(super) fn apply(&self, rows: &[f64]) -> Vec<f64> {
        let own = self.0.iter().cycle();
        let values = rows.iter().zip(own);
        values.map(|(x, [mean, std])| (x - mean) / std).collect()
    }

    /// How far the rounding of raw rows and of the means to `f32` may move standardised ones.
    pub(super) fn rounding(&self, rows: &[f64]) -> Vec<f64> {
        let own = self.0.iter().cycle();
        let values = rows.iter().zip(own);
        values
            .map(|(x, [mean, std])| UNIT * (x.abs() + mean.abs()) / std)
            .collect()
    }

    /// `ln |dz/dx|`, the sum of `−ln std`.
    pub(super) fn log_scale(&self) -> f64 {
        self.0.iter().map(|[_, std]| -std.ln()).sum()
    }

    /// The sum of sizes of its terms.
    pub(super) fn log_scales(&self) -> f64 {
        self.0.iter().map(|[_, std]| std.ln().abs()).sum()
    }

    /// The standard deviation of a channel: as stated, or else that of these rows.
    pub(super) fn spread(&self, rows: &[f64], channel: usize) -> f64 {
        let [mean, std] = self.0[channel];
        if [mean, std] != [0.0, 1.0] {
            return std;
        }
        let own = || rows.iter().skip(channel).step_by(self.len());
        let count = own().count() as f64;
        let mean = own().sum::<f64>() / count;
        (own().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()
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
    set_flow(&mut draft, flow).map_err(refused)?;
    Ok(draft)
}
