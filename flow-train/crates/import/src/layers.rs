//! From networks to layers: which channels they read, in which order, and which parameters are whose.

use super::dense::Dense;
use super::net::Net;
use super::{ImportError, Shape};
use flow_embedded::artefact::{Activation, Direction, FlooredSpline, Scale, Transformer};
use flow_model::{FactorsParts, LayerParts, ScalesParts};

/// A network whose parameters are those of channels.
pub(super) struct Conditioned {
    /// For messages.
    pub(super) key: String,
    pub(super) net: Net,
    pub(super) transformer: Transformer,
    /// The rows of each channel's parameters, in the order of the transformer's.
    pub(super) rows: Vec<Vec<usize>>,
}

/// Rows of channels that stand one after another, with so many parameters each in this order.
pub(super) fn contiguous(channels: usize, order: &[usize]) -> Vec<Vec<usize>> {
    let count = order.len();
    let rows = |channel: usize| order.iter().map(move |own| channel * count + own).collect();
    (0..channels).map(rows).collect()
}

impl Conditioned {
    /// Each channel given those that its parameters depend on.
    pub(super) fn autoregressive(
        self,
        shape: Shape,
        direction: Direction,
    ) -> Result<LayerParts<f64>, ImportError> {
        let groups = self.groups(shape.event)?;
        let order: Vec<usize> = groups.concat();
        let rows: Vec<usize> = order
            .iter()
            .flat_map(|own| self.rows[*own].clone())
            .collect();
        Ok(LayerParts::Autoregressive {
            conditioner: self.net.conditioner(&order, &rows, shape),
            groups: groups.iter().map(Vec::len).collect(),
            order,
            direction,
            transformer: self.transformer,
        })
    }

    /// Channels by the length of the longest chain of those that they depend on.
    fn groups(&self, channels: usize) -> Result<Vec<Vec<usize>>, ImportError> {
        let reach = self.net.reach(channels);
        let given =
            |channel: usize, by: usize| self.rows[channel].iter().any(|row| reach[*row][by]);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut left: Vec<usize> = (0..channels).collect();
        while !left.is_empty() {
            let (next, behind): (Vec<usize>, Vec<usize>) = left
                .iter()
                .partition(|channel| !left.iter().any(|by| given(**channel, *by)));
            if next.is_empty() {
                return Err(ImportError::unsupported(
                    &self.key,
                    "by its masks channels depend on each other in a circle",
                ));
            }
            groups.push(next);
            left = behind;
        }
        Ok(groups)
    }

    /// Some channels, ascending, given the others, which the network reads in ascending order.
    pub(super) fn coupling(self, shape: Shape, transformed: Vec<usize>) -> LayerParts<f64> {
        let given: Vec<usize> = (0..shape.event - transformed.len()).collect();
        LayerParts::Coupling {
            conditioner: self.net.conditioner(&given, &self.rows.concat(), shape),
            transformed,
            transformer: self.transformer,
        }
    }
}

/// Channels, ascending, each by parameters that depend on nothing; the other channels stay.
pub(super) fn unconditional(
    shape: Shape,
    channels: Vec<usize>,
    transformer: Transformer,
    parameters: Vec<f64>,
) -> LayerParts<f64> {
    let inputs = shape.event - channels.len() + shape.context;
    let rows: Vec<usize> = (0..parameters.len()).collect();
    let net = Net::plain(Activation::Relu, vec![Dense::constant(inputs, parameters)]);
    let given: Vec<usize> = (0..shape.event - channels.len()).collect();
    LayerParts::Coupling {
        conditioner: net.conditioner(&given, &rows, shape),
        transformed: channels,
        transformer,
    }
}

/// `x * scale(a) + shift`, from data to base.
pub(super) const fn scaled(scale: Scale) -> Transformer {
    Transformer::Scaled {
        scale,
        direction: Direction::Normalizing,
    }
}

