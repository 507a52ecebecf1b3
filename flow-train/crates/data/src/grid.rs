//! Rounded columns: which values they take, and what that means for a density.
//!
//! An ADC gives counts, a logger prints one decimal: the values of such a column are `offset + k · step`. A density
//! over real numbers can put a spike of any height on each of these values, so its likelihood has no bound, and a
//! flexible flow spends itself on spikes instead of the shape that they sample (Uria, Murray & Larochelle 2013,
//! section 4.2). The remedy is dequantisation: training adds uniform noise within ± step / 2, drawn anew for every
//! batch, so that what is fitted is the density that is constant within each cell.
//!
//! # What a likelihood then means
//! - The model is the density of a *continuous* value of which the column holds the rounded one. The probability
//!   of a value `v` of the grid is the integral of the density over its cell, about `density(v) · step`; the mean
//!   of `ln p` over dequantised rows, plus `ln step`, is a lower bound on the mean log-probability of the rounded
//!   values (Theis, van den Oord & Bethge 2016, section 3.1).
//! - `log_prob` is lower than that of a model with spikes, which can be made as large as one likes and says
//!   nothing: put a normal of standard deviation `step / 1000` on each value, and every row gains `ln 1000 − 1.4`
//!   nats, for the same probabilities. Compare log-likelihoods only among models that are dequantised alike.
//! - Values between those of the grid are as likely as their neighbours on it. A test for them needs no density.
//!
//! # When a column counts as rounded
//! Rows at the most common value are set aside, since any grid could hold it: a pile of zeros says nothing. Then
//!
//! 1. at least 95 % of the rows lie on one grid, within the noise of `f32` (4 parts in 2²⁴ of each value, or none
//!    where that exceeds the step). The rest may be anything, such as a gap filled with a mean or a reading with one
//!    decimal more. Of several grids the coarsest is taken: on a finer one, spikes would remain.
//! 2. The central 90 % of the rows span at most half as many cells as there are rows, and at least half of the rows
//!    share their value with another one. Every column of printed decimals lies on *some* grid; below two rows a
//!    cell there is nothing to spike on, and noise that small would change nothing.

use flow_embedded::artefact::Grid;

/// Share of the rows beside the most common value that may lie off the grid.
const OFF: f64 = 0.05;
/// What a step may be multiplied by, again and again, to take fewer rows for strays.
const MULTIPLES: [f64; 4] = [2.0, 3.0, 5.0, 7.0];
/// The noise of a value, as a share of it: of arithmetic in `f32`, of one rounding to it, and none. The last is for
/// counts beyond a million, which `f32` holds without error but not with room for one.
const NOISES: [f64; 3] = [4.0 / ULP, 1.0 / ULP, 0.0];
const ULP: f64 = (1u64 << 24) as f64;
/// Reductions of the step before the search is given up: each at least halves it.
const REDUCTIONS: usize = 40;

/// Finds the grid of a column, if it is rounded: see the [module](self) for the rule. All values must be finite.
#[must_use]
pub fn detect(values: &[f32]) -> Option<Grid> {
    let mut sorted: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    NOISES
        .into_iter()
        .find_map(|noise| Levels::of(&sorted, noise)?.grid())
}

/// The distinct values of a column.
struct Levels {
    /// Ascending by distance from the anchor, which comes first: value and rows.
    levels: Vec<(f64, usize)>,
    /// Distances of neighbours, ascending, with their uncertainties.
    gaps: Vec<Step>,
    rows: usize,
    noise: f64,
    /// The smallest step that the rule takes for rounding.
    least: f64,
}

/// A step, and how far it may be off.
#[derive(Clone, Copy)]
struct Step {
    step: f64,
    off: f64,
}

/// Why a step is not that of the column: a remainder that the true one must divide.
struct Remainder(Option<Step>);

impl Levels {
    /// Of ascending values.
    fn of(sorted: &[f64], noise: f64) -> Option<Self> {
        let rows = sorted.len();
        let near = |a: f64, b: f64| noise * (a.abs() + b.abs());
        let mut levels: Vec<(f64, usize)> = Vec::new();
        for value in sorted {
            match levels.last_mut() {
                Some((last, count)) if value - *last <= near(*last, *value) => *count += 1,
                _ => levels.push((*value, 1)),
            }
        }
        // The value with most rows: the last one to be off the grid.
        let (anchor, common) = levels.iter().max_by_key(|(_, count)| *count).copied()?;
        let others = levels.iter().filter(|(value, _)| *value != anchor);
        let beside = rows - common;
        let shared: usize = others
            .clone()
            .map(|(_, count)| *count)
            .filter(|count| *count > 1)
            .sum();
        // A single stray beside a constant has no one to share with.
        if levels.len() < 2 || common < 2 || 2 * shared + 1 < beside {
            return None;
        }
        let quantile = |share: f64| {
            let mut left = ((beside - 1) as f64 * share).round() as usize;
            let at = others.clone().find(|(_, count)| {
                let found = left < *count;
                left = left.saturating_sub(*count);
                found
            });
            at.map_or(anchor, |(value, _)| *value)
        };
        let least = 2.0 * (quantile(0.95) - quantile(0.05)) / beside as f64;
        let mut gaps: Vec<Step> = levels
            .windows(2)
            .map(|pair| Step {
                step: pair[1].0 - pair[0].0,
                off: near(pair[0].0, pair[1].0),
            })
            .collect();
        gaps.sort_unstable_by(|a, b| a.step.total_cmp(&b.step));
        levels.sort_by(|(a, _), (b, _)| (a - anchor).abs().total_cmp(&(b - anchor).abs()));
        Some(Self {
            levels,
            gaps,
            rows,
            noise,
            least,
        })
    }

