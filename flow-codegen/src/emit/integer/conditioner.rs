//! Calls of the dense kernels. Where something is added, sums stay in Q16 between them.

use super::emitter::Emitter;
use crate::emit::tokens::{array, number};
use crate::emit::{activation, tables};
use flow_embedded::artefact::{Form, Role};
use flow_plan::plan::{Array, Layout};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

impl Emitter<'_> {
    /// One block of a dense layer before the output, and what is done with its rows; nothing if it has none.
    /// `kept` is that of [`arrays`](flow_plan::plan::Conditional::arrays).
    pub(super) fn block(&self, dense: usize, block: usize, kept: bool) -> TokenStream {
        let own = self.own;
        let blocks = &own.hidden[dense];
        let table = &blocks[block];
        if table.rows.is_empty() {
            return TokenStream::new();
        }
        let before = blocks[..block].iter().map(|table| table.rows.len());
        let (first, rows) = (number(before.sum()), number(table.rows.len()));
        let name = tables::hidden(own, self.owner(), dense, block);
        let input = own
            .reads(dense, kept)
            .map_or_else(|| format_ident!("input"), array);
        let direct = |to: Array| {
            let (kernel, to) = (kernel("dense", table.layout), array(to));
            let fraction = number(own.fractions[dense + 1].into());
            let activation = activation::integer(own.activation, &fraction);
            quote! { #kernel::<#activation, #first, _, _, _, _, _>(&#name, &#input, &mut #to, saturation); }
        };
        let multiply = |to: Array| {
            let (kernel, to) = (kernel("dense_q16", table.layout), array(to));
            quote! { #kernel::<#first, _, _, _, _, _>(&#name, &#input, &mut #to); }
        };
        let step = |kernel: &str, from: Array, to: Array| {
            let (kernel, from, to) = (format_ident!("{kernel}"), array(from), array(to));
            quote! { #kernel::<#first, #rows, _>(&#from, &mut #to); }
        };
        let activate = |activation: &TokenStream, from: Array, to: &Ident, reader: usize| {
            let (from, fraction) = (array(from), number(own.fractions[reader].into()));
            quote! { activate_q16::<#activation, #first, #rows, _>(&#from, &mut #to, #fraction, saturation); }
        };
        let (linear, smooth) = (
            quote! { Identity },
            activation::integer(own.activation, &number(16)),
        );
        let stream = Array::Hidden(0);
        let statements = match own.roles[dense] {
            Role::Start => {
                let (product, terms) = (multiply(Array::Term), array(Array::Term));
                quote! { #product apply_q16::<#smooth, #first, #rows, _>(&mut #terms); }
            }
            Role::Hidden(_) if own.form.pre_activation().is_some() => {
                let product = multiply(stream);
                let added = own
                    .form
                    .has_start()
                    .then(|| step("add_q16", Array::Term, stream));
                quote! { #product #added }
            }
            Role::Hidden(index) if own.is_direct(dense) => {
                let (product, output) = (direct(Array::Hidden(index)), array(Array::Hidden(index)));
                let residual = (own.form == Form::Residual && index > 0).then(
                    || quote! { add::<#first, #rows, _>(&#input, &mut #output, saturation); },
                );
                quote! { #product #residual }
            }
            Role::Hidden(_) => {
                let product = multiply(Array::Sum);
                let added = step("add_q16", Array::Term, Array::Sum);
                let activated = activate(&smooth, Array::Sum, &array(stream), dense + 1);
                quote! { #product #added #activated }
            }
            Role::Term(_) => multiply(Array::Term),
            Role::Inner(_) => {
                let before = match own.activates_blocks() {
                    true => &smooth,
                    false => &linear,
                };
                let before = activate(before, stream, &input, dense);
                let inner = own.reads(dense + 1, kept).unwrap_or(stream);
                if own.is_direct(dense) {
                    let product = direct(inner);
                    return quote! { #before #product };
                }
                let product = multiply(Array::Sum);
                let added = step("add_q16", Array::Term, Array::Sum);
                let activated = activate(&smooth, Array::Sum, &array(inner), dense + 1);
                quote! { #before #product #added #activated }
            }
            Role::Outer(_) => {
                let product = multiply(Array::Sum);
                let added = !own.gates();
                let added = added.then(|| step("add_q16", Array::Sum, stream));
                quote! { #product #added }
            }
            Role::Gate(_) => {
                let gate = multiply(Array::Term);
                let gated = step("gate_q16", Array::Term, Array::Sum);
                let added = step("add_q16", Array::Sum, stream);
                quote! { #gate #gated #added }
            }
            Role::Output => TokenStream::new(),
        };
        let end = own.ends_blocks(dense);
        let end = end.then(|| activate(&linear, stream, &units(), dense + 1));
        quote! { #statements #end }
    }

    /// Zeroed arrays for what comes before the output layer.
    pub(super) fn hidden_buffers(&self, kept: bool) -> TokenStream {
        let arrays = self.own.arrays(kept).into_iter();
        let mut arrays: Vec<(Ident, usize)> =
            arrays.map(|(own, size)| (array(own), size)).collect();
        if self.own.form.pre_activation().is_some() {
            arrays.extend(
                self.own
                    .hidden_widths()
                    .next()
                    .map(|width| (units(), width)),
            );
        }
        let buffers = arrays.into_iter().map(|(name, size)| {
            let size = number(size);
            quote! { let mut #name = [0; #size]; }
        });
        quote! { #(#buffers)* }
    }

    /// What the output layer reads.
    pub(super) fn read_by_output(&self) -> Ident {
        let output = self.own.hidden.len();
        match self.own.form.pre_activation() {
            Some(_) => units(),
            None => self
                .own
                .reads(output, false)
                .map_or_else(|| format_ident!("input"), array),
        }
    }
}

/// What the output layer reads of the sums of pre-activation blocks.
fn units() -> Ident {
    format_ident!("units")
}

/// The kernel of this name for a table's layout.
pub(super) fn kernel(name: &str, layout: Layout) -> Ident {
    match layout {
        Layout::Wide => format_ident!("{name}"),
        Layout::Small => format_ident!("{name}_small"),
    }
}
