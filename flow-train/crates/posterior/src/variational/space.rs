//! Between the numbers that a flow deals in and the parameters of the model: the maps of the domains in `f64`, with
//! their derivatives.
//!
//! A flow's value is first brought to the scale and the place of its channel, then through the map of its domain to
//! the parameter. The log-density of the value is that of the parameter and the logarithm of the map's derivative.

use super::target::{Parameter, Target};
use flow_artefact::DraftChannel;
use flow_data::domain::{DomainRequest, Mapped, generate};
use flow_embedded::artefact::Domain;
use flow_model::Real;
use flow_model::path::Density;
use std::f64::consts::TAU;

/// The target as the flow sees it, tempered: its log-density times `inverse_temperature`, the maps' included.
pub(super) struct Space<'t> {
    pub(super) target: &'t dyn Target,
    pub(super) channels: &'t [DraftChannel],
    pub(super) inverse_temperature: f64,
}

/// A parameter's channel before anything is known of place and scale.
pub(super) fn channel(parameter: &Parameter) -> DraftChannel {
    let straight = |domain| (domain, 0.0, 1.0);
    let (domain, mean, inv_std) = match parameter.domain {
        DomainRequest::Real => straight(Domain::Real),
        DomainRequest::Positive { low } => straight(Domain::Positive {
            low: low.unwrap_or(0.0),
        }),
        DomainRequest::SoftPositive { low, scale } => straight(Domain::SoftPositive {
            low: low.unwrap_or(0.0),
            scale: scale.unwrap_or(1.0),
        }),
        DomainRequest::Bounded { low, high } => straight(Domain::Bounded { low, high }),
        DomainRequest::HeavyTailed { place } => {
            let [centre, scale] = place.unwrap_or([0.0, 1.0]);
            straight(Domain::HeavyTailed { centre, scale })
        }
        DomainRequest::Circular { low, high } => {
            let (low, high) = (f64::from(low), f64::from(high));
            let centre = 0.5 * (low + high);
            (Domain::Circular, centre as f32, (TAU / (high - low)) as f32)
        }
    };
    DraftChannel {
        name: parameter.name.clone(),
        unit: parameter.unit.clone(),
        domain,
        grid: None,
        mean,
        inv_std,
    }
}

impl Space<'_> {
    /// The parameters of one event of the flow.
    fn map<T: Real>(&self, event: &[T], mapped: &mut Vec<Mapped>, parameters: &mut Vec<f64>) {
        mapped.clear();
        mapped.extend(event.iter().zip(self.channels).map(|(value, channel)| {
            let place = value.to_f64() / f64::from(channel.inv_std) + f64::from(channel.mean);
            generate(channel.domain, place)
        }));
        parameters.clear();
        parameters.extend(mapped.iter().map(|own| own.value));
    }

    /// The parameters of one event of the flow, in words.
    pub(super) fn describe(&self, event: &[f32]) -> String {
        let (mut mapped, mut parameters) = (Vec::new(), Vec::new());
        self.map(event, &mut mapped, &mut parameters);
        let pairs = self.channels.iter().zip(&parameters);
        let words: Vec<String> = pairs
            .map(|(channel, value)| format!("{} = {value:.4}", channel.name))
            .collect();
        words.join(", ")
    }

    fn log_density_of(&self, value: f64, mapped: &[Mapped]) -> f64 {
        let channels = mapped.iter().zip(self.channels);
        let slopes = channels.map(|(own, channel)| own.log_slope - f64::from(channel.inv_std).ln());
        self.inverse_temperature * (value + slopes.sum::<f64>())
    }
}

impl<T: Real> Density<T> for Space<'_> {
    fn log_density(&self, events: &[T], log_density: &mut [f64]) {
        let (mut mapped, mut parameters) = (Vec::new(), Vec::new());
        let rows = events.chunks_exact(self.channels.len());
        for (event, log_density) in rows.zip(log_density) {
            self.map(event, &mut mapped, &mut parameters);
            *log_density = self.log_density_of(self.target.value(&parameters), &mapped);
        }
    }

    fn log_density_and_gradient(&self, events: &[T], log_density: &mut [f64], gradient: &mut [T]) {
        let channels = self.channels.len();
        let (mut mapped, mut parameters) = (Vec::new(), Vec::new());
        let mut by_parameters = vec![0.0; channels];
        let rows = events
            .chunks_exact(channels)
            .zip(gradient.chunks_exact_mut(channels));
        for ((event, gradient), log_density) in rows.zip(log_density) {
            self.map(event, &mut mapped, &mut parameters);
            let value = self
                .target
                .value_and_gradient(&parameters, &mut by_parameters);
            *log_density = self.log_density_of(value, &mapped);
            let own = mapped.iter().zip(self.channels).zip(&by_parameters);
            for (gradient, ((mapped, channel), by_parameter)) in gradient.iter_mut().zip(own) {
                let by_place = by_parameter * mapped.slope + mapped.d_log_slope;
                *gradient =
                    T::from_f64(self.inverse_temperature * by_place / f64::from(channel.inv_std));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variational::{LogDensity, Number};

    /// One factor for each domain, coupled.
    struct Product;

    impl LogDensity for Product {
        fn parameters(&self) -> Vec<Parameter> {
            let requests = "real positive:-2 soft-positive:0.5:3 bounded:-1:4 heavy-tailed:1:2.5 circular:0:360";
            let requests = requests.split(' ');
            requests
                .map(|text| Parameter::new(text, text.parse().expect("a domain")))
                .collect()
        }

        fn log_density<N: Number>(&self, parameters: &[N]) -> N {
            let mut sum = N::from(0.0);
            for pair in parameters.windows(2) {
                sum -= (pair[0] * 0.3 - pair[1] * 0.1).powi(2);
            }
            sum + (parameters[5] * (TAU / 360.0)).cos()
        }
    }

    #[test]
    fn gradients_by_the_flow_s_values_equal_central_differences() {
        let mut channels: Vec<DraftChannel> =
            Target::parameters(&Product).iter().map(channel).collect();
        for (index, channel) in channels.iter_mut().take(5).enumerate() {
            (channel.mean, channel.inv_std) = (0.1 * index as f32 - 0.2, 0.5 + 0.3 * index as f32);
        }
        let space = Space {
            target: &Product,
            channels: &channels,
            inverse_temperature: 0.7,
        };
        let here = [0.3, -0.8, 1.2, 0.5, -0.4, 2.0];
        let (mut value, mut gradient) = ([0.0], [0.0; 6]);
        space.log_density_and_gradient(&here, &mut value, &mut gradient);
        let at = |moved: &[f64]| {
            let mut value = [0.0];
            space.log_density(moved, &mut value);
            value[0]
        };
        assert_eq!(at(&here), value[0]);
        for index in 0..6 {
            let mut moved = here;
            let mut step = |by: f64| {
                moved[index] = here[index] + by;
                at(&moved)
            };
            let expected = (step(1e-6) - step(-1e-6)) / 2e-6;
            assert!(
                (gradient[index] - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                "{index}: {} against {expected}",
                gradient[index]
            );
        }
    }
}
