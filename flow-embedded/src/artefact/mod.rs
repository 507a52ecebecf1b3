//! The file `model.flow`: a flow as data.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | magic, `FLOW` |
//! | 4..6 | format version, `u16` |
//! | 6..8 | reserved, zero |
//! | 8..12 | length of the header in bytes, `u32` |
//! | 12..16 | number of weights, `u32` |
//! | 16.. | [`Header`]: sections, each with a kind and a length |
//! | .. | the weights, `f32` |
//! | last 4 | CRC-32 (IEEE 802.3) of all bytes before it |
//!
//! `docs/artefact.md` in the repository has it byte for byte. A section of a kind that this crate doesn't know is
//! left out if the kind has the bit [`MAY_BE_LEFT_OUT`], and refused if not
//! ([`LoadError::UnknownSection`]). Formats 7 and 8, whose headers have no sections, are read.
//!
//! All numbers are little-endian. The weights lie in the order in which they
//! are used: the embedding tables of the vocabularies, a row for each category; the
//! heads of the categorical event channels, each a conditioner; then layer by layer in
//! the normalizing direction:
//!
//! - of a conditioner, dense layer by dense layer, row by row, each row its bias
//!   and then one weight for each leading input that it sees (masked weights
//!   are not stored); [`Form`] and [`Role`] say which dense layers there are;
//! - of a linear layer, the rows of U from the diagonal on, then the rows of L,
//!   each its bias and what stands left of the diagonal;
//! - of an element-wise layer, scale and shift of each channel;
//! - of a convolutional coupling, layer by layer, row by row, each row its head and
//!   then the weights of what the kernel sees, as
//!   [`kernels::convolve_at`](crate::kernels::convolve_at) has it;
//! - of a 1×1 convolution, as of a linear layer.
//!
//! Then follow the components of a mixture base, the calibration table as pairs
//! `(log_prob, p_value)`, the thresholds and common values of a sequential test,
//! and the calibration tables by context.
//!
//! The same model gives the same bytes. [`LoadedFlow::from_bytes`] validates
//! all of it once and borrows it in place at any alignment.

mod activation;
mod base;
mod blocks;
mod calibration;
mod categorical;
mod channel;
mod decode;
mod error;
mod form;
mod frame;
mod image;
mod layout;
mod list;
mod loaded;
mod mondrian;
mod noise;
mod parts;
mod previous;
mod schema;
mod sections;
mod sequential;
mod shape;
mod shaped;
mod text;
mod transformer;
mod validate;
mod walk;

pub use activation::{Activation, NoSuchActivation};
pub use blocks::{Block, Blocks};
pub use calibration::{Calibration, Judged};
pub use categorical::{
    Head, MAX_CATEGORIES, MAX_EMBEDDING, MAX_VOCABULARIES, SEPARATOR, Vocabulary,
};
pub use error::{EncodeError, Fault, LoadError, Place, ShapeError};
pub use form::{ContextTerm, Form, MAX_BLOCK_UNITS, MAX_BLOCKS, PreActivation, Role};
pub use frame::{FORMAT_VERSION, encode, encoded_len};
pub use image::{ConvolutionalCoupling, Convolutions, Planes};
pub use list::{Item, Iter, List};
pub use loaded::{CalibrationTable, LoadedFlow};
pub use mondrian::{CATEGORY_BYTES, Category, Mondrian};
pub use noise::Noise;
pub use schema::{
    Autoregressive, Base, Channel, Channels, Conditioner, Coupling, Domain, Evaluation, Grid,
    Header, Layer, MAX_CHANNELS, MAX_HIDDEN_LAYERS, MAX_KERNEL, MAX_LAYERS, MAX_LOG_NORM,
    Permutation, Provenance, Quantisation, Units, WeightFormat,
};
pub use sections::MAY_BE_LEFT_OUT;
pub use sequential::{BET_BYTES, COMMON_VALUES, Sequential};
pub use shape::{ChannelSet, Shape};
pub use shaped::{CalibratedFlow, ShapedFlow};
pub use text::{MAX_COMMAND_BYTES, MAX_NAME_BYTES, is_unprintable};
pub use transformer::{
    Direction, Ends, FlooredSpline, MAX_LOG_SCALE, MAX_SPLINE_BOUND, Scale, Transformer,
};
