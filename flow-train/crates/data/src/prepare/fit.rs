//! The choice of a preparation by the training rows.

use super::{ChannelMap, Choice, Preparation, with_math};
use crate::domain::{Evidence, Outside, Place, infer};
use crate::moments::Moments;
use crate::{DataError, Dataset, DomainRequest, Reason, grid};
use flow_embedded::artefact::{Domain, Grid};
use flow_embedded::math::Backend;
use std::f64::consts::TAU;
use std::ops::RangeInclusive;

/// Standard deviations that a prepared value may be away: its square, and what layers make of it, stay within `f32`.
const FAR: f32 = 1e9;

/// The least distance of the 5th and the 95th percentile, in standard deviations: `f32` still tells a hundred
/// values apart in between.
const NEAR: f64 = 1e-5;

/// How to choose a preparation.
#[derive(Debug, Clone, PartialEq)]
pub struct PrepareOptions {
    /// Domains that are asked for, by column; the last one counts.
    pub domains: Vec<(String, DomainRequest)>,
    /// Whether to [infer](crate::domain) the domains of the event's other columns.
    pub infer: bool,
    /// Whether the flow can hold an angle, so that one may be inferred.
    pub circular: bool,
    /// Whether to look for [rounded columns](crate::grid).
    pub grids: bool,
    /// Steps of columns of the event that are known to be rounded, by column; the last one counts. Such a column may
    /// be constant: its density is then that of one cell.
    pub steps: Vec<(String, f32)>,
    /// Units of columns, by name.
    pub units: Vec<(String, String)>,
    /// The elementary functions of the maps.
    pub math: Backend,
    /// The names of the categories of columns that hold codes.
    pub vocabularies: Vec<Vec<String>>,
    /// The columns that hold codes, by name, and the vocabulary of each.
    pub codes: Vec<(String, usize)>,
}

impl Default for PrepareOptions {
    /// Everything inferred but angles.
    fn default() -> Self {
        Self {
            domains: vec![],
            infer: true,
            circular: false,
            grids: true,
            steps: vec![],
            units: vec![],
            math: Backend::Polynomial,
            vocabularies: vec![],
            codes: vec![],
        }
    }
}

