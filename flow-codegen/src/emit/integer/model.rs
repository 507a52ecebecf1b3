//! The log-likelihood in Q16, and the traits over it.

use super::layer;
use crate::emit::base::latents;
use crate::emit::tokens::{at, circle, float, number};
use flow_embedded::artefact::{Base, Domain};
use flow_plan::plan::{Channels, Constants, Plan};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// What the type does.
pub(in crate::emit) fn implementations(
    plan: &Plan,
    name: &Ident,
    visibility: &TokenStream,
    calibrated: &TokenStream,
) -> TokenStream {
    let (event, context) = (number(plan.event.len()), number(plan.context.len()));
    let standardise = standardise(&plan.event, "event", &quote! { mut x }, true);
    let given = plan.conditions().then(|| given(plan));
    let unused = (!plan.conditions()).then(|| {
        quote! {
            if !context.iter().all(|x| x.is_finite()) {
                return None;
            }
        }
    });
    let unused = unused.filter(|_| !plan.context.is_empty());
    let context_name = match plan.context.len() {
        0 => format_ident!("_context"),
        _ => format_ident!("context"),
    };
    let layers = plan
        .steps()
        .filter_map(|(index, own)| layer::call(plan, own, index));
    let (energy, log_norm) = (
        energy(plan),
        Literal::i32_unsuffixed(Constants::q16(plan.log_norm)),
    );
    let adds = plan
        .event
        .0
        .iter()
        .any(|own| !matches!(own.domain, Domain::Real | Domain::Circular))
        || plan.steps().any(|(_, own)| own.bijection.has_log_det());
    let mutable = adds.then(|| quote! { mut });
    let latents = latents(&plan.base.places);
    quote! {
        impl #name {
            /// The log-likelihood in nats, in Q16 (16 bits behind the point), by
            /// integers alone; none if a channel is not finite. Counts values
            /// that had to be clamped to their formats.
            #visibility fn log_prob_q16(
                &self,
                event: &[f32; #event],
                context: &[f32; #context],
                saturation: &mut ::flow_embedded::fixed::Saturation,
            ) -> Option<i32> {
                self.log_prob_and_latents_q16(event, context, &mut [0; #event], saturation)
            }

            /// The same, and the latent coordinates in Q16.
            #[allow(clippy::unused_self)]
            #[inline(never)]
            #visibility fn log_prob_and_latents_q16(
                &self,
                event: &[f32; #event],
                #context_name: &[f32; #context],
                latents: &mut [i32; #event],
                saturation: &mut ::flow_embedded::fixed::Saturation,
            ) -> Option<i32> {
                use ::flow_embedded::fixed;
                let #mutable log_det = 0i32;
                #standardise
                #given
                #unused
                #(#layers)*
                let energy = #energy;
                let log_norm = #log_norm;
                *latents = #latents;
                Some(i32::saturating_add(log_norm, log_det).saturating_sub(energy))
            }
        }

        impl ::flow_embedded::Density<#event, #context> for #name {
            fn log_prob(&self, event: &[f32; #event], context: &[f32; #context]) -> f32 {
                use ::flow_embedded::fixed::{Saturation, conclude};
                conclude(self.log_prob_q16(event, context, &mut Saturation::new()))
            }
        }

        impl ::flow_embedded::Latents<#event, #context> for #name {
            fn log_prob_and_latents(
                &self,
                event: &[f32; #event],
                context: &[f32; #context],
                latents: &mut [f32; #event],
            ) -> f32 {
                use ::flow_embedded::fixed::{Saturation, conclude, to_f32};
                let mut own = [0; #event];
                let saturation = &mut Saturation::new();
                let log_prob = self.log_prob_and_latents_q16(event, context, &mut own, saturation);
                *latents = own.map(to_f32);
                conclude(log_prob)
            }
        }

        #calibrated
    }
}

/// Statements that leave standardised channels in an array, and add the
/// log-determinants of their domains where they are wanted.
fn standardise(channels: &Channels, raw: &str, array: &TokenStream, log_det: bool) -> TokenStream {
    let (table, name) = (table(raw), format_ident!("{raw}"));
    if channels.all_real() {
        return quote! { let #array = fixed::standardise(#name, &#table, saturation)?; };
    }
    let mut before = TokenStream::new();
    let values = channels.0.iter().enumerate().map(|(channel, own)| {
        let (place, x) = (number(channel), at(raw, channel));
        let Some(map) = domain(&own.domain) else {
            let value = quote! { #table[#place].apply(#x, saturation)? };
            return match own.is_circular() {
                true => quote! { fixed::wrap(#value) },
                false => value,
            };
        };
        let mapped = format_ident!("mapped_{channel}");
        before.extend(quote! { let #mapped = const { #map }.normalize(#x)?; });
        if log_det {
            before.extend(quote! { log_det = log_det.saturating_add(#mapped.log_det); });
        }
        quote! { #table[#place].apply_mapped(#mapped.value, saturation) }
    });
    let values: Vec<TokenStream> = values.collect();
    quote! {
        #before
        let #array = [#(#values),*];
    }
}

/// The table of standardisations of the event or the context.
fn table(raw: &str) -> Ident {
    match raw {
        "event" => format_ident!("STANDARDISE"),
        _ => format_ident!("CONTEXT_STANDARDISE"),
    }
}

/// A domain's map, as a constant.
fn domain(domain: &Domain) -> Option<TokenStream> {
    Some(match *domain {
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => return None,
        Domain::Positive { low } => {
            let low = float(low);
            quote! { fixed::Positive::new(#low) }
        }
        Domain::SoftPositive { low, scale } => {
            let (low, scale) = (float(low), float(scale));
            quote! { fixed::SoftPositive::new(#low, #scale) }
        }
        Domain::Bounded { low, high } => {
            let (low, high) = (float(low), float(high));
            quote! { fixed::Bounded::new(#low, #high) }
        }
        Domain::HeavyTailed { centre, scale } => {
            let (centre, scale) = (float(centre), float(scale));
            quote! { fixed::HeavyTailed::new(#centre, #scale) }
        }
    })
}

/// Statements that leave the context's features in `given`.
fn given(plan: &Plan) -> TokenStream {
    let standardise = standardise(&plan.context, "context", &quote! { given }, false);
    let circular = |channel: &usize| plan.context.is_circular(*channel);
    let channels = 0..plan.context.len();
    if !channels.clone().any(|channel| circular(&channel)) {
        return standardise;
    }
    let circles = channels.clone().filter(circular).map(|channel| {
        let ([cos, sin], x) = (circle(channel), at("given", channel));
        quote! { let [#cos, #sin] = fixed::circle(#x); }
    });
    let all = channels.map(|channel| match circular(&channel) {
        false => at("given", channel),
        true => {
            let [cos, sin] = circle(channel);
            quote! { #cos, #sin }
        }
    });
    quote! {
        #standardise
        #(#circles)*
        let given = [#(#all),*];
    }
}

fn energy(plan: &Plan) -> TokenStream {
    let places = plan.base.places.iter().copied();
    let straight: Vec<usize> = places
        .filter(|place| !plan.event.is_circular(*place))
        .collect();
    let z = match straight.iter().copied().eq(0..plan.event.len()) {
        true => quote! { &x },
        false => {
            let channels = straight.iter().map(|place| at("x", *place));
            quote! { &[#(#channels),*] }
        }
    };
    if straight.is_empty() {
        return quote! { 0 };
    }
    match plan.base.distribution {
        Base::Normal => quote! { fixed::normal_energy(#z) },
        Base::Logistic => quote! { fixed::logistic_energy(#z) },
        Base::Laplace => quote! { fixed::laplace_energy(#z) },
        Base::StudentT { degrees_of_freedom } => {
            let degrees_of_freedom = float(degrees_of_freedom);
            quote! { const { fixed::StudentT::new(#degrees_of_freedom) }.energy(#z) }
        }
        Base::Mixture { .. } => quote! { fixed::mixture_energy(#z, &BASE) },
    }
}
