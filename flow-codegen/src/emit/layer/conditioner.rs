//! Calls of the dense kernel.

use super::conditional::{Emitter, hidden};
use crate::emit::{number, tables};
use crate::plan::Table;
use flow_embedded::artefact::Activation;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

impl Emitter<'_> {
    /// One block of a hidden layer; nothing if it has no units.
    pub(super) fn block(&self, dense: usize, block: usize) -> TokenStream {
        let blocks = &self.own.hidden[dense];
        let rows = blocks[block].rows.len();
        if rows == 0 {
            return TokenStream::new();
        }
        let offset = number(before(blocks, block));
        let table = tables::hidden(self.own, self.index, dense, block);
        let (input, output) = (self.read(dense), hidden(dense));
        let activation = match self.own.activation {
            Activation::Relu => quote! { Relu },
            Activation::Tanh => quote! { Tanh<Math> },
            Activation::Silu => quote! { Silu<Math> },
        };
        let residual = (self.own.residual && dense > 0).then(|| {
            let rows = number(rows);
            quote! { add::<#offset, #rows, _>(&#input, &mut #output); }
        });
        quote! {
            dense::<#activation, #offset, _, _, _, _>(&#table, &#input, &mut #output);
            #residual
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
        if self.own.output[group][table].rows.is_empty() {
            return TokenStream::new();
        }
        let offset = number(offset);
        let name = tables::output(self.own, self.index, group, table);
        let (input, output) = (self.read(self.own.hidden.len()), format_ident!("{output}"));
        quote! {
            dense::<Identity, #offset, _, _, _, _>(&#name, &#input, &mut #output);
        }
    }

    /// What dense layer `dense` reads.
    fn read(&self, dense: usize) -> Ident {
        dense
            .checked_sub(1)
            .map_or_else(|| format_ident!("input"), hidden)
    }
}

/// The rows of the blocks before `block`.
fn before(blocks: &[Table], block: usize) -> usize {
    blocks[..block].iter().map(|table| table.rows.len()).sum()
}
