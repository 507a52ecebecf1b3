//! Conditioners of pre-activation blocks.

use super::super::blocks::{Block, Blocks};
use super::{Start, Weights, row, take};
use crate::artefact::{Activation, Conditioner, ContextTerm, PreActivation};
use crate::kernels::{Activation as _, Sigmoid};
use crate::math::Math;

/// The hidden layer and its blocks, evaluated group by group of the units.
pub(super) struct PreActivationBlocks<'l, 'w> {
    form: PreActivation,
    activation: Activation,
    context: usize,
    /// All units, and those of the groups so far.
    units: usize,
    filled: usize,
    start: Option<Start<'w>>,
    first: Weights<'w>,
    first_blocks: Blocks<'l>,
    /// The dense layers of all blocks.
    stored: &'w [[u8; 4]],
    /// What each block's inner and outer layers see, and where they go on: units are the
    /// same everywhere.
    inner_blocks: Blocks<'l>,
    inner_size: usize,
    inner_read: usize,
    /// Whether a block can leave its memory to the next.
    shares: bool,
}

impl<'l, 'w> PreActivationBlocks<'l, 'w> {
    /// Takes their weights from the front of `stored`.
    pub(super) fn new(
        form: PreActivation,
        conditioner: &Conditioner<'l>,
        context: usize,
        stored: &mut &'w [[u8; 4]],
        blocks: impl Fn(usize) -> Blocks<'l>,
    ) -> Self {
        let start = Start::take(conditioner.form, context, stored, &blocks);
        let weights = |blocks: Blocks<'l>| blocks.map(Block::weights).sum::<usize>();
        let hidden = usize::from(start.is_some());
        let first_blocks = blocks(hidden);
        let first = take(stored, weights(first_blocks.clone())).iter();
        // The inner layer of the first block.
        let inner = hidden + 1 + usize::from(form.context == ContextTerm::Added);
        let inner_blocks = blocks(inner);
        let all = (hidden + 1..conditioner.dense_layers() - 1).map(&blocks);
        Self {
            form,
            activation: conditioner.activation,
            context,
            units: first_blocks.clone().map(|block| block.rows).sum(),
            filled: 0,
            start,
            first,
            first_blocks,
            stored: take(stored, all.map(weights).sum()),
            inner_size: weights(inner_blocks.clone()),
            inner_blocks,
            inner_read: 0,
            shares: conditioner.has_one_group(),
        }
    }

    /// Evaluates the next group of units, of the hidden layer and of every block; false
    /// after the last. `memory` holds the units first, then of each block what its two
    /// dense layers read.
    pub(super) fn advance<M: Math>(&mut self, input: &[f32], memory: &mut [f32]) -> bool {
        let (Some(first), Some(inner)) = (self.first_blocks.next(), self.inner_blocks.next())
        else {
            return false;
        };
        let Some((units, mut rest)) = memory.split_at_mut_checked(self.units) else {
            return false;
        };
        let now = self.filled..self.filled + first.rows;
        let units = units.get_mut(now).unwrap_or_default();
        for unit in units.iter_mut() {
            *unit = row(&mut self.first, first.inputs, input);
            if let Some(start) = &mut self.start {
                *unit += start.next::<M>(self.activation, input);
            }
        }
        let mut stored = self.stored;
        for _ in 0..self.form.blocks {
            let Some((own, behind)) =
                core::mem::take(&mut rest).split_at_mut_checked(2 * self.units)
            else {
                return false;
            };
            self.block::<M>(&mut stored, inner, input, units, own);
            rest = if self.shares { own } else { behind };
        }
        self.filled += first.rows;
        self.inner_read += inner.weights();
        true
    }

    /// The next group of one block, whose weights lead `stored` and whose memory is `own`.
    fn block<M: Math>(
        &self,
        stored: &mut &'w [[u8; 4]],
        inner: Block,
        input: &[f32],
        units: &mut [f32],
        own: &mut [f32],
    ) {
        let of_context = |wanted: bool, stored: &mut &'w [[u8; 4]]| {
            let size = self.context.saturating_add(1);
            let own = wanted.then(|| take(stored, self.units * size));
            own.map(|own| own.get(self.filled * size..).unwrap_or_default().iter())
        };
        let of_units = |stored: &mut &'w [[u8; 4]]| {
            let own = take(stored, self.inner_size);
            own.get(self.inner_read..).unwrap_or_default().iter()
        };
        let mut term = of_context(self.form.context == ContextTerm::Added, stored);
        let (mut first, mut second) = (of_units(stored), of_units(stored));
        let mut gate = of_context(self.form.context == ContextTerm::Gated, stored);
        let Some((before, middle)) = own.split_at_mut_checked(self.units) else {
            return;
        };
        let now = self.filled..self.filled + inner.rows;
        let begun = before.get_mut(now.clone()).unwrap_or_default();
        for (slot, unit) in begun.iter_mut().zip(units.iter()) {
            *slot = *unit;
        }
        if self.form.activated {
            self.activation.apply::<M>(begun);
        }
        let sums = middle.get_mut(now).unwrap_or_default();
        for slot in sums.iter_mut() {
            let mut sum = row(&mut first, inner.inputs, before);
            if let Some(term) = &mut term {
                sum += row(term, self.context, input);
            }
            *slot = sum;
        }
        self.activation.apply::<M>(sums);
        for unit in units {
            let mut sum = row(&mut second, inner.inputs, middle);
            if let Some(gate) = &mut gate {
                sum *= Sigmoid::<M>::apply(row(gate, self.context, input));
            }
            *unit += sum;
        }
    }
}
