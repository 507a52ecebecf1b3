//! The base distribution: its energy and its draw.

use super::tokens::{at, float, number};
use flow_embedded::artefact::Base;
use flow_plan::plan::Plan;
use proc_macro2::TokenStream;
use quote::quote;

/// `−ln p` of the base event `x` without its constant, as an expression.
pub(super) fn energy(plan: &Plan) -> TokenStream {
    let (circular, straight): (Vec<usize>, Vec<usize>) = plan
        .base
        .places
        .iter()
        .partition(|place| plan.event.is_circular(**place));
    let in_order = straight.iter().copied().eq(0..plan.event.len());
    let list = |places: &[usize]| {
        let channels = places.iter().map(|place| at("x", *place));
        quote! { [#(&#channels),*] }
    };
    let z = match in_order {
        true => quote! { &x },
        false => list(&straight),
    };
    let energy = match plan.base.distribution {
        Base::Normal => quote! { base::normal_energy(#z) },
        Base::Logistic => quote! { base::logistic_energy::<Math>(#z) },
        Base::Laplace => quote! { base::laplace_energy(#z) },
        Base::StudentT { degrees_of_freedom } => {
            let degrees_of_freedom = float(degrees_of_freedom);
            quote! { base::student_t_energy::<Math>(#z, #degrees_of_freedom) }
        }
        Base::Mixture { .. } => {
            let z = match in_order {
                true => quote! { &x },
                false => {
                    let channels = straight.iter().map(|place| at("x", *place));
                    quote! { &[#(#channels),*] }
                }
            };
            quote! { base::mixture_energy::<Math, _>(#z, &BASE) }
        }
    };
    if circular.is_empty() {
        return energy;
    }
    let turns = list(&circular);
    let turns = quote! { base::circular_energy(#turns) };
    match straight.is_empty() {
        true => turns,
        false => quote! { #energy + #turns },
    }
}

/// Statements that leave a base event in `x`, drawn channel by channel.
pub(super) fn draw(plan: &Plan) -> TokenStream {
    let event = plan.event.len();
    let places = &plan.base.places;
    let in_order = places.iter().copied().eq(0..event);
    let name = match in_order {
        true => quote! { x },
        false => quote! { z },
    };
    let one = match plan.base.distribution {
        Base::Normal | Base::Mixture { .. } => quote! { base::normal::<Math, R>(rng) },
        Base::Logistic => quote! { base::logistic::<Math, R>(rng) },
        Base::Laplace => quote! { base::laplace::<Math, R>(rng) },
        Base::StudentT { degrees_of_freedom } => {
            let degrees_of_freedom = float(degrees_of_freedom);
            quote! { base::student_t::<Math, R>(rng, #degrees_of_freedom) }
        }
    };
    let event_number = number(event);
    let draw = match plan.base.distribution {
        Base::Mixture { .. } => quote! {
            let mut #name = [0.0; #event_number];
            base::mixture::<Math, R, _>(rng, &BASE, &mut #name);
        },
        _ if (0..event).any(|channel| plan.event.is_circular(channel)) => {
            let channels = (0..event).map(|channel| match plan.event.is_circular(channel) {
                true => quote! { base::angle(rng) },
                false => one.clone(),
            });
            quote! { let mut #name = [#(#channels),*]; }
        }
        _ => {
            let mutable = in_order.then(|| quote! { mut });
            quote! {
                let #mutable #name: [f32; #event_number] = ::core::array::from_fn(|_| #one);
            }
        }
    };
    if in_order {
        return draw;
    }
    // The channel that lies at each place.
    let channels = (0..event).filter_map(|place| {
        let channel = places.iter().position(|p| *p == place)?;
        Some(at("z", channel))
    });
    quote! {
        #draw
        let mut x = [#(#channels),*];
    }
}

/// The channels of the base, from the places where they lie in `x`.
pub(super) fn latents(places: &[usize]) -> TokenStream {
    if places.iter().copied().eq(0..places.len()) {
        return quote! { x };
    }
    let channels = places.iter().map(|place| at("x", *place));
    quote! { [#(#channels),*] }
}
