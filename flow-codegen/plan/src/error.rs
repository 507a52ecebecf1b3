//! What a plan refuses.

/// Why a model can't have the form that its artefact asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A weight of a model in half precision is no number of half precision.
    #[error(
        "layer {layer} holds a weight that f16 does not: quantise the model with `flow quantise`, which \
         rounds them and calibrates it anew"
    )]
    NotHalf {
        /// The layer, from 0.
        layer: usize,
    },
    /// As [`NotHalf`](Self::NotHalf), for the embedding or the head of a category.
    #[error(
        "an embedding or a head of a categorical channel holds a weight that f16 does not: quantise \
         the model with `flow quantise`, which rounds them and calibrates it anew"
    )]
    NotHalfCategories,
    /// A weight is too large for integers.
    #[error(
        "layer {layer} cannot be quantised: a weight is too large for the unit of what it gives; \
         compile the model to f32 or f16"
    )]
    Quantise {
        /// The layer, from 0.
        layer: usize,
    },
    /// Layers over images are not computed with integers.
    #[error(
        "layer {layer} is one over images, which is not computed with integers: compile the model to f32 \
         or f16"
    )]
    QuantiseImage {
        /// The layer, from 0.
        layer: usize,
    },
}
