//! `z = x · scale + shift`.

use super::bodies::Bodies;
use crate::emit::tables::{self, Owner};
use quote::quote;

pub(super) fn bodies(index: usize) -> Bodies {
    let table = tables::identifier(Owner::Layer(index), "SCALE_SHIFT");
    Bodies {
        normalize: quote! { element_wise_normalize(x, &#table); },
        generate: quote! { element_wise_generate(x, &#table); },
    }
}
