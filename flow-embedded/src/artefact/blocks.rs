//! How a layer's weights are laid out: dense layers, made of blocks of rows.

use super::{Conditioner, Layer, Units};

/// Rows of a dense layer that see the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The number of rows.
    pub rows: usize,
    /// The number of leading inputs that each row sees.
    pub inputs: usize,
}

impl Block {
    /// The numbers stored for the block: a bias and the weights for each row.
    pub const fn weights(self) -> usize {
        self.rows * (self.inputs + 1)
    }
}

impl<'a> Layer<'a> {
    /// The number of dense layers of the conditioner, the output included.
    pub fn dense_layers(&self) -> usize {
        self.conditioner().hidden.len() + 1
    }

    /// The blocks of dense layer `dense` (from 0; the last is the output) for
    /// `event` and `context` channels.
    ///
    /// A coupling's dense layers have one block each. A masked autoregressive
    /// layer has one for each degree, or rank, `0..event`: the blocks' inputs
    /// form a staircase.
    pub fn blocks(&self, dense: usize, event: usize, context: usize) -> Blocks<'_> {
        let Conditioner { hidden, .. } = self.conditioner();
        let (first_inputs, output_rows, remaining) = match self {
            Self::Coupling(layer) => {
                let transformed = layer.transformed.len();
                (
                    context + event.saturating_sub(transformed),
                    2 * transformed,
                    1,
                )
            }
            Self::MaskedAutoregressive(_) => (context, 2, event),
        };
        let previous = dense.checked_sub(1).and_then(|k| hidden.get(k));
        Blocks {
            rows: hidden.get(dense).copied().map(UnitBlocks::new),
            output_rows,
            inputs: if previous.is_some() { 0 } else { first_inputs },
            previous: previous.copied().map(UnitBlocks::new),
            remaining,
        }
    }

    /// The weights of the layer.
    pub fn weights(&self, event: usize, context: usize) -> usize {
        (0..self.dense_layers())
            .flat_map(|dense| self.blocks(dense, event, context))
            .map(Block::weights)
            .sum()
    }
}

/// Iterates over the [`Block`]s of one dense layer.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    rows: Option<UnitBlocks<'a>>,
    previous: Option<UnitBlocks<'a>>,
    output_rows: usize,
    inputs: usize,
    remaining: usize,
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        self.remaining = self.remaining.checked_sub(1)?;
        let rows = match &mut self.rows {
            Some(units) => units.next()?,
            None => self.output_rows,
        };
        let inputs = match &mut self.previous {
            Some(units) => {
                self.inputs += units.next()?;
                self.inputs
            }
            None => {
                let inputs = self.inputs;
                self.inputs += 1;
                inputs
            }
        };
        Some(Block { rows, inputs })
    }
}

/// [`Units::blocks`] as a type that has a name.
#[derive(Clone, Debug)]
struct UnitBlocks<'a>(core::slice::Iter<'a, [u8; 2]>);

impl<'a> UnitBlocks<'a> {
    fn new(units: Units<'a>) -> Self {
        Self(units.0.as_chunks::<2>().0.iter())
    }
}

impl Iterator for UnitBlocks<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0
            .next()
            .map(|pair| usize::from(u16::from_le_bytes(*pair)))
    }
}
