//! `z_i = x_p(i)`.

use super::bodies::Bodies;
use crate::emit::tokens::at;
use quote::quote;

/// `order[i]` is the place of the channel that becomes the `i`-th.
pub(super) fn bodies(order: &[usize]) -> Bodies {
    let gather = order.iter().map(|place| at("x", *place));
    // The channel that lies at each place.
    let scatter = (0..order.len()).filter_map(|place| {
        let channel = order.iter().position(|p| *p == place)?;
        Some(at("x", channel))
    });
    Bodies {
        normalize: quote! { *x = [#(#gather),*]; },
        generate: quote! { *x = [#(#scatter),*]; },
    }
}
