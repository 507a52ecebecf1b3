//! The type and its trait implementations.

use super::tokens::{float, number};
use super::{base, card, categorical, channels, integer, layer, noise, sequential, window};
use crate::{Cost, Error, Options};
use flow_embedded::artefact::Judged;
use flow_embedded::math::Backend;
use flow_host::foreign::{Medium, show};
use flow_plan::plan::Plan;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// The type, its elementary functions if it uses any, and where it comes from.
pub(super) fn head(
    plan: &Plan,
    name: &Ident,
    cost: &Cost,
    options: &Options,
    uses_math: bool,
) -> Result<TokenStream, Error> {
    let card = card::lines(plan, cost)
        .into_iter()
        .map(|line| match line.as_str() {
            "" => line,
            _ => format!(" {line}"),
        });
    let derives = options.derive_attributes()?;
    let visibility = options.visibility.tokens();
    let math = uses_math.then(|| math(plan));
    let provenance = provenance(plan, &visibility);
    Ok(quote! {
        #(#[doc = #card])*
        #derives
        #visibility struct #name;

        #provenance
        #math
    })
}

/// What the type does.
pub(super) fn implementations(plan: &Plan, name: &Ident, options: &Options) -> TokenStream {
    if plan.is_integer() {
        let visibility = options.visibility.tokens();
        let own = integer::implementations(plan, name, &visibility, &calibrated(plan, name));
        let windowed = window::windowed(plan, name);
        let sequential = sequential::sequential(plan, name);
        let identified = identified(plan, name);
        return quote! { #own #windowed #sequential #identified };
    }
    let density = plan.functions.score().then(|| density(plan, name));
    let sampler = plan.functions.sample().then(|| sampler(plan, name));
    let calibrated = plan.functions.score().then(|| calibrated(plan, name));
    let windowed = window::windowed(plan, name);
    let sequential = sequential::sequential(plan, name);
    let noise = noise::noise(plan, name);
    let (names, features) = (categorical::names(plan, name), channels::features(plan));
    let identified = identified(plan, name);
    quote! { #density #sampler #calibrated #windowed #sequential #noise #names #identified #features }
}

/// The digest that saved states carry: the artefact's, as the loader has it.
fn identified(plan: &Plan, name: &Ident) -> TokenStream {
    let through = (plan.math != plan.card.math).then(|| {
        let math = backend(plan.math);
        quote! { .through(::flow_embedded::math::Backend::#math) }
    });
    quote! {
        impl ::flow_embedded::Identified for #name {
            fn digest(&self) -> ::flow_embedded::Digest {
                PROVENANCE.digest()#through
            }
        }
    }
}

fn math(plan: &Plan) -> TokenStream {
    let math = backend(plan.math);
    let document = match plan.math == plan.card.math {
        true => " The elementary functions that the model was calibrated with.".to_owned(),
        false => format!(
            " The elementary functions asked for in place of the model's {}.",
            plan.card.math.name()
        ),
    };
    quote! {
        #[doc = #document]
        type Math = ::flow_embedded::math::#math;
    }
}

/// The name of the backend's type, and of its variant.
fn backend(math: Backend) -> TokenStream {
    match math {
        Backend::Polynomial => quote! { Polynomial },
        Backend::Libm => quote! { Libm },
        Backend::Micromath => quote! { Micromath },
    }
}

fn provenance(plan: &Plan, visibility: &TokenStream) -> TokenStream {
    let card = &plan.card;
    // Firmware logs them to a terminal.
    let [name, created_by, command] =
        [&card.name, &card.created_by, &card.command].map(|own| show(own, Medium::Line));
    let compiler = concat!("flow-codegen ", env!("CARGO_PKG_VERSION"));
    let hexadecimal = |digits: String| digits.parse::<Literal>().ok();
    let checksum = hexadecimal(format!("{:#010x}", card.checksum));
    let digest = hexadecimal(format!("{:#018x}", card.data_digest));
    let bytes = number(card.artefact_bytes);
    let rows = Literal::u32_unsuffixed(card.rows);
    let seed = Literal::u64_unsuffixed(card.seed);
    quote! {
        /// What this module was made from; costs nothing until it is used.
        #[allow(dead_code)]
        #visibility const PROVENANCE: ::flow_embedded::Provenance =
            ::flow_embedded::Provenance::new(#name, #checksum, #bytes, #compiler)
                .trained(#created_by, #command, #seed)
                .data(#digest, #rows);
    }
}

fn density(plan: &Plan, name: &Ident) -> TokenStream {
    let (event, context) = (number(plan.all.len()), number(plan.context.len()));
    let (standardise, given) = (channels::standardise(plan), channels::given(plan));
    // Categories are modelled before all else, and condition what follows.
    let (before, after) = match plan.categorical.heads.is_empty() {
        true => (None, Some(given)),
        false => (Some(given), None),
    };
    let layers = plan
        .steps()
        .map(|(index, own)| layer::call(plan, own, index, "normalize", true));
    let log_norm = float(plan.log_norm);
    let (energy, log_prob) = match plan.event.len() {
        0 => (None, quote! { #log_norm + log_det }),
        _ => {
            let energy = base::energy(plan);
            let statement = quote! { let energy = #energy; };
            (Some(statement), quote! { (#log_norm + log_det) - energy })
        }
    };
    let (imports, latents) = match (plan.event.len(), plan.categorical.heads.is_empty()) {
        (0, _) => (quote! { kernels }, categorical::latents(plan)),
        (_, false) => (quote! { {base, kernels} }, categorical::latents(plan)),
        (_, true) => (quote! { {base, kernels} }, base::latents(&plan.base.places)),
    };
    quote! {
        impl ::flow_embedded::Density<#event, #context> for #name {
            fn log_prob(&self, event: &[f32; #event], context: &[f32; #context]) -> f32 {
                ::flow_embedded::Latents::log_prob_and_latents(self, event, context, &mut [0.0; #event])
            }
        }

        impl ::flow_embedded::Latents<#event, #context> for #name {
            #[inline(never)]
            fn log_prob_and_latents(
                &self,
                event: &[f32; #event],
                context: &[f32; #context],
                latents: &mut [f32; #event],
            ) -> f32 {
                use ::flow_embedded::#imports;
                #before
                #standardise
                #after
                #(#layers)*
                #energy
                *latents = #latents;
                kernels::conclude(#log_prob, event, context)
            }
        }
    }
}

fn sampler(plan: &Plan, name: &Ident) -> TokenStream {
    let (event, context) = (number(plan.all.len()), number(plan.context.len()));
    let given = channels::given(plan);
    let draw = (!plan.event.is_empty()).then(|| base::draw(plan));
    let start = match plan.categorical.heads.is_empty() {
        true => quote! { #draw #given },
        false => {
            let categories = categorical::draw(plan);
            quote! { #given #categories #draw }
        }
    };
    let imports = match plan.event.len() {
        0 => quote! { kernels },
        _ => quote! { {base, kernels} },
    };
    let context_name = match plan.conditions() && !plan.context.is_empty() {
        false => format_ident!("_context"),
        true => format_ident!("context"),
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
                use ::flow_embedded::#imports;
                #start
                #(#layers)*
                #destandardise
            }

            #round_to_grid
        }
    }
}

fn calibrated(plan: &Plan, name: &Ident) -> TokenStream {
    let Some(calibration) = &plan.calibration else {
        return TokenStream::new();
    };
    let alpha = float(calibration.alpha);
    let given = plan.mondrian.as_ref().map(|own| {
        let channel = number(own.channel);
        quote! {

            fn p_value_given(&self, log_prob: f32, context: &[f32]) -> f32 {
                ::flow_embedded::detect::p_value_given(
                    &CALIBRATION,
                    &CATEGORIES,
                    context.get(#channel),
                    log_prob,
                )
            }
        }
    });
    let implemented = match calibration.judges {
        Judged::Events => quote! { Calibrated },
        Judged::Lines => quote! { CalibratedLines },
    };
    quote! {
        impl ::flow_embedded::#implemented for #name {
            fn alpha(&self) -> f32 {
                #alpha
            }

            fn p_value(&self, log_prob: f32) -> f32 {
                ::flow_embedded::detect::p_value(&CALIBRATION, log_prob)
            }

            #given
        }
    }
}
