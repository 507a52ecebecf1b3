//! Simultaneous bands of an empirical distribution function, exactly.
//!
//! Säilynoja, Bürkner & Vehtari 2022, "Graphical test for discrete uniformity and its applications in goodness-of-fit
//! evaluation and multiple sample comparison", Statistics and Computing 32. They find the level of the pointwise
//! binomial intervals by which all of them hold at once with the probability that is wanted; the probability itself is
//! here that of a walk of Poisson steps which ends where it must, and so needs no simulation.

use libm::lgamma;

/// Standard deviations that a count may be away before it counts as impossible: beyond a probability of 1e-23.
const WINDOW: f64 = 10.0;

/// How the counts of ranks below each of some equidistant points are distributed, if the ranks are uniform.
pub(super) struct Uniform {
    rows: usize,
    /// For each inner point, its binomial distribution.
    points: Vec<Tails>,
    /// Probabilities of steps from one point to the next, by a Poisson distribution of the mean of a bin.
    steps: Vec<f64>,
    /// That the steps add up to the number of rows.
    end: f64,
}

/// The binomial distribution of one count, where it is not negligible.
struct Tails {
    /// The first count.
    first: usize,
    /// P(X ≤ k) and P(X ≥ k) of the counts from the first on.
    at_most: Vec<f64>,
    at_least: Vec<f64>,
}

impl Tails {
    fn new(rows: usize, share: f64) -> Self {
        let n = rows as f64;
        let (mean, deviation) = (n * share, (n * share * (1.0 - share)).sqrt());
        let reach = WINDOW * deviation + 20.0;
        let first = (mean - reach).max(0.0).floor() as usize;
        let last = rows.min((mean + reach).ceil() as usize);
        let probability = |k: usize| {
            let k = k as f64;
            let choose = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
            (choose + k * share.ln() + (n - k) * (-share).ln_1p()).exp()
        };
        let own: Vec<f64> = (first..=last).map(probability).collect();
        let sums = |values: &mut dyn Iterator<Item = &f64>| -> Vec<f64> {
            let sum = values.scan(0.0, |sum, value| {
                *sum += value;
                Some(*sum)
            });
            sum.collect()
        };
        let at_most = sums(&mut own.iter());
        let mut at_least = sums(&mut own.iter().rev());
        at_least.reverse();
        Self {
            first,
            at_most,
            at_least,
        }
    }

    /// How unusual a count is: the probability of one that is no more usual, on both sides.
    fn level(&self, count: usize) -> f64 {
        let index = count.checked_sub(self.first);
        let tails = index.and_then(|i| Some(self.at_most.get(i)?.min(*self.at_least.get(i)?)));
        (2.0 * tails.unwrap_or(0.0)).min(1.0)
    }

    /// The least and the largest count that is more usual than `level`, which is below 1.
    fn interval(&self, level: f64) -> (usize, usize) {
        let low = self.at_most.partition_point(|tail| *tail <= 0.5 * level);
        let high = self.at_least.partition_point(|tail| *tail > 0.5 * level);
        (self.first + low, self.first + high.max(1) - 1)
    }
}

impl Uniform {
    /// For so many ranks, and bins of equal probability.
    pub(super) fn new(rows: usize, bins: usize) -> Self {
        let mean = rows as f64 / bins as f64;
        let poisson =
            |mean: f64, k: usize| (k as f64 * mean.ln() - mean - lgamma(k as f64 + 1.0)).exp();
        let points = (1..bins).map(|point| Tails::new(rows, point as f64 / bins as f64));
        Self {
            rows,
            points: points.collect(),
            steps: (0..=rows).map(|step| poisson(mean, step)).collect(),
            end: poisson(rows as f64, rows),
        }
    }

    /// The probability of counts at least as unusual at one point or another as the most unusual of these.
    pub(super) fn p_value(&self, counts: &[usize]) -> f64 {
        let levels = self.points.iter().zip(counts);
        let level = levels.fold(1.0, |least: f64, (point, count)| {
            least.min(point.level(*count))
        });
        // Counts that mirror each other are equally unusual, but for rounding.
        let level = level * (1.0 + 1e-9);
        match level < 1.0 {
            true => (1.0 - self.within(&self.intervals(level))).clamp(0.0, 1.0),
            false => 1.0,
        }
    }

