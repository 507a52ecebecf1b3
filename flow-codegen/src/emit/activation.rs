//! The non-linearities of hidden layers, as types of kernels.

use super::tokens;
use flow_embedded::artefact::Activation;
use flow_embedded::fixed;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// What `flow_embedded` calls them, in `kernels` as in `fixed`.
pub(super) const KERNELS: [&str; 7] = [
    "Elu",
    "Gelu",
    "GeluTanh",
    "LeakyRelu",
    "Relu",
    "Silu",
    "Tanh",
];

/// The kernel of `f32`.
pub(super) fn float(activation: Activation) -> TokenStream {
    match activation {
        Activation::Relu => quote! { Relu },
        Activation::Tanh => quote! { Tanh<Math> },
        Activation::Silu => quote! { Silu<Math> },
        Activation::LeakyRelu { slope } => {
            let slope = tokens::float(slope);
            quote! { LeakyRelu<{ f32::to_bits(#slope) }> }
        }
        Activation::Gelu => quote! { Gelu<Math> },
        Activation::GeluTanh => quote! { GeluTanh<Math> },
        Activation::Elu { alpha } => {
            let alpha = tokens::float(alpha);
            quote! { Elu<Math, { f32::to_bits(#alpha) }> }
        }
    }
}

/// The kernel of integers that gives so many bits behind the point.
pub(super) fn integer(activation: Activation, fraction: &Literal) -> TokenStream {
    match activation {
        Activation::Relu => quote! { Relu },
        Activation::Tanh => quote! { Tanh<#fraction> },
        Activation::Silu => quote! { Silu<#fraction> },
        Activation::LeakyRelu { slope } => {
            let slope = Literal::u32_unsuffixed(fixed::q31(slope));
            quote! { LeakyRelu<#slope> }
        }
        Activation::Gelu => quote! { Gelu<#fraction> },
        Activation::GeluTanh => quote! { GeluTanh<#fraction> },
        Activation::Elu { alpha } => {
            let alpha = Literal::u32_unsuffixed(fixed::q16(alpha));
            quote! { Elu<#alpha, #fraction> }
        }
    }
}
