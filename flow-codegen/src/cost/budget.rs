//! What a model may cost, and what would make it fit.

use super::{Chip, Cost};
use crate::Functions;
use std::fmt;
use std::time::Duration;

/// What a chip has for a model; what is not given is not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Flash for tables and code, bytes.
    pub flash: Option<usize>,
    /// RAM for the worst stack; a model has no other RAM. Bytes.
    pub ram: Option<usize>,
    /// Time for one `log_prob`, and for one `sample`.
    pub latency: Option<Duration>,
}

/// By how much a model exceeds a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Excess {
    /// What there is not enough of.
    pub resource: Resource,
    /// What the model needs, in bytes or seconds.
    pub needs: f64,
    /// What the budget allows.
    pub allows: f64,
}

/// What a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Tables and code, bytes.
    Flash,
    /// The worst stack, bytes.
    Ram,
    /// The slower of `log_prob` and `sample`, seconds.
    Latency,
}

impl Budget {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a model needs beyond the budget; nothing if it fits. What is not known is not checked:
    /// see [`unknown`](Self::unknown).
    pub fn excesses(&self, cost: &Cost) -> Vec<Excess> {
        let limited = self.limited(cost).into_iter();
        limited
            .filter_map(|(resource, allows, needs)| {
                let needs = needs.filter(|needs| *needs > allows)?;
                Some(Excess {
                    resource,
                    needs,
                    allows,
                })
            })
            .collect()
    }

    /// What is limited and can't be checked: of a model that is not estimated (see
    /// [`Cost::unmodelled`]), what was not measured.
    pub fn unknown(&self, cost: &Cost) -> Vec<Resource> {
        let limited = self.limited(cost).into_iter();
        limited
            .filter_map(|(resource, _, needs)| needs.is_none().then_some(resource))
            .collect()
    }

    /// What is limited: how much is allowed, and how much is needed.
    fn limited(&self, cost: &Cost) -> Vec<(Resource, f64, Option<f64>)> {
        let bytes = |own: usize| own as f64;
        let latency = self.latency.map(|time| time.as_secs_f64());
        [
            (
                Resource::Flash,
                self.flash.map(bytes),
                cost.flash_bytes().map(bytes),
            ),
            (
                Resource::Ram,
                self.ram.map(bytes),
                cost.ram_bytes().map(bytes),
            ),
            (Resource::Latency, latency, cost.seconds()),
        ]
        .into_iter()
        .filter_map(|(resource, allows, needs)| Some((resource, allows?, needs)))
        .collect()
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flash => "flash",
            Self::Ram => "stack",
            Self::Latency => "latency",
        })
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = self.needs - self.allows;
        let percent = 100.0 * over / self.allows;
        match self.resource {
            Resource::Flash | Resource::Ram => {
                let name = match self.resource {
                    Resource::Flash => "flash",
                    _ => "stack",
                };
                let (needs, allows) = (self.needs, self.allows);
                write!(
                    f,
                    "{name} {needs:.0} bytes of {allows:.0}: {over:.0} bytes ({percent:.0} %) too many"
                )
            }
            Resource::Latency => write!(
                f,
                "latency {} of {}: {} ({percent:.0} %) too long",
                Seconds(self.needs),
                Seconds(self.allows),
                Seconds(over)
            ),
        }
    }
}

/// A time in seconds, shown with a fitting unit.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            t if t < 1e-3 => write!(f, "{:.1} µs", t * 1e6),
            t if t < 1.0 => write!(f, "{:.2} ms", t * 1e3),
            t => write!(f, "{t:.2} s"),
        }
    }
}

/// A model that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Overrun {
    /// The chip.
    pub chip: Chip,
    /// What it exceeds.
    pub excesses: Vec<Excess>,
    /// What would make it fit, the smallest change first; empty if nothing does.
    pub remedies: Vec<Remedy>,
}

/// Other options, under which a model fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// Compile for size rather than speed.
    pub size: bool,
    /// The level of the compiler, where it is to change.
    pub level: Option<super::OptLevel>,
    /// The functions, where they are to change.
    pub functions: Option<Functions>,
    /// Whether the model is to be quantised to integers of 8 bits.
    pub quantise: bool,
    /// What it costs then.
    pub cost: Cost,
}

impl Remedy {
    /// How many options it changes; quantising a model is as much as two.
    pub(crate) fn changes(&self) -> usize {
        usize::from(self.size)
            + usize::from(self.level.is_some())
            + usize::from(self.functions.is_some())
            + 2 * usize::from(self.quantise)
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        if self.size {
            parts.push("--opt size".into());
        }
        if let Some(level) = self.level {
            parts.push(format!("opt-level = \"{level}\" in the firmware's profile"));
        }
        if self.functions == Some(Functions::Score) {
            parts.push("--functions score".into());
        }
        if self.quantise {
            parts.push("`flow quantise --weights i8`".into());
        }
        f.write_str(&parts.join(" and "))?;
        let (flash, ram) = (self.cost.flash_bytes(), self.cost.ram_bytes());
        if let (Some(flash), Some(ram)) = (flash, ram) {
            write!(f, " ({flash} bytes of flash, {ram} of stack")?;
            if let Some(seconds) = self.cost.seconds() {
                write!(f, ", {}", Seconds(seconds))?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the model does not fit the {}", self.chip.core)?;
        for excess in &self.excesses {
            write!(f, "; {excess}")?;
        }
        match self.remedies.as_slice() {
            [] => f.write_str(
                "; no option would meet the budget: train a smaller model, with fewer layers or units",
            ),
            remedies => {
                f.write_str("; this would meet the budget: ")?;
                let texts: Vec<String> = remedies.iter().map(Remedy::to_string).collect();
                f.write_str(&texts.join(", or "))
            }
        }
    }
}
