//! Where the values of a column live: asked for, or inferred.
//!
//! A density on all real numbers wastes probability where a column can't be, and stumbles over its edge. A map of
//! the domain ([`flow_embedded::kernels`]) removes the edge; but a value outside then has the likelihood 0, for
//! ever. So inference is conservative, and only for the event's columns:
//!
//! - **Positive** (the logarithm), if all values, those that validate included, are above 0, on a grid more than
//!   two steps above; none is below a tenth of the median; the skewness is at least 1; and the logarithm brings its
//!   magnitude to at most half. At least [`FEWEST`] rows must say so. A log-normal with σ of 0.4 to 0.6 passes. An
//!   exponential (skewness 2, of the logarithm −1.14) and the gammas between it and a normal don't, nor does a wider
//!   log-normal: they come so close to 0 that the next value may be 0 itself. And should it be: the logarithm starts
//!   a tenth of the median *below* 0, so that 0 has a likelihood, though a small one.
//! - **Heavy-tailed** (the inverse of the hyperbolic sine), if that makes a Gaussian gain at least 0.05 nats per row,
//!   and no value holds more than 30 % of the rows.
//! - **Circular**, if the unit is an angle (`°`, `deg`, `rad` and the like), all values lie within one turn, from 0
//!   or around 0, and each twelfth of it holds a value; and only for a flow that can hold an angle.
//! - **Real** else. Bounded and soft-positive columns are never inferred: no sample shows that there is nothing
//!   beyond its extremes.

use super::moments::Moments;
use flow_embedded::artefact::{Domain, Grid};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

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

/// A domain that is asked for. As text: `real`, `positive`, `positive:LOW`, `soft-positive`, `soft-positive:LOW`,
/// `soft-positive:LOW:SCALE`, `bounded:LOW:HIGH`, `circular:LOW:HIGH`, `heavy-tailed`, `heavy-tailed:CENTRE:SCALE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DomainRequest {
    /// All real numbers.
    Real,
    /// Above `low`, by the logarithm.
    Positive {
        /// 0 if nothing is said.
        low: Option<f32>,
    },
    /// Above `low`, by the inverse of softplus: for columns that come close to their end, or reach it rounded.
    SoftPositive {
        /// 0 if nothing is said.
        low: Option<f32>,
        /// Where the logarithm turns into the identity; the standard deviation if nothing is said.
        scale: Option<f32>,
    },
    /// Between two ends, by the logit.
    Bounded {
        /// The lower end.
        low: f32,
        /// The upper end.
        high: f32,
    },
    /// An angle, or another quantity that starts anew: the time of day.
    Circular {
        /// Where a turn begins.
        low: f32,
        /// Where it ends, the same point.
        high: f32,
    },
    /// All real numbers with heavy tails, by the inverse of the hyperbolic sine.
    HeavyTailed {
        /// The centre and where the tails begin beside it; median and spread of the central half if
        /// nothing is said.
        place: Option<[f32; 2]>,
    },
}

/// Why a text asks for no domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no domain; write real, positive, positive:LOW, soft-positive:LOW:SCALE, bounded:LOW:HIGH, \
     circular:LOW:HIGH or heavy-tailed, with LOW below HIGH, and SCALE above 0"
)]
pub struct NoSuchDomain(String);

impl FromStr for DomainRequest {
    type Err = NoSuchDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || NoSuchDomain(text.to_owned());
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let numbers: Vec<f32> = parts
            .map(|part| part.trim().parse().map_err(|_| fail()))
            .collect::<Result<_, _>>()?;
        let request = match (name.trim(), &numbers[..]) {
            ("real", []) => Self::Real,
            ("positive", []) => Self::Positive { low: None },
            ("positive", [low]) => Self::Positive { low: Some(*low) },
            ("soft-positive", []) => Self::SoftPositive {
                low: None,
                scale: None,
            },
            ("soft-positive", [low]) => Self::SoftPositive {
                low: Some(*low),
                scale: None,
            },
            ("soft-positive", [low, scale]) if *scale > 0.0 => Self::SoftPositive {
                low: Some(*low),
                scale: Some(*scale),
            },
            ("bounded", [low, high]) if low < high => Self::Bounded {
                low: *low,
                high: *high,
            },
            ("circular", [low, high]) if low < high => Self::Circular {
                low: *low,
                high: *high,
            },
            ("heavy-tailed", []) => Self::HeavyTailed { place: None },
            ("heavy-tailed", [centre, scale]) if *scale > 0.0 => Self::HeavyTailed {
                place: Some([*centre, *scale]),
            },
            _ => return Err(fail()),
        };
        let wide = match request {
            Self::Bounded { low, high } | Self::Circular { low, high } => high - low,
            _ => 1.0,
        };
        if numbers.iter().all(|number| number.is_finite()) && wide.is_finite() {
            Ok(request)
        } else {
            Err(fail())
        }
    }
}

