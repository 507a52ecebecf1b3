//! The type and its trait implementations.

use super::{card, float, layer, number};
use crate::Cost;
use crate::plan::Plan;
use flow_embedded::math::Backend;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

pub(super) fn items(plan: &Plan, cost: &Cost) -> TokenStream {
    let name = format_ident!("{}", plan.type_name);
    let card = card::lines(plan, cost)
        .into_iter()
        .map(|line| match line.as_str() {
            "" => line,
            _ => format!(" {line}"),
        });
    let math = match plan.math {
        Backend::Polynomial => quote! { Polynomial },
        Backend::Libm => quote! { Libm },
        Backend::Micromath => quote! { Micromath },
    };
    let density = density(plan, &name);
    let sampler = sampler(plan, &name);
    let calibrated = calibrated(plan, &name);
    quote! {
        #(#[doc = #card])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct #name;

        /// The elementary functions that the model was calibrated with.
        type Math = ::flow_embedded::math::#math;

        #density
        #sampler
        #calibrated
    }
}

fn density(plan: &Plan, name: &proc_macro2::Ident) -> TokenStream {
    let (event, context) = (number(plan.event.len()), number(plan.context.len()));
    let standardise = standardise_context(plan);
    let given = given_argument(plan);
    let layers = (0..plan.layers.len()).map(|index| {
        let function = layer::function("normalize", index);
        quote! { log_det += #function(&mut x, #given); }
    });
    let log_norm = float(plan.log_norm);
    quote! {
        impl ::flow_embedded::Density<#event, #context> for #name {
            fn log_prob(&self, event: &[f32; #event], context: &[f32; #context]) -> f32 {
                let mut x = ::flow_embedded::kernels::standardise(event, &MEAN, &INV_STD);
                #standardise
                let mut log_det = 0.0;
                #(#layers)*
                let log_prob = ::flow_embedded::kernels::log_prob_of(#log_norm, log_det, &x);
                ::flow_embedded::kernels::conclude(log_prob, event, context)
            }
        }
    }
}

fn sampler(plan: &Plan, name: &proc_macro2::Ident) -> TokenStream {
    let (event, context) = (number(plan.event.len()), number(plan.context.len()));
    let standardise = standardise_context(plan);
    let given = given_argument(plan);
    let context_name = match plan.context.len() {
        0 => format_ident!("_context"),
        _ => format_ident!("context"),
    };
    let layers = (0..plan.layers.len()).rev().map(|index| {
        let function = layer::function("generate", index);
        quote! { #function(&mut x, #given); }
    });
    quote! {
        impl ::flow_embedded::Sampler<#event, #context> for #name {
            fn sample<R: ::flow_embedded::rand_core::Rng + ?Sized>(
                &self,
                rng: &mut R,
                #context_name: &[f32; #context],
            ) -> [f32; #event] {
                let mut x = ::flow_embedded::base::normals::<Math, R, #event>(rng);
                #standardise
                #(#layers)*
                ::flow_embedded::kernels::destandardise(&x, &MEAN, &INV_STD)
            }
        }
    }
}

fn calibrated(plan: &Plan, name: &proc_macro2::Ident) -> TokenStream {
    let Some(calibration) = &plan.calibration else {
        return TokenStream::new();
    };
    let alpha = float(calibration.alpha);
    quote! {
        impl ::flow_embedded::Calibrated for #name {
            fn alpha(&self) -> f32 {
                #alpha
            }

            fn p_value(&self, log_prob: f32) -> f32 {
                ::flow_embedded::detect::p_value(&CALIBRATION, log_prob)
            }
        }
    }
}

fn standardise_context(plan: &Plan) -> TokenStream {
    match plan.context.len() {
        0 => TokenStream::new(),
        _ => quote! {
            let given =
                ::flow_embedded::kernels::standardise(context, &CONTEXT_MEAN, &CONTEXT_INV_STD);
        },
    }
}

fn given_argument(plan: &Plan) -> TokenStream {
    match plan.context.len() {
        0 => TokenStream::new(),
        _ => quote! { &given },
    }
}
