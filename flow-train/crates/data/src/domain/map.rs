//! The maps of the domains from all real numbers to their values, in `f64` with their derivatives.

use flow_embedded::artefact::Domain;

/// A value, and what the map to it does to densities there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mapped {
    /// What it was mapped to.
    pub value: f64,
    /// The map's derivative.
    pub slope: f64,
    /// The logarithm of that.
    pub log_slope: f64,
    /// The derivative of that.
    pub d_log_slope: f64,
}

/// The inverse of the runtime's `Domain::normalize`.
pub fn generate(domain: Domain, u: f64) -> Mapped {
    let softplus = |u: f64| u.max(0.0) + (-u.abs()).exp().ln_1p();
    let sigmoid = |u: f64| (-softplus(-u)).exp();
    match domain {
        // What a code is mapped to is the code.
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => Mapped {
            value: u,
            slope: 1.0,
            log_slope: 0.0,
            d_log_slope: 0.0,
        },
        Domain::Positive { low } => Mapped {
            value: f64::from(low) + u.exp(),
            slope: u.exp(),
            log_slope: u,
            d_log_slope: 1.0,
        },
        Domain::SoftPositive { low, scale } => {
            let (low, scale) = (f64::from(low), f64::from(scale));
            Mapped {
                value: low + scale * softplus(u),
                slope: scale * sigmoid(u),
                log_slope: scale.ln() - softplus(-u),
                d_log_slope: sigmoid(-u),
            }
        }
        Domain::Bounded { low, high } => {
            // The width as the runtime has it.
            let range = f64::from(high - low);
            // From the nearer end, so that both keep their digits.
            let value = match u < 0.0 {
                true => f64::from(low) + range * sigmoid(u),
                false => f64::from(high) - range * sigmoid(-u),
            };
            Mapped {
                value,
                slope: range * sigmoid(u) * sigmoid(-u),
                log_slope: range.ln() - softplus(u) - softplus(-u),
                d_log_slope: sigmoid(-u) - sigmoid(u),
            }
        }
        Domain::HeavyTailed { centre, scale } => {
            let (centre, scale) = (f64::from(centre), f64::from(scale));
            let size = u.abs();
            Mapped {
                value: centre + scale * u.sinh(),
                slope: scale * u.cosh(),
                log_slope: scale.ln() + size + (0.5 * (1.0 + (-2.0 * size).exp())).ln(),
                d_log_slope: u.tanh(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                let error = (own.value - f64::from(runtime)).abs();
                assert!(
                    error < 1e-5 * (1.0 + own.value.abs()),
                    "{domain:?} {u}: {own:?} {runtime}"
                );
                let (above, below) = (generate(domain, u + 1e-6), generate(domain, u - 1e-6));
                let slope = (above.value - below.value) / 2e-6;
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
}
