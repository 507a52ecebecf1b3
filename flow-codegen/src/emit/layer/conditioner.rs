//! Calls of the dense kernel.

use super::conditional::{Emitter, hidden};
use crate::emit::number;
use crate::emit::tables::{self, Owner};
use crate::plan::{Layout, Table};
use flow_embedded::artefact::Activation;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

impl Emitter<'_> {
    /// One block of a hidden layer; nothing if it has no units.
    pub(super) fn block(&self, dense: usize, block: usize) -> TokenStream {
        let blocks = &self.own.hidden[dense];
        let (table, offset) = (&blocks[block], before(blocks, block));
        let name = tables::hidden(self.own, self.owner, dense, block);
        let (input, output) = (self.read(dense), hidden(dense));
        let activation = activation(self.own.activation);
        let residual = self.own.residual && dense > 0 && !table.rows.is_empty();
        let residual = residual.then(|| {
            let (offset, rows) = (number(offset), number(table.rows.len()));
            quote! { add::<#offset, #rows, _>(#input, &mut #output); }
        });
        let dense = calls(table, &name, &activation, offset, &input, &output);
        quote! { #dense #residual }
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
        let (input, output) = (self.read(self.own.hidden.len()), format_ident!("{output}"));
        let table = &self.own.output[group][table];
        calls(table, &name, &quote! { Identity }, offset, &input, &output)
    }

    /// What dense layer `dense` reads.
    fn read(&self, dense: usize) -> TokenStream {
        match (dense.checked_sub(1).map(hidden), self.owner) {
            (Some(hidden), _) => quote! { &#hidden },
            (None, Owner::Layer(_)) => quote! { &input },
            // The parameter of the function.
            (None, Owner::Head(_)) => quote! { given },
        }
    }
}

/// The kernel's name for an activation.
pub(super) fn activation(activation: Activation) -> TokenStream {
    match activation {
        Activation::Relu => quote! { Relu },
        Activation::Tanh => quote! { Tanh<Math> },
        Activation::Silu => quote! { Silu<Math> },
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
