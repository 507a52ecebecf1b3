//! Channels that change their sign, as element-wise layers with negative scales: pushed through all that follows, down
//! to the base.
//!
//! `f(−x)` is `−g(x)`, where `g` is of the kind of `f`: what conditions has other signs, a shift has the other one, and a
//! spline stands the other way around.

use flow_embedded::artefact::Transformer;
use flow_model::{BaseParts, ConditionerParts, FactorsParts, LayerParts, ScalesParts};

/// Makes all scales of element-wise layers positive; leaves out those that then do nothing.
pub(super) fn absorbed(
    channels: usize,
    layers: Vec<LayerParts<f64>>,
    base: &mut BaseParts<f64>,
) -> Vec<LayerParts<f64>> {
    let mut signs = Signs(vec![1.0; channels]);
    let mut all = Vec::new();
    for mut layer in layers {
        signs.pass(&mut layer);
        let idle = match &layer {
            LayerParts::ElementWise(ScalesParts { scale, shift }) => {
                scale.iter().all(|own| *own == 1.0) && shift.iter().all(|own| *own == 0.0)
            }
            _ => false,
        };
        if !idle {
            all.push(layer);
        }
    }
    signs.end(base);
    all
}

/// 1 or −1 for each channel.
struct Signs(Vec<f64>);

impl Signs {
    /// Leaves a layer without changes before it and with those behind it.
    fn pass(&mut self, layer: &mut LayerParts<f64>) {
        match layer {
            LayerParts::Coupling {
                transformed,
                transformer,
                conditioner,
            } => {
                let kept = (0..self.0.len()).filter(|channel| !transformed.contains(channel));
                let kept: Vec<usize> = kept.collect();
                self.condition(conditioner, &kept);
                self.transform(conditioner, *transformer, transformed);
            }
            LayerParts::Autoregressive {
                order,
                transformer,
                conditioner,
                ..
            } => {
                self.condition(conditioner, order);
                self.transform(conditioner, *transformer, order);
            }
            LayerParts::Linear {
                permutation,
                factors: FactorsParts { lower, upper, bias },
            } => {
                self.0 = permutation.iter().map(|channel| self.0[*channel]).collect();
                let n = self.0.len();
                for matrix in [lower, upper] {
                    for (place, own) in matrix.iter_mut().enumerate() {
                        *own *= self.0[place / n] * self.0[place % n];
                    }
                }
                bias.iter_mut()
                    .zip(&self.0)
                    .for_each(|(own, sign)| *own *= sign);
            }
            LayerParts::ElementWise(ScalesParts { scale, shift }) => {
                for (sign, scale) in self.0.iter_mut().zip(scale) {
                    *sign *= scale.signum();
                    *scale = scale.abs();
                }
                shift
                    .iter_mut()
                    .zip(&self.0)
                    .for_each(|(own, sign)| *own *= sign);
            }
            LayerParts::Permutation(order) => {
                self.0 = order.iter().map(|channel| self.0[*channel]).collect();
            }
            // No library's flow that is imported has them.
            LayerParts::Convolutional { .. } | LayerParts::Pointwise { .. } => {}
        }
    }

    /// What is left of them changes the base, if it is not the same both ways.
    fn end(&self, base: &mut BaseParts<f64>) {
        if let BaseParts::Mixture { mean, .. } = base {
            let signs = self.0.iter().cycle();
            mean.iter_mut()
                .zip(signs)
                .for_each(|(own, sign)| *own *= sign);
        }
    }

    /// The columns of the channels that a conditioner reads, which stand behind those of the context.
    fn condition(&self, conditioner: &mut ConditionerParts<f64>, channels: &[usize]) {
        let first = usize::from(conditioner.form.has_start());
        let Some(dense) = conditioner.dense.get_mut(first) else {
            return;
        };
        let inputs = dense.inputs;
        for row in dense.weights.chunks_mut(inputs.max(1)) {
            let own = row[inputs - channels.len()..].iter_mut().zip(channels);
            own.for_each(|(weight, channel)| *weight *= self.0[*channel]);
        }
    }

    /// The rows of the parameters of channels.
    fn transform(
        &self,
        conditioner: &mut ConditionerParts<f64>,
        transformer: Transformer,
        channels: &[usize],
    ) {
        let count = transformer.parameters();
        let Some(dense) = conditioner.dense.last_mut() else {
            return;
        };
        let inputs = dense.inputs;
        for (place, channel) in channels.iter().enumerate() {
            if self.0[*channel] == 1.0 {
                continue;
            }
            let rows = place * count..(place + 1) * count;
            let weights = &mut dense.weights[rows.start * inputs..rows.end * inputs];
            let biases = &mut dense.biases[rows];
            match transformer.is_spline() {
                false => {
                    weights[..inputs].iter_mut().for_each(|own| *own *= -1.0);
                    biases[0] *= -1.0;
                }
                // Widths, heights and slopes, each from the other end.
                true => {
                    let bins = (count + 1) / 3;
                    let sides = [0..bins, bins..2 * bins, 2 * bins..count];
                    for side in sides {
                        let (from, to) = (side.start, side.end);
                        for step in 0..(to - from) / 2 {
                            biases.swap(from + step, to - 1 - step);
                            for column in 0..inputs {
                                weights.swap(
                                    (from + step) * inputs + column,
                                    (to - 1 - step) * inputs + column,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
