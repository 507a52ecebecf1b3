//! How good a model is: likelihood on rows it has not seen, and, with labels, detection.
//!
//! All sums are in `f64`. A log-likelihood is in nats per row, in the units of the raw data. It may
//! be positive: a density may exceed one, and does where the data's unit is large against their
//! spread. Only differences between models on the same rows and units mean something, which is why
//! [`gaussian_log_likelihood`] gives a fixed point to compare with.

mod batch;
mod bits;
mod draw;
mod exact;
mod gaussian;
mod lines;
mod mean;
mod ranking;
mod scorer;
mod source;
mod stream;

pub use batch::BatchFlow;
pub use bits::{Bits, NotItsDequantiser};
pub use draw::Draw;
pub use exact::{exact_log_probs, normalize};
pub use gaussian::gaussian_log_likelihood;
pub use lines::{Lines, judged};
pub use mean::Mean;
pub use ranking::{auroc, average_precision};
pub use scorer::Scorer;
pub use source::Source;
pub use stream::{Stream, StreamError};
