//! The normal distribution: the scale on which ranks are compared.

use statrs::distribution::{ContinuousCDF, Normal};
use std::f64::consts::SQRT_2;

/// `P(Z ≤ z)` for a standard normal Z; precise in the lower tail.
pub(super) fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// `P(low < Z ≤ high)`, precise in either tail.
pub(super) fn between(low: f64, high: f64) -> f64 {
    if low > 0.0 {
        cdf(-low) - cdf(-high)
    } else {
        cdf(high) - cdf(low)
    }
}

/// Where the distribution function reaches `p`, in (0, 1).
pub(super) fn quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (p, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (1e-6, -4.753_424_308_822_9),
        ] {
            assert!((quantile(p) - z).abs() < 1e-11, "{p}");
        }
        assert!((between(6.0, f64::INFINITY) / 9.865_876_450_376_98e-10 - 1.0).abs() < 1e-12);
        assert!((between(-1.0, 1.0) - 0.682_689_492_137_086).abs() < 1e-14);
    }
}
