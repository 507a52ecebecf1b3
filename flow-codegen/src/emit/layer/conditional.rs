//! Layers with a conditioner, in the two ways to evaluate them.

use super::emitter::{Emitter, Output, sum};
use crate::emit::tokens::{array, at, circle, number};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

impl Emitter<'_> {
    /// All channels after one pass of the conditioner. `forward` runs the
    /// transformer as its parameters stand, else inverted; `log_det` returns
    /// the log-determinant.
    pub(super) fn at_once(&self, forward: bool, log_det: bool) -> TokenStream {
        let hidden_layers = self.hidden_layers();
        let transform = self.transform_all(forward, log_det);
        quote! { #hidden_layers #transform }
    }

    /// The logits of a head, whose input is the parameter `given` of its function.
    pub(super) fn logits(&self) -> TokenStream {
        let hidden = self.all_blocks();
        let (buffer, output) = (self.output_buffer(), self.output(0, 0, Output::ALL, 0));
        let name = format_ident!("{}", Output::ALL);
        quote! { #hidden #buffer #output #name }
    }

    /// The conditioner's input and its hidden layers.
    fn hidden_layers(&self) -> TokenStream {
        let (input, hidden) = (self.input(), self.all_blocks());
        quote! { #input #hidden }
    }

    /// The hidden layers.
    fn all_blocks(&self) -> TokenStream {
        let hidden = self.hidden_buffers(false);
        let blocks = (0..self.own.hidden.len())
            .flat_map(|dense| (0..self.own.groups.len()).map(move |group| (dense, group)))
            .map(|(dense, group)| self.block(dense, group, false));
        quote! {
            #hidden
            #(#blocks)*
        }
    }

    /// The direction that needs a group of channels to know the next, the
    /// transformer inverted.
    pub(super) fn sequential(&self, log_det: bool) -> TokenStream {
        match self.own.scheduled {
            true => self.by_group(log_det),
            false => self.pass_by_pass(log_det),
        }
    }

    /// All channels as often as there are groups: each time one group more has
    /// the parameters that are its own.
    fn pass_by_pass(&self, log_det: bool) -> TokenStream {
        let log_det = log_det && self.transforms_scale();
        let passes = number(self.own.groups.len());
        let (hidden_layers, output) = (self.hidden_layers(), self.output_buffer());
        let mut first = 0;
        let groups: TokenStream = (0..self.own.groups.len())
            .map(|group| {
                let transform = self.transform_group(group, first, "z", log_det);
                first += self.own.groups[group].len();
                transform
            })
            .collect();
        let (start, end) = sum(log_det);
        let restart = log_det.then(|| quote! { log_det = 0.0; });
        quote! {
            let z = *x;
            #start
            for _ in 0..#passes {
                #restart
                #hidden_layers
                #output
                #groups
            }
            #end
        }
    }

    /// Group by group, the transformer inverted: what waits for a group is
    /// evaluated once it is known, so each hidden unit once.
    fn by_group(&self, log_det: bool) -> TokenStream {
        let log_det = log_det && self.transforms_scale();
        let context = self.plan.given();
        let given = (0..context).map(|place| at("given", place));
        let features = self.own.conditioning.iter();
        let zeros: usize = features.map(|channel| self.features(*channel)).sum();
        let zeros = std::iter::repeat_n(quote! { 0.0 }, zeros);
        let hidden = self.hidden_buffers(true);
        let output = self.output_buffer();
        let mut slot = context;
        let mut first = 0;
        let groups: TokenStream = (0..self.own.groups.len())
            .map(|group| {
                let blocks = 0..self.own.hidden.len();
                let blocks = blocks.map(|dense| self.block(dense, group, true));
                let transform = self.transform_group(group, first, "x", log_det);
                first += self.own.groups[group].len();
                let keep = self.keep(group, &mut slot);
                quote! { #(#blocks)* #transform #keep }
            })
            .collect();
        let mutable = (slot > context).then(|| quote! { mut });
        let (start, end) = sum(log_det);
        quote! {
            let #mutable input = [#(#given,)* #(#zeros),*];
            #hidden
            #output
            #start
            #groups
            #end
        }
    }

    /// Writes the features of a group to the next slots of the input.
    fn keep(&self, group: usize, slot: &mut usize) -> TokenStream {
        if group + 1 == self.own.groups.len() {
            return TokenStream::new();
        }
        let channels = self.own.groups[group].iter();
        channels
            .map(|channel| {
                let x = at("x", *channel);
                let first = at("input", *slot);
                let second = at("input", *slot + 1);
                *slot += self.features(*channel);
                match self.features(*channel) {
                    1 => quote! { #first = #x; },
                    _ => quote! { [#first, #second] = circle::<Math>(#x); },
                }
            })
            .collect()
    }

    /// The conditioner's input: the context, then features of the channels
    /// that condition.
    fn input(&self) -> TokenStream {
        let context = (0..self.plan.given()).map(|place| at("given", place));
        let mut circles = Vec::new();
        let mut event = Vec::new();
        for channel in &self.own.conditioning {
            let x = at("x", *channel);
            if self.features(*channel) == 1 {
                event.push(x);
                continue;
            }
            let [cos, sin] = circle(*channel);
            circles.push(quote! { let [#cos, #sin] = circle::<Math>(#x); });
            event.extend([quote! { #cos }, quote! { #sin }]);
        }
        let all = context.chain(event);
        quote! {
            #(#circles)*
            let input = [#(#all),*];
        }
    }

    /// Zeroed arrays for what comes before the output layer.
    fn hidden_buffers(&self, kept: bool) -> TokenStream {
        let arrays = self.own.arrays(kept).into_iter();
        let buffers = arrays.map(|(own, units)| {
            let (name, units) = (array(own), number(units));
            quote! { let mut #name = [0.0; #units]; }
        });
        quote! { #(#buffers)* }
    }
}
