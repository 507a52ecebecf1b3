//! Tokens that all emitters write alike.

use flow_embedded::artefact::Scale;
use flow_plan::plan::Array;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// A number as people write it: `4`, not `4usize`.
pub(super) fn number(value: usize) -> Literal {
    Literal::usize_unsuffixed(value)
}

/// As [`number`], for a finite `f32`.
pub(super) fn float(value: f32) -> TokenStream {
    let size = Literal::f32_unsuffixed(value.abs());
    if value.is_sign_negative() {
        quote! { -#size }
    } else {
        quote! { #size }
    }
}

/// `array[index]`
pub(super) fn at(array: &str, index: usize) -> TokenStream {
    let (array, index) = (format_ident!("{array}"), number(index));
    quote! { #array[#index] }
}

/// The names of an angle's features.
pub(super) fn circle(channel: usize) -> [Ident; 2] {
    [
        format_ident!("cos_{channel}"),
        format_ident!("sin_{channel}"),
    ]
}

/// The name of a layer's function.
pub(super) fn name(direction: &str, index: usize) -> Ident {
    format_ident!("{direction}_{index}")
}

/// The name of an array that a conditioner works in.
pub(super) fn array(array: Array) -> Ident {
    match array {
        Array::Hidden(index) => format_ident!("hidden_{index}"),
        Array::Sum => format_ident!("sums"),
        Array::Term => format_ident!("terms"),
    }
}

/// The name of the map, of floats and of integers.
pub(super) fn scale_map_name(scale: Scale) -> TokenStream {
    match scale {
        Scale::Exponential { .. } => quote! { ExponentialScale },
        Scale::Softplus { .. } => quote! { SoftplusScale },
        Scale::Sigmoid { .. } => quote! { SigmoidScale },
    }
}
