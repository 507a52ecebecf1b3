//! The average run length of a CUSUM in integers, exactly.

use nalgebra::{DMatrix, DVector};

/// A CUSUM that adds `scores[bin]`, never falls below zero, and gives an alarm at `threshold`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cusum<'a> {
    pub(super) scores: &'a [i8],
    pub(super) threshold: u8,
}

/// A run length, and how it depends on what bins are probable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunLength {
    /// The mean number of samples up to an alarm, from zero.
    pub(super) mean: f64,
    /// The derivative of `ln mean` by the probability of each bin.
    pub(super) slope: Vec<f64>,
}

impl Cusum<'_> {
    /// For independent samples with these probabilities of bins. The sum is a Markov chain of
    /// `threshold` states (Brook & Evans 1972): its mean times `v` up to an alarm solve `v = 1 + Q v`.
    /// `None` if an alarm is impossible, or so rare that the solution is lost in rounding.
    pub(super) fn run_length(&self, probabilities: &[f64]) -> Option<RunLength> {
        let states = usize::from(self.threshold);
        let mut matrix = DMatrix::<f64>::identity(states, states);
        for state in 0..states {
            for (score, probability) in self.scores.iter().zip(probabilities) {
                if let Some(next) = self.next(state, *score) {
                    matrix[(state, next)] -= probability;
                }
            }
        }
        let times = matrix
            .clone()
            .lu()
            .solve(&DVector::from_element(states, 1.0))?;
        let mut first = DVector::zeros(states);
        first[0] = 1.0;
        let visits = matrix.transpose().lu().solve(&first)?;
        let mean = times[0];
        // The two ways to the mean agree but for rounding.
        let sound = mean >= 1.0 && (visits.sum() / mean - 1.0).abs() < 1e-3;
        let slope = self.scores.iter().map(|score| {
            let reached = |state| self.next(state, *score).map_or(0.0, |next| times[next]);
            (0..states)
                .map(|state| visits[state] * reached(state))
                .sum::<f64>()
                / mean
        });
        sound.then(|| RunLength {
            mean,
            slope: slope.collect(),
        })
    }

    fn next(&self, state: usize, score: i8) -> Option<usize> {
        let next = (state as i32 + i32::from(score)).max(0);
        (next < i32::from(self.threshold)).then_some(next as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    /// A run of heads: `(2^k − 1) / (1 − 1/2)` tosses in the mean.
    #[test]
    fn known_run_lengths() {
        for k in [1, 3, 10] {
            let cusum = Cusum {
                scores: &[1, -127],
                threshold: k,
            };
            let found = cusum.run_length(&[0.5, 0.5]).expect("an alarm comes").mean;
            let exact = 2.0 * (f64::from(k).exp2() - 1.0);
            assert!(
                (found / exact - 1.0).abs() < 1e-12,
                "{k}: {found}, not {exact}"
            );
        }
        let never = Cusum {
            scores: &[-1, 0],
            threshold: 5,
        };
        assert_eq!(never.run_length(&[0.5, 0.5]), None);
    }

    #[test]
    fn the_slope_is_that_of_differences() {
        let scores = [-7, -2, 3, 20];
        let cusum = Cusum {
            scores: &scores,
            threshold: 60,
        };
        let at = |p: [f64; 4]| cusum.run_length(&p).expect("an alarm comes");
        let p = [0.3, 0.5, 0.18, 0.02];
        let slope = at(p).slope;
        let step = 1e-5;
        for bin in 1..4 {
            let (mut up, mut down) = (p, p);
            (up[bin], up[0]) = (up[bin] + step, up[0] - step);
            (down[bin], down[0]) = (down[bin] - step, down[0] + step);
            let difference = (at(up).mean / at(down).mean).ln() / (2.0 * step);
            let found = slope[bin] - slope[0];
            assert!(
                (found / difference - 1.0).abs() < 1e-4,
                "{bin}: {found}, not {difference}"
            );
        }
    }

    #[test]
    fn simulated_runs_are_as_long() {
        let scores = [-9, -3, 2, 9, 31];
        let p = [0.25, 0.4, 0.25, 0.09, 0.01];
        let cusum = Cusum {
            scores: &scores,
            threshold: 70,
        };
        let exact = cusum.run_length(&p).expect("an alarm comes").mean;
        let random = &mut Random::new(5);
        let (runs, mut samples) = (2_000, 0u64);
        for _ in 0..runs {
            let mut sum = 0i32;
            while sum < 70 {
                let mut uniform = random.uniform();
                let bin = p.iter().position(|p| {
                    uniform -= p;
                    uniform < 0.0
                });
                sum = (sum + i32::from(scores[bin.unwrap_or(4)])).max(0);
                samples += 1;
            }
        }
        // Run lengths are nearly exponential: four standard deviations.
        let found = samples as f64 / f64::from(runs);
        assert!(
            (found / exact - 1.0).abs() < 4.0 / f64::from(runs).sqrt(),
            "{found}, not {exact}"
        );
    }
}
