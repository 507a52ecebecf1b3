//! What emits the statements of one layer with a conditioner: its parts stand in `conditioner` and
//! `transformer`, and `conditional` puts them together.

use crate::emit::tables::Owner;
use crate::emit::tokens::number;
use flow_plan::plan::{Conditional, Plan};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// Emits the statements of one layer.
pub(super) struct Emitter<'p> {
    pub(super) plan: &'p Plan,
    pub(super) own: &'p Conditional,
    pub(super) owner: Owner,
}

impl<'p> Emitter<'p> {
    pub(super) fn new(plan: &'p Plan, own: &'p Conditional, owner: Owner) -> Self {
        Self { plan, own, owner }
    }

    /// The numbers that a channel feeds to the conditioner.
    pub(super) fn features(&self, channel: usize) -> usize {
        1 + usize::from(self.plan.event.is_circular(channel))
    }

    /// A zeroed array for what the output layer gives: the parameters of one
    /// channel, or of all.
    pub(super) fn output_buffer(&self) -> TokenStream {
        let (name, size) = match self.own.channel_by_channel() {
            true => (Output::PARAMETERS, self.own.transformer.parameters()),
            false => (Output::ALL, self.own.parameters()),
        };
        let (name, size) = (format_ident!("{name}"), number(size));
        quote! { let mut #name = [0.0; #size]; }
    }
}

/// Names of the arrays that the output layer writes.
pub(super) struct Output;

impl Output {
    /// The parameters of one channel.
    pub(super) const PARAMETERS: &str = "parameters";
    /// The parameters of all channels.
    pub(super) const ALL: &str = "output";
}

/// The statements that begin and end a sum of log-determinants.
pub(super) fn sum(log_det: bool) -> (Option<TokenStream>, Option<TokenStream>) {
    let start = quote! { let mut log_det = 0.0; };
    let end = quote! { log_det };
    log_det.then_some((start, end)).unzip()
}
