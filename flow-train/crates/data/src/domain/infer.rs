//! The domain that the values of a column speak for.

use super::DomainRequest;
use crate::moments::{Moments, central};
use flow_embedded::artefact::Grid;
use std::ops::RangeInclusive;

/// The fewest rows that a domain is inferred from.
pub const FEWEST: usize = 50;

/// The skewness from which a logarithm is considered.
const SKEWED: f64 = 1.0;

/// The smallest value that a logarithm is considered for, as a share of the median.
const LEAST: f32 = 0.1;

/// What it may be afterwards, as a share of what it was.
const UNSKEWED: f64 = 0.5;

/// What a map for heavy tails must gain, in nats per row.
const GAIN: f64 = 0.05;

/// The share of the rows that may lie on one value, if a map is to be for heavy tails: with more, the quartiles
/// measure the pile.
const PILE: f64 = 0.3;

/// Parts of a turn that must all hold values.
const SECTORS: usize = 12;

/// Why a column has its domain.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was asked for.
    Requested,
    /// The column is positive and skewed.
    Skewed {
        /// The skewness of its values.
        skewness: f64,
        /// The skewness of their logarithms.
        skewness_of_log: f64,
    },
    /// Its tails are heavy.
    HeavyTails {
        /// What the map gains for a Gaussian, in nats per row.
        gain: f64,
    },
    /// Its unit is that of an angle, and its values go all around.
    Angle,
    /// Nothing speaks for another one.
    Default,
}

/// What is known about a column.
pub(crate) struct Evidence<'a> {
    /// The values of the training rows.
    pub(crate) values: &'a [f32],
    /// Their weights, or nothing.
    pub(crate) weights: &'a [f32],
    /// Of all rows that train and validate.
    pub(crate) range: &'a RangeInclusive<f32>,
    pub(crate) grid: Option<Grid>,
    pub(crate) unit: &'a str,
    /// Whether it may be an angle.
    pub(crate) circular: bool,
}

/// The domain that the values speak for.
pub(crate) fn infer(evidence: &Evidence<'_>) -> (DomainRequest, Reason) {
    if evidence.values.len() < FEWEST {
        return (DomainRequest::Real, Reason::Default);
    }
    if evidence.circular
        && let Some((low, high)) = turn(evidence)
    {
        return (DomainRequest::Circular { low, high }, Reason::Angle);
    }
    skewed(evidence)
        .or_else(|| heavy_tailed(evidence))
        .unwrap_or((DomainRequest::Real, Reason::Default))
}

/// Compares Gaussians fitted to the values and to their images.
fn heavy_tailed(evidence: &Evidence<'_>) -> Option<(DomainRequest, Reason)> {
    let values: Vec<f64> = evidence.values.iter().map(|x| f64::from(*x)).collect();
    let before = Moments::of(&values, evidence.weights).std;
    let [centre, scale] = central(evidence.values).map(f64::from);
    if !(scale > 0.0 && scale.is_finite()) || most_frequent(evidence.values) > PILE {
        return None;
    }
    let deviations = values.iter().map(|x| (x - centre) / scale);
    let mapped: Vec<f64> = deviations.clone().map(f64::asinh).collect();
    let after = Moments::of(&mapped, evidence.weights).std * scale;
    let weight = |row: usize| evidence.weights.get(row).map_or(1.0, |w| f64::from(*w));
    let slopes = deviations.enumerate();
    let (sum, total) = slopes.fold((0.0, 0.0), |(sum, total), (row, u)| {
        (sum - weight(row) * u.hypot(1.0).ln(), total + weight(row))
    });
    let gain = before.ln() - after.ln() + sum / total;
    (gain > GAIN).then_some((
        DomainRequest::HeavyTailed { place: None },
        Reason::HeavyTails { gain },
    ))
}

/// The share of the rows that have the most frequent value.
fn most_frequent(values: &[f32]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let longest = sorted.chunk_by(|a, b| a == b).map(<[f32]>::len).max();
    longest.unwrap_or(0) as f64 / values.len() as f64
}

fn skewed(evidence: &Evidence<'_>) -> Option<(DomainRequest, Reason)> {
    let steps = evidence.grid.map_or(0.0, |grid| 2.0 * grid.step);
    if *evidence.range.start() <= steps {
        return None;
    }
    let [median, _] = central(evidence.values);
    if *evidence.range.start() < LEAST * median {
        return None;
    }
    let low = -LEAST * median;
    let skewness = |map: &dyn Fn(f64) -> f64| {
        let values: Vec<f64> = evidence.values.iter().map(|x| map(f64::from(*x))).collect();
        Moments::of(&values, evidence.weights).skewness
    };
    let before = skewness(&|x| x);
    let after = skewness(&|x| (x - f64::from(low)).ln());
    let reason = Reason::Skewed {
        skewness: before,
        skewness_of_log: after,
    };
    (before >= SKEWED && after.abs() <= UNSKEWED * before)
        .then_some((DomainRequest::Positive { low: Some(low) }, reason))
}

