//! The base distribution.

use flow_embedded::artefact::Base;

/// The base distribution.
pub struct BasePlan {
    /// Which one.
    pub distribution: Base,
    /// The components of a mixture.
    pub weights: Vec<f32>,
    /// `places[i]` is the place of the event's array where channel `i` of the
    /// base lies.
    pub places: Vec<usize>,
}
