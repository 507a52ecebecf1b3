//! A domain as it is asked for, and put in place.

use crate::moments::central;
use flow_embedded::artefact::{Domain, Grid};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

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
    /// up to one step, so that every cell lies inside as a whole. Where the grid is known rather than found, the ends of a
    /// bounded domain that are on it are values of the column, seen or not: black and white of an image.
    pub(crate) fn resolve(
        self,
        range: &RangeInclusive<f32>,
        grid: Option<Grid>,
        known: bool,
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
            Self::Bounded { low, high } => {
                let reached = |end: f32, seen: f32| match grid.filter(|_| known) {
                    Some(grid) if on(end, grid) => end,
                    _ => seen,
                };
                straight(Domain::Bounded {
                    low: low_end(low, min.min(reached(low, min)), grid)?,
                    // The mirror image.
                    high: -low_end(-high, -max.max(reached(high, max)), grid)
                        .map_err(|_| Outside { value: max })?,
                })
            }
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

/// Whether a value is one of the grid's, as good as rounding can say.
fn on(value: f32, grid: Grid) -> bool {
    let steps = (f64::from(value) - f64::from(grid.offset)) / f64::from(grid.step);
    (steps - steps.round()).abs() < 1e-3
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn ends_hold_the_outermost_cells() {
        let grid = Some(Grid {
            offset: 0.0,
            step: 0.5,
        });
        let low = |request: DomainRequest, min, grid| {
            request
                .resolve(&(min..=100.0), grid, false, &[], 1.0)
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
        // Ends that no row has reached yet.
        let known = |low| DomainRequest::Bounded { low, high: 120.0 };
        let known = |low| known(low).resolve(&(3.0..=100.0), grid, true, &[], 1.0);
        let domain = |low, high| Ok(Domain::Bounded { low, high });
        assert_eq!(known(0.0).map(|place| place.domain), domain(-0.5, 120.5));
        assert_eq!(known(0.2).map(|place| place.domain), domain(0.2, 120.5));
    }
}
