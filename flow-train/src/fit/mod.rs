//! Maximum likelihood: from standardised rows to the parameters that do best on validation rows.
//!
//! [`fit`] runs Adam over shuffled batches, with a learning-rate schedule and gradient-norm clipping. After each
//! epoch it measures the validation rows; it ends when they haven't improved for a while, when its epochs are used
//! up, or when it is asked to stop, and leaves the flow at its best checkpoint. A step whose loss isn't finite is
//! not taken: training restarts from the best checkpoint at half the rate.
//!
//! **Extrapolation.** The validation mean is an average of `-ln p`, and one event far outside the training data can
//! ruin it: an affine flow that extrapolates a scale sends such an event to thousands of nats. Three things keep
//! it in check here: the bound on each layer's log-scale ([`crate::model::Spec::log_scale_bound`]), weight decay,
//! and [`Config::noise`], which also keeps the flow from spiking on rows that repeat or are rounded.

mod adam;
mod config;
mod run;
mod schedule;

pub use config::{Config, FitError, Schedule};
pub use run::{Epoch, Report, Split, Stop, fit};

pub(crate) use adam::{Adam, norm};
