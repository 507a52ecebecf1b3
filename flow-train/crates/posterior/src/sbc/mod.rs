//! Simulation-based calibration: whether a posterior is as sure as it may be.
//!
//! ```text
//! simulations ──► draws from the model ──► ranks of the true ──► test of uniformity ──► Report
//!  parameters,     given each observation   parameters among       and coverage
//!  observation                              the draws
//! ```
//!
//! If parameters come from the prior and the observation from the simulator, then the true parameters and draws from
//! the true posterior are exchangeable: the rank of one among the others is uniform (Cook, Gelman & Rubin 2006; Talts,
//! Betancourt, Simpson, Vehtari & Gelman 2018, arXiv:1804.06788). Ranks at both ends mean that the posterior is too
//! narrow, ranks in the middle that it is too wide, and ranks at one end that it is biased.
//!
//! A rank is taken of each parameter, and of the *density* that the model gives to the parameters: how many draws are
//! more probable than the truth. The latter depends on the observation and on all parameters at once, and so sees
//! what single parameters hide (Modrák et al. 2023, arXiv:2211.02383); it also is the level of the smallest region of
//! highest density that holds the truth, whose coverage must be what its name says (Hermans et al. 2022,
//! arXiv:2110.06581).
//!
//! **The test.** For each of these quantities, the empirical distribution function of the ranks against simultaneous
//! bands (Säilynoja, Bürkner & Vehtari 2022), at 99 points or as many as there are ranks; its p-value is exact. The
//! model passes if none is at most [`Settings::alpha`] after Holm's correction (1979).
//!
//! **What it can't see.** A model that ignores the observation and answers with the prior is calibrated:
//! [`Quantity::contraction`] says how much narrower than the prior the posterior is. And a test that passes has found
//! nothing, with as many rows as it had: more rows find smaller faults.

mod bands;
mod plot;
mod ranks;
mod report;

pub use report::{Coverage, Quantity, Report, Shape};

use flow_data::Dataset;
use flow_embedded::artefact::{LoadedFlow, ShapeError};
use thiserror::Error;

/// The fewest rows that say anything.
const FEWEST_ROWS: usize = 100;
/// What the number of draws and one is a multiple of: then a level of 5 % is a whole number of ranks.
const LEVELS: usize = 20;

/// How to check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rows to use at most, the first ones.
    pub rows: usize,
    /// Draws for each row: a multiple of 20 less one.
    pub draws: usize,
    /// Probability of rejecting a posterior that is right, within (0, 1).
    pub alpha: f64,
    /// Seeds the draws, and breaks ties.
    pub seed: u64,
}

impl Default for Settings {
    /// 1,000 rows of 99 draws, and 1 %.
    fn default() -> Self {
        Self {
            rows: 1000,
            draws: 99,
            alpha: 0.01,
            seed: 0,
        }
    }
}

impl Settings {
    /// Whether a check is possible with these.
    ///
    /// # Errors
    /// Too few rows, or a number of draws or a level that is none.
    pub fn validate(&self) -> Result<(), SbcError> {
        if self.draws == 0 || !(self.draws + 1).is_multiple_of(LEVELS) {
            return Err(SbcError::Draws { draws: self.draws });
        }
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(SbcError::Alpha { alpha: self.alpha });
        }
        if self.rows < FEWEST_ROWS {
            return Err(SbcError::TooFewRows {
                have: self.rows,
                need: FEWEST_ROWS,
            });
        }
        Ok(())
    }
}

/// Why a model or rows can't be checked.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SbcError {
    /// The model isn't one of parameters given an observation.
    #[error(
        "the model has no context, so it is no posterior; train one with the observed columns as --context"
    )]
    NoContext,
    /// The model is conditioned on the past of its own channels.
    #[error(
        "the model is conditioned on the past of its own columns, so that its rows are no independent simulations"
    )]
    Past,
    /// Integers can't sample.
    #[error(
        "the model is quantised to integers, which score and do not sample: check the model that it was made from"
    )]
    Quantised,
    /// Rows of other channels.
    #[error("the rows don't fit the model: {0}")]
    Shape(ShapeError),
    /// Too few rows.
    #[error("{have} usable rows, and at least {need} are needed: simulate more")]
    TooFewRows {
        /// How many there are.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// The very rows that the model was trained on.
    #[error(
        "these are the rows that the model was trained on, on which every model looks calibrated: simulate fresh ones"
    )]
    Trained,
    /// A number of draws that has no rank for 5 %.
    #[error(
        "{draws} draws: the number must be a multiple of {LEVELS} less one, such as 99, 199 or 999"
    )]
    Draws {
        /// What was asked for.
        draws: usize,
    },
    /// A level that is none.
    #[error("alpha is {alpha}, and must lie between 0 and 1")]
    Alpha {
        /// What was asked for.
        alpha: f64,
    },
    /// A draw beyond `f32`.
    #[error(
        "given the observation of row {row}, a draw of the model is not finite: the observation is far from those that \
         the model was trained on"
    )]
    Overflow {
        /// The row, from 0.
        row: usize,
    },
}

/// Checks a posterior on rows of parameters (events) and observations (context) that the simulator has made and the
/// model has not seen. The draws have the bits of the chip.
///
/// # Errors
/// [`SbcError`]: the model is no posterior, the rows are too few, don't fit it or have trained it, or a setting is out
/// of range.
pub fn check(
    flow: &LoadedFlow<'_>,
    rows: &Dataset,
    settings: &Settings,
) -> Result<Report, SbcError> {
    let header = flow.header();
    let (event, context) = (header.event.len(), header.context.len());
    if context == 0 {
        return Err(SbcError::NoContext);
    }
    if !header.features.is_empty() {
        return Err(SbcError::Past);
    }
    if flow.is_integer() {
        return Err(SbcError::Quantised);
    }
    if rows.event_dim() != event {
        let found = rows.event_dim();
        return Err(SbcError::Shape(ShapeError::Event {
            expected: event,
            found,
        }));
    }
    if rows.context_dim() != context {
        let found = rows.context_dim();
        return Err(SbcError::Shape(ShapeError::Context {
            expected: context,
            found,
        }));
    }
    let have = rows.rows().min(settings.rows);
    let settings = &Settings {
        rows: have,
        ..*settings
    };
    settings.validate()?;
    if rows.digest() == header.provenance.data_digest {
        return Err(SbcError::Trained);
    }
    let ranks = ranks::of(flow, rows, settings)?;
    Ok(Report::new(header, &ranks, settings))
}
