//! What generating the noise of a sensor takes.

use super::tables;
use super::tokens::number;
use flow_plan::plan::{NoisePlan, Plan};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// `Noise` for a model of a sensor's noise that samples; nothing for others.
pub(super) fn noise(plan: &Plan, name: &Ident) -> TokenStream {
    if own(plan).is_none() {
        return TokenStream::new();
    }
    let (event, context) = (number(plan.all.len()), number(plan.context.len()));
    quote! {
        impl ::flow_embedded::noise::Noise<#event, #context> for #name {
            const START: &'static [f32; #event] = &NOISE_START;
            const RANGES: &'static [[f32; 2]; #context] = &CONTEXT_RANGES;
        }
    }
}

/// Its tables.
pub(super) fn statics(plan: &Plan) -> String {
    let Some(own) = own(plan) else {
        return String::new();
    };
    let start = tables::wrap(own.start.iter().map(|value| format!("{value:?}")));
    let ranges: Vec<String> = own
        .ranges
        .iter()
        .map(|[low, high]| format!("[{low:?}, {high:?}]"))
        .collect();
    format!(
        "\n// Where the noise starts: the mean of each channel in the training data.\n{}\
         \n// The range of each context channel there, which its past is confined to.\n{}",
        tables::statics(
            "NOISE_START",
            &format!("[f32; {}]", own.start.len()),
            &start
        ),
        tables::statics(
            "CONTEXT_RANGES",
            &format!("[[f32; 2]; {}]", ranges.len()),
            &ranges
        ),
    )
}

fn own(plan: &Plan) -> Option<&NoisePlan> {
    let samples = plan.functions.sample() && !plan.is_integer();
    plan.noise.as_ref().filter(|_| samples)
}
