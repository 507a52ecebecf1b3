//! What is to be approximated: parameters with their domains, and a log-density.

use flow_data::domain::DomainRequest;
use num_dual::{DualNum, DualSVec64};

/// Derivatives that one evaluation carries along. More would cost as much a parameter, and less would repeat what
/// doesn't depend on the parameters more often.
const WIDTH: usize = 4;

/// One parameter of the model, an event channel of the artefact.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, that of the artefact's channel.
    pub name: String,
    /// Its unit, or nothing.
    pub unit: String,
    /// Where its values live. Where a domain leaves something open, there is no data to tell: `low` is 0, `scale` 1,
    /// and `centre` 0.
    pub domain: DomainRequest,
}

impl Parameter {
    /// A parameter without a unit.
    #[must_use]
    pub fn new(name: &str, domain: DomainRequest) -> Self {
        Self {
            name: name.to_owned(),
            unit: String::new(),
            domain,
        }
    }

    /// Any real number.
    #[must_use]
    pub fn real(name: &str) -> Self {
        Self::new(name, DomainRequest::Real)
    }

    /// A number above 0.
    #[must_use]
    pub fn positive(name: &str) -> Self {
        Self::new(name, DomainRequest::Positive { low: None })
    }
}

/// A number that a log-density is computed with: `f64`, or a dual number that carries derivatives along.
///
/// Beside the operators it has the elementary functions of [`DualNum`]: `exp`, `ln`, `sqrt`, `powi` and so on.
/// Constants are `f64` to the right of an operator, or `N::from(constant)`.
pub trait Number: DualNum<Primitive = f64> + Copy {}

impl<N: DualNum<Primitive = f64> + Copy> Number for N {}

/// An unnormalised log-density that is written once, for all kinds of numbers; gradients come from dual numbers.
///
/// ```
/// use flow_posterior::variational::{LogDensity, Number, Parameter, Target};
///
/// /// How fast a sensor fails, after three failures.
/// struct Failures;
///
/// impl LogDensity for Failures {
///     fn parameters(&self) -> Vec<Parameter> {
///         vec![Parameter::positive("rate")]
///     }
///
///     fn log_density<N: Number>(&self, parameters: &[N]) -> N {
///         let rate = parameters[0];
///         let hours = [120.0, 340.0, 90.0];
///         // Exponential lifetimes, and a prior of Gamma(2, 100).
///         rate.ln() * 3.0 - rate * hours.iter().sum::<f64>() + rate.ln() - rate * 100.0
///     }
/// }
///
/// let mut gradient = [0.0];
/// Failures.value_and_gradient(&[0.01], &mut gradient);
/// assert!((gradient[0] - (4.0 / 0.01 - 650.0)).abs() < 1e-9);
/// ```
pub trait LogDensity: Sync {
    /// The parameters, in the order in which the density takes them.
    fn parameters(&self) -> Vec<Parameter>;

    /// The logarithm of the density by the parameters themselves, in nats, up to a constant. The Jacobian of the
    /// domains is not the user's business. −∞ where the density is 0.
    fn log_density<N: Number>(&self, parameters: &[N]) -> N;
}

/// An unnormalised log-density and its gradient. Every [`LogDensity`] is one; implement it instead where the gradient
/// is known and dual numbers would be slow, such as for sums over many rows.
pub trait Target: Sync {
    /// As [`LogDensity::parameters`].
    fn parameters(&self) -> Vec<Parameter>;

    /// As [`LogDensity::log_density`]; `gradient` gets the derivative by each parameter.
    fn value_and_gradient(&self, parameters: &[f64], gradient: &mut [f64]) -> f64;

    /// The value alone.
    fn value(&self, parameters: &[f64]) -> f64 {
        self.value_and_gradient(parameters, &mut vec![0.0; parameters.len()])
    }
}

impl<D: LogDensity> Target for D {
    fn parameters(&self) -> Vec<Parameter> {
        LogDensity::parameters(self)
    }

    fn value_and_gradient(&self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let mut value = f64::NAN;
        let mut numbers: Vec<DualSVec64<WIDTH>> = parameters
            .iter()
            .copied()
            .map(DualSVec64::from_re)
            .collect();
        for (index, gradient) in gradient.chunks_mut(WIDTH).enumerate() {
            let first = WIDTH * index;
            for own in 0..gradient.len() {
                numbers[first + own] = numbers[first + own].derivative(own);
            }
            let result = self.log_density(&numbers);
            value = result.re;
            match result.eps.0 {
                Some(eps) => gradient.iter_mut().zip(&eps).for_each(|(g, d)| *g = *d),
                None => gradient.fill(0.0),
            }
            for own in 0..gradient.len() {
                numbers[first + own] = DualSVec64::from_re(parameters[first + own]);
            }
        }
        value
    }

    fn value(&self, parameters: &[f64]) -> f64 {
        self.log_density(parameters)
    }
}