    fn grid(&self) -> Option<Grid> {
        // Gaps that a value off the grid has not divided, should there be such values.
        let usual = [0.1, 0.5].map(|share| self.gap(share));
        let found = self
            .reduce(self.gap(0.0))
            .or_else(|| usual.into_iter().find_map(|step| self.fit(step).ok()))?;
        Some(self.coarsen(found).snapped(self.anchor(), self.noise))
    }

    /// The coarsest multiple that fits as well.
    fn coarsen(&self, mut step: Step) -> Step {
        let multiple = |step: Step, factor: f64| Step {
            step: factor * step.step,
            off: factor * step.off,
        };
        for factor in MULTIPLES {
            while let Ok(coarser) = self.fit(multiple(step, factor)) {
                step = coarser;
            }
        }
        step
    }

    fn anchor(&self) -> f64 {
        self.levels[0].0
    }

    /// The gap below which the given share of the gaps lies.
    fn gap(&self, share: f64) -> Step {
        self.gaps[(share * (self.gaps.len() - 1) as f64) as usize]
    }

    /// The greatest step of which `step` is a multiple and that fits, by Euclid's algorithm.
    fn reduce(&self, mut step: Step) -> Option<Step> {
        for _ in 0..REDUCTIONS {
            match self.fit(step) {
                Ok(found) => return Some(found),
                Err(Remainder(Some(remainder))) => step = remainder,
                Err(Remainder(None)) => return None,
            }
        }
        None
    }

    /// Walks away from the anchor, level by level, and sharpens the step on the way.
    fn fit(&self, mut step: Step) -> Result<Step, Remainder> {
        let (anchor, common) = self.levels[0];
        let (mut on, mut off, mut remainder) = (0, 0, None);
        for &(value, rows) in &self.levels[1..] {
            let distance = (value - anchor).abs();
            let count = (distance / step.step).round();
            let own = self.noise * (anchor.abs() + value.abs());
            let allowed = own + count * step.off;
            if step.step < self.least || 4.0 * allowed > step.step {
                // Too coarse to tell.
                continue;
            }
            let miss = (distance - count * step.step).abs();
            if miss <= allowed {
                on += rows;
                if own / count < step.off {
                    step = Step {
                        step: distance / count,
                        off: own / count,
                    };
                }
            } else {
                off += rows;
                remainder.get_or_insert(Step {
                    step: miss,
                    off: allowed,
                });
            }
        }
        let rows = self.rows - common;
        if off as f64 <= OFF * rows as f64 && 2 * on >= rows {
            Ok(step)
        } else {
            Err(Remainder(remainder))
        }
    }
}

impl Step {
    /// The grid that holds the anchor, with the simplest numbers that the column allows.
    fn snapped(self, anchor: f64, noise: f64) -> Grid {
        let step = simplest(self);
        let offset = Self {
            step: anchor - (anchor / step).round() * step,
            off: noise * anchor.abs(),
        };
        let offset = if offset.step.abs() <= offset.off {
            0.0
        } else {
            simplest(offset)
        };
        Grid {
            offset: offset as f32,
            step: step as f32,
        }
    }
}