/// The layers that undo these, one after another.
pub(super) fn inverted(
    key: &str,
    layers: Vec<LayerParts<f64>>,
) -> Result<Vec<LayerParts<f64>>, ImportError> {
    let mut all = Vec::new();
    for layer in layers.into_iter().rev() {
        match layer {
            LayerParts::Coupling {
                transformed,
                transformer,
                conditioner,
            } => all.push(LayerParts::Coupling {
                transformer: opposite(transformer).ok_or_else(|| {
                    ImportError::unsupported(
                        key,
                        "an inverted coupling with softly bounded parameters",
                    )
                })?,
                transformed,
                conditioner,
            }),
            LayerParts::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner,
            } => all.push(LayerParts::Autoregressive {
                direction: other(direction),
                order,
                groups,
                transformer,
                conditioner,
            }),
            LayerParts::ElementWise(ScalesParts { scale, shift }) => {
                all.push(LayerParts::ElementWise(ScalesParts {
                    shift: shift
                        .iter()
                        .zip(&scale)
                        .map(|(own, by)| -own / by)
                        .collect(),
                    scale: scale.iter().map(|own| own.recip()).collect(),
                }));
            }
            LayerParts::Permutation(order) => {
                all.push(LayerParts::Permutation(argsort(&order)));
            }
            LayerParts::Linear {
                permutation,
                factors: FactorsParts { lower, upper, bias },
            } => all.extend(inverted_linear(&permutation, &lower, &upper, &bias)),
            LayerParts::Convolutional { .. } | LayerParts::Pointwise { .. } => {
                return Err(ImportError::unsupported(
                    key,
                    "an inverted layer over images",
                ));
            }
        }
    }
    Ok(all)
}

fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Normalizing => Direction::Generative,
        Direction::Generative => Direction::Normalizing,
    }
}

/// The inverse of a transformer, where it is one.
pub(super) fn opposite(transformer: Transformer) -> Option<Transformer> {
    match transformer {
        Transformer::Scaled { scale, direction } => Some(Transformer::Scaled {
            scale,
            direction: other(direction),
        }),
        Transformer::FlooredSpline(own) => Some(Transformer::FlooredSpline(FlooredSpline {
            direction: other(own.direction),
            ..own
        })),
        Transformer::Shift | Transformer::Affine { .. } | Transformer::Spline { .. } => None,
    }
}

/// The place of each number.
pub(super) fn argsort(order: &[usize]) -> Vec<usize> {
    let mut places = vec![0; order.len()];
    for (place, own) in order.iter().enumerate() {
        places[*own] = place;
    }
    places
}

/// The inverse of `L U P x + bias`. With the order of channels turned around, `inverse(U)` is lower triangular and
/// `inverse(L)` is upper triangular, and their product is of the same form again.
fn inverted_linear(
    permutation: &[usize],
    lower: &[f64],
    upper: &[f64],
    bias: &[f64],
) -> [LayerParts<f64>; 2] {
    let n = permutation.len();
    let upper = inverse_of_upper(upper, n);
    let lower = {
        // The transpose of L is upper triangular.
        let transposed: Vec<f64> = (0..n * n).map(|own| lower[own % n * n + own / n]).collect();
        let inverse = inverse_of_upper(&transposed, n);
        (0..n * n)
            .map(|own| inverse[own % n * n + own / n])
            .collect::<Vec<f64>>()
    };
    let turned =
        |matrix: &[f64], row: usize, column: usize| matrix[(n - 1 - row) * n + n - 1 - column];
    let diagonal: Vec<f64> = (0..n).map(|own| turned(&upper, own, own)).collect();
    let places = || (0..n).flat_map(|row| (0..n).map(move |column| (row, column)));
    let new_lower: Vec<f64> = places()
        .map(|(row, column)| turned(&upper, row, column) / diagonal[column])
        .collect();
    let new_upper: Vec<f64> = places()
        .map(|(row, column)| turned(&lower, row, column) * diagonal[row])
        .collect();
    // − inverse(U) inverse(L) bias, turned around.
    let by = |matrix: &[f64], vector: &[f64]| -> Vec<f64> {
        let row = |row: usize| (0..n).map(|k| matrix[row * n + k] * vector[k]).sum();
        (0..n).map(row).collect()
    };
    let moved = by(&upper, &by(&lower, bias));
    let reversed: Vec<usize> = (0..n).rev().collect();
    // Back from the turned order, and through the inverse of the permutation.
    let back = argsort(permutation)
        .into_iter()
        .map(|own| n - 1 - own)
        .collect();
    [
        LayerParts::Linear {
            permutation: reversed,
            factors: FactorsParts {
                lower: new_lower,
                upper: new_upper,
                bias: moved.iter().rev().map(|own| -own).collect(),
            },
        },
        LayerParts::Permutation(back),
    ]
}

/// Column by column, from the bottom up.
fn inverse_of_upper(upper: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; n * n];
    for column in 0..n {
        for row in (0..=column).rev() {
            let unit = if row == column { 1.0 } else { 0.0 };
            let rest: f64 = (row + 1..=column)
                .map(|k| upper[row * n + k] * inverse[k * n + column])
                .sum();
            inverse[row * n + column] = (unit - rest) / upper[row * n + row];
        }
    }
    inverse
}
