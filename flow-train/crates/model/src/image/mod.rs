//! Layers over small images: channels of the event as planes (Dinh, Sohl-Dickstein & Bengio 2017, "RealNVP"; Kingma &
//! Dhariwal 2018, "Glow").
//!
//! A panel over planes has one row for each plane. Its columns are those of the event's panel, once for each position
//! of the image, position by position: so whatever works on rows of events works on planes. A convolution is a dense
//! layer over what its kernel sees, gathered into rows.

mod convolution;
mod coupling;
mod planes;
mod pointwise;
mod scales;

pub use convolution::Filter;
pub(crate) use convolution::Form;
pub use convolution::{ConvolutionParts, ConvolutionsParts};
pub(crate) use coupling::ConvolutionalCoupling;
pub use flow_artefact::Planes;
pub use planes::PlanePanels;
pub(crate) use pointwise::Pointwise;
pub(crate) use scales::{Scale, scales};
