//! How a layer's weights are laid out: dense layers, made of blocks of rows.

use super::{Autoregressive, Conditioner, Coupling, Layer, Role, Shape, Units};

/// Rows of a dense layer that see the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The number of rows.
    pub rows: usize,
    /// The number of leading inputs that each row sees.
    pub inputs: usize,
}

impl Block {
    /// The numbers stored for the block: a bias and the weights for each row. As all sizes of what an
    /// artefact claims, they saturate: a `usize` of 32 bits must not wrap round to a size that fits.
    pub const fn weights(self) -> usize {
        self.rows.saturating_mul(self.inputs.saturating_add(1))
    }
}

/// The sum of sizes, saturating.
pub(super) fn total(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

impl<'a> Layer<'a> {
    /// The number of dense layers of the conditioner, the output included; none
    /// without a conditioner.
    pub fn dense_layers(&self) -> usize {
        self.conditional()
            .map_or(0, |(_, conditioner)| conditioner.dense_layers())
    }

    /// The blocks of dense layer `dense` (from 0; the last is the output).
    ///
    /// A coupling's dense layers have one block each. An autoregressive layer
    /// has one for each degree, or group: the blocks' inputs form a staircase, but
    /// for dense layers of the context, whose rows see all of it.
    pub fn blocks<'s>(&self, dense: usize, shape: &'s Shape) -> Blocks<'s>
    where
        'a: 's,
    {
        let Some((transformer, conditioner)) = self.conditional() else {
            return Blocks {
                rows: Rows::One(None),
                inputs: Inputs::Fixed(0),
            };
        };
        let hidden = &conditioner.hidden;
        let units = |index: usize| hidden.get(index).copied().map(UnitBlocks::new);
        let role = conditioner.role(dense);
        let (rows, previous) = match role {
            Role::Hidden(index) => (units(index), index.checked_sub(1)),
            Role::Output => (None, hidden.len().checked_sub(1)),
            _ => (units(0), Some(0)),
        };
        let previous = previous.and_then(units);
        let parameters = transformer.parameters();
        let (outputs, first) = match self {
            Self::Autoregressive(Autoregressive { order, groups, .. }) => (
                Rows::Groups {
                    groups: groups.iter(),
                    parameters,
                },
                Inputs::Groups {
                    order,
                    groups: groups.iter(),
                    next: shape.context,
                    shape,
                },
            ),
            Self::Coupling(layer) => (
                Rows::One(Some(parameters * layer.transformed.len())),
                Inputs::Fixed(shape.context + layer.features(shape)),
            ),
            _ => (Rows::One(None), Inputs::Fixed(0)),
        };
        Blocks {
            rows: rows.map_or(outputs, Rows::Units),
            inputs: match role.sees_context() {
                true => Inputs::Fixed(shape.context),
                false => previous.map_or(first, |units| Inputs::Units { units, sum: 0 }),
            },
        }
    }

    /// The numbers stored for the layer.
    pub fn weights(&self, shape: &Shape) -> usize {
        match self {
            Self::Coupling(_) | Self::Autoregressive(_) => total(
                (0..self.dense_layers())
                    .flat_map(|dense| self.blocks(dense, shape))
                    .map(Block::weights),
            ),
            Self::Linear(_) => shape.event * (shape.event + 1),
            Self::ElementWise => 2 * shape.event,
            Self::Permutation(_) => 0,
            Self::Convolutional(layer) => total(
                layer
                    .convolutions(shape.context)
                    .map(|(sizes, rows)| rows.saturating_mul(sizes.row())),
            ),
            Self::Pointwise(planes) => planes.count() * (planes.count() + 1),
        }
    }
}

impl<'a> Blocks<'a> {
    /// The one block of a dense layer of a conditioner that sees all its inputs at
    /// once and ends in `outputs` rows.
    pub(super) fn of_head(
        conditioner: &Conditioner<'a>,
        dense: usize,
        inputs: usize,
        outputs: usize,
    ) -> Self {
        let hidden = |index: usize| conditioner.hidden.get(index).copied();
        let previous = dense.checked_sub(1).and_then(hidden);
        Self {
            rows: match hidden(dense) {
                Some(units) => Rows::Units(UnitBlocks::new(units)),
                None => Rows::One(Some(outputs)),
            },
            inputs: Inputs::Fixed(previous.map_or(inputs, Units::total)),
        }
    }
}

impl Coupling<'_> {
    /// Whether the layer leaves a channel as it is.
    pub(super) fn keeps(&self, channel: usize) -> bool {
        !self.transformed.iter().any(|c| usize::from(*c) == channel)
    }

    /// The numbers that the channels that stay feed to the conditioner.
    fn features(&self, shape: &Shape) -> usize {
        (0..shape.event)
            .filter(|channel| self.keeps(*channel))
            .map(|channel| shape.features(channel))
            .sum()
    }
}

/// Iterates over the [`Block`]s of one dense layer.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    rows: Rows<'a>,
    inputs: Inputs<'a>,
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        Some(Block {
            rows: self.rows.next()?,
            inputs: self.inputs.next()?,
        })
    }
}

/// The rows of each block.
#[derive(Clone, Debug)]
enum Rows<'a> {
    /// Hidden units.
    Units(UnitBlocks<'a>),
    /// The parameters of each group.
    Groups {
        groups: core::slice::Iter<'a, u8>,
        parameters: usize,
    },
    /// One block, or none.
    One(Option<usize>),
}

impl Iterator for Rows<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Units(units) => units.next(),
            Self::Groups { groups, parameters } => {
                groups.next().map(|group| usize::from(*group) * *parameters)
            }
            Self::One(rows) => rows.take(),
        }
    }
}

/// The inputs that each block sees.
#[derive(Clone, Debug)]
enum Inputs<'a> {
    /// Hidden units of its own degree and below.
    Units { units: UnitBlocks<'a>, sum: usize },
    /// The context, and the channels of the groups before.
    Groups {
        order: &'a [u8],
        groups: core::slice::Iter<'a, u8>,
        next: usize,
        shape: &'a Shape,
    },
    /// The same inputs for all.
    Fixed(usize),
}

impl Iterator for Inputs<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Units { units, sum } => {
                *sum += units.next()?;
                Some(*sum)
            }
            Self::Groups {
                order,
                groups,
                next,
                shape,
            } => {
                let inputs = *next;
                let group = groups.next().map_or(0, |group| usize::from(*group));
                let (own, behind) = order.split_at_checked(group).unwrap_or((order, &[]));
                let features = own.iter().map(|c| shape.features(usize::from(*c)));
                *next += features.sum::<usize>();
                *order = behind;
                Some(inputs)
            }
            Self::Fixed(inputs) => Some(*inputs),
        }
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
