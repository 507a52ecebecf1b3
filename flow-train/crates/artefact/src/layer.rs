//! One bijection, whatever its weights are kept as.

use crate::Planes;
use flow_embedded::artefact::{self, Direction, Permutation, Transformer};
use std::convert::Infallible;
use std::fmt::Debug;

/// What stands where the weights of a layer do: the numbers of an artefact, dense matrices, panels of
/// vectors, tables of generated code.
pub trait Weights {
    /// A multi-layer perceptron, which gives a transformer its parameters.
    type Conditioner: Clone + Debug + PartialEq;
    /// Convolutions, which do so for the planes of an image.
    type Convolutions: Clone + Debug + PartialEq;
    /// The factors L and U of a matrix, and a bias: `z = L U x + bias`.
    type Factors: Clone + Debug + PartialEq;
    /// A positive scale and a shift for each channel.
    type Scales: Clone + Debug + PartialEq;
}

/// No weights: what a bijection is, and what is filled with numbers by a [`Map`].
impl Weights for () {
    type Conditioner = ();
    type Convolutions = ();
    type Factors = ();
    type Scales = ();
}

/// One bijection, in the normalizing direction. Channels are counted among those that bijections act on: all but
/// the categorical ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer<W: Weights> {
    /// These channels, ascending, are transformed given all the others.
    Coupling {
        /// The channels that change.
        transformed: Vec<usize>,
        /// What happens to each.
        transformer: Transformer,
        /// Sees the context, then the channels that stay, ascending.
        conditioner: W::Conditioner,
    },
    /// Each group of channels is transformed given those before it.
    Autoregressive {
        /// All channels, in the order of their groups.
        order: Vec<usize>,
        /// The number of channels in each group.
        groups: Vec<usize>,
        /// Which side the conditioner reads.
        direction: Direction,
        /// What happens to each channel.
        transformer: Transformer,
        /// Sees the context, then all channels in `order`, as far as its masks let it.
        conditioner: W::Conditioner,
    },
    /// `z = L U P x + bias`.
    Linear {
        /// `permutation[i]` is the channel that place `i` takes.
        permutation: Vec<usize>,
        /// L, U and the bias, by place.
        factors: W::Factors,
    },
    /// `z = x · scale + shift` for each channel.
    ElementWise(W::Scales),
    /// `z[i]` is channel `permutation[i]`.
    Permutation(Vec<usize>),
    /// Planes of an image are transformed given others; what is in neither stays as it is.
    Convolutional {
        /// The planes that condition.
        given: Planes,
        /// The planes that change, of the same size.
        transformed: Planes,
        /// What happens to each of their channels.
        transformer: Transformer,
        /// Sees the context and the given planes; ends in the transformer's parameters, plane by plane.
        conditioner: W::Convolutions,
    },
    /// `z = L U x + bias` over the planes at each position of an image: an invertible 1×1 convolution.
    Pointwise {
        /// The planes.
        planes: Planes,
        /// L, U and the bias, by plane.
        factors: W::Factors,
    },
}

/// What a conditioner gives parameters to.
#[derive(Clone, Copy, Debug)]
pub struct Conditioned<'l> {
    /// The channels that change, and which ones the conditioner knows.
    pub channels: Known<'l>,
    /// What happens to each.
    pub transformer: Transformer,
}

/// What is known where channels are transformed.
#[derive(Clone, Copy, Debug)]
pub enum Known<'l> {
    /// All others than these.
    Others(&'l [usize]),
    /// Those of the groups before.
    Before {
        /// All channels, in the order of their groups.
        order: &'l [usize],
        /// The number of channels in each group.
        groups: &'l [usize],
    },
}

impl Conditioned<'_> {
    /// The rows of the conditioner's last dense layer, block by block: the parameters of each group.
    pub fn outputs(&self) -> Vec<usize> {
        let parameters = self.transformer.parameters();
        match self.channels {
            Known::Others(transformed) => vec![transformed.len() * parameters],
            Known::Before { groups, .. } => groups.iter().map(|own| own * parameters).collect(),
        }
    }

    /// The channels that feed the conditioner, in the order of its inputs, of an event of so many.
    pub fn reads(&self, event: usize) -> Vec<usize> {
        match self.channels {
            Known::Others(transformed) => {
                let kept = (0..event).filter(|channel| !transformed.contains(channel));
                kept.collect()
            }
            Known::Before { order, .. } => order.to_vec(),
        }
    }

    /// Of `inputs` the leading ones that each block sees.
    pub fn visible(
        &self,
        inputs: usize,
        context: usize,
        features: impl Fn(usize) -> usize,
    ) -> Vec<usize> {
        match self.channels {
            Known::Others(_) => vec![inputs],
            Known::Before { order, groups } => {
                let mut known = order.iter().map(|channel| features(*channel));
                let visible = groups.iter().scan(context, |inputs, group| {
                    let before = *inputs;
                    *inputs += known.by_ref().take(*group).sum::<usize>();
                    Some(before)
                });
                visible.collect()
            }
        }
    }
}

