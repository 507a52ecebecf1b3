//! Where the flow starts: a normal with full covariance, fitted by the same gradients (Kucukelbir et al. 2017,
//! "Automatic Differentiation Variational Inference", full rank).
//!
//! Targets come in any place and scale, and flows like values of about 1; splines even end a few units from 0. The
//! means and the marginal deviations that are found become those of the artefact's channels. One with independent
//! channels would find deviations that are too small wherever parameters are correlated.

use super::space::Space;
use flow_artefact::DraftChannel;
use flow_embedded::artefact::Domain;
use flow_fit::{Adam, Average, Factor, Schedule, norm};
use flow_host::random::Random;
use flow_model::path::Density;
use std::f64::consts::TAU;
use std::sync::atomic::{AtomicBool, Ordering};

/// Draws of a step.
const BATCH: usize = 32;
/// In standard deviations, and in their logarithm.
const LEARNING_RATE: f64 = 0.1;
/// The longest gradient.
const CLIP_NORM: f64 = 10.0;
/// Covers about the last fiftieth of the steps.
const AVERAGE: f64 = 0.98;
/// The narrowest and the widest deviation, of what it was at the start.
const LOG_SCALES: std::ops::RangeInclusive<f64> = -16.0..=16.0;
/// How often the search begins again as long as it is on its way.
const ROUNDS: usize = 20;

/// Places and scales for the channels of `space`. The search goes on, `steps` steps at a time, until it no longer
/// gets anywhere, and takes as many to settle; or it ends once `stop` is set. Angles keep theirs.
pub(super) fn locate(
    space: &Space<'_>,
    steps: usize,
    seed: u64,
    stop: &AtomicBool,
) -> Vec<DraftChannel> {
    let mut pilot = Pilot::new(space, seed);
    for _ in 0..ROUNDS {
        let before = pilot.parameters.clone();
        pilot.round(
            steps,
            Schedule::Plateau {
                factor: 0.5,
                patience: 1,
            },
            stop,
        );
        if !pilot.has_moved_from(&before) {
            break;
        }
    }
    pilot.round(steps, Schedule::Cosine, stop);
    pilot.channels()
}

/// `x = mean + diag(std) (1 + lower) noise`, in the channels' own units.
struct Pilot<'s, 't> {
    space: &'s Space<'t>,
    /// Channels that aren't angles.
    straight: Vec<usize>,
    /// Means, logarithms of `std`, and the rows of the strictly lower triangle, over these.
    parameters: Vec<f64>,
    random: Random,
}

impl<'s, 't> Pilot<'s, 't> {
    fn new(space: &'s Space<'t>, seed: u64) -> Self {
        let is_straight = |channel: &usize| space.channels[*channel].domain != Domain::Circular;
        let straight: Vec<usize> = (0..space.channels.len()).filter(is_straight).collect();
        let count = straight.len();
        Self {
            space,
            parameters: vec![0.0; 2 * count + count * count.saturating_sub(1) / 2],
            straight,
            random: Random::new(seed),
        }
    }

    /// Where row `place` of the triangle lies among the parameters.
    fn row(&self, place: usize) -> std::ops::Range<usize> {
        let start = 2 * self.straight.len() + place * place.saturating_sub(1) / 2;
        start..start + place
    }

    fn round(&mut self, steps: usize, schedule: Schedule, stop: &AtomicBool) {
        let mut adam = Adam::<f64>::new(self.parameters.len(), 1);
        let mut average = Average::new(&self.parameters, AVERAGE);
        let factor = Factor::new(schedule, steps);
        for step in 0..steps {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let Some(gradient) = self.gradient() else {
                continue;
            };
            let shorten = (CLIP_NORM / norm(&gradient).max(f64::MIN_POSITIVE)).min(1.0);
            let rate = LEARNING_RATE * factor.at(step);
            let before = self.parameters.clone();
            adam.step(&mut self.parameters, &gradient, shorten, rate, 0.0);
            for place in 0..self.straight.len() {
                let log_std = self.straight.len() + place;
                // A step of the mean is one in units of the deviation.
                let moved = self.parameters[place] - before[place];
                self.parameters[place] = before[place] + moved * before[log_std].exp();
                self.parameters[log_std] =
                    self.parameters[log_std].clamp(*LOG_SCALES.start(), *LOG_SCALES.end());
            }
            average.update(&self.parameters);
        }
        self.parameters.copy_from_slice(average.values());
    }