impl fmt::Display for DomainRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => write!(f, "real"),
            Self::Positive { low: None } => write!(f, "positive"),
            Self::Positive { low: Some(low) } => write!(f, "positive:{low}"),
            Self::SoftPositive { low, scale } => {
                write!(f, "soft-positive")?;
                if low.is_some() || scale.is_some() {
                    write!(f, ":{}", low.unwrap_or(0.0))?;
                }
                scale.map_or(Ok(()), |scale| write!(f, ":{scale}"))
            }
            Self::Bounded { low, high } => write!(f, "bounded:{low}:{high}"),
            Self::Circular { low, high } => write!(f, "circular:{low}:{high}"),
            Self::HeavyTailed { place: None } => write!(f, "heavy-tailed"),
            Self::HeavyTailed {
                place: Some([centre, scale]),
            } => write!(f, "heavy-tailed:{centre}:{scale}"),
        }
    }
}

/// A domain in place, with the turn of a circular one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) domain: Domain,
    /// Where a turn begins and ends; of no meaning for other domains.
    pub(crate) turn: [f32; 2],
}

/// A value that a domain asked for does not hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outside {
    pub(crate) value: f32,
}

impl DomainRequest {
    /// The domain for a column whose values (with standard deviation `std`) span `range`. Ends within the outermost cells of its grid move out by
    /// up to one step, so that every cell lies inside as a whole.
    pub(crate) fn resolve(
        self,
        range: &RangeInclusive<f32>,
        grid: Option<Grid>,
        values: &[f32],
        std: f64,
    ) -> Result<Place, Outside> {
        let straight = |domain| Place {
            domain,
            turn: [0.0, 1.0],
        };
        let (min, max) = (*range.start(), *range.end());
        Ok(match self {
            Self::Real => straight(Domain::Real),
            Self::Positive { low } => straight(Domain::Positive {
                low: low_end(low.unwrap_or(0.0), min, grid)?,
            }),
            Self::SoftPositive { low, scale } => straight(Domain::SoftPositive {
                low: low_end(low.unwrap_or(0.0), min, grid)?,
                scale: scale.unwrap_or(std as f32),
            }),
            Self::Bounded { low, high } => straight(Domain::Bounded {
                low: low_end(low, min, grid)?,
                // The mirror image.
                high: -low_end(-high, -max, grid).map_err(|_| Outside { value: max })?,
            }),
            Self::Circular { low, high } => Place {
                domain: Domain::Circular,
                turn: [low, high],
            },
            Self::HeavyTailed { place } => {
                let [centre, scale] = place.unwrap_or_else(|| central(values));
                straight(Domain::HeavyTailed { centre, scale })
            }
        })
    }
}

/// The lower end of a domain that must hold `min`, with its cell if there is a grid.
fn low_end(low: f32, min: f32, grid: Option<Grid>) -> Result<f32, Outside> {
    let outside = Outside { value: min };
    let Some(Grid { step, .. }) = grid else {
        return if min > low { Ok(low) } else { Err(outside) };
    };
    if min - 0.5 * step > low {
        Ok(low)
    } else if min - low > -0.25 * step {
        // A value at the end itself, as good as its rounding can say.
        Ok(min - step)
    } else {
        Err(outside)
    }
}

