//! What of the context is computed from the stream's past.

use super::tokens::number;
use flow_embedded::window::Feature;
use flow_plan::plan::Plan;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

/// `Windowed` for a model that is conditioned on the past; nothing for others.
pub(super) fn windowed(plan: &Plan, name: &Ident) -> TokenStream {
    if plan.features.is_empty() {
        return TokenStream::new();
    }
    let event = number(plan.all.len());
    let features = number(plan.features.len());
    let [samples, averages] = size(&plan.features).map(number);
    let items = plan.features.iter().map(|own| feature(*own));
    quote! {
        impl ::flow_embedded::window::Windowed<#event, #features, #samples, #averages> for #name {
            const FEATURES: [::flow_embedded::window::Feature; #features] = {
                use ::flow_embedded::window::Feature;
                [#(#items),*]
            };
        }
    }
}

/// The features, as `Windowed` has them; `None` without any.
pub(super) fn past(plan: &Plan) -> Option<TokenStream> {
    let event = number(plan.all.len());
    let features = number(plan.features.len());
    let [samples, averages] = size(&plan.features).map(number);
    (!plan.features.is_empty()).then(|| {
        quote! {
            <Self as ::flow_embedded::window::Windowed<#event, #features, #samples, #averages>>::FEATURES
        }
    })
}

/// The samples and the moving averages that a window must hold.
pub(super) fn size(features: &[Feature]) -> [usize; 2] {
    let samples = features.iter().map(|own| own.depth()).max();
    let averages = features.iter().filter(|own| own.depth() == 0);
    [samples.unwrap_or(0), averages.count()]
}

fn feature(own: Feature) -> TokenStream {
    let channel = Literal::u8_unsuffixed(own.channel());
    let steps = |steps: u16| Literal::u16_unsuffixed(steps);
    match own {
        Feature::Lag { steps: own, .. } => {
            let steps = steps(own);
            quote! { Feature::Lag { channel: #channel, steps: #steps } }
        }
        Feature::Difference { steps: own, .. } => {
            let steps = steps(own);
            quote! { Feature::Difference { channel: #channel, steps: #steps } }
        }
        Feature::Mean { steps: own, .. } => {
            let steps = steps(own);
            quote! { Feature::Mean { channel: #channel, steps: #steps } }
        }
        Feature::Deviation { steps: own, .. } => {
            let steps = steps(own);
            quote! { Feature::Deviation { channel: #channel, steps: #steps } }
        }
        Feature::Average { shift, .. } => {
            let shift = Literal::u8_unsuffixed(shift);
            quote! { Feature::Average { channel: #channel, shift: #shift } }
        }
    }
}
