//! The two functions of a layer: `normalize_N` and `generate_N`.

use super::{card, float, number, tables};
use crate::plan::{Kind, LayerPlan, Plan};
use flow_embedded::artefact::Activation;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

pub(super) fn items(plan: &Plan, layer: &LayerPlan, index: usize) -> TokenStream {
    let emitter = Emitter { plan, layer, index };
    let normalize = emitter.normalize();
    let generate = match &layer.kind {
        Kind::Coupling { .. } => emitter.generate_coupling(),
        Kind::Autoregressive { order } => emitter.generate_autoregressive(order),
    };
    quote! { #normalize #generate }
}

/// The name of a layer's function.
pub(super) fn function(direction: &str, index: usize) -> proc_macro2::Ident {
    format_ident!("{direction}_{index}")
}

struct Emitter<'p> {
    plan: &'p Plan,
    layer: &'p LayerPlan,
    index: usize,
}

impl Emitter<'_> {
    fn normalize(&self) -> TokenStream {
        let name = function("normalize", self.index);
        let doc = format!(
            " Layer {}, data to base: {}.",
            self.index,
            card::describe(self.layer)
        );
        let activations = self.activations();
        let (event, given) = (number(self.plan.event.len()), self.given_parameter());
        let input = self.input();
        let conditioner = self.conditioner();
        let (gather, scatter) = (self.gather(), self.scatter());
        let inv_bound = float(self.layer.inv_bound);
        quote! {
            #[doc = #doc]
            fn #name(x: &mut [f32; #event], #given) -> f32 {
                use ::flow_embedded::kernels::{#activations, affine_normalize_each, dense};
                #input
                #conditioner
                let mut own = [#gather];
                let log_det = affine_normalize_each::<Math, _, _>(
                    &mut own, &output, #inv_bound,
                );
                #scatter
                log_det
            }
        }
    }

    fn generate_coupling(&self) -> TokenStream {
        let name = function("generate", self.index);
        let doc = format!(" Layer {}, base to data.", self.index);
        let activations = self.activations();
        let (event, given) = (number(self.plan.event.len()), self.given_parameter());
        let input = self.input();
        let conditioner = self.conditioner();
        let (gather, scatter) = (self.gather(), self.scatter());
        let inv_bound = float(self.layer.inv_bound);
        quote! {
            #[doc = #doc]
            fn #name(x: &mut [f32; #event], #given) {
                use ::flow_embedded::kernels::{#activations, affine_generate_each, dense};
                #input
                #conditioner
                let mut own = [#gather];
                affine_generate_each::<Math, _, _>(
                    &mut own, &output, #inv_bound,
                );
                #scatter
            }
        }
    }

    /// Rank by rank: what waits for a channel is evaluated once it is known.
    fn generate_autoregressive(&self, order: &[usize]) -> TokenStream {
        let name = function("generate", self.index);
        let doc = format!(
            " Layer {}, base to data: each hidden unit once.",
            self.index
        );
        let activations = self.activations();
        let (event, given) = (number(self.plan.event.len()), self.given_parameter());
        let context = self.plan.context.len();
        let context_inputs = (0..context).map(|channel| at("given", channel));
        let zeros = std::iter::repeat_n(quote! { 0.0 }, self.plan.event.len());
        let buffers = self.buffers();
        let inv_bound = float(self.layer.inv_bound);
        let ranks = order.iter().enumerate().map(|(rank, channel)| {
            let stages = (0..self.layer.dense.len()).map(|dense| self.block(dense, rank));
            let (shift, a) = (at("output", 2 * rank), at("output", 2 * rank + 1));
            let (channel, slot) = (at("x", *channel), at("input", context + rank));
            // The channel of the last rank conditions nothing.
            let keep = (rank + 1 < order.len()).then(|| quote! { #slot = #channel; });
            quote! {
                #(#stages)*
                #channel = affine_generate::<Math>(#channel, #shift, #a, #inv_bound);
                #keep
            }
        });
        let mutable = (order.len() > 1).then(|| quote! { mut });
        quote! {
            #[doc = #doc]
            fn #name(x: &mut [f32; #event], #given) {
                use ::flow_embedded::kernels::{#activations, affine_generate, dense};
                let #mutable input = [#(#context_inputs,)* #(#zeros),*];
                #buffers
                #(#ranks)*
            }
        }
    }

    /// The channels that the layer transforms, in the order of its outputs.
    fn gather(&self) -> TokenStream {
        let channels = self
            .layer
            .kind
            .outputs()
            .iter()
            .map(|channel| at("x", *channel));
        quote! { #(#channels),* }
    }

    /// Puts them back in their places.
    fn scatter(&self) -> TokenStream {
        let outputs = self.layer.kind.outputs().iter().enumerate();
        let assignments = outputs.map(|(place, channel)| {
            let (channel, own) = (at("x", *channel), at("own", place));
            quote! { #channel = #own; }
        });
        quote! { #(#assignments)* }
    }

    /// `given: &[f32; C]`, or nothing without context.
    fn given_parameter(&self) -> TokenStream {
        match self.plan.context.len() {
            0 => TokenStream::new(),
            context => {
                let context = number(context);
                quote! { given: &[f32; #context] }
            }
        }
    }

    /// The conditioner's input: context, then event inputs.
    fn input(&self) -> TokenStream {
        let context = (0..self.plan.context.len()).map(|channel| at("given", channel));
        let event = self
            .layer
            .kind
            .inputs()
            .iter()
            .map(|channel| at("x", *channel));
        let all = context.chain(event);
        quote! { let input = [#(#all),*]; }
    }

    /// The activations that the layer names.
    fn activations(&self) -> TokenStream {
        match (self.layer.dense.len(), self.layer.activation) {
            (1, _) => quote! { Identity },
            (_, Activation::Relu) => quote! { Identity, Relu },
            (_, Activation::Tanh) => quote! { Identity, Tanh },
        }
    }

    /// Zeroed arrays for the outputs of each dense layer.
    fn buffers(&self) -> TokenStream {
        let buffers = self.layer.dense.iter().enumerate().map(|(dense, own)| {
            let (name, rows) = (self.buffer(dense), number(own.rows()));
            quote! { let mut #name = [0.0; #rows]; }
        });
        quote! { #(#buffers)* }
    }

    /// All dense layers, block by block.
    fn conditioner(&self) -> TokenStream {
        let buffers = self.buffers();
        let blocks = self
            .layer
            .dense
            .iter()
            .enumerate()
            .flat_map(|(dense, own)| {
                (0..own.blocks.len()).map(move |block| self.block(dense, block))
            });
        quote! { #buffers #(#blocks)* }
    }

    /// One block of one dense layer; nothing if it has no rows.
    fn block(&self, dense: usize, block: usize) -> TokenStream {
        let own = &self.layer.dense[dense];
        if own.blocks[block].rows.is_empty() {
            return TokenStream::new();
        }
        let offset = number(
            own.blocks[..block]
                .iter()
                .map(|table| table.rows.len())
                .sum(),
        );
        let table = format_ident!("{}", tables::name(self.layer, self.index, dense, block));
        let output = self.buffer(dense);
        let input = match dense.checked_sub(1) {
            None => format_ident!("input"),
            Some(previous) => self.buffer(previous),
        };
        let activation = match (dense + 1 == self.layer.dense.len(), self.layer.activation) {
            (true, _) => quote! { Identity },
            (false, Activation::Relu) => quote! { Relu },
            (false, Activation::Tanh) => quote! { Tanh<Math> },
        };
        quote! {
            dense::<#activation, #offset, _, _, _, _>(&#table, &#input, &mut #output);
        }
    }

    fn buffer(&self, dense: usize) -> proc_macro2::Ident {
        match dense + 1 == self.layer.dense.len() {
            true => format_ident!("output"),
            false => format_ident!("hidden_{dense}"),
        }
    }
}

/// `array[index]`
fn at(array: &str, index: usize) -> TokenStream {
    let (array, index) = (format_ident!("{array}"), number(index));
    quote! { #array[#index] }
}
