//! The two functions of a layer, `normalize_N` and `generate_N`: their
//! signatures here, their bodies by the kind of bijection.

mod bodies;
mod conditional;
mod conditioner;
mod convolutional;
mod element_wise;
mod emitter;
mod linear;
mod permutation;
mod pointwise;
mod transformer;

use super::card;
use super::imports::imports;
use super::tables::Owner;
use super::tokens::{name, number};
use bodies::Bodies;
use emitter::Emitter;
use flow_embedded::artefact::Direction;
use flow_plan::plan::{Bijection, HeadPlan, LayerPlan, Plan};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn items(plan: &Plan, layer: &LayerPlan, index: usize) -> TokenStream {
    let (bodies, given) = match &layer.bijection {
        Bijection::Coupling(own) => {
            let emitter = Emitter::new(plan, own, Owner::Layer(index));
            let bodies = Bodies {
                normalize: emitter.at_once(true, true),
                generate: emitter.at_once(false, false),
            };
            (bodies, true)
        }
        Bijection::Autoregressive(direction, own) => {
            let emitter = Emitter::new(plan, own, Owner::Layer(index));
            let bodies = match direction {
                Direction::Normalizing => Bodies {
                    normalize: emitter.at_once(true, true),
                    generate: emitter.sequential(false),
                },
                Direction::Generative => Bodies {
                    normalize: emitter.sequential(true),
                    generate: emitter.at_once(true, false),
                },
            };
            (bodies, true)
        }
        Bijection::Linear { places, .. } => (linear::bodies(places, index), false),
        Bijection::ElementWise(_) => (element_wise::bodies(index), false),
        Bijection::Permutation(order) => (permutation::bodies(order), false),
        Bijection::FoldedPermutation(_) => return TokenStream::new(),
        Bijection::Convolutional(own) => (convolutional::bodies(plan, own, index), true),
        Bijection::Pointwise { upper, .. } => (pointwise::bodies(upper.len(), index), false),
    };
    let Bodies {
        normalize,
        generate,
    } = bodies;
    let describe = card::describe(layer);
    // The layer is described once, at the first of its functions.
    let documents = [
        format!(" Layer {index}, data to base: {describe}."),
        match plan.functions.score() {
            true => format!(" Layer {index}, base to data."),
            false => format!(" Layer {index}, base to data: {describe}."),
        },
    ];
    let returns = layer.bijection.has_log_det().then(|| quote! { -> f32 });
    let given = given.then(|| given_parameter(plan));
    let normalize = function(
        "normalize",
        index,
        &documents[0],
        plan,
        &given,
        &returns,
        &normalize,
    );
    let generate = function(
        "generate",
        index,
        &documents[1],
        plan,
        &given,
        &None,
        &generate,
    );
    let normalize = plan.functions.score().then_some(normalize);
    let generate = plan.functions.sample().then_some(generate);
    quote! { #normalize #generate }
}

/// The function of a head: `logits_N`.
pub(super) fn head(plan: &Plan, head: &HeadPlan, index: usize) -> TokenStream {
    let emitter = Emitter::new(plan, &head.conditioner, Owner::Head(index));
    let body = emitter.logits();
    let document = format!(" Head {index}: {}.", card::head(head));
    let (name, imports) = (name("logits", index), imports("kernels", &KERNELS, &body));
    let (given, logits) = (number(plan.given()), number(head.categories()));
    quote! {
        #[doc = #document]
        fn #name(given: &[f32; #given]) -> [f32; #logits] {
            #imports
            #body
        }
    }
}

fn function(
    direction: &str,
    index: usize,
    document: &str,
    plan: &Plan,
    given: &Option<TokenStream>,
    returns: &Option<TokenStream>,
    body: &TokenStream,
) -> TokenStream {
    let name = name(direction, index);
    let event = number(plan.event.len());
    let imports = imports("kernels", &KERNELS, body);
    quote! {
        #[doc = #document]
        fn #name(x: &mut [f32; #event], #given) #returns {
            #imports
            #body
        }
    }
}

/// The statement that calls a layer; in the normalizing direction it adds the
/// log-determinant where there is one.
pub(super) fn call(
    plan: &Plan,
    layer: &LayerPlan,
    index: usize,
    direction: &str,
    log_det: bool,
) -> TokenStream {
    let name = name(direction, index);
    let given = layer.bijection.reads_context() && plan.given() > 0;
    let given = given.then(|| quote! { &given });
    let add = (log_det && layer.bijection.has_log_det()).then(|| quote! { log_det += });
    quote! { #add #name(&mut x, #given); }
}

/// `given: &[f32; C]`, or nothing without context.
fn given_parameter(plan: &Plan) -> TokenStream {
    match plan.given() {
        0 => TokenStream::new(),
        features => {
            let features = number(features);
            quote! { given: &[f32; #features] }
        }
    }
}

/// What a function may use of `flow_embedded::kernels`.
const KERNELS: [&str; 40] = [
    "ExponentialScale",
    "Floor",
    "Identity",
    "Sigmoid",
    "SigmoidScale",
    "SoftplusScale",
    "activate",
    "add",
    "affine_forward",
    "affine_forward_each",
    "affine_inverse",
    "affine_inverse_each",
    "circle",
    "circular_forward",
    "circular_inverse",
    "convolve",
    "dense",
    "dense_small",
    "element_wise_generate",
    "element_wise_normalize",
    "floored_spline_forward",
    "floored_spline_inverse",
    "floored_spline_inverse_and_log_det",
    "gather_places",
    "linear_generate",
    "linear_normalize",
    "multiply",
    "pointwise_generate",
    "pointwise_normalize",
    "scaled_forward",
    "scaled_forward_each",
    "scaled_inverse",
    "scaled_inverse_each",
    "shift_forward_each",
    "shift_inverse_each",
    "spline_forward",
    "spline_inverse",
    "spline_inverse_and_log_det",
    "transform_places",
    "wrap",
];
