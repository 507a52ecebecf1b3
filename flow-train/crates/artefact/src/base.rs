//! Normalising constants of base distributions.

use flow_embedded::artefact::Base;
use std::f64::consts::{LN_2, PI, TAU};

/// `ln` of the normalising constant of a base for one channel that isn't an angle; of a mixture, that of
/// one standard normal.
pub fn log_norm(base: Base) -> f64 {
    match base {
        Base::Normal | Base::Mixture { .. } => -0.5 * TAU.ln(),
        Base::Logistic => 0.0,
        Base::Laplace => -LN_2,
        Base::StudentT { degrees_of_freedom } => student_t_log_norm(f64::from(degrees_of_freedom)),
    }
}

/// [`log_norm`] of Student's t with `nu` degrees of freedom, which are positive.
pub fn student_t_log_norm(nu: f64) -> f64 {
    libm::lgamma(0.5 * (nu + 1.0)) - libm::lgamma(0.5 * nu) - 0.5 * (nu * PI).ln()
}
