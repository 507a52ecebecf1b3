//! Rates, with exact intervals.

/// A share of some trials, with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Trials.
    pub trials: u64,
    /// Those that had the event.
    pub hits: u64,
    /// Hits over trials; NaN without trials.
    pub rate: f64,
    /// The exact 95 % interval of Clopper and Pearson (1934), for independent trials. Alarms in an
    /// autocorrelated stream come in bursts: the true interval is wider there.
    pub interval: (f64, f64),
}

impl Rate {
    /// `hits` out of `trials`.
    ///
    /// # Panics
    /// If there are more hits than trials.
    pub fn new(hits: u64, trials: u64) -> Self {
        let interval = clopper_pearson(hits, trials, 0.95);
        Self {
            trials,
            hits,
            rate: hits as f64 / trials as f64,
            interval,
        }
    }
}

/// The exact two-sided interval of a binomial proportion: each side errs with at most half of
/// `1 − confidence`.
///
/// # Panics
/// If there are more hits than trials.
pub fn clopper_pearson(hits: u64, trials: u64, confidence: f64) -> (f64, f64) {
    assert!(hits <= trials, "{hits} hits in {trials} trials");
    let (k, n) = (hits as f64, trials as f64);
    let tail = 0.5 * (1.0 - confidence);
    let low = if hits == 0 {
        0.0
    } else {
        beta_quantile(tail, k, n - k + 1.0)
    };
    let high = if hits == trials {
        1.0
    } else {
        beta_quantile(1.0 - tail, k + 1.0, n - k)
    };
    (low, high)
}

/// Where the regularised incomplete beta function reaches `p`: by bisection, to the last bit.
fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0f64, 1.0f64);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if incomplete_beta(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and
/// Stegun 26.5.8, evaluated by Lentz's method), about 1e-13 relative for parameters up to a million.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta_below_mean(1.0 - x, b, a);
    }
    incomplete_beta_below_mean(x, a, b)
}

fn incomplete_beta_below_mean(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let log_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    let mut c = 1.0;
    let mut d = away_from_zero(1.0 - (a + b) * x / (a + 1.0)).recip();
    let mut fraction = d;
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for coefficient in [even, odd] {
            d = away_from_zero(1.0 + coefficient * d).recip();
            c = away_from_zero(1.0 + coefficient / c);
            step = c * d;
            fraction *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    log_front.exp() * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(X ≤ k) of a binomial, summed term by term.
    fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
        let mut term = (n as f64 * (-p).ln_1p()).exp();
        let mut sum = term;
        for i in 0..k {
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            sum += term;
        }
        sum
    }

    #[test]
    fn each_side_errs_with_exactly_its_share() {
        for (hits, trials) in [(1, 10), (5, 10), (7, 100), (20, 2000), (0, 30), (30, 30)] {
            let (low, high) = clopper_pearson(hits, trials, 0.95);
            if hits > 0 {
                let above = 1.0 - binomial_cdf(hits - 1, trials, low);
                assert!(
                    (above - 0.025).abs() < 1e-9,
                    "{hits}/{trials} low {low}: {above}"
                );
            } else {
                assert_eq!(low, 0.0);
            }
            if hits < trials {
                let below = binomial_cdf(hits, trials, high);
                assert!(
                    (below - 0.025).abs() < 1e-9,
                    "{hits}/{trials} high {high}: {below}"
                );
            } else {
                assert_eq!(high, 1.0);
            }
        }
    }

    #[test]
    fn published_intervals() {
        // 10 of 100, as printed in textbooks, and the "rule of three" in its exact form.
        let (low, high) = clopper_pearson(10, 100, 0.95);
        assert!(
            (low - 0.0490).abs() < 5e-5 && (high - 0.1762).abs() < 5e-5,
            "{low} {high}"
        );
        let (_, high) = clopper_pearson(0, 100, 0.90);
        assert!((high - (1.0 - 0.05f64.powf(0.01))).abs() < 1e-12, "{high}");
    }

    #[test]
    fn many_trials_approach_the_normal_interval() {
        let (low, high) = clopper_pearson(10_000, 1_000_000, 0.95);
        let half = 1.959_964 * (0.01f64 * 0.99 / 1e6).sqrt();
        assert!((low - (0.01 - half)).abs() < 2e-6 && (high - (0.01 + half)).abs() < 2e-6);
    }
}
