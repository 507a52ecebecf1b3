//! `z = L U P x + bias`.

use super::bodies::Bodies;
use super::permutation;
use crate::emit::tables::{self, Owner};
use quote::quote;

/// `places[i]` is the place of the channel that becomes the `i`-th.
pub(super) fn bodies(places: &[usize], index: usize) -> Bodies {
    let upper = tables::identifier(Owner::Layer(index), "UPPER");
    let lower = tables::identifier(Owner::Layer(index), "LOWER");
    let in_order = places.iter().enumerate().all(|(i, place)| i == *place);
    let moves = (!in_order).then(|| permutation::bodies(places));
    let (gather, scatter) = moves.map(|moves| (moves.normalize, moves.generate)).unzip();
    Bodies {
        normalize: quote! {
            #gather
            linear_normalize(x, &#upper, &#lower);
        },
        generate: quote! {
            linear_generate(x, &#upper, &#lower);
            #scatter
        },
    }
}
