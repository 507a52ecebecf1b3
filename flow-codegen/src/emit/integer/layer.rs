//! The function `normalize_N` of a layer.

use super::conditioner::kernel;
use super::emitter::Emitter;
use crate::emit::imports::{imports, names};
use crate::emit::tokens::{at, circle, float, name, number, scale_map_name};
use crate::emit::{card, tables};
use flow_embedded::artefact::{Direction, Scale, Transformer};
use flow_plan::plan::{Bijection, Constants, LayerPlan, Plan, Table};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// What a function may use of `flow_embedded::fixed`.
const KERNELS: [&str; 31] = [
    "ExponentialScale",
    "Floor",
    "Identity",
    "SigmoidScale",
    "SoftplusScale",
    "activate_q16",
    "add",
    "add_q16",
    "affine_forward_each",
    "affine_inverse",
    "apply_q16",
    "circle",
    "circular_forward",
    "dense",
    "dense_q16",
    "dense_q16_small",
    "dense_small",
    "element_wise_normalize",
    "floored_spline_forward",
    "floored_spline_inverse_and_log_det",
    "gate_q16",
    "linear_normalize",
    "scaled_forward",
    "scaled_forward_each",
    "scaled_inverse",
    "scaled_inverse_each",
    "shift_forward_each",
    "spline_forward",
    "spline_inverse_and_log_det",
    "to_activation",
    "to_activations",
];