    /// Bounds of the counts at each point, all of which hold at once with at least the probability `confidence`.
    pub(super) fn band(&self, confidence: f64) -> Vec<(usize, usize)> {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            match self.within(&self.intervals(middle)) >= confidence {
                true => low = middle,
                false => high = middle,
            }
        }
        self.intervals(low)
    }

    fn intervals(&self, level: f64) -> Vec<(usize, usize)> {
        let points = self.points.iter();
        points.map(|point| point.interval(level)).collect()
    }

    /// The probability that all counts stay within their intervals.
    ///
    /// Counts of bins are independent Poisson numbers, given their sum: so it is a walk with such steps.
    fn within(&self, intervals: &[(usize, usize)]) -> f64 {
        let (mut first, mut walk) = (0, vec![1.0]);
        for &(low, high) in intervals.iter().chain([&(self.rows, self.rows)]) {
            let reach = |count: usize| {
                let from = walk.iter().zip(first..=count);
                from.map(|(probability, own)| probability * self.steps[count - own])
                    .sum::<f64>()
            };
            walk = (low..=high).map(reach).collect();
            first = low;
        }
        walk.iter().sum::<f64>() / self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    fn counts(rows: usize, bins: usize, random: &mut Random) -> Vec<usize> {
        let mut bin = vec![0; bins];
        (0..rows).for_each(|_| bin[random.below(bins)] += 1);
        let sums = bin[..bins - 1].iter().scan(0, |sum, own| {
            *sum += own;
            Some(*sum)
        });
        sums.collect()
    }

    #[test]
    fn one_point_is_the_binomial_test() {
        // 2 of 10 at ½: P(X ≤ 2) = 56 / 1024, on both sides.
        let uniform = Uniform::new(10, 2);
        assert!((uniform.p_value(&[2]) - 112.0 / 1024.0).abs() < 1e-12);
        assert!((uniform.p_value(&[8]) - 112.0 / 1024.0).abs() < 1e-12);
        assert_eq!(uniform.p_value(&[5]), 1.0);
        assert_eq!(uniform.band(0.95), [(2, 8)]);
    }

    #[test]
    fn p_values_of_uniform_ranks_are_uniform() {
        let (uniform, mut random) = (Uniform::new(200, 20), Random::new(1));
        let trials = 4000;
        let p_values: Vec<f64> = (0..trials)
            .map(|_| uniform.p_value(&counts(200, 20, &mut random)))
            .collect();
        for level in [0.01, 0.05, 0.2, 0.5] {
            let share = p_values.iter().filter(|p| **p <= level).count() as f64 / f64::from(trials);
            // Three standard errors; discrete counts may make it smaller, but hardly.
            let error = 3.0 * (level * (1.0 - level) / f64::from(trials)).sqrt();
            assert!(
                share <= level + error && share > 0.8 * level - error,
                "{level}: {share}"
            );
        }
    }

    #[test]
    fn a_band_holds_as_often_as_it_says() {
        let (uniform, mut random) = (Uniform::new(500, 50), Random::new(2));
        let band = uniform.band(0.9);
        let trials = 4000;
        let held = (0..trials).filter(|_| {
            let counts = counts(500, 50, &mut random);
            let mut own = band.iter().zip(&counts);
            own.all(|((low, high), count)| (low..=high).contains(&count))
        });
        let share = held.count() as f64 / f64::from(trials);
        assert!((0.885..0.925).contains(&share), "{share}");
    }

    #[test]
    fn what_is_impossible_has_no_probability() {
        let uniform = Uniform::new(1000, 100);
        assert!(uniform.p_value(&[0; 99]) < 1e-12);
        assert!(uniform.p_value(&[1000; 99]) < 1e-12);
    }
}