/// Median, and the standard deviation of a normal with the same central half; at least a tenth of the standard
/// deviation of the central 98 %.
fn central(values: &[f32]) -> [f32; 2] {
    /// Interquartile range of the standard normal.
    const QUARTILES: f64 = 1.349;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let quantile = |share: f64| {
        let index = (share * (sorted.len().max(1) - 1) as f64).round() as usize;
        sorted.get(index).copied().unwrap_or(0.0)
    };
    let spread = (f64::from(quantile(0.75)) - f64::from(quantile(0.25))) / QUARTILES;
    let (low, high) = (quantile(0.01), quantile(0.99));
    let inner = sorted.iter().filter(|x| (low..=high).contains(*x));
    let inner: Vec<f64> = inner.map(|x| f64::from(*x)).collect();
    let std = Moments::of(&inner, &[]).std;
    [quantile(0.5), spread.max(0.1 * std) as f32]
}

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

/// A domain in words, as a report shows it.
pub(crate) struct Words(pub(crate) Domain);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Domain::Real => write!(f, "real"),
            Domain::Positive { low } => write!(f, "positive, above {low}"),
            Domain::SoftPositive { low, scale } => {
                write!(f, "soft-positive, above {low} with scale {scale}")
            }
            Domain::Bounded { low, high } => write!(f, "bounded, between {low} and {high}"),
            Domain::Circular => write!(f, "circular"),
            Domain::HeavyTailed { centre, scale } => {
                write!(f, "heavy-tailed, around {centre} with scale {scale}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn requests_are_read_and_written() {
        for (text, request) in [
            ("real", DomainRequest::Real),
            ("positive", DomainRequest::Positive { low: None }),
            ("positive:-3.5", DomainRequest::Positive { low: Some(-3.5) }),
            (
                "soft-positive",
                DomainRequest::SoftPositive {
                    low: None,
                    scale: None,
                },
            ),
            (
                "soft-positive:0:2.5",
                DomainRequest::SoftPositive {
                    low: Some(0.0),
                    scale: Some(2.5),
                },
            ),
            (
                "bounded:0:100",
                DomainRequest::Bounded {
                    low: 0.0,
                    high: 100.0,
                },
            ),
            (
                "circular:-180:180",
                DomainRequest::Circular {
                    low: -180.0,
                    high: 180.0,
                },
            ),
            ("heavy-tailed", DomainRequest::HeavyTailed { place: None }),
            (
                "heavy-tailed:1:2.5",
                DomainRequest::HeavyTailed {
                    place: Some([1.0, 2.5]),
                },
            ),
        ] {
            assert_eq!(text.parse(), Ok(request));
            assert_eq!(request.to_string(), text);
        }
        for text in [
            "",
            "log",
            "positive:x",
            "positive:nan",
            "real:0",
            "bounded:1",
            "bounded:2:2",
            "bounded:-3e38:3e38",
            "circular:360:0",
            "soft-positive:0:0",
            "circular:0:inf",
        ] {
            let error = text.parse::<DomainRequest>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}`")));
        }
    }

    fn evidence(values: &[f32], unit: &str) -> (DomainRequest, Reason) {
        let min = values.iter().copied().fold(f32::INFINITY, f32::min);
        let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        infer(&Evidence {
            values,
            weights: &[],
            range: &(min..=max),
            grid: super::super::grid::detect(values),
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

    #[test]
    fn ends_hold_the_outermost_cells() {
        let grid = Some(Grid {
            offset: 0.0,
            step: 0.5,
        });
        let low = |request: DomainRequest, min, grid| {
            request
                .resolve(&(min..=100.0), grid, &[], 1.0)
                .map(|place| place.domain)
        };
        let positive = DomainRequest::Positive { low: None };
        assert_eq!(low(positive, 0.5, grid), Ok(Domain::Positive { low: 0.0 }));
        assert_eq!(low(positive, 0.0, grid), Ok(Domain::Positive { low: -0.5 }));
        assert_eq!(low(positive, -0.5, grid), Err(Outside { value: -0.5 }));
        assert_eq!(low(positive, 0.0, None), Err(Outside { value: 0.0 }));
        let bounded = DomainRequest::Bounded {
            low: 0.0,
            high: 100.0,
        };
        assert_eq!(
            low(bounded, 0.0, grid),
            Ok(Domain::Bounded {
                low: -0.5,
                high: 100.5
            })
        );
        assert_eq!(low(bounded, 1.0, None), Err(Outside { value: 100.0 }));
    }
}