/// The shortest decimal, or the inverse of an integer, within what a number may be.
fn simplest(Step { step, off }: Step) -> f64 {
    let digits = |digits: usize| format!("{step:.digits$e}").parse().unwrap_or(step);
    let decimals = (0..=4).map(digits);
    let inverse = step.recip().round().recip();
    let longer = (5..=9).map(digits);
    decimals
        .chain([inverse])
        .chain(longer)
        .find(|simple| (simple - step).abs() <= off)
        .unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_host::random::Random;
    use proptest::prelude::*;

    /// Normal counts around `centre`, of standard deviation `std`, on a grid.
    fn rounded(rows: usize, centre: f64, std: f64, offset: f64, step: f64) -> Vec<f32> {
        let mut random = Random::new(rows as u64);
        let count = |_| (centre + std * f64::from(random.normal())).round();
        (0..rows)
            .map(count)
            .map(|k| (offset + k * step) as f32)
            .collect()
    }

    #[test]
    fn rounded_columns_of_every_kind_are_found() {
        for (centre, std, offset, step) in [
            (0.0, 10.0, 0.0, 1.0),
            // Counts of an ADC far from zero.
            (33108.0, 20.0, 0.0, 1.0),
            (8_300_000.0, 100.0, 0.0, 1.0),
            // Printed decimals.
            (10.0, 30.0, 0.0, 0.1),
            (10_000.0, 30.0, 0.0, 0.1),
            (0.0, 5.0, 0.05, 0.1),
            (3.0, 3.0, 0.0, 1e-5),
            (0.0, 40.0, 0.0, 2.5e4),
            // Counts times a factor.
            (100.0, 12.0, 0.0, 9.81 / 4096.0),
            (-500.0, 12.0, 0.125, 1.0 / 3.0),
            (0.0, 0.4, 0.0, 1.0 / 128.0),
        ] {
            let grid = detect(&rounded(1000, centre, std, offset, step)).expect("rounded");
            let case = format!("{centre} {std} {offset} {step}: {grid:?}");
            assert!((f64::from(grid.step) / step - 1.0).abs() < 1e-4, "{case}");
            // Each value is one of the grid's.
            for value in rounded(1000, centre, std, offset, step) {
                let near = flow_embedded::kernels::round_to_grid(value, grid.offset, grid.step);
                assert!(
                    (f64::from(near - value)).abs() <= 2.0 * NOISES[0] * f64::from(value.abs()),
                    "{case}: {value} {near}"
                );
            }
        }
    }

    #[test]
    fn numbers_are_the_simple_ones() {
        for step in [1.0, 0.1, 0.25, 0.001, 5.0, 1.0 / 1024.0, 1.0 / 3.0] {
            let grid = detect(&rounded(500, 40.0, 7.0, 0.0, step));
            let expected = Grid {
                offset: 0.0,
                step: step as f32,
            };
            assert_eq!(grid, Some(expected));
        }
        let grid = detect(&rounded(500, 4.0, 7.0, 0.03, 0.1));
        let expected = Grid {
            offset: 0.03,
            step: 0.1,
        };
        assert_eq!(grid, Some(expected));
    }

    #[test]
    fn what_is_not_rounded_or_too_finely_is_left_alone() {
        let mut random = Random::new(3);
        let normal: Vec<f32> = (0..2000).map(|_| random.normal()).collect();
        assert_eq!(detect(&normal), None);
        // Whole rows that repeat are no grid.
        let repeated: Vec<f32> = (0..2000).map(|row| normal[row % 40]).collect();
        assert_eq!(detect(&repeated), None);
        // Three decimals over a range of six: 6000 cells for 2000 rows.
        let printed: Vec<f32> = normal
            .iter()
            .map(|x| (x * 1000.0).round() / 1000.0)
            .collect();
        assert_eq!(detect(&printed), None);
        assert_eq!(detect(&[1.5; 100]), None);
        assert_eq!(detect(&[]), None);
        // A pile of zeros beside continuous values, and a higher one.
        for share in [0.0, 1.7] {
            let piled: Vec<f32> = normal.iter().map(|x| (x - share).max(0.0)).collect();
            assert_eq!(detect(&piled), None);
        }
    }

    #[test]
    fn few_values_and_few_strays_do_not_hide_a_grid() {
        let binary: Vec<f32> = (0..200)
            .map(|row| if row % 17 == 0 { 4.517 } else { -0.2214 })
            .collect();
        let grid = detect(&binary).expect("two values");
        assert!((grid.step - 4.7384).abs() < 1e-5, "{grid:?}");
        // Gaps filled with the mean.
        let mut counts = rounded(1000, 50.0, 9.0, 0.0, 1.0);
        counts[..8].fill(50.137_42);
        assert_eq!(detect(&counts).map(|grid| grid.step), Some(1.0));
        // Only multiples of 4 and 6: the step divides both.
        let sparse: Vec<f32> = (0..500)
            .map(|row| [0.0, 4.0, 10.0, 16.0][row % 4])
            .collect();
        assert_eq!(detect(&sparse).map(|grid| grid.step), Some(2.0));
        // One decimal, but for a few readings with two.
        let mut decimals = rounded(1000, 50.0, 9.0, 0.0, 0.1);
        for (row, value) in decimals.iter_mut().enumerate() {
            *value += if row % 40 == 0 { 0.05 } else { 0.0 };
        }
        assert_eq!(detect(&decimals).map(|grid| grid.step), Some(0.1));
        // An outlier.
        counts[500] = 1e7;
        assert_eq!(detect(&counts).map(|grid| grid.step), Some(1.0));
    }

    proptest! {
        #[test]
        fn any_grid_is_found_whatever_its_scale(
            step in 1e-6f64..1e6, shift in -0.5f64..0.5, centre in -2000f64..2000.0, std in 1f64..60.0,
        ) {
            let values = rounded(600, centre, std, shift * step, step);
            let grid = detect(&values).expect("rounded");
            prop_assert!((f64::from(grid.step) / step - 1.0).abs() < 1e-3, "{grid:?}");
            for value in values {
                let cells = (f64::from(value) - f64::from(grid.offset)) / f64::from(grid.step);
                prop_assert!((cells - cells.round()).abs() < 0.01, "{grid:?} {value}");
            }
        }

        #[test]
        fn continuous_values_have_none(seed in 0u64..1000, rows in 2usize..400) {
            let mut random = Random::new(seed);
            let values: Vec<f32> = (0..rows).map(|_| random.normal()).collect();
            prop_assert_eq!(detect(&values), None);
        }
    }
}
