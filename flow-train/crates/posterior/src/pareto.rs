//! The generalised Pareto distribution, which the largest of many importance weights follow.

/// The distribution above a threshold: `P(X > x) = (1 + shape * x / scale)^(-1 / shape)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pareto {
    pub(super) shape: f64,
    pub(super) scale: f64,
}

impl Pareto {
    /// Fitted to ascending exceedances, by the posterior mean of Zhang & Stephens (2009, "A New and Efficient
    /// Estimation Method for the Generalized Pareto Distribution"). The shape is drawn towards 1/2, as much as ten
    /// more exceedances would (Vehtari, Simpson, Gelman, Yao & Gabry 2024, appendix G).
    pub(super) fn fit(exceedances: &[f64]) -> Self {
        const PRIOR_SCALE: f64 = 3.0;
        const PRIOR_ROWS: f64 = 10.0;
        let count = exceedances.len();
        let n = count as f64;
        let points = 30 + n.sqrt() as usize;
        let quartile = exceedances[((n / 4.0 + 0.5) as usize).max(1) - 1];
        let largest = exceedances[count - 1];
        let shape = |b: f64| {
            let logs = exceedances.iter().map(|x| (-b * x).ln_1p());
            logs.sum::<f64>() / n
        };
        let grid: Vec<(f64, f64)> = (1..=points)
            .map(|point| {
                let root = (points as f64 / (point as f64 - 0.5)).sqrt();
                let b = (1.0 - root) / (PRIOR_SCALE * quartile) + 1.0 / largest;
                let k = shape(b);
                (b, n * ((-b / k).ln() - k - 1.0))
            })
            .collect();
        let most = grid
            .iter()
            .map(|point| point.1)
            .fold(f64::NEG_INFINITY, f64::max);
        let weights = || grid.iter().map(|(b, log)| (b, (log - most).exp()));
        let whole: f64 = weights().map(|(_, weight)| weight).sum();
        let b = weights().map(|(b, weight)| b * weight).sum::<f64>() / whole;
        let k = shape(b);
        Self {
            shape: (n * k + PRIOR_ROWS * 0.5) / (n + PRIOR_ROWS),
            scale: -k / b,
        }
    }

    /// The exceedance that a share `p` of all lies below.
    pub(super) fn quantile(self, p: f64) -> f64 {
        let log = -(-p).ln_1p();
        match self.shape.abs() < f64::EPSILON {
            true => self.scale * log,
            false => self.scale * (self.shape * log).exp_m1() / self.shape,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_formula() {
        let heavy = Pareto {
            shape: 0.5,
            scale: 2.0,
        };
        // (1 + x / 4)^-2 = 1/4 at x = 4.
        assert!((heavy.quantile(0.75) - 4.0).abs() < 1e-12);
        let exponential = Pareto {
            shape: 0.0,
            scale: 2.0,
        };
        assert!((exponential.quantile(0.5) - 2.0 * 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_fit_finds_what_it_was_made_of() {
        for shape in [-0.3, 0.2, 0.9] {
            let own = Pareto { shape, scale: 1.7 };
            let count = 5000;
            let exceedances: Vec<f64> = (0..count)
                .map(|row| own.quantile((f64::from(row) + 0.5) / f64::from(count)))
                .collect();
            let found = Pareto::fit(&exceedances);
            assert!((found.shape - shape).abs() < 0.02, "{found:?}");
            assert!((found.scale - 1.7).abs() < 0.05, "{found:?}");
        }
    }
}
