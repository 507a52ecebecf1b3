//! Between the numbers that a flow deals in and the parameters of the model: the maps of the domains in `f64`, with
//! their derivatives.
//!
//! A flow's value is first brought to the scale and the place of its channel, then through the map of its domain to
//! the parameter. The log-density of the value is that of the parameter and the logarithm of the map's derivative.

use super::target::{Parameter, Target};
use crate::data::domain::DomainRequest;
use crate::export::DraftChannel;
use crate::model::Real;
use crate::model::path::Density;
use flow_embedded::artefact::Domain;
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

/// A parameter, and what its map does to densities there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mapped {
    parameter: f64,
    /// The map's derivative.
    slope: f64,
    /// The logarithm of that, and its derivative.
    log_slope: f64,
    d_log_slope: f64,
}

/// The inverse of the runtime's `Domain::normalize`.
fn generate(domain: Domain, u: f64) -> Mapped {
    let softplus = |u: f64| u.max(0.0) + (-u.abs()).exp().ln_1p();
    let sigmoid = |u: f64| (-softplus(-u)).exp();
    match domain {
        // No parameter is a code.
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => Mapped {
            parameter: u,
            slope: 1.0,
            log_slope: 0.0,
            d_log_slope: 0.0,
        },
        Domain::Positive { low } => Mapped {
            parameter: f64::from(low) + u.exp(),
            slope: u.exp(),
            log_slope: u,
            d_log_slope: 1.0,
        },
        Domain::SoftPositive { low, scale } => {
            let (low, scale) = (f64::from(low), f64::from(scale));
            Mapped {
                parameter: low + scale * softplus(u),
                slope: scale * sigmoid(u),
                log_slope: scale.ln() - softplus(-u),
                d_log_slope: sigmoid(-u),
            }
        }
        Domain::Bounded { low, high } => {
            // The width as the runtime has it.
            let range = f64::from(high - low);
            // From the nearer end, so that both keep their digits.
            let parameter = match u < 0.0 {
                true => f64::from(low) + range * sigmoid(u),
                false => f64::from(high) - range * sigmoid(-u),
            };
            Mapped {
                parameter,
                slope: range * sigmoid(u) * sigmoid(-u),
                log_slope: range.ln() - softplus(u) - softplus(-u),
                d_log_slope: sigmoid(-u) - sigmoid(u),
            }
        }
        Domain::HeavyTailed { centre, scale } => {
            let (centre, scale) = (f64::from(centre), f64::from(scale));
            let size = u.abs();
            Mapped {
                parameter: centre + scale * u.sinh(),
                slope: scale * u.cosh(),
                log_slope: scale.ln() + size + (0.5 * (1.0 + (-2.0 * size).exp())).ln(),
                d_log_slope: u.tanh(),
            }
        }
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
        parameters.extend(mapped.iter().map(|own| own.parameter));
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
    use crate::posterior::variational::{LogDensity, Number};
    use flow_embedded::math::Libm;

    const DOMAINS: [Domain; 6] = [
        Domain::Real,
        Domain::Positive { low: -2.0 },
        Domain::SoftPositive {
            low: 0.5,
            scale: 3.0,
        },
        Domain::Bounded {
            low: -1.0,
            high: 4.0,
        },
        Domain::HeavyTailed {
            centre: 1.0,
            scale: 2.5,
        },
        Domain::Circular,
    ];

    #[test]
    fn maps_are_those_of_the_runtime_and_derivatives_their_own() {
        for domain in DOMAINS {
            for u in [-6.0, -1.3, -0.2, 0.0, 0.4, 2.1, 5.0] {
                let own = generate(domain, u);
                let mut runtime = u as f32;
                domain.generate::<Libm>(&mut runtime);
                let error = (own.parameter - f64::from(runtime)).abs();
                assert!(
                    error < 1e-5 * (1.0 + own.parameter.abs()),
                    "{domain:?} {u}: {own:?} {runtime}"
                );
                let (above, below) = (generate(domain, u + 1e-6), generate(domain, u - 1e-6));
                let slope = (above.parameter - below.parameter) / 2e-6;
                assert!((own.slope / slope - 1.0).abs() < 1e-5, "{domain:?} {u}");
                assert!(
                    (own.slope.ln() - own.log_slope).abs() < 1e-12,
                    "{domain:?} {u}"
                );
                let d = (above.log_slope - below.log_slope) / 2e-6;
                assert!((own.d_log_slope - d).abs() < 1e-8, "{domain:?} {u}");
            }
            let far = generate(domain, 700.0);
            assert!(far.log_slope.is_finite() && far.d_log_slope.is_finite());
        }
    }

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
