//! The type and its trait implementations.

use super::{base, card, channels, float, layer, number};
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
    let features = channels::features(plan);
    quote! {
        #(#[doc = #card])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct #name;

        /// The elementary functions that the model was calibrated with.
        type Math = ::flow_embedded::math::#math;

        #density
        #sampler
        #calibrated
        #features
    }
}

fn density(plan: &Plan, name: &proc_macro2::Ident) -> TokenStream {
    let (event, context) = (number(plan.event.len()), number(plan.context.len()));
    let (standardise, given) = (channels::standardise(plan), channels::given(plan));
    let layers = plan
        .steps()
        .map(|(index, own)| layer::call(plan, own, index, "normalize", true));
    let energy = base::energy(plan);
    let log_norm = float(plan.log_norm);
    quote! {
        impl ::flow_embedded::Density<#event, #context> for #name {
            fn log_prob(&self, event: &[f32; #event], context: &[f32; #context]) -> f32 {
                use ::flow_embedded::{base, kernels};
                #standardise
                #given
                #(#layers)*
                let energy = #energy;
                kernels::conclude((#log_norm + log_det) - energy, event, context)
            }
        }
    }
}

fn sampler(plan: &Plan, name: &proc_macro2::Ident) -> TokenStream {
    let (event, context) = (number(plan.event.len()), number(plan.context.len()));
    let (draw, given) = (base::draw(plan), channels::given(plan));
    let context_name = match plan.context.len() {
        0 => format_ident!("_context"),
        _ => format_ident!("context"),
    };
    let layers = plan
        .steps()
        .rev()
        .map(|(index, own)| layer::call(plan, own, index, "generate", false));
    let destandardise = channels::destandardise(plan);
    let round_to_grid = channels::round_to_grid(plan);
    quote! {
        impl ::flow_embedded::Sampler<#event, #context> for #name {
            fn sample<R: ::flow_embedded::rand_core::Rng + ?Sized>(
                &self,
                rng: &mut R,
                #context_name: &[f32; #context],
            ) -> [f32; #event] {
                use ::flow_embedded::{base, kernels};
                #draw
                #given
                #(#layers)*
                #destandardise
            }

            #round_to_grid
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
