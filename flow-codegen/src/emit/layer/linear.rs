//! `z = L U P x + bias`.

use super::Bodies;
use crate::emit::{at, tables};
use quote::quote;

/// `places[i]` is the place of the channel that becomes the `i`-th.
pub(super) fn bodies(places: &[usize], index: usize) -> Bodies {
    let upper = tables::identifier(index, "UPPER");
    let lower = tables::identifier(index, "LOWER");
    let in_order = places.iter().enumerate().all(|(i, place)| i == *place);
    let gather = (!in_order).then(|| {
        let channels = places.iter().map(|place| at("x", *place));
        quote! { *x = [#(#channels),*]; }
    });
    let scatter = (!in_order).then(|| {
        // The channel that lies at each place.
        let channels = (0..places.len()).filter_map(|place| {
            let channel = places.iter().position(|p| *p == place)?;
            Some(at("x", channel))
        });
        quote! { *x = [#(#channels),*]; }
    });
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