/// Takes weights of one kind to those of another.
pub trait Map<V: Weights, W: Weights> {
    /// Why it can't.
    type Fault;

    /// A perceptron, given what it conditions.
    ///
    /// # Errors
    /// The weights do not fit the other kind.
    fn conditioner(
        &mut self,
        conditioned: Conditioned<'_>,
        own: V::Conditioner,
    ) -> Result<W::Conditioner, Self::Fault>;

    /// Convolutions over the given planes, which end in so many outputs.
    ///
    /// # Errors
    /// As [`conditioner`](Self::conditioner).
    fn convolutions(
        &mut self,
        given: &Planes,
        outputs: usize,
        own: V::Convolutions,
    ) -> Result<W::Convolutions, Self::Fault>;

    /// Factors of a matrix of so many rows.
    ///
    /// # Errors
    /// As [`conditioner`](Self::conditioner).
    fn factors(&mut self, rows: usize, own: V::Factors) -> Result<W::Factors, Self::Fault>;

    /// Scales and shifts.
    ///
    /// # Errors
    /// As [`conditioner`](Self::conditioner).
    fn scales(&mut self, own: V::Scales) -> Result<W::Scales, Self::Fault>;
}

impl From<&artefact::Layer<'_>> for Layer<()> {
    fn from(layer: &artefact::Layer<'_>) -> Self {
        match layer {
            artefact::Layer::Coupling(own) => Self::Coupling {
                transformed: places(own.transformed),
                transformer: own.transformer,
                conditioner: (),
            },
            artefact::Layer::Autoregressive(own) => Self::Autoregressive {
                order: places(own.order),
                groups: places(own.groups),
                direction: own.direction,
                transformer: own.transformer,
                conditioner: (),
            },
            artefact::Layer::Linear(Permutation(order)) => Self::Linear {
                permutation: places(order),
                factors: (),
            },
            artefact::Layer::ElementWise => Self::ElementWise(()),
            artefact::Layer::Permutation(Permutation(order)) => Self::Permutation(places(order)),
            artefact::Layer::Convolutional(own) => Self::Convolutional {
                given: Planes::from(&own.given),
                transformed: Planes::from(&own.transformed),
                transformer: own.transformer,
                conditioner: (),
            },
            artefact::Layer::Pointwise(planes) => Self::Pointwise {
                planes: Planes::from(planes),
                factors: (),
            },
        }
    }
}

fn places(channels: &[u8]) -> Vec<usize> {
    channels.iter().map(|own| usize::from(*own)).collect()
}

impl<V: Weights> Layer<V> {
    /// The same bijection with weights of another kind.
    ///
    /// # Errors
    /// The first that `map` gives.
    pub fn map<W: Weights, M: Map<V, W>>(self, map: &mut M) -> Result<Layer<W>, M::Fault> {
        Ok(match self {
            Self::Coupling {
                transformed,
                transformer,
                conditioner,
            } => Layer::Coupling {
                conditioner: map.conditioner(
                    Conditioned {
                        channels: Known::Others(&transformed),
                        transformer,
                    },
                    conditioner,
                )?,
                transformed,
                transformer,
            },
            Self::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner,
            } => Layer::Autoregressive {
                conditioner: map.conditioner(
                    Conditioned {
                        channels: Known::Before {
                            order: &order,
                            groups: &groups,
                        },
                        transformer,
                    },
                    conditioner,
                )?,
                order,
                groups,
                direction,
                transformer,
            },
            Self::Linear {
                permutation,
                factors,
            } => Layer::Linear {
                factors: map.factors(permutation.len(), factors)?,
                permutation,
            },
            Self::ElementWise(scales) => Layer::ElementWise(map.scales(scales)?),
            Self::Permutation(permutation) => Layer::Permutation(permutation),
            Self::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            } => Layer::Convolutional {
                conditioner: map.convolutions(
                    &given,
                    transformed.count() * transformer.parameters(),
                    conditioner,
                )?,
                given,
                transformed,
                transformer,
            },
            Self::Pointwise { planes, factors } => Layer::Pointwise {
                factors: map.factors(planes.count(), factors)?,
                planes,
            },
        })
    }

    /// As [`map`](Self::map), for a map that has no reason to fail.
    pub fn map_all<W: Weights>(self, map: &mut impl Map<V, W, Fault = Infallible>) -> Layer<W> {
        match self.map(map) {
            Ok(layer) => layer,
            Err(never) => match never {},
        }
    }

    /// The perceptron of a bijection that has one.
    pub fn conditioner(&self) -> Option<&V::Conditioner> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                Some(conditioner)
            }
            _ => None,
        }
    }

    /// As [`conditioner`](Self::conditioner), to be changed.
    pub fn conditioner_mut(&mut self) -> Option<&mut V::Conditioner> {
        match self {
            Self::Coupling { conditioner, .. } | Self::Autoregressive { conditioner, .. } => {
                Some(conditioner)
            }
            _ => None,
        }
    }
}
