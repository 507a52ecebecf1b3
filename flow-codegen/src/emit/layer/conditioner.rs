//! Calls of the dense kernel.

use super::emitter::Emitter;
use crate::emit::activation;
use crate::emit::tables::{self, Owner};
use crate::emit::tokens::{array, number};
use flow_embedded::artefact::{ContextTerm, Form, Role};
use flow_plan::plan::{Array, Layout, Table};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

impl Emitter<'_> {
    /// One block of a dense layer before the output, and what is done with its rows;
    /// nothing if it has none. `kept` is that of [`arrays`](flow_plan::plan::Conditional::arrays).
    pub(super) fn block(&self, dense: usize, block: usize, kept: bool) -> TokenStream {
        let own = self.own;
        let blocks = &own.hidden[dense];
        let (table, offset) = (&blocks[block], before(blocks, block));
        if table.rows.is_empty() {
            return TokenStream::new();
        }
        let name = tables::hidden(own, self.owner, dense, block);
        let input = self.read(dense, kept);
        let (first, rows) = (number(offset), number(table.rows.len()));
        let multiply = |activation: &TokenStream, output: Array| {
            calls(table, &name, activation, offset, &input, &array(output))
        };
        let step = |kernel: &str, from: Array, to: Array| {
            let (kernel, from, to) = (format_ident!("{kernel}"), array(from), array(to));
            quote! { #kernel::<#first, #rows, _>(&#from, &mut #to); }
        };
        let activate = |activation: &TokenStream, from: Array, to: Array| {
            let (from, to) = (array(from), array(to));
            quote! { activate::<#activation, #first, #rows, _>(&#from, &mut #to); }
        };
        let (linear, smooth) = (quote! { Identity }, activation::float(own.activation));
        let units = Array::Hidden(0);
        match (own.roles[dense], own.form) {
            (Role::Start, _) => multiply(&smooth, Array::Term),
            (Role::Hidden(_), Form::PreActivation(form)) => {
                let product = multiply(&linear, units);
                let added = form.context == ContextTerm::Added;
                let added = added.then(|| step("add", Array::Term, units));
                quote! { #product #added }
            }
            (Role::Hidden(0), Form::ContextFirst) => {
                let product = multiply(&linear, Array::Sum);
                let added = step("add", Array::Term, Array::Sum);
                let activated = activate(&smooth, Array::Sum, units);
                quote! { #product #added #activated }
            }
            (Role::Hidden(index), form) => {
                let product = multiply(&smooth, Array::Hidden(index));
                let residual = own.reads(dense, kept).filter(|_| form == Form::Residual);
                let residual = residual.map(|before| step("add", before, Array::Hidden(index)));
                quote! { #product #residual }
            }
            (Role::Term(_), _) => multiply(&linear, Array::Term),
            (Role::Inner(_), _) => {
                let before = match own.activates_blocks() {
                    true => &smooth,
                    false => &linear,
                };
                let read = own.reads(dense, kept).unwrap_or(units);
                let before = activate(before, units, read);
                let inner = own.reads(dense + 1, kept).unwrap_or(units);
                if !own.adds_terms() {
                    let product = multiply(&smooth, inner);
                    return quote! { #before #product };
                }
                let product = multiply(&linear, Array::Sum);
                let added = step("add", Array::Term, Array::Sum);
                let activated = activate(&smooth, Array::Sum, inner);
                quote! { #before #product #added #activated }
            }
            (Role::Outer(_), _) => {
                let product = multiply(&linear, Array::Sum);
                let added = !own.gates();
                let added = added.then(|| step("add", Array::Sum, units));
                quote! { #product #added }
            }
            (Role::Gate(_), _) => {
                let gate = multiply(&quote! { Sigmoid<Math> }, Array::Term);
                let gated = step("multiply", Array::Term, Array::Sum);
                let added = step("add", Array::Sum, units);
                quote! { #gate #gated #added }
            }
            (Role::Output, _) => TokenStream::new(),
        }
    }

    /// One table of the output layer into `output` from `offset` on; nothing
    /// if it has no rows.
    pub(super) fn output(
        &self,
        group: usize,
        table: usize,
        output: &str,
        offset: usize,
    ) -> TokenStream {
        let name = tables::output(self.own, self.owner, group, table);
        let input = self.read(self.own.hidden.len(), false);
        let output = format_ident!("{output}");
        let table = &self.own.output[group][table];
        calls(table, &name, &quote! { Identity }, offset, &input, &output)
    }

    /// What dense layer `dense` reads.
    fn read(&self, dense: usize, kept: bool) -> TokenStream {
        let context = self.own.roles[dense].sees_context();
        match (self.own.reads(dense, kept).map(array), self.owner) {
            (Some(array), _) => quote! { &#array },
            // The parameter of the function.
            (None, _) if context => quote! { given },
            (None, Owner::Head(_)) => quote! { given },
            (None, Owner::Layer(_)) => quote! { &input },
        }
    }
}

/// The rows of the blocks before `block`.
fn before(blocks: &[Table], block: usize) -> usize {
    blocks[..block].iter().map(|table| table.rows.len()).sum()
}

/// The calls that multiply a table.
fn calls(
    table: &Table,
    name: &Ident,
    activation: &TokenStream,
    offset: usize,
    input: &TokenStream,
    output: &Ident,
) -> TokenStream {
    let mut offset = offset;
    let parts = tables::parts(table, name).into_iter().map(|part| {
        let (place, name) = (number(offset), part.name);
        offset += part.rows.len();
        let kernel = match part.layout {
            Layout::Wide => quote! { dense::<#activation, #place, _, _, _, _, _> },
            Layout::Small => {
                let (rows, columns) = (number(part.rows.len()), number(part.columns));
                quote! { dense_small::<#activation, #place, #rows, #columns, _, _, _, _> }
            }
        };
        quote! { #kernel(&#name, #input, &mut #output); }
    });
    parts.collect()
}
