//! What a check found, and what it means in words.

use super::bands::Uniform;
use super::ranks::Ranks;
use super::{LEVELS, Settings};
use flow_calibrate::clopper_pearson;
use flow_embedded::artefact::Header;
use serde::Serialize;
use std::fmt;

/// Bins of the test at most: with 99 draws, one for each rank.
const BINS: usize = 100;
/// Levels of coverage that are reported.
const COVERAGE: [f64; 4] = [0.5, 0.8, 0.9, 0.95];
/// Standard errors of mean or spread that give a fault its name.
const NOTABLE: f64 = 2.0;
/// What the ranks of the density are called.
const DENSITY: &str = "highest density";

/// What simulation-based calibration found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Rows used.
    pub rows: usize,
    /// Draws for each.
    pub draws: usize,
    /// Probability of rejecting a posterior that is right.
    pub alpha: f64,
    /// Seed of the draws.
    pub seed: u64,
    /// Whether no fault was found.
    pub passes: bool,
    /// The parameters, then the density.
    pub quantities: Vec<Quantity>,
    /// How often regions of highest density hold the truth.
    pub coverage: Vec<Coverage>,
    /// Rows whose parameters the model holds for impossible: they lie outside the domain that it was trained with.
    pub impossible: usize,
    /// At the points of [`Quantity::curve`], the least and the largest share that all points of a calibrated posterior
    /// keep to, with the probability 1 − alpha.
    pub band: Vec<(f64, f64)>,
}

/// The ranks of one quantity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// The parameter; `highest density` for the density.
    pub name: String,
    /// Its unit; empty if there is none.
    pub unit: String,
    /// Of the test of uniformity by itself.
    pub p_value: f64,
    /// After Holm's correction for all quantities.
    pub p_value_corrected: f64,
    /// What is wrong.
    pub shape: Shape,
    /// The share of the prior's variance that the observation takes away, in the mean: 0 for a posterior as wide as the
    /// prior, 1 for certainty. Nothing for the density.
    pub contraction: Option<f64>,
    /// Rows in each twentieth of the ranks, lowest ranks first.
    pub histogram: Vec<usize>,
    /// The share of rows with ranks below each of equidistant points within 0 and 1.
    pub curve: Vec<f64>,
}

/// What the ranks of a quantity say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Nothing: they are even.
    Even,
    /// The truth lies above the draws too often.
    TooLow,
    /// The truth lies below the draws too often.
    TooHigh,
    /// The truth lies outside too often: the posterior is overconfident.
    TooNarrow,
    /// The truth lies in the middle too often: the posterior is less sure than it could be.
    TooWide,
    /// None of these, and yet they are not even.
    Uneven,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Even => "even",
            Self::TooLow => "too low: the truth lies above the draws too often",
            Self::TooHigh => "too high: the truth lies below the draws too often",
            Self::TooNarrow => "too narrow: the truth lies outside too often",
            Self::TooWide => "too wide: the truth lies in the middle too often",
            Self::Uneven => {
                "uneven: too narrow for some observations, and too wide for others, perhaps"
            }
        })
    }
}

/// How often regions of highest density hold the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// The probability that a region says to hold.
    pub level: f64,
    /// Rows whose truth it held.
    pub held: usize,
    /// Their share.
    pub share: f64,
    /// Its exact 95 % interval (Clopper & Pearson 1934).
    pub interval: (f64, f64),
}

impl Report {
    pub(super) fn new(header: &Header<'_>, ranks: &Ranks, settings: &Settings) -> Self {
        let (rows, draws) = (ranks.rows, settings.draws);
        let possible = draws + 1;
        let bins = (1..=BINS)
            .rev()
            .find(|bins| possible.is_multiple_of(*bins))
            .unwrap_or(1);
        let uniform = Uniform::new(rows, bins);
        let channels = header.event.iter().map(|own| (own.name, own.unit));
        let named = channels.chain([(DENSITY, "")]);
        let all = ranks.parameters.iter().chain([&ranks.density]);
        let contraction = ranks.contraction.iter().copied().map(Some).chain([None]);
        let mut quantities: Vec<Quantity> = named
            .zip(all)
            .zip(contraction)
            .map(|(((name, unit), ranks), contraction)| {
                let below = below(ranks, possible, bins);
                Quantity {
                    name: name.to_owned(),
                    unit: unit.to_owned(),
                    p_value: uniform.p_value(&below),
                    p_value_corrected: 1.0,
                    shape: match contraction {
                        Some(_) => shape(ranks, possible),
                        None => shape_of_density(ranks, possible),
                    },
                    contraction,
                    histogram: histogram(ranks, possible),
                    curve: below.iter().map(|own| *own as f64 / rows as f64).collect(),
                }
            })
            .collect();
        holm(&mut quantities);
        for own in &mut quantities {
            if own.p_value_corrected > settings.alpha {
                own.shape = Shape::Even;
            }
        }
        let coverage = COVERAGE.map(|level| {
            let reach = (level * possible as f64).round() as usize;
            let held = ranks.density.iter().filter(|own| **own < reach).count();
            Coverage {
                level,
                held,
                share: held as f64 / rows as f64,
                interval: clopper_pearson(held as u64, rows as u64, 0.95),
            }
        });
        let share = |count: usize| count as f64 / rows as f64;
        let band = uniform.band(1.0 - settings.alpha);
        Self {
            rows,
            draws,
            alpha: settings.alpha,
            seed: settings.seed,
            passes: quantities.iter().all(|own| own.shape == Shape::Even),
            quantities,
            coverage: coverage.to_vec(),
            impossible: ranks.impossible,
            band: band
                .iter()
                .map(|own| (share(own.0), share(own.1)))
                .collect(),
        }
    }

