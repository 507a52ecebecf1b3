//! The exponential moving average of parameters (Polyak & Juditsky 1992; as in Kingma & Ba 2015, section 7.2).

use flow_model::Real;
use pulp::Arch;

/// Averaged parameters.
///
/// The decay after `t` steps is the smaller of the one asked for and `(1 + t) / (10 + t)`: the average covers about
/// the last ninth of the steps until it is as long as asked for, and hardly remembers where it started.
#[derive(Clone, Debug)]
pub struct Average<T> {
    values: Vec<T>,
    decay: f64,
    steps: f64,
}

impl<T: Real> Average<T> {
    /// Starts at `parameters`. A decay of 0 follows them without delay.
    pub fn new(parameters: &[T], decay: f64) -> Self {
        Self {
            values: parameters.to_vec(),
            decay,
            steps: 0.0,
        }
    }

    /// Starts anew.
    pub fn reset(&mut self, parameters: &[T]) {
        self.values.copy_from_slice(parameters);
        self.steps = 0.0;
    }

    /// Takes in the parameters after a step.
    pub fn update(&mut self, parameters: &[T]) {
        self.steps += 1.0;
        let decay = self.decay.min((1.0 + self.steps) / (10.0 + self.steps));
        let (keep, take) = (T::from_f64(decay), T::from_f64(1.0 - decay));
        let values = &mut self.values[..];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for (value, parameter) in values.iter_mut().zip(parameters) {
                    *value = keep * *value + take * *parameter;
                }
            },
        );
    }

    /// The averaged parameters.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Swaps the averaged parameters with others, and back when called again.
    pub fn swap(&mut self, parameters: &mut [T]) {
        parameters.swap_with_slice(&mut self.values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_and_the_decay_are_those_of_the_formula() {
        // By hand: 2/11, 3/12, then 4/13 cut to 0.26.
        let mut average = Average::new(&[11.0f64, 0.0], 0.26);
        average.update(&[0.0, 0.0]);
        assert!((average.values()[0] - 2.0).abs() < 1e-12);
        average.update(&[4.0, 0.0]);
        assert!((average.values()[0] - (0.25 * 2.0 + 0.75 * 4.0)).abs() < 1e-12);
        average.update(&[1.0, 0.0]);
        assert!((average.values()[0] - (0.26 * 3.5 + 0.74)).abs() < 1e-12);
        // A masked weight stays exactly 0.
        assert_eq!(average.values()[1], 0.0);
        average.reset(&[5.0, 0.0]);
        average.update(&[16.0, 0.0]);
        assert!((average.values()[0] - (5.0 * 2.0 + 16.0 * 9.0) / 11.0).abs() < 1e-12);
    }

    #[test]
    fn without_decay_it_is_the_parameters() {
        let mut average = Average::new(&[1.0f32], 0.0);
        average.update(&[0.3]);
        assert_eq!(average.values(), [0.3]);
    }
}