impl Preparation {
    /// Chooses a preparation by the training rows, and says what it chose for each column, events first.
    ///
    /// `ranges` are the extremes of each column, events first, over all rows that train and validate; the training
    /// rows may be a sample of those that train.
    ///
    /// # Errors
    /// A domain is asked for a column that is not there, or does not hold all values. A column is constant, its
    /// spread is beyond `f32`, or one value is so far out that `f32` can't tell the others apart.
    ///
    /// # Panics
    /// If `ranges` is not one for each column.
    pub fn fit(
        training: &Dataset,
        ranges: &[RangeInclusive<f32>],
        options: &PrepareOptions,
    ) -> Result<(Self, Vec<Choice>), DataError> {
        let (d, c) = (training.event_dim(), training.context_dim());
        assert_eq!(ranges.len(), d + c, "a range for each column");
        let names = || {
            training
                .event_names()
                .iter()
                .chain(training.context_names())
        };
        let domains = options.domains.iter().map(|(name, _)| name);
        let mut asked = domains.chain(options.steps.iter().map(|(name, _)| name));
        if let Some(name) = asked.find(|name| !names().any(|own| own == *name)) {
            return Err(DataError::NoSuchColumn {
                name: name.clone(),
                nearest: None,
                available: names().cloned().collect(),
            });
        }
        let columns = names().zip(ranges).enumerate();
        let fitted = columns
            .map(|(index, (name, range))| {
                Column {
                    name,
                    values: &column(training, index),
                    weights: training.weights(),
                    range,
                    event: index < d,
                    options,
                }
                .fit(training)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (mut event, choices): (Vec<ChannelMap>, Vec<Choice>) = fitted.into_iter().unzip();
        let context = event.split_off(d);
        let own = Self {
            event,
            context,
            math: options.math,
            vocabularies: options.vocabularies.clone(),
        };
        Ok((own, choices))
    }
}

/// The values of a column, events counted before contexts.
fn column(data: &Dataset, index: usize) -> Vec<f32> {
    let d = data.event_dim();
    let (values, columns, index) = if index < d {
        (data.events(), d, index)
    } else {
        (data.contexts(), data.context_dim(), index - d)
    };
    let own = values.iter().skip(index).step_by(columns);
    own.copied().collect()
}

/// A column whose preparation is sought.
struct Column<'a> {
    name: &'a str,
    values: &'a [f32],
    weights: &'a [f32],
    range: &'a RangeInclusive<f32>,
    event: bool,
    options: &'a PrepareOptions,
}

impl Column<'_> {
    fn fit(&self, training: &Dataset) -> Result<(ChannelMap, Choice), DataError> {
        if let Some((_, vocabulary)) = self.options.codes.iter().find(|own| own.0 == self.name) {
            return Ok(self.coded(*vocabulary));
        }
        let raw: Vec<f64> = self.values.iter().map(|x| f64::from(*x)).collect();
        let Moments { mean, std, .. } = Moments::of(&raw, self.weights);
        let grid = match self.step() {
            Some(step) => Some(self.on_steps(step)?),
            None => {
                self.check_varies(training)?;
                let looks = self.event && self.options.grids;
                looks.then(|| grid::detect(self.values)).flatten()
            }
        };
        let (request, reason) = self.request(grid);
        let place = request
            .resolve(self.range, grid, self.step().is_some(), self.values, std)
            .map_err(|outside| {
                let Outside { value } = outside;
                DataError::OutsideDomain {
                    column: self.name.to_owned(),
                    domain: request.to_string(),
                    value,
                }
            })?;
        let choice = Choice {
            column: self.name.to_owned(),
            domain: place.domain,
            reason,
            grid,
        };
        let map = ChannelMap {
            domain: place.domain,
            grid,
            mean: mean as f32,
            inv_std: 1.0,
        };
        let map = match place.domain {
            Domain::Circular => turned(map, place),
            _ => self.standardised(map)?,
        };
        self.check_ends(&map)?;
        Ok((map, choice))
    }

    /// Codes stay as they are.
    fn coded(&self, vocabulary: usize) -> (ChannelMap, Choice) {
        let domain = Domain::Categorical {
            vocabulary: vocabulary as u8,
        };
        let choice = Choice {
            column: self.name.to_owned(),
            domain,
            reason: Reason::Default,
            grid: None,
        };
        let map = ChannelMap {
            domain,
            ..ChannelMap::IDENTITY
        };
        (map, choice)
    }

    fn check_varies(&self, training: &Dataset) -> Result<(), DataError> {
        let varies = |values: &[f32]| values.iter().any(|x| Some(x) != values.first());
        if varies(self.values) {
            return Ok(());
        }
        let others = training.event_names().iter().enumerate();
        Err(DataError::Constant {
            column: self.name.to_owned(),
            value: self.values.first().copied().unwrap_or(f32::NAN),
            rows: training.rows(),
            others: others
                .filter(|(index, _)| varies(&column(training, *index)))
                .map(|(_, name)| name.clone())
                .collect(),
        })
    }

    /// The step that is asked for.
    fn step(&self) -> Option<f32> {
        let mut asked = self.options.steps.iter().rev();
        let own = asked
            .find(|(name, _)| name == self.name)
            .filter(|_| self.event);
        own.map(|(_, step)| *step)
    }

    /// The grid of a known step that all values lie on.
    fn on_steps(&self, step: f32) -> Result<Grid, DataError> {
        let offset = self.values.first().copied().unwrap_or_default();
        let off = |value: &&f32| {
            let steps = (f64::from(**value) - f64::from(offset)) / f64::from(step);
            // Decimals are rounded to `f32`.
            let rounding = f64::from(f32::EPSILON * (value.abs() + offset.abs()) / step);
            (steps - steps.round()).abs() > rounding + 1e-3
        };
        match self.values.iter().find(off) {
            None => Ok(Grid { offset, step }),
            Some(value) => Err(DataError::OffSteps {
                column: self.name.to_owned(),
                step,
                values: [offset, *value],
            }),
        }
    }

