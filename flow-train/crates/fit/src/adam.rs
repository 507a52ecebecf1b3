//! The optimiser: Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019).

use flow_model::Real;
use pulp::Arch;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Moments of the gradient, one of each for each parameter.
#[derive(Clone, Debug)]
pub struct Adam<T> {
    first: Vec<T>,
    second: Vec<T>,
    steps: i32,
    /// Whether each half of the parameters gets a thread of the current pool.
    halves: bool,
}

impl<T: Real> Adam<T> {
    /// For so many parameters; on several `threads`, [`Adam::step`] must run in their pool.
    pub fn new(parameters: usize, threads: usize) -> Self {
        Self {
            halves: threads > 1,
            first: vec![T::ZERO; parameters],
            second: vec![T::ZERO; parameters],
            steps: 0,
        }
    }

    /// Forgets all gradients.
    pub fn reset(&mut self) {
        self.first.fill(T::ZERO);
        self.second.fill(T::ZERO);
        self.steps = 0;
    }

    /// One step along `gradient_scale * gradient`. A parameter at 0 whose gradient is always 0 stays exactly 0.
    pub fn step(
        &mut self,
        parameters: &mut [T],
        gradient: &[T],
        gradient_scale: f64,
        rate: f64,
        decay: f64,
    ) {
        self.steps = self.steps.saturating_add(1);
        let factors = Factors {
            scale: T::from_f64(gradient_scale),
            rate: T::from_f64(rate / (1.0 - BETA1.powi(self.steps))),
            second_correction: T::from_f64(1.0 / (1.0 - BETA2.powi(self.steps))),
            keep: T::from_f64(1.0 - rate * decay),
        };
        let (first, second) = (&mut self.first[..], &mut self.second[..]);
        let run = |parameters: &mut [T], gradient: &[T], first: &mut [T], second: &mut [T]| {
            Arch::new().dispatch(
                #[inline(always)]
                || update(parameters, gradient, first, second, factors),
            );
        };
        if !self.halves {
            return run(parameters, gradient, first, second);
        }
        let half = parameters.len() / 2;
        let (parameters, more) = parameters.split_at_mut(half);
        let (gradient, more_gradient) = gradient.split_at(half);
        let (first, more_first) = first.split_at_mut(half);
        let (second, more_second) = second.split_at_mut(half);
        rayon::join(
            || run(parameters, gradient, first, second),
            || run(more, more_gradient, more_first, more_second),
        );
    }
}

#[derive(Clone, Copy)]
struct Factors<T> {
    scale: T,
    rate: T,
    second_correction: T,
    keep: T,
}

#[inline(always)]
fn update<T: Real>(
    parameters: &mut [T],
    gradient: &[T],
    first: &mut [T],
    second: &mut [T],
    factors: Factors<T>,
) {
    let n = parameters.len();
    let (gradient, first, second) = (&gradient[..n], &mut first[..n], &mut second[..n]);
    let (beta1, beta2, epsilon) = (T::from_f64(BETA1), T::from_f64(BETA2), T::from_f64(EPSILON));
    for i in 0..n {
        let g = gradient[i] * factors.scale;
        first[i] = beta1 * first[i] + (T::ONE - beta1) * g;
        second[i] = beta2 * second[i] + (T::ONE - beta2) * g * g;
        let step =
            factors.rate * first[i] / ((second[i] * factors.second_correction).sqrt() + epsilon);
        parameters[i] = parameters[i] * factors.keep - step;
    }
}

/// Euclidean norm, summed in 16 interleaved parts.
pub fn norm<T: Real>(gradient: &[T]) -> f64 {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut sums = [T::ZERO; 16];
            let chunks = gradient.chunks_exact(16);
            let rest: T = chunks.remainder().iter().map(|&g| g * g).sum();
            for chunk in chunks {
                for (sum, &g) in sums.iter_mut().zip(chunk) {
                    *sum += g * g;
                }
            }
            sums.iter()
                .fold(rest.to_f64(), |total, sum| total + sum.to_f64())
                .sqrt()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_are_those_of_the_paper() {
        // By hand: m/(1-b1) = g and v/(1-b2) = g^2, so the first step is the rate, whatever the gradient's size.
        let mut adam = Adam::<f64>::new(3, 1);
        let mut parameters = [1.0, 1.0, 0.0];
        adam.step(&mut parameters, &[4.0, -2e-3, 0.0], 0.5, 0.1, 0.0);
        assert!((parameters[0] - 0.9).abs() < 1e-6 && (parameters[1] - 1.1).abs() < 2e-6);
        assert_eq!(parameters[2], 0.0);
        // Second step with gradient 0: m = 0.09 g, v = 0.000999 g^2.
        adam.step(&mut parameters, &[0.0; 3], 1.0, 0.1, 0.0);
        let expected = 0.9 - 0.1 * (0.09 / 0.19) / (0.000_999_f64 / 0.001_999).sqrt();
        assert!(
            (parameters[0] - expected).abs() < 1e-4,
            "{} {expected}",
            parameters[0]
        );
    }

    #[test]
    fn decay_is_decoupled_from_the_gradient() {
        let mut parameters = [2.0];
        Adam::<f64>::new(1, 1).step(&mut parameters, &[0.0], 1.0, 0.1, 0.5);
        assert!((parameters[0] - 1.9).abs() < 1e-12);
    }

    #[test]
    fn norm_is_the_root_of_the_sum_of_squares() {
        let values: Vec<f64> = (1..=37).map(f64::from).collect();
        let expected = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!((norm(&values) - expected).abs() < 1e-12);
        assert!(norm(&[1.0, f64::NAN]).is_nan());
    }
}