    /// The gradient of the divergence by the parameters, that by the means in units of the deviations; none if no
    /// draw has a finite density.
    fn gradient(&mut self) -> Option<Vec<f64>> {
        let (channels, count) = (self.space.channels.len(), self.straight.len());
        let std: Vec<f64> = self.parameters[count..2 * count]
            .iter()
            .map(|log| log.exp())
            .collect();
        let mut noise = vec![0.0; BATCH * count];
        noise.fill_with(|| f64::from(self.random.normal()));
        let mut values = vec![0.0; BATCH * channels];
        values.fill_with(|| TAU * (self.random.uniform() - 0.5));
        for (noise, values) in noise
            .chunks_exact(count.max(1))
            .zip(values.chunks_exact_mut(channels))
        {
            for (place, channel) in self.straight.iter().enumerate() {
                let own = self.parameters[self.row(place)].iter().zip(noise);
                let mixed: f64 = own.map(|(weight, noise)| weight * noise).sum();
                values[*channel] = self.parameters[place] + std[place] * (noise[place] + mixed);
            }
        }
        let (mut log_density, mut by_values) = (vec![0.0; BATCH], vec![0.0; values.len()]);
        self.space
            .log_density_and_gradient(&values, &mut log_density, &mut by_values);
        let mut gradient = vec![0.0; self.parameters.len()];
        let mut rows = 0.0;
        let draws = noise
            .chunks_exact(count.max(1))
            .zip(by_values.chunks_exact(channels))
            .zip(&log_density);
        for ((noise, by_values), log_density) in draws {
            if !log_density.is_finite() || by_values.iter().any(|g| !g.is_finite()) {
                continue;
            }
            rows += 1.0;
            // The gradient of ln q is -(1 + lower)^-T noise / std.
            let mut pull = noise.to_vec();
            for place in (0..count).rev() {
                let row = self.row(place);
                let own = pull[place];
                let pairs = pull.iter_mut().zip(&self.parameters[row]);
                pairs.for_each(|(pull, weight)| *pull -= weight * own);
            }
            for (place, channel) in self.straight.iter().enumerate() {
                let along = -(by_values[*channel] * std[place] + pull[place]);
                let row = self.row(place);
                let mixed: f64 = {
                    let own = self.parameters[row.clone()].iter().zip(noise);
                    own.map(|(weight, noise)| weight * noise).sum()
                };
                gradient[place] += along;
                gradient[count + place] += along * (noise[place] + mixed);
                let own = gradient[row].iter_mut().zip(noise);
                own.for_each(|(g, noise)| *g += along * noise);
            }
        }
        gradient.iter_mut().for_each(|g| *g /= rows);
        gradient.iter().all(|g| g.is_finite()).then_some(gradient)
    }

    /// The marginal deviation of a channel.
    fn deviation(&self, place: usize) -> f64 {
        let row = self.parameters[self.row(place)].iter();
        let square = 1.0 + row.map(|weight| weight * weight).sum::<f64>();
        self.parameters[self.straight.len() + place].exp() * square.sqrt()
    }

    /// Whether a mean is further from another than half a deviation, or a deviation has changed by a half.
    fn has_moved_from(&self, before: &[f64]) -> bool {
        let count = self.straight.len();
        let mut places = 0..count;
        places.any(|place| {
            let mean = self.parameters[place] - before[place];
            let log_std = self.parameters[count + place] - before[count + place];
            mean.abs() > 0.5 * self.deviation(place) || log_std.abs() > 0.5
        })
    }

    fn channels(&self) -> Vec<DraftChannel> {
        let mut channels = self.space.channels.to_vec();
        for (place, channel) in self.straight.iter().enumerate() {
            let own = &mut channels[*channel];
            let unit = f64::from(own.inv_std).recip();
            own.mean = (f64::from(own.mean) + self.parameters[place] * unit) as f32;
            own.inv_std = (self.deviation(place) * unit).recip() as f32;
        }
        channels
    }
}

#[cfg(test)]
mod tests {
    use super::super::space::channel;
    use super::*;
    use crate::variational::{LogDensity, Number, Parameter, Target};

    /// Far away, of very different scales, two of them correlated by 0.95; and an angle.
    struct Far;

    impl LogDensity for Far {
        fn parameters(&self) -> Vec<Parameter> {
            let angle = Parameter::new("angle", "circular:0:6".parse().expect("a domain"));
            vec![
                Parameter::real("far"),
                Parameter::real("small"),
                Parameter::positive("log-normal"),
                angle,
            ]
        }

        fn log_density<N: Number>(&self, x: &[N]) -> N {
            let log = x[2].ln();
            let (a, b) = ((x[0] - 300.0) / 20.0, (x[1] + 0.5) / 1e-3);
            let square = (a * a - a * b * 1.9 + b * b) / 0.0975 + ((log - 2.0) / 0.5).powi(2);
            square * -0.5 - log + x[3].cos()
        }
    }

    #[test]
    fn place_and_scale_of_each_parameter_are_found() {
        let channels: Vec<DraftChannel> = Target::parameters(&Far).iter().map(channel).collect();
        let space = Space {
            target: &Far,
            channels: &channels,
            inverse_temperature: 1.0,
        };
        let found = locate(&space, 500, 1, &AtomicBool::new(false));
        for (channel, [mean, std]) in found.iter().zip([[300.0, 20.0], [-0.5, 1e-3], [2.0, 0.5]]) {
            let (own, scale) = (f64::from(channel.mean), f64::from(channel.inv_std).recip());
            assert!((own - mean).abs() < 0.05 * std, "{channel:?}");
            assert!((scale / std - 1.0).abs() < 0.05, "{channel:?}");
        }
        assert_eq!(found[3], channels[3]);
        assert_eq!(found, locate(&space, 500, 1, &AtomicBool::new(false)));
    }
}