/// The turn that an angle's values go around.
fn turn(evidence: &Evidence<'_>) -> Option<(f32, f32)> {
    let period = match evidence.unit.trim().to_lowercase().as_str() {
        "°" | "deg" | "degs" | "degree" | "degrees" => 360.0,
        "rad" | "rads" | "radian" | "radians" => std::f32::consts::TAU,
        _ => return None,
    };
    let (min, max) = (*evidence.range.start(), *evidence.range.end());
    // Rounding may carry a value to or past the end.
    let slack = evidence
        .grid
        .map_or(0.0, |grid| grid.step)
        .max(1e-3 * period);
    let (low, high) = [(0.0, period), (-0.5 * period, 0.5 * period)]
        .into_iter()
        .find(|(low, high)| min >= low - slack && max <= high + slack)?;
    let mut filled = [false; SECTORS];
    for value in evidence.values {
        let sector = (value - low) / period * SECTORS as f32;
        filled[(sector.max(0.0) as usize).min(SECTORS - 1)] = true;
    }
    filled.iter().all(|filled| *filled).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;

    fn evidence(values: &[f32], unit: &str) -> (DomainRequest, Reason) {
        let min = values.iter().copied().fold(f32::INFINITY, f32::min);
        let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        infer(&Evidence {
            values,
            weights: &[],
            range: &(min..=max),
            grid: crate::grid::detect(values),
            unit,
            circular: true,
        })
    }

    #[test]
    fn only_what_a_logarithm_clearly_helps_is_positive() {
        let mut random = Random::new(5);
        let mut draw = |map: &dyn Fn(f32) -> f32| -> Vec<f32> {
            (0..4000).map(|_| map(random.normal())).collect()
        };
        let log_normal = draw(&|z| (0.5 * z).exp());
        let (request, reason) = evidence(&log_normal, "");
        assert!(matches!(request, DomainRequest::Positive { low: Some(low) } if low < -0.09));
        assert!(
            matches!(reason, Reason::Skewed { skewness, skewness_of_log } if skewness > 1.3 && skewness_of_log.abs() < 0.4)
        );
        // Exponential, by the square of a point in the plane.
        let (a, b) = (draw(&|z| z * z), draw(&|z| z * z));
        let exponential: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        // Rounded so that zero is a neighbour.
        let counts: Vec<f32> = log_normal.iter().map(|x| x.ceil()).collect();
        let mut touched = log_normal.clone();
        touched[7] = 0.0;
        let normal = draw(&|z| 100.0 + z);
        let outlier: Vec<f32> = [&normal[..], &[1e6]].concat();
        for values in [&exponential, &counts, &touched, &outlier] {
            let (request, _) = evidence(values, "");
            assert!(!matches!(request, DomainRequest::Positive { .. }));
        }
        for values in [&normal, &log_normal[..40].to_vec()] {
            assert_eq!(evidence(values, "").0, DomainRequest::Real);
        }
    }

    #[test]
    fn heavy_tails_are_found_and_piles_are_left_alone() {
        let mut random = Random::new(6);
        // Student's t with 2 degrees of freedom, by a normal over the root of an exponential.
        let heavy: Vec<f32> = (0..2000)
            .map(|_| {
                let rate = -(1.0 - random.uniform() as f32).ln();
                7.0 + 0.5 * random.normal() / rate.sqrt()
            })
            .collect();
        let (request, reason) = evidence(&heavy, "");
        assert_eq!(request, DomainRequest::HeavyTailed { place: None });
        assert!(matches!(reason, Reason::HeavyTails { gain } if gain > 0.1));
        let [centre, scale] = central(&heavy);
        assert!((centre - 7.0).abs() < 0.1 && (0.3..1.0).contains(&scale));
        // Two fifths on one value.
        let mut piled = heavy.clone();
        piled[..800].fill(7.0);
        assert_eq!(evidence(&piled, "").0, DomainRequest::Real);
    }

    #[test]
    fn an_angle_goes_all_around_and_says_so() {
        let around: Vec<f32> = (0..360).map(|i| i as f32 + 0.25).collect();
        let circular = |low, high| DomainRequest::Circular { low, high };
        assert_eq!(evidence(&around, "°").0, circular(0.0, 360.0));
        let centred: Vec<f32> = around.iter().map(|x| x - 180.0).collect();
        assert_eq!(evidence(&centred, "deg").0, circular(-180.0, 180.0));
        let radians: Vec<f32> = around.iter().map(|x| x.to_radians()).collect();
        let turn = std::f32::consts::TAU;
        assert_eq!(evidence(&radians, "rad").0, circular(0.0, turn));
        // Latitudes, many turns, and a column that does not say that it is an angle.
        let half: Vec<f32> = around.iter().map(|x| 0.5 * x - 90.0).collect();
        let many: Vec<f32> = around.iter().map(|x| 3.0 * x).collect();
        for (values, unit) in [(&half, "°"), (&many, "°"), (&around, "bar")] {
            assert_eq!(evidence(values, unit).0, DomainRequest::Real);
        }
    }
}
