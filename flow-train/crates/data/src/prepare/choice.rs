//! What was chosen for a column, in words.

use crate::Reason;
use crate::domain::Words;
use flow_embedded::artefact::{Domain, Grid};
use std::fmt;

/// What was chosen for a column, and why.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Choice {
    /// The column's name.
    pub column: String,
    /// Where its values live.
    pub domain: Domain,
    /// What spoke for it.
    pub reason: Reason,
    /// The values that it is rounded to, if it is.
    pub grid: Option<Grid>,
}

impl Choice {
    /// Whether it is worth a word: anything but a real column that is not rounded and that nothing was asked for.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        self.reason != Reason::Default || self.grid.is_some()
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.column, Words(self.domain))?;
        match self.reason {
            Reason::Requested => write!(f, ", as asked for")?,
            Reason::Skewed {
                skewness,
                skewness_of_log,
            } => write!(
                f,
                ", since its skewness of {skewness:.1} is {skewness_of_log:.1} in the logarithm"
            )?,
            Reason::HeavyTails { gain } => {
                write!(f, ", since its tails are heavy: by {gain:.2} nats per row")?;
            }
            Reason::Angle => write!(
                f,
                ", since its unit is that of an angle that goes all around"
            )?,
            Reason::Default => {}
        }
        match self.grid {
            Some(Grid { offset: 0.0, step }) => {
                write!(
                    f,
                    "; rounded to multiples of {step}, dequantised in training"
                )
            }
            Some(Grid { offset, step }) => write!(
                f,
                "; rounded to {offset} and multiples of {step} beside it, dequantised in training"
            ),
            None => Ok(()),
        }
    }
}
