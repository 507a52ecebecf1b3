//! Between raw and standardised channels, and back to the grid.

use super::categorical;
use super::tokens::{at, circle, float, number};
use flow_embedded::artefact::Domain;
use flow_plan::plan::{Channels, Plan};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// Statements that begin `log_det`, add what the categories give, and leave the rest of
/// the event, standardised, in `x`.
pub(super) fn standardise(plan: &Plan) -> TokenStream {
    let categories = categorical::score(plan);
    if plan.event.is_empty() {
        return quote! {
            let mut log_det = 0.0;
            #categories
        };
    }
    let channels = plan.event.0.iter().enumerate();
    let maps: Vec<_> = channels
        .filter_map(|(channel, own)| to_real(&own.domain, &at("raw", channel)))
        .collect();
    let statements = match plan.event.one_kind() {
        Some(_) => in_a_loop(&plan.event.0[0].domain, "normalize"),
        None => quote! { #(log_det += #maps;)* },
    };
    let mixed = !plan.categorical.heads.is_empty();
    let adds =
        mixed || !maps.is_empty() || plan.steps().any(|(_, own)| own.bijection.has_log_det());
    let mutable = adds.then(|| quote! { mut });
    let (copy, raw) = match mixed {
        false => copy(&quote! { event }, &maps),
        true => {
            let mutable = (!maps.is_empty()).then(|| quote! { mut });
            let continuous = categorical::continuous(plan);
            let copy = quote! { let #mutable raw = #continuous; };
            (Some(copy), quote! { &raw })
        }
    };
    let wraps = wraps(&plan.event);
    quote! {
        let #mutable log_det = 0.0;
        #categories
        #copy
        #statements
        let mut x = kernels::standardise(#raw, &MEAN, &INV_STD);
        #wraps
    }
}

/// The tail expression of `sample`: `x` in the units of the raw data.
pub(super) fn destandardise(plan: &Plan) -> TokenStream {
    let merged = (!plan.categorical.heads.is_empty()).then(|| categorical::merge(plan));
    if let (Some(merged), 0) = (&merged, plan.event.len()) {
        return merged.clone();
    }
    let all = quote! { kernels::destandardise(&x, &MEAN, &INV_STD) };
    let maps: Vec<_> = plan
        .event
        .0
        .iter()
        .enumerate()
        .filter_map(|(channel, own)| from_real(&own.domain, &at("raw", channel)))
        .collect();
    if maps.is_empty() && merged.is_none() {
        return all;
    }
    let statements = match plan.event.one_kind() {
        Some(_) => in_a_loop(&plan.event.0[0].domain, "generate"),
        None => quote! { #(#maps;)* },
    };
    let mutable = (!maps.is_empty()).then(|| quote! { mut });
    let tail = merged.unwrap_or_else(|| quote! { raw });
    quote! {
        let #mutable raw = #all;
        #statements
        #tail
    }
}

/// The maps of many channels with domains of one kind, whose numbers are in a
/// table.
fn in_a_loop(domain: &Domain, direction: &str) -> TokenStream {
    let (kind, names) = match domain {
        Domain::Positive { .. } => ("positive", vec!["low"]),
        Domain::SoftPositive { .. } => ("soft_positive", vec!["low", "scale"]),
        Domain::HeavyTailed { .. } => ("heavy_tailed", vec!["centre", "scale"]),
        _ => ("bounded", vec!["low", "high"]),
    };
    let kernel = format_ident!("{kind}_{direction}");
    let names: Vec<_> = names.iter().map(|name| format_ident!("{name}")).collect();
    let add = (direction == "normalize").then(|| quote! { log_det += });
    quote! {
        for (x, [#(#names),*]) in raw.iter_mut().zip(&DOMAINS) {
            #add kernels::#kernel::<Math>(x, #(*#names),*);
        }
    }
}

/// The statement that leaves the context's features in `given`, if there are
/// any and a layer reads them.
pub(super) fn given(plan: &Plan) -> TokenStream {
    if !plan.categorical.vocabularies.is_empty() && plan.conditions() {
        let mutable = categorical::embeds(plan).then(|| quote! { mut });
        let features = match plan.context.len() {
            0 => {
                let count = number(plan.given());
                quote! { [0.0; #count] }
            }
            _ => quote! { features(context) },
        };
        return quote! { let #mutable given = #features; };
    }
    match (plan.conditions(), plan.context.all_real()) {
        (false, _) => TokenStream::new(),
        (_, true) => quote! {
            let given = kernels::standardise(context, &CONTEXT_MEAN, &CONTEXT_INV_STD);
        },
        (_, false) => quote! { let given = features(context); },
    }
}

/// The function `features`, for a context that is more than standardised.
pub(super) fn features(plan: &Plan) -> TokenStream {
    let embedded = !plan.categorical.vocabularies.is_empty();
    let plain = plan.context.all_real() && !embedded;
    if plain || !plan.conditions() || plan.context.is_empty() {
        return TokenStream::new();
    }
    if embedded {
        return embedded_features(plan);
    }
    let channels = plan.context.0.iter().enumerate();
    let maps: Vec<_> = channels
        .filter_map(|(channel, own)| to_real(&own.domain, &at("raw", channel)))
        .collect();
    let (copy, raw) = copy(&quote! { context }, &maps);
    let circular = (0..plan.context.len()).filter(|channel| plan.context.is_circular(*channel));
    let circles = circular.map(|channel| {
        let ([cos, sin], x) = (circle(channel), at("x", channel));
        quote! { let [#cos, #sin] = kernels::circle::<Math>(kernels::wrap(#x)); }
    });
    let all = (0..plan.context.len()).map(|channel| match plan.context.is_circular(channel) {
        false => at("x", channel),
        true => {
            let [cos, sin] = circle(channel);
            quote! { #cos, #sin }
        }
    });
    let (context, count) = (number(plan.context.len()), number(plan.context.features()));
    quote! {
        /// The context as conditioners see it.
        fn features(context: &[f32; #context]) -> [f32; #count] {
            use ::flow_embedded::kernels;
            #copy
            #(#maps;)*
            let x = kernels::standardise(#raw, &CONTEXT_MEAN, &CONTEXT_INV_STD);
            #(#circles)*
            [#(#all),*]
        }
    }
}

/// As [`features`], with the embeddings of categories among them.
fn embedded_features(plan: &Plan) -> TokenStream {
    let channels = || plan.context.0.iter().enumerate();
    let maps: Vec<_> = channels()
        .filter_map(|(channel, own)| to_real(&own.domain, &at("raw", channel)))
        .collect();
    let (copy, raw) = copy(&quote! { context }, &maps);
    let plain = channels().any(|(_, own)| own.vocabulary().is_none());
    let standardise = plain.then(|| {
        quote! { let x = kernels::standardise(#raw, &CONTEXT_MEAN, &CONTEXT_INV_STD); }
    });
    let name = format_ident!("features");
    let mut slot = 0;
    let fill = channels().map(|(channel, own)| {
        let (x, own_slot) = (at("x", channel), slot);
        slot += own.features;
        let first = at("features", own_slot);
        match own.vocabulary() {
            Some(vocabulary) => {
                categorical::embed(vocabulary, own_slot, &at("context", channel), &name)
            }
            None if own.is_circular() => {
                let second = at("features", own_slot + 1);
                quote! { [#first, #second] = kernels::circle::<Math>(kernels::wrap(#x)); }
            }
            None => quote! { #first = #x; },
        }
    });
    let fill: TokenStream = fill.collect();
    let (context, count) = (number(plan.context.len()), number(plan.given()));
    quote! {
        /// The context as conditioners see it, and room for the categories of the event.
        fn features(context: &[f32; #context]) -> [f32; #count] {
            use ::flow_embedded::kernels;
            #copy
            #(#maps;)*
            #standardise
            let mut features = [0.0; #count];
            #fill
            features
        }
    }
}

/// The method `round_to_grid` of the sampler, for an event with grids.
pub(super) fn round_to_grid(plan: &Plan) -> TokenStream {
    let channels = plan.all.0.iter().enumerate();
    let rounded: Vec<_> = channels
        .filter_map(|(channel, own)| {
            let grid = own.grid?;
            let (x, offset, step) = (at("event", channel), float(grid.offset), float(grid.step));
            Some(quote! { #x = kernels::round_to_grid(#x, #offset, #step); })
        })
        .collect();
    if rounded.is_empty() {
        return TokenStream::new();
    }
    let loops = plan
        .event
        .all_grids()
        .filter(|_| plan.all.len() == plan.event.len());
    let rounded = match loops {
        Some(_) => quote! {
            for (x, [offset, step]) in event.iter_mut().zip(&GRIDS) {
                *x = kernels::round_to_grid(*x, *offset, *step);
            }
        },
        None => quote! { #(#rounded)* },
    };
    let event = number(plan.all.len());
    quote! {
        fn round_to_grid(&self, event: &mut [f32; #event]) {
            use ::flow_embedded::kernels;
            #rounded
        }
    }
}

/// A copy of the raw channels where some are mapped in place, and what is then
/// standardised.
fn copy(channels: &TokenStream, maps: &[TokenStream]) -> (Option<TokenStream>, TokenStream) {
    match maps.is_empty() {
        true => (None, channels.clone()),
        false => (Some(quote! { let mut raw = *#channels; }), quote! { &raw }),
    }
}

/// The map from a domain to all real numbers, in place; its value is the
/// log-determinant. None where there is nothing to do.
fn to_real(domain: &Domain, x: &TokenStream) -> Option<TokenStream> {
    match *domain {
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => None,
        Domain::Positive { low } => {
            let low = float(low);
            Some(quote! { kernels::positive_normalize::<Math>(&mut #x, #low) })
        }
        Domain::SoftPositive { low, scale } => {
            let (low, scale) = (float(low), float(scale));
            Some(quote! { kernels::soft_positive_normalize::<Math>(&mut #x, #low, #scale) })
        }
        Domain::Bounded { low, high } => {
            let (low, high) = (float(low), float(high));
            Some(quote! { kernels::bounded_normalize::<Math>(&mut #x, #low, #high) })
        }
        Domain::HeavyTailed { centre, scale } => {
            let (centre, scale) = (float(centre), float(scale));
            Some(quote! { kernels::heavy_tailed_normalize::<Math>(&mut #x, #centre, #scale) })
        }
    }
}

/// The inverse of [`to_real`].
fn from_real(domain: &Domain, x: &TokenStream) -> Option<TokenStream> {
    match *domain {
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => None,
        Domain::Positive { low } => {
            let low = float(low);
            Some(quote! { kernels::positive_generate::<Math>(&mut #x, #low) })
        }
        Domain::SoftPositive { low, scale } => {
            let (low, scale) = (float(low), float(scale));
            Some(quote! { kernels::soft_positive_generate::<Math>(&mut #x, #low, #scale) })
        }
        Domain::Bounded { low, high } => {
            let (low, high) = (float(low), float(high));
            Some(quote! { kernels::bounded_generate::<Math>(&mut #x, #low, #high) })
        }
        Domain::HeavyTailed { centre, scale } => {
            let (centre, scale) = (float(centre), float(scale));
            Some(quote! { kernels::heavy_tailed_generate::<Math>(&mut #x, #centre, #scale) })
        }
    }
}

/// Takes the angles of `x` modulo a full turn.
fn wraps(channels: &Channels) -> TokenStream {
    let circular = (0..channels.len()).filter(|channel| channels.is_circular(*channel));
    circular
        .map(|channel| {
            let x = at("x", channel);
            quote! { #x = kernels::wrap(#x); }
        })
        .collect()
}