pub(in crate::emit) fn items(plan: &Plan, layer: &LayerPlan, index: usize) -> TokenStream {
    let Some(body) = body(plan, layer, index) else {
        return TokenStream::new();
    };
    let document = format!(" Layer {index}, data to base: {}.", card::describe(layer));
    let name = name("normalize", index);
    let event = number(plan.event.len());
    let given = layer.bijection.conditional().and_then(|_| given(plan));
    let given = given.map(|features| quote! { given: &[i32; #features], });
    let saturation = saturates(&body).then(|| {
        quote! { saturation: &mut ::flow_embedded::fixed::Saturation }
    });
    let returns = layer.bijection.has_log_det().then(|| quote! { -> i32 });
    let imports = imports("fixed", &KERNELS, &body);
    quote! {
        #[doc = #document]
        fn #name(x: &mut [i32; #event], #given #saturation) #returns {
            #imports
            #body
        }
    }
}

/// The statement that calls a layer; none if it has no code.
pub(super) fn call(plan: &Plan, layer: &LayerPlan, index: usize) -> Option<TokenStream> {
    let body = body(plan, layer, index)?;
    let name = name("normalize", index);
    let given = layer.bijection.conditional().and_then(|_| given(plan));
    let given = given.map(|_| quote! { &given, });
    let saturation = saturates(&body).then(|| quote! { saturation });
    let call = quote! { #name(&mut x, #given #saturation) };
    Some(match layer.bijection.has_log_det() {
        true => quote! { log_det = log_det.saturating_add(#call); },
        false => quote! { #call; },
    })
}

/// The statements of a layer; none if it has no code.
fn body(plan: &Plan, layer: &LayerPlan, index: usize) -> Option<TokenStream> {
    Some(match &layer.bijection {
        Bijection::Coupling(own) => Emitter { plan, own, index }.at_once(),
        Bijection::Autoregressive(direction, own) => {
            let emitter = Emitter { plan, own, index };
            match direction {
                Direction::Normalizing => emitter.at_once(),
                Direction::Generative => emitter.by_group(),
            }
        }
        Bijection::Linear { places, .. } => {
            let upper = tables::identifier(tables::Owner::Layer(index), "UPPER");
            let lower = tables::identifier(tables::Owner::Layer(index), "LOWER");
            let gather = (!places.iter().copied().eq(0..places.len())).then(|| gather(places));
            quote! { #gather linear_normalize(x, &#upper, &#lower, saturation); }
        }
        Bijection::ElementWise(_) => {
            let table = tables::identifier(tables::Owner::Layer(index), "SCALE_SHIFT");
            quote! { element_wise_normalize(x, &#table, saturation); }
        }
        Bijection::Permutation(order) => gather(order),
        Bijection::FoldedPermutation(_) => return None,
        // Refused by the pass `quantise`.
        Bijection::Convolutional(_) | Bijection::Pointwise { .. } => return None,
    })
}

/// Whether some statements clamp anything.
fn saturates(body: &TokenStream) -> bool {
    names(body).contains("saturation")
}

/// The context's features, if there are any.
fn given(plan: &Plan) -> Option<Literal> {
    (plan.given() > 0).then(|| number(plan.given()))
}

fn gather(order: &[usize]) -> TokenStream {
    let channels = order.iter().map(|place| at("x", *place));
    quote! { *x = [#(#channels),*]; }
}

impl Emitter<'_> {
    /// All channels after one pass of the conditioner.
    fn at_once(&self) -> TokenStream {
        let (own, input, buffers) = (self.own, self.input(), self.buffers(false));
        let blocks = (0..own.hidden.len())
            .flat_map(|dense| (0..own.groups.len()).map(move |group| (dense, group)))
            .map(|(dense, group)| self.block(dense, group, false));
        let (start, end) = self.sum();
        let mut first = 0;
        let groups = (0..own.groups.len()).map(|group| {
            let output = self.output(group, first, true);
            first += own.groups[group].len();
            output
        });
        let groups: TokenStream = groups.collect();
        let transform = match own.transformer {
            transformer if transformer.is_spline() => quote! { #start #groups #end },
            transformer => {
                let gather = own.transformed().map(|channel| at("x", channel));
                let scatter = own.transformed().enumerate().map(|(place, channel)| {
                    let (channel, own) = (at("x", channel), at("own", place));
                    quote! { #channel = #own; }
                });
                let kernel = match transformer {
                    Transformer::Affine { log_scale_bound } => {
                        let inv_bound = inv_bound(log_scale_bound);
                        quote! {
                            let log_det =
                                affine_forward_each(&mut own, &output, #inv_bound, saturation);
                        }
                    }
                    Transformer::Scaled { scale, direction } => {
                        let map = scale_map(scale);
                        let kernel = match direction.as_it_stands(true) {
                            true => quote! { scaled_forward_each },
                            false => quote! { scaled_inverse_each },
                        };
                        quote! { let log_det = #kernel(&mut own, &output, #map, saturation); }
                    }
                    _ => quote! { shift_forward_each(&mut own, &output, saturation); },
                };
                quote! {
                    #groups
                    let mut own = [#(#gather),*];
                    #kernel
                    #(#scatter)*
                    #end
                }
            }
        };
        quote! { #input #buffers #(#blocks)* #transform }
    }

    /// Group by group, the transformer inverted: what waits for a group is
    /// evaluated once it is known.
    fn by_group(&self) -> TokenStream {
        let own = self.own;
        let context = self.plan.given();
        let given = (0..context).map(|place| self.activation(&at("given", place)));
        let features = own
            .conditioning
            .iter()
            .map(|channel| self.features(*channel));
        let zeros = std::iter::repeat_n(quote! { 0 }, features.sum());
        let (buffers, (start, end)) = (self.buffers(true), self.sum());
        let (mut slot, mut first) = (context, 0);
        let groups: TokenStream = (0..own.groups.len())
            .map(|group| {
                let blocks = (0..own.hidden.len()).map(|dense| self.block(dense, group, true));
                let output = self.output(group, first, false);
                first += own.groups[group].len();
                let last = group + 1 == own.groups.len();
                let keep: TokenStream = match last {
                    true => TokenStream::new(),
                    false => own.groups[group]
                        .iter()
                        .map(|c| self.keep(*c, &mut slot))
                        .collect(),
                };
                quote! { #(#blocks)* #output #keep }
            })
            .collect();
        let mutable = (slot > context).then(|| quote! { mut });
        quote! {
            let #mutable input = [#(#given,)* #(#zeros),*];
            #buffers
            #start
            #groups
            #end
        }
    }

    /// The conditioner's input: the context, then features of the channels
    /// that condition.
    fn input(&self) -> TokenStream {
        let context = (0..self.plan.given()).map(|place| at("given", place));
        let mut circles = TokenStream::new();
        let mut event = Vec::new();
        for channel in &self.own.conditioning {
            let x = at("x", *channel);
            if self.features(*channel) == 1 {
                event.push(x);
                continue;
            }
            let [cos, sin] = circle(*channel);
            circles.extend(quote! { let [#cos, #sin] = circle(#x); });
            event.extend([quote! { #cos }, quote! { #sin }]);
        }
        let all: Vec<TokenStream> = context.chain(event).collect();
        let fraction = Literal::u8_unsuffixed(self.own.fractions[0]);
        match all.is_empty() {
            true => quote! { let input = []; },
            false => quote! {
                #circles
                let input = to_activations(&[#(#all),*], #fraction, saturation);
            },
        }
    }

    /// Writes the features of a channel to the next slots of the input.
    fn keep(&self, channel: usize, slot: &mut usize) -> TokenStream {
        let x = at("x", channel);
        let mut next = |value: TokenStream| {
            let (place, value) = (at("input", *slot), self.activation(&value));
            *slot += 1;
            quote! { #place = #value; }
        };
        match self.features(channel) {
            1 => next(x),
            _ => {
                let [cos, sin] = circle(channel);
                let (first, second) = (next(quote! { #cos }), next(quote! { #sin }));
                quote! { let [#cos, #sin] = circle(#x); #first #second }
            }
        }
    }

    fn activation(&self, x: &TokenStream) -> TokenStream {
        let fraction = Literal::u8_unsuffixed(self.own.fractions[0]);
        quote! { to_activation(#x, #fraction, saturation) }
    }

    /// The numbers that a channel feeds to the conditioner.
    fn features(&self, channel: usize) -> usize {
        1 + usize::from(self.plan.event.is_circular(channel))
    }

    /// Zeroed arrays for what comes before the output layer, and the parameters.
    fn buffers(&self, kept: bool) -> TokenStream {
        let hidden = self.hidden_buffers(kept);
        let (name, size) = match self.own.channel_by_channel() {
            true => (parameters(), self.own.transformer.parameters()),
            false => (all_parameters(), self.own.parameters()),
        };
        let size = number(size);
        quote! { #hidden let mut #name = [0; #size]; }
    }

    /// The statements that begin and end a sum of log-determinants.
    fn sum(&self) -> (Option<TokenStream>, Option<TokenStream>) {
        match self.own.transformer {
            Transformer::Shift => (None, None),
            _ => (
                Some(quote! { let mut log_det = 0i32; }),
                Some(quote! { log_det }),
            ),
        }
    }

    /// The output layer of a group; and its channels, where each has its own
    /// parameters or the group its turn. `first` is the place of its first
    /// channel among all that are transformed.
    fn output(&self, group: usize, first: usize, forward: bool) -> TokenStream {
        let own = self.own;
        let channels = own.groups[group].iter().copied();
        if own.channel_by_channel() {
            let each = channels.zip(&own.output[group]).enumerate();
            return each
                .map(|(table, (channel, rows))| {
                    let output = self.dense_q16(group, table, rows, &parameters(), 0);
                    let x = at("x", channel);
                    let call = match self.plan.event.is_circular(channel) {
                        true => quote! { circular_forward(#x, &mut parameters) },
                        false => spline(own.transformer, forward, &x),
                    };
                    let assign = assign(&x, &call);
                    quote! { #output #assign }
                })
                .collect();
        }
        let parameters = own.transformer.parameters();
        let offset = parameters * first;
        let output = self.dense_q16(group, 0, &own.output[group][0], &all_parameters(), offset);
        if forward {
            return output;
        }
        let channels = channels.enumerate().map(|(place, channel)| {
            let x = at("x", channel);
            let at_place = |parameter| at("output", offset + parameters * place + parameter);
            let shift = at_place(0);
            match own.transformer {
                Transformer::Affine { log_scale_bound } => {
                    let (a, inv_bound) = (at_place(1), inv_bound(log_scale_bound));
                    assign(
                        &x,
                        &quote! { affine_inverse(#x, #shift, #a, #inv_bound, saturation) },
                    )
                }
                Transformer::Scaled { scale, direction } => {
                    let (a, map) = (at_place(1), scale_map(scale));
                    let kernel = match direction.as_it_stands(false) {
                        true => quote! { scaled_forward },
                        false => quote! { scaled_inverse },
                    };
                    assign(&x, &quote! { #kernel(#x, #shift, #a, #map, saturation) })
                }
                _ => quote! {
                    #x = saturation.channel(i64::from(#x) - i64::from(#shift));
                },
            }
        });
        quote! { #output #(#channels)* }
    }

    fn dense_q16(
        &self,
        group: usize,
        table: usize,
        rows: &Table,
        output: &Ident,
        offset: usize,
    ) -> TokenStream {
        if rows.rows.is_empty() {
            return TokenStream::new();
        }
        let name = tables::output(self.own, self.owner(), group, table);
        let (offset, input) = (number(offset), self.read_by_output());
        let kernel = kernel("dense_q16", rows.layout);
        quote! { #kernel::<#offset, _, _, _, _, _>(&#name, &#input, &mut #output); }
    }
}

/// The call of a spline's kernel.
fn spline(transformer: Transformer, forward: bool, x: &TokenStream) -> TokenStream {
    match transformer {
        Transformer::FlooredSpline(own) => {
            let bound = Literal::i32_unsuffixed(Constants::q16(own.bound));
            let (size, slope) = (float(own.least_size), float(own.least_slope));
            let (far, bins) = (float(own.bound), Literal::u8_unsuffixed(own.bins));
            let free = own.floor().free_ends;
            let floor = quote! { const { Floor::new(#size, #slope, #far, #bins, #free) } };
            let kernel = match own.direction.as_it_stands(forward) {
                true => quote! { floored_spline_forward },
                false => quote! { floored_spline_inverse_and_log_det },
            };
            quote! { #kernel(#x, &mut parameters, #bound, #floor) }
        }
        Transformer::Spline { bound, .. } => {
            let bound = Literal::i32_unsuffixed(Constants::q16(bound));
            let kernel = match forward {
                true => quote! { spline_forward },
                false => quote! { spline_inverse_and_log_det },
            };
            quote! { #kernel(#x, &mut parameters, #bound) }
        }
        _ => TokenStream::new(),
    }
}

/// The map from a parameter to a scale, as its kernels take it.
fn scale_map(scale: Scale) -> TokenStream {
    let (name, least) = (scale_map_name(scale), float(scale.least()));
    quote! { const { #name::new(#least) } }
}

/// Assigns what a kernel returns, value and log-determinant.
fn assign(x: &TokenStream, call: &TokenStream) -> TokenStream {
    quote! {
        let (value, log_slope) = #call;
        #x = value;
        log_det = log_det.saturating_add(log_slope);
    }
}

fn inv_bound(bound: f32) -> Literal {
    Literal::u32_unsuffixed(Constants::inv_bound(bound))
}

/// The parameters of one channel.
fn parameters() -> Ident {
    format_ident!("parameters")
}

/// The parameters of all channels.
fn all_parameters() -> Ident {
    format_ident!("output")
}
