//! Where the values of a column live: asked for, or inferred.
//!
//! A density on all real numbers wastes probability where a column can't be, and stumbles over its edge. A map of
//! the domain ([`flow_embedded::kernels`]) removes the edge; but a value outside then has the likelihood 0, for
//! ever. So inference is conservative, and only for the event's columns:
//!
//! - **Positive** (the logarithm), if all values, those that validate included, are above 0, on a grid more than
//!   two steps above; none is below a tenth of the median; the skewness is at least 1; and the logarithm brings its
//!   magnitude to at most half. At least [`FEWEST`] rows must say so. A log-normal with σ of 0.4 to 0.6 passes. An
//!   exponential (skewness 2, of the logarithm −1.14) and the gammas between it and a normal don't, nor does a wider
//!   log-normal: they come so close to 0 that the next value may be 0 itself. And should it be: the logarithm starts
//!   a tenth of the median *below* 0, so that 0 has a likelihood, though a small one.
//! - **Heavy-tailed** (the inverse of the hyperbolic sine), if that makes a Gaussian gain at least 0.05 nats per row,
//!   and no value holds more than 30 % of the rows.
//! - **Circular**, if the unit is an angle (`°`, `deg`, `rad` and the like), all values lie within one turn, from 0
//!   or around 0, and each twelfth of it holds a value; and only for a flow that can hold an angle.
//! - **Real** else. Bounded and soft-positive columns are never inferred: no sample shows that there is nothing
//!   beyond its extremes.

mod infer;
mod map;
mod request;

pub use infer::{FEWEST, Reason};
pub use request::{DomainRequest, NoSuchDomain};

pub(crate) use infer::{Evidence, infer};
#[doc(hidden)]
pub use map::{Mapped, generate};
pub(crate) use request::{Outside, Place};

use flow_embedded::artefact::Domain;
use std::fmt;

/// A domain in words, as a report shows it.
pub(crate) struct Words(pub(crate) Domain);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Domain::Real => write!(f, "real"),
            Domain::Positive { low } => write!(f, "positive, above {low}"),
            Domain::SoftPositive { low, scale } => {
                write!(f, "soft-positive, above {low} with scale {scale}")
            }
            Domain::Bounded { low, high } => write!(f, "bounded, between {low} and {high}"),
            Domain::Circular => write!(f, "circular"),
            Domain::Categorical { .. } => write!(f, "categorical"),
            Domain::HeavyTailed { centre, scale } => {
                write!(f, "heavy-tailed, around {centre} with scale {scale}")
            }
        }
    }
}
