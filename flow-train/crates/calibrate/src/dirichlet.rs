//! What one table can know of the probabilities of its bins.
//!
//! Between order statistics of `n` independent rows with a continuous distribution, whichever it
//! is, lie the spacings of `n` uniform numbers. The probabilities of bins that begin at fixed ranks
//! are therefore Dirichlet-distributed over calibrations, exactly, with the numbers of spacings as
//! shapes. Fewer effective rows shrink the shapes.

use super::normal;
use flow_host::random::Random;

/// The distribution, over calibrations, of the probabilities of bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dirichlet {
    shapes: Vec<f64>,
}

impl Dirichlet {
    pub(super) fn new(shapes: Vec<f64>) -> Self {
        Self { shapes }
    }

    /// The mean probabilities.
    pub(super) fn mean(&self) -> Vec<f64> {
        let sum: f64 = self.shapes.iter().sum();
        self.shapes.iter().map(|shape| shape / sum).collect()
    }

    /// Random probabilities.
    pub(super) fn draw(&self, random: &mut Random) -> Vec<f64> {
        let mut draw: Vec<f64> = self
            .shapes
            .iter()
            .map(|shape| gamma(*shape, random))
            .collect();
        let sum: f64 = draw.iter().sum();
        for probability in &mut draw {
            *probability /= sum;
        }
        draw
    }

    /// What the mean of `payments`, one for each bin, exceeds with probability `delta` only, and the
    /// probabilities that are typical where it does.
    ///
    /// The mean is above `c` when `Σ (payment − c) G ≥ 0` for independent gamma variables G.
    pub(super) fn upper_mean(&self, payments: &[f64], delta: f64) -> (f64, Vec<f64>) {
        let most = payments.iter().copied().fold(f64::MIN, f64::max);
        let mean: f64 = self.mean().iter().zip(payments).map(|(p, x)| p * x).sum();
        let (mut low, mut high) = (mean, most);
        // From above, to a part in a billion.
        while high - low > 1e-9 * (most - mean).abs().max(f64::MIN_POSITIVE) {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.tail(payments, middle).0 > delta {
                low = middle;
            } else {
                high = middle;
            }
        }
        let tilt = self.tail(payments, high).1;
        let tilted = |(shape, payment): (&f64, &f64)| shape / (1.0 - tilt * (payment - high));
        let weights: Vec<f64> = self.shapes.iter().zip(payments).map(tilted).collect();
        let sum: f64 = weights.iter().sum();
        (
            high,
            weights.into_iter().map(|weight| weight / sum).collect(),
        )
    }

    /// `P(Σ (payment − c) G ≥ 0)` for `c` above the mean, and its tilt: the saddlepoint approximation
    /// of Lugannani & Rice (1980), off by a few parts in a hundred of itself even for a single row.
    fn tail(&self, payments: &[f64], c: f64) -> (f64, f64) {
        let most = payments
            .iter()
            .map(|payment| payment - c)
            .fold(0.0, f64::max);
        if most <= 0.0 {
            return (0.0, 0.0);
        }
        let sum = |term: &dyn Fn(f64) -> f64| -> f64 {
            let terms = self.shapes.iter().zip(payments);
            terms
                .map(|(shape, payment)| shape * term(payment - c))
                .sum()
        };
        // The cumulant generating function is convex in the tilt: bisect on its slope.
        let (mut low, mut high) = (0.0, most.recip());
        for _ in 0..60 {
            let tilt = 0.5 * (low + high);
            if sum(&|gain| gain / (1.0 - tilt * gain)) < 0.0 {
                low = tilt;
            } else {
                high = tilt;
            }
        }
        let exponent = sum(&|gain| (-low * gain).ln_1p()).max(0.0);
        let curvature = sum(&|gain| (gain / (1.0 - low * gain)).powi(2));
        let (r, u) = ((2.0 * exponent).sqrt(), low * curvature.sqrt());
        // Near the mean the two terms below nearly cancel.
        if r < 0.01 {
            return (0.5, low);
        }
        let density = (-exponent).exp() / std::f64::consts::TAU.sqrt();
        (normal::cdf(-r) + density * (u.recip() - r.recip()), low)
    }
}

/// A gamma variable of unit scale (Marsaglia & Tsang 2000).
fn gamma(shape: f64, random: &mut Random) -> f64 {
    if shape < 1.0 {
        let power = (1.0 - random.uniform()).powf(shape.recip());
        return gamma(shape + 1.0, random) * power;
    }
    let d = shape - 1.0 / 3.0;
    let c = (9.0 * d).sqrt().recip();
    loop {
        let x = f64::from(random.normal());
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - random.uniform()).ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upper quantiles of one bin's probability are those of a beta distribution: of the largest of n
    /// uniform numbers they are known in closed form.
    #[test]
    fn quantiles_of_one_bin() {
        for (rows, delta) in [(100.0, 0.05), (1_000.0, 1e-3), (50.0, 1e-5f64)] {
            let dirichlet = Dirichlet::new(vec![rows, 1.0]);
            let exact = 1.0 - delta.powf(1.0 / rows);
            let (found, tilted) = dirichlet.upper_mean(&[0.0, 1.0], delta);
            assert!(
                (found / exact - 1.0).abs() < 0.01,
                "{rows}: {found}, not {exact}"
            );
            assert!((tilted[1] / exact - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn as_often_exceeded_as_said() {
        let dirichlet = Dirichlet::new(vec![1.0, 0.7, 20.0, 60.0, 3.5]);
        let payments = [30.0, -3.0, 0.5, 0.1, 4.0];
        let random = &mut Random::new(3);
        for delta in [0.3, 0.05, 0.01] {
            let (bound, _) = dirichlet.upper_mean(&payments, delta);
            let draws = 40_000;
            let above = (0..draws)
                .filter(|_| {
                    let draw = dirichlet.draw(random);
                    draw.iter().zip(payments).map(|(p, x)| p * x).sum::<f64>() > bound
                })
                .count() as f64;
            let expected = delta * f64::from(draws);
            // Four standard deviations, and three parts in a hundred for the approximation.
            let slack = 4.0 * expected.sqrt() + 0.03 * expected;
            assert!(
                (above - expected).abs() < slack,
                "{delta}: {above}, not {expected}"
            );
        }
    }
}
