//! What emits the statements of one layer with a conditioner.

use crate::emit::tables::Owner;
use flow_plan::plan::{Conditional, Plan};

/// Emits the statements of a layer with a conditioner.
pub(super) struct Emitter<'p> {
    pub(super) plan: &'p Plan,
    pub(super) own: &'p Conditional,
    pub(super) index: usize,
}

impl Emitter<'_> {
    pub(super) fn owner(&self) -> Owner {
        Owner::Layer(self.index)
    }
}
