//! From counts to figures, by coefficients that were fitted to measured firmware.

use super::coefficients::COEFFICIENTS;
use super::{Core, OptLevel, Tally};

/// What one unit of each count takes on a core at a level.
pub(super) struct Coefficients {
    pub(super) core: Core,
    pub(super) level: OptLevel,
    pub(super) integer: bool,
    /// Instructions.
    pub(super) steps: Terms,
    /// Bytes of code.
    pub(super) code: Terms,
    /// Bytes of stack, no less than any fitted model has.
    pub(super) stack: Terms,
}

/// Counts by name with what one of them takes, sorted.
pub(super) type Terms = &'static [(&'static str, f32)];

impl Coefficients {
    /// Those for a core; none for the machine that compiles.
    pub(super) fn of(core: Core, level: OptLevel, integer: bool) -> Option<&'static Self> {
        let core = core.measured()?;
        COEFFICIENTS
            .iter()
            .find(|own| (own.core, own.level, own.integer) == (core, level, integer))
    }
}

/// `Σ coefficient · count`, rounded up.
pub(super) fn total(terms: Terms, counts: &Tally) -> usize {
    let term = |(name, count): (&str, f64)| {
        let found = terms.binary_search_by_key(&name, |(name, _)| *name);
        found.map_or(0.0, |place| f64::from(terms[place].1) * count)
    };
    counts.iter().map(term).sum::<f64>().ceil() as usize
}
