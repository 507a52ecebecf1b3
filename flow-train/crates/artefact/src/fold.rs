//! Neighbouring scales and linear layers become one linear layer.
//!
//! Done on the trained numbers, in `f64` and rounded once, rather than by the compiler: so the
//! loaded artefact and the compiled module go on having the same bits.

use super::Layer;
use super::stored::{DraftFactors, DraftLayer, upper_rows};

/// Merges what can be merged; the flow stays the same to rounding.
pub fn fold(layers: Vec<DraftLayer>) -> Vec<DraftLayer> {
    let mut folded: Vec<DraftLayer> = Vec::new();
    for layer in layers {
        let merged = folded.last().and_then(|last| merge(last, &layer));
        match merged {
            Some(merged) => {
                folded.pop();
                folded.push(merged);
            }
            None => folded.push(layer),
        }
    }
    folded
}

/// One layer that does what two do, first `a` and then `b`.
fn merge(a: &DraftLayer, b: &DraftLayer) -> Option<DraftLayer> {
    use Layer::{ElementWise, Linear};
    match (a, b) {
        (ElementWise(a), ElementWise(b)) => {
            let pairs = a.iter().zip(b).map(|([scale, shift], [then, and])| {
                let [scale, shift, then, and] = [*scale, *shift, *then, *and].map(f64::from);
                [(scale * then) as f32, (shift * then + and) as f32]
            });
            Some(ElementWise(pairs.collect()))
        }
        (
            ElementWise(pairs),
            Linear {
                permutation,
                factors,
            },
        ) => {
            let mut matrix = Factors::new(factors, permutation.len());
            let pairs: Vec<[f64; 2]> = permutation
                .iter()
                .map(|channel| pairs[*channel].map(f64::from))
                .collect();
            matrix.scale_inputs(&pairs);
            Some(matrix.layer(permutation.clone()))
        }
        (
            Linear {
                permutation,
                factors,
            },
            ElementWise(pairs),
        ) => {
            let mut matrix = Factors::new(factors, permutation.len());
            let pairs: Vec<[f64; 2]> = pairs.iter().map(|pair| pair.map(f64::from)).collect();
            matrix.scale_outputs(&pairs);
            Some(matrix.layer(permutation.clone()))
        }
        _ => None,
    }
}

/// The factors of a linear layer.
struct Factors {
    /// The rows of U, each from the diagonal on.
    upper: Vec<Vec<f64>>,
    /// The rows of L, each what stands left of its diagonal of ones.
    lower: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

impl Factors {
    fn new(stored: &DraftFactors, channels: usize) -> Self {
        let wide = |row: &[f32]| row.iter().copied().map(f64::from).collect::<Vec<_>>();
        let mut own = Self {
            upper: upper_rows(&stored.upper, channels).map(wide).collect(),
            lower: Vec::new(),
            bias: Vec::new(),
        };
        let mut rest = stored.lower.as_slice();
        for row in 0..channels {
            let (first, behind) = rest.split_at(row + 1);
            own.bias.push(first[0].into());
            own.lower.push(wide(&first[1..]));
            rest = behind;
        }
        own
    }

    /// Behind `x · scale + shift`, the pairs in the order of the inputs.
    fn scale_inputs(&mut self, pairs: &[[f64; 2]]) {
        // U · shift, and then L of it.
        let shifted: Vec<f64> = self
            .upper
            .iter()
            .enumerate()
            .map(|(row, weights)| {
                let shifts = pairs[row..].iter().map(|[_, shift]| shift);
                weights.iter().zip(shifts).map(|(w, shift)| w * shift).sum()
            })
            .collect();
        for (row, (bias, weights)) in self.bias.iter_mut().zip(&self.lower).enumerate() {
            let products = weights.iter().zip(&shifted).map(|(w, x)| w * x);
            *bias += products.sum::<f64>() + shifted[row];
        }
        for (row, weights) in self.upper.iter_mut().enumerate() {
            for (weight, [scale, _]) in weights.iter_mut().zip(&pairs[row..]) {
                *weight *= scale;
            }
        }
    }