    /// What is asked for, else what the values speak for.
    fn request(&self, grid: Option<Grid>) -> (DomainRequest, Reason) {
        let of = |name: &String| name == self.name;
        let options = self.options;
        let asked = options.domains.iter().rev().find(|(name, _)| of(name));
        if let Some((_, request)) = asked {
            return (*request, Reason::Requested);
        }
        if !(options.infer && self.event) {
            return (DomainRequest::Real, Reason::Default);
        }
        let unit = options.units.iter().find(|(name, _)| of(name));
        infer(&Evidence {
            values: self.values,
            weights: self.weights,
            range: self.range,
            grid,
            unit: unit.map_or("", |(_, unit)| unit),
            circular: options.circular,
        })
    }

    /// Mean and standard deviation of the mapped values, spread evenly over their cells.
    fn standardised(&self, map: ChannelMap) -> Result<ChannelMap, DataError> {
        // Fractions of multiples of the golden ratio fill a cell more evenly than chance.
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let step = map.grid.map_or(0.0, |grid| f64::from(grid.step));
        let straight = map.domain == Domain::Real;
        let cells = self.values.iter().enumerate();
        let mut mapped: Vec<f64> = with_math!(self.options.math, M => {
            cells
                .map(|(row, value)| {
                    let noise = step * ((row as f64 * GOLDEN).fract() - 0.5);
                    if straight {
                        return f64::from(*value) + noise;
                    }
                    let mut x = (f64::from(*value) + noise) as f32;
                    map.domain.normalize::<M>(&mut x);
                    f64::from(x)
                })
                .collect()
        });
        let Moments { mean, std, .. } = Moments::of(&mapped, self.weights);
        let map = ChannelMap {
            mean: mean as f32,
            inv_std: std.recip() as f32,
            ..map
        };
        if !map.inv_std.is_normal() || !map.mean.is_finite() {
            return Err(DataError::OutOfScale {
                column: self.name.to_owned(),
                std,
            });
        }
        let rank = |share: f64| ((mapped.len() - 1) as f64 * share).round() as usize;
        let (low, high) = (rank(0.05), rank(0.95));
        let mut at = |rank| *mapped.select_nth_unstable_by(rank, f64::total_cmp).1;
        let bulk = (at(high) - at(low)) / std;
        if bulk > 0.0 && bulk < NEAR {
            return Err(self.extreme(mean));
        }
        Ok(map)
    }

    /// Values of all rows stay finite, those that only validate included.
    fn check_ends(&self, map: &ChannelMap) -> Result<(), DataError> {
        for end in [*self.range.start(), *self.range.end()] {
            let mut x = end;
            with_math!(self.options.math, M => { map.normalize::<M>(&mut x, 0.0); });
            if x.is_nan() || x.abs() > FAR {
                return Err(self.extreme(f64::from(map.mean)));
            }
        }
        Ok(())
    }

    /// The end of the range that is farther from the mean, as an error.
    fn extreme(&self, mean: f64) -> DataError {
        let (min, max) = (*self.range.start(), *self.range.end());
        let far = |end: f32| (f64::from(end) - mean).abs();
        DataError::Extreme {
            column: self.name.to_owned(),
            value: if far(min) > far(max) { min } else { max },
        }
    }
}

/// A circular channel's centre and scale.
fn turned(map: ChannelMap, Place { turn, .. }: Place) -> ChannelMap {
    let [low, high] = turn.map(f64::from);
    ChannelMap {
        mean: (0.5 * (low + high)) as f32,
        inv_std: (TAU / (high - low)) as f32,
        ..map
    }
}
