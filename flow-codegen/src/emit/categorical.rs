//! Categorical channels: their statements in `log_prob` and `sample`, and their names.

use super::tables;
use super::tokens::{at, name, number};
use flow_plan::plan::{HeadPlan, Plan};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// Statements that add the log-probability of each categorical event channel to
/// `log_det`.
pub(super) fn score(plan: &Plan) -> TokenStream {
    let heads = plan.categorical.heads.iter().enumerate();
    heads
        .map(|(index, own)| {
            let (log_prob, logits) = (log_prob(index), name("logits", index));
            let code = at("event", own.channel);
            let embed = embed_code(plan, index, own, &code);
            quote! {
                let #log_prob = kernels::category_log_prob::<Math>(#code, &#logits(&given));
                log_det += #log_prob;
                #embed
            }
        })
        .collect()
}

/// Statements that draw the categories of the event.
pub(super) fn draw(plan: &Plan) -> TokenStream {
    let heads = plan.categorical.heads.iter().enumerate();
    heads
        .map(|(index, own)| {
            let (category, logits) = (category(index), name("logits", index));
            let embed = embed_code(plan, index, own, &quote! { #category });
            quote! {
                let #category = kernels::category::<Math, R>(rng, &mut #logits(&given));
                #embed
            }
        })
        .collect()
}

/// The event of the continuous channels in the array `raw`, and the drawn categories.
pub(super) fn merge(plan: &Plan) -> TokenStream {
    let channels = (0..plan.all.len()).map(|channel| {
        let continuous = plan.categorical.continuous.iter();
        match continuous.clone().position(|own| *own == channel) {
            Some(place) => at("raw", place),
            None => {
                let heads = &plan.categorical.heads;
                let head = heads.iter().position(|own| own.channel == channel);
                let category = category(head.unwrap_or_default());
                quote! { #category }
            }
        }
    });
    quote! { [#(#channels),*] }
}

/// The latents: those of the base, then the surprise of each category.
pub(super) fn latents(plan: &Plan) -> TokenStream {
    let places = plan.base.places.iter().map(|place| at("x", *place));
    let surprises = (0..plan.categorical.heads.len()).map(|index| {
        let log_prob = log_prob(index);
        quote! { -#log_prob }
    });
    quote! { [#(#places,)* #(#surprises),*] }
}

/// The continuous channels of `event`, as an array.
pub(super) fn continuous(plan: &Plan) -> TokenStream {
    let channels = plan.categorical.continuous.iter();
    let channels = channels.map(|channel| at("event", *channel));
    quote! { [#(#channels),*] }
}

/// Whether some code of the event is embedded.
pub(super) fn embeds(plan: &Plan) -> bool {
    let heads = plan.categorical.heads.len();
    (0..heads).any(|head| plan.categorical.conditions(head))
}

/// The statement that embeds the code of a head's channel, if anything reads it.
fn embed_code(
    plan: &Plan,
    index: usize,
    own: &HeadPlan,
    code: &TokenStream,
) -> Option<TokenStream> {
    let reads = plan.categorical.conditions(index);
    reads.then(|| embed(own.vocabulary, own.inputs, code, &format_ident!("given")))
}

/// The statement that writes the embedding of a code to the features from `slot` on.
pub(super) fn embed(
    vocabulary: usize,
    slot: usize,
    code: &TokenStream,
    features: &Ident,
) -> TokenStream {
    let (table, slot) = (tables::embedding(vocabulary), number(slot));
    quote! { kernels::embed::<#slot, _, _, _, _>(&#table, #code, &mut #features); }
}

/// `Categories` for a model that has some.
pub(super) fn names(plan: &Plan, name: &Ident) -> TokenStream {
    let own = &plan.categorical.vocabularies;
    if own.is_empty() {
        return TokenStream::new();
    }
    let lists = own.iter().map(|own| {
        let names = &own.names;
        quote! { &[#(#names),*] }
    });
    quote! {
        impl ::flow_embedded::Categories for #name {
            const VOCABULARIES: &'static [&'static [&'static str]] = &[#(#lists),*];
        }
    }
}

fn log_prob(index: usize) -> Ident {
    format_ident!("log_prob_{index}")
}

fn category(index: usize) -> Ident {
    format_ident!("category_{index}")
}