    /// Before `z · scale + shift`.
    fn scale_outputs(&mut self, pairs: &[[f64; 2]]) {
        for (row, [scale, shift]) in pairs.iter().enumerate() {
            self.bias[row] = self.bias[row] * scale + shift;
            self.upper[row]
                .iter_mut()
                .for_each(|weight| *weight *= scale);
            // The diagonal of L stays one.
            for (weight, [before, _]) in self.lower[row].iter_mut().zip(pairs) {
                *weight *= scale / before;
            }
        }
    }

    fn layer(self, permutation: Vec<usize>) -> DraftLayer {
        let narrow = |row: Vec<f64>| row.into_iter().map(|weight| weight as f32);
        let lower = self.bias.into_iter().zip(self.lower);
        DraftLayer::Linear {
            permutation,
            factors: DraftFactors {
                upper: self.upper.into_iter().flat_map(narrow).collect(),
                lower: lower
                    .flat_map(|(bias, row)| std::iter::once(bias as f32).chain(narrow(row)))
                    .collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DraftFactors, DraftLayer, fold};

    const CHANNELS: usize = 3;

    /// Applies layers to a point, in `f64`.
    fn apply(layers: &[DraftLayer], x: [f64; CHANNELS]) -> [f64; CHANNELS] {
        layers.iter().fold(x, |x, layer| match layer {
            DraftLayer::ElementWise(pairs) => {
                std::array::from_fn(|i| x[i] * f64::from(pairs[i][0]) + f64::from(pairs[i][1]))
            }
            DraftLayer::Linear {
                permutation,
                factors: DraftFactors { upper, lower },
            } => {
                let x: [f64; CHANNELS] = std::array::from_fn(|i| x[permutation[i]]);
                let u = |i: usize, j: usize| {
                    let before: usize = (0..i).map(|row| CHANNELS - row).sum();
                    f64::from(upper[before + j - i])
                };
                let y: [f64; CHANNELS] =
                    std::array::from_fn(|i| (i..CHANNELS).map(|j| u(i, j) * x[j]).sum());
                let l = |i: usize, j: usize| f64::from(lower[i * (i + 1) / 2 + j]);
                std::array::from_fn(|i| {
                    let left: f64 = (0..i).map(|j| l(i, j + 1) * y[j]).sum();
                    l(i, 0) + left + y[i]
                })
            }
            other => panic!("{other:?} is not part of this test"),
        })
    }

    fn scales(turn: f32) -> DraftLayer {
        let pair = |i: usize| {
            let i = i as f32;
            [0.5 + (turn + i).sin().abs(), (turn * i).cos()]
        };
        DraftLayer::ElementWise((0..CHANNELS).map(pair).collect())
    }

    fn linear(turn: f32) -> DraftLayer {
        let number = |i: usize| (turn + 0.7 * i as f32).sin();
        DraftLayer::Linear {
            permutation: vec![2, 0, 1],
            factors: DraftFactors {
                upper: (0..6).map(|i| 0.3 + number(i).abs()).collect(),
                lower: (0..6).map(number).collect(),
            },
        }
    }

    #[test]
    fn neighbours_merge_and_the_map_stays() {
        let layers = vec![
            scales(0.3),
            scales(1.1),
            linear(0.2),
            scales(2.0),
            linear(1.4),
            scales(0.9),
            scales(0.1),
        ];
        let folded = fold(layers.clone());
        assert_eq!(folded.len(), 2);
        let before: f64 = layers.iter().map(DraftLayer::log_det).sum();
        let after: f64 = folded.iter().map(DraftLayer::log_det).sum();
        assert!((before - after).abs() < 1e-6, "{before} {after}");
        for turn in 0..50 {
            let x = std::array::from_fn(|i| 3.0 * (f64::from(turn) + i as f64).sin());
            let (one, other) = (apply(&layers, x), apply(&folded, x));
            for (one, other) in one.iter().zip(other) {
                assert!((one - other).abs() < 1e-5, "{one} {other}");
            }
        }
    }

    #[test]
    fn what_stands_between_keeps_them_apart() {
        let layers = vec![
            scales(0.3),
            DraftLayer::Permutation(vec![1, 2, 0]),
            scales(0.3),
        ];
        assert_eq!(fold(layers.clone()), layers);
    }
}
