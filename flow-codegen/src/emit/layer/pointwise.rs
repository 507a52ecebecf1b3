//! `z = L U x + bias` over the planes at each position of an image.

use super::bodies::Bodies;
use crate::emit::tables::{self, Owner};
use crate::emit::tokens::number;
use quote::quote;

/// For so many planes.
pub(super) fn bodies(planes: usize, index: usize) -> Bodies {
    let upper = tables::identifier(Owner::Layer(index), "UPPER");
    let lower = tables::identifier(Owner::Layer(index), "LOWER");
    let places = tables::identifier(Owner::Layer(index), "PLACES");
    let planes = number(planes);
    Bodies {
        normalize: quote! {
            pointwise_normalize(x, &#places, &#upper, &#lower, &mut [0.0; #planes]);
        },
        generate: quote! {
            pointwise_generate(x, &#places, &#upper, &#lower, &mut [0.0; #planes]);
        },
    }
}