    /// What is wrong, in words; empty if nothing is.
    pub fn faults(&self) -> String {
        let faulty = self.quantities.iter();
        let faulty = faulty.filter(|own| own.shape != Shape::Even);
        let said: Vec<String> = faulty
            .map(|own| format!("{} is {}", own.name, own.shape))
            .collect();
        said.join("; ")
    }
}

/// How many ranks, of so many possible ones, lie below each inner end of the bins.
fn below(ranks: &[usize], possible: usize, bins: usize) -> Vec<usize> {
    let width = possible / bins;
    (1..bins)
        .map(|bin| ranks.iter().filter(|own| **own < bin * width).count())
        .collect()
}

fn histogram(ranks: &[usize], possible: usize) -> Vec<usize> {
    let mut counts = vec![0; LEVELS];
    for rank in ranks {
        counts[rank * LEVELS / possible] += 1;
    }
    counts
}

/// How many standard errors mean and spread of the ranks are off.
fn off(ranks: &[usize], possible: usize) -> (f64, f64) {
    let (rows, possible) = (ranks.len() as f64, possible as f64);
    // In units of the range, from its middle.
    let places = ranks
        .iter()
        .map(|rank| (*rank as f64 + 0.5) / possible - 0.5);
    let mean = places.clone().sum::<f64>() / rows;
    let square = places.map(|place| place * place).sum::<f64>() / rows;
    // Moments of a uniform number, and of its square; ranks are whole.
    let expected = (1.0 - possible.powi(-2)) / 12.0;
    (
        mean * (12.0 * rows).sqrt(),
        (square - expected) * (180.0 * rows).sqrt(),
    )
}

fn shape(ranks: &[usize], possible: usize) -> Shape {
    let (mean, spread) = off(ranks, possible);
    match (mean.abs() > spread.abs(), mean.abs().max(spread.abs())) {
        (_, largest) if largest < NOTABLE => Shape::Uneven,
        (true, _) if mean > 0.0 => Shape::TooLow,
        (true, _) => Shape::TooHigh,
        (false, _) if spread > 0.0 => Shape::TooNarrow,
        (false, _) => Shape::TooWide,
    }
}

/// A rank of the density is a distance from the mode.
fn shape_of_density(ranks: &[usize], possible: usize) -> Shape {
    let (mean, _) = off(ranks, possible);
    match mean {
        _ if mean.abs() < NOTABLE => Shape::Uneven,
        _ if mean > 0.0 => Shape::TooNarrow,
        _ => Shape::TooWide,
    }
}

/// Holm 1979, "A simple sequentially rejective multiple test procedure".
fn holm(quantities: &mut [Quantity]) {
    let mut order: Vec<usize> = (0..quantities.len()).collect();
    order.sort_by(|a, b| quantities[*a].p_value.total_cmp(&quantities[*b].p_value));
    let mut largest: f64 = 0.0;
    for (before, index) in order.into_iter().enumerate() {
        let left = (quantities.len() - before) as f64;
        let own = &mut quantities[index];
        largest = largest.max(left * own.p_value).min(1.0);
        own.p_value_corrected = largest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(p_value: f64) -> Quantity {
        Quantity {
            name: String::new(),
            unit: String::new(),
            p_value,
            p_value_corrected: 1.0,
            shape: Shape::Even,
            contraction: None,
            histogram: vec![],
            curve: vec![],
        }
    }

    #[test]
    fn holm_corrects_the_smallest_most() {
        let mut own = [0.03, 0.01, 0.04, 0.9].map(quantity);
        holm(&mut own);
        let corrected = own.map(|own| (1000.0 * own.p_value_corrected).round());
        assert_eq!(corrected, [90.0, 40.0, 90.0, 900.0]);
    }

    #[test]
    fn shapes_are_told_apart() {
        let ranks = |of: fn(usize) -> usize| (0..1000).map(of).collect::<Vec<_>>();
        assert_eq!(shape(&ranks(|row| 60 + row % 40), 100), Shape::TooLow);
        assert_eq!(shape(&ranks(|row| row % 40), 100), Shape::TooHigh);
        assert_eq!(shape(&ranks(|row| row % 2 * 99), 100), Shape::TooNarrow);
        assert_eq!(shape(&ranks(|row| 40 + row % 20), 100), Shape::TooWide);
        assert_eq!(shape(&ranks(|row| row % 100), 100), Shape::Uneven);
        assert_eq!(
            shape_of_density(&ranks(|row| 60 + row % 40), 100),
            Shape::TooNarrow
        );
    }

    #[test]
    fn counts_add_up() {
        let ranks: Vec<usize> = (0..200).collect();
        assert_eq!(histogram(&ranks, 200), [10; 20]);
        let below = below(&ranks, 200, 100);
        assert_eq!((below.len(), below[0], below[98]), (99, 2, 198));
    }
}
