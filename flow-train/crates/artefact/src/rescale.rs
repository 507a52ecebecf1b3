//! A model of scaled rows as a model of the rows before scaling.

use super::{Draft, DraftChannel, noted};
use flow_embedded::artefact::{Domain, Grid};

/// What was done to one event channel before training: `scaled = (raw − offset) · factor`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// The raw value that becomes 0, in the raw unit.
    pub offset: f64,
    /// Scaled units per raw unit; finite and positive.
    pub factor: f64,
}

impl Scaling {
    /// Raw rows went into the training.
    pub const IDENTITY: Self = Self {
        offset: 0.0,
        factor: 1.0,
    };

    /// The raw value of a scaled one.
    fn raw(self, scaled: f32) -> f64 {
        f64::from(scaled) / self.factor + self.offset
    }

    /// The raw length of a scaled one.
    fn length(self, scaled: f32) -> f64 {
        f64::from(scaled) / self.factor
    }
}

/// Why a model can't take raw rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RescaleError {
    /// The list of scalings has another length than the list of event channels.
    #[error("{found} scalings are given for {expected} event channels: give one for each")]
    Channels {
        /// The event channels of the model.
        expected: usize,
        /// The scalings.
        found: usize,
    },
    /// A part of the model is in units of the data and has no scaled form.
    #[error("the model has {part}, and scaling can't be put into that: train it on raw rows")]
    Part {
        /// What it has.
        part: &'static str,
    },
    /// The offset or the factor is unusable.
    #[error(
        "column `{name}`: (x − {offset}) · {factor} can't be put into the model, both numbers must be finite and the \
         factor positive"
    )]
    Scaling {
        /// The channel.
        name: String,
        /// Its offset.
        offset: f64,
        /// Its factor.
        factor: f64,
    },
    /// Codes of categories were scaled.
    #[error(
        "column `{name}` holds codes of categories, which have no scale: don't scale that column"
    )]
    Categories {
        /// The channel.
        name: String,
    },
    /// `float32` holds too few digits of the raw values.
    #[error(
        "column `{name}`: the chip reads float32, which is {step:.1e} apart near {offset:.3e}, and the values spread over \
         {spread:.1e}: subtract an offset near {offset:.3e} from the raw values before the model"
    )]
    Precision {
        /// The channel.
        name: String,
        /// Where its values lie.
        offset: f64,
        /// How far they spread.
        spread: f64,
        /// The distance of neighbouring `float32` there.
        step: f64,
    },
}

impl Draft {
    /// Notes down the command that made the model, cut to what an artefact holds.
    pub fn note(&mut self, command: &str) {
        self.command = noted(command);
    }

    /// The model of raw rows that a model of scaled rows stands for: for each event channel the map of its domain
    /// and its standardisation read the raw value, and nothing else changes.
    ///
    /// Log-likelihoods are then per raw unit: those of scaled rows plus `Σ ln factor`, and the tables of
    /// calibration move by the same. All else is the rounding of `float32`.
    ///
    /// # Errors
    /// The model has integer weights, features of the past, a sequential test or the start of a noise; a channel of
    /// categories is scaled; a scaling is not finite and ascending; or `float32` can't tell a thousandth of the
    /// spread of a channel's raw values apart.
    pub fn before_scaling(mut self, scalings: &[Scaling]) -> Result<Self, RescaleError> {
        if scalings.len() != self.event.len() {
            return Err(RescaleError::Channels {
                expected: self.event.len(),
                found: scalings.len(),
            });
        }
        let parts = [
            (self.quantisation.is_some(), "quantised weights"),
            (!self.features.is_empty(), "features of its past"),
            (self.sequential.is_some(), "a sequential test"),
            (self.noise.is_some(), "the start of a noise"),
        ];
        if let Some((_, part)) = parts.into_iter().find(|(found, _)| *found) {
            return Err(RescaleError::Part { part });
        }
        let mut shift = 0.0;
        for (channel, scaling) in self.event.iter_mut().zip(scalings) {
            channel.rescale(*scaling)?;
            shift += scaling.factor.ln();
        }
        let moved = |(score, _): &mut (f32, f32)| *score = (f64::from(*score) + shift) as f32;
        if let Some(own) = &mut self.calibration {
            own.table.iter_mut().for_each(moved);
        }
        if let Some(own) = &mut self.mondrian {
            let tables = own.categories.iter_mut();
            tables.for_each(|own| own.table.iter_mut().for_each(moved));
        }
        if let Some(own) = &mut self.evaluation {
            own.log_prob_mean += shift;
        }
        Ok(self)
    }
}

impl DraftChannel {
    fn rescale(&mut self, scaling: Scaling) -> Result<(), RescaleError> {
        if scaling == Scaling::IDENTITY {
            return Ok(());
        }
        let Scaling { offset, factor } = scaling;
        if !(offset.is_finite() && factor.is_finite() && factor > 0.0) {
            return Err(RescaleError::Scaling {
                name: self.name.clone(),
                offset,
                factor,
            });
        }
        // How far the scaled values spread, about a standard deviation.
        let deviation = 1.0 / f64::from(self.inv_std);
        let (domain, mean, inv_std, spread) = match self.domain {
            Domain::Real | Domain::Circular => (
                self.domain,
                scaling.raw(self.mean),
                f64::from(self.inv_std) * factor,
                deviation,
            ),
            Domain::Positive { low } => (
                Domain::Positive {
                    low: below(scaling.raw(low)),
                },
                // ln of a scaled length is that of the raw one and ln of the factor.
                f64::from(self.mean) - factor.ln(),
                self.inv_std.into(),
                f64::from(self.mean).exp(),
            ),
            Domain::SoftPositive { low, scale } => (
                Domain::SoftPositive {
                    low: below(scaling.raw(low)),
                    scale: scaling.length(scale) as f32,
                },
                self.mean.into(),
                self.inv_std.into(),
                scale.into(),
            ),
            Domain::Bounded { low, high } => (
                Domain::Bounded {
                    low: below(scaling.raw(low)),
                    high: -below(-scaling.raw(high)),
                },
                self.mean.into(),
                self.inv_std.into(),
                f64::from(high) - f64::from(low),
            ),
            Domain::HeavyTailed { centre, scale } => (
                Domain::HeavyTailed {
                    centre: scaling.raw(centre) as f32,
                    scale: scaling.length(scale) as f32,
                },
                self.mean.into(),
                self.inv_std.into(),
                scale.into(),
            ),
            Domain::Categorical { .. } => {
                return Err(RescaleError::Categories {
                    name: self.name.clone(),
                });
            }
        };
        let spread = spread / factor;
        // Of numbers with so many digits as float32 has.
        let step = offset.abs() * f64::from(f32::EPSILON);
        if step > spread / 1000.0 {
            return Err(RescaleError::Precision {
                name: self.name.clone(),
                offset,
                spread,
                step,
            });
        }
        self.domain = domain;
        (self.mean, self.inv_std) = (mean as f32, inv_std as f32);
        self.grid = self.grid.map(|own| Grid {
            offset: scaling.raw(own.offset) as f32,
            step: scaling.length(own.step) as f32,
        });
        Ok(())
    }
}

/// A `float32` strictly below a raw value and each `float32` that rounds to it: no row may fall out of its domain
/// because an end of the domain was rounded.
fn below(end: f64) -> f32 {
    (end as f32).next_down()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_embedded::artefact::LoadedFlow;
    use flow_embedded::kernels::wrap;
    use flow_embedded::math::Libm;

    fn channel(domain: Domain, mean: f32, inv_std: f32) -> DraftChannel {
        DraftChannel {
            name: "x".to_owned(),
            unit: String::new(),
            domain,
            grid: None,
            mean,
            inv_std,
        }
    }

    /// What layers see of a value, and the log-density that goes with it.
    fn seen(channel: &DraftChannel, value: f64) -> (f32, f64) {
        let mut x = value as f32;
        let log_det = channel.domain.normalize::<Libm>(&mut x);
        let x = (x - channel.mean) * channel.inv_std;
        let x = match channel.domain {
            Domain::Circular => wrap(x),
            _ => x,
        };
        (x, f64::from(log_det) + channel.log_scale())
    }

    const SCALINGS: [Scaling; 3] = [
        Scaling {
            offset: 21.5,
            factor: 0.25,
        },
        Scaling {
            offset: -1013.0,
            factor: 3.0,
        },
        Scaling {
            offset: 0.0,
            factor: 1e-4,
        },
    ];

    #[test]
    fn each_domain_reads_raw_values_as_it_read_scaled_ones() {
        let cases = [
            (channel(Domain::Real, 0.3, 1.7), [-2.0, 0.1, 3.0]),
            (
                channel(Domain::Positive { low: -1.5 }, 0.2, 0.9),
                [-1.2, 0.1, 3.0],
            ),
            (
                channel(
                    Domain::SoftPositive {
                        low: -2.0,
                        scale: 0.7,
                    },
                    0.4,
                    1.1,
                ),
                [-1.6, 0.1, 3.0],
            ),
            (
                channel(
                    Domain::Bounded {
                        low: -2.5,
                        high: 2.0,
                    },
                    0.4,
                    1.1,
                ),
                [-2.0, 0.1, 1.7],
            ),
            (channel(Domain::Circular, 0.5, 1.6), [-0.9, 0.1, 1.9]),
            (
                channel(
                    Domain::HeavyTailed {
                        centre: 0.2,
                        scale: 0.6,
                    },
                    0.1,
                    1.3,
                ),
                [-40.0, 0.1, 9.0],
            ),
        ];
        for (scaled, values) in cases {
            for scaling in SCALINGS {
                let mut raw = scaled.clone();
                raw.rescale(scaling).expect("a scaling that fits");
                for value in values {
                    let (x, density) = seen(&scaled, value);
                    let (own, own_density) = seen(&raw, value / scaling.factor + scaling.offset);
                    let place = format!("{:?} {scaling:?} {value}", scaled.domain);
                    // float32 is 1e-4 apart near 1013, of a spread of a third.
                    assert!((x - own).abs() < 3e-3, "{place}: {x} {own}");
                    let expected = density + scaling.factor.ln();
                    assert!(
                        (expected - own_density).abs() < 3e-3,
                        "{place}: {expected} {own_density}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_ends_of_domains_take_every_row_that_they_took() {
        for (end, factor) in [(0.1, 0.3), (-1.0 / 3.0, 7.0), (1e-3, 1e-5), (2.0, 1.0)] {
            for offset in [0.0, 1.0 / 3.0, -20.1] {
                let scaling = Scaling { offset, factor };
                let mut own = channel(
                    Domain::Bounded {
                        low: end,
                        high: end + 2.0,
                    },
                    0.0,
                    1.0,
                );
                if scaling != Scaling::IDENTITY {
                    own.rescale(scaling).expect("a scaling that fits");
                    // The rows nearest to the ends, as the chip reads them.
                    let first = scaling.raw(end.next_up()) as f32;
                    let last = scaling.raw((end + 2.0).next_down()) as f32;
                    for x in [first, last] {
                        assert!(seen(&own, x.into()).0.is_finite(), "{scaling:?} {x}");
                    }
                }
            }
        }
    }

    #[test]
    fn grids_and_scores_move() {
        let draft = committed("tests/case");
        let scalings = vec![SCALINGS[0]; draft.event.len()];
        let shift = scalings.len() as f64 * SCALINGS[0].factor.ln();
        let mut gridded = draft.clone();
        gridded.event[0].grid = Some(Grid {
            offset: 0.5,
            step: 0.125,
        });
        let own = gridded
            .before_scaling(&scalings)
            .expect("a scaling that fits");
        let grid = Grid {
            offset: 23.5,
            step: 0.5,
        };
        assert_eq!(own.event[0].grid, Some(grid));
        let tables = [&draft, &own].map(|own| own.calibration.as_ref().expect("calibrated"));
        for (before, after) in tables[0].table.iter().zip(&tables[1].table) {
            assert!((f64::from(after.0 - before.0) - shift).abs() < 1e-3);
            assert_eq!(before.1, after.1);
        }
        assert_eq!(draft.layers, own.layers);
        own.encode().expect("an artefact");
    }

    #[test]
    fn what_can_not_be_scaled_is_refused() {
        let draft = committed("tests/case");
        let refused = |draft: &Draft, scaling: Scaling| {
            let scalings = vec![scaling; draft.event.len()];
            let error = draft.clone().before_scaling(&scalings);
            error.expect_err("no scaling that fits").to_string()
        };
        for (offset, factor) in [
            (0.0, 0.0),
            (0.0, -1.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            let error = refused(&draft, Scaling { offset, factor });
            assert!(error.contains("must be finite"), "{error}");
        }
        let far = Scaling {
            offset: 1e9,
            factor: 10.0,
        };
        let error = refused(&draft, far);
        assert!(error.contains("subtract an offset near 1.000e9"), "{error}");
        let error = draft.before_scaling(&[]).expect_err("none").to_string();
        assert!(error.starts_with("0 scalings are given for 6"), "{error}");
        for (model, part) in [
            ("examples/sensor-noise", "features of its past"),
            ("examples/log-sentinel", "features of its past"),
        ] {
            let error = refused(&committed(model), SCALINGS[0]);
            assert!(error.contains(part), "{error}");
        }
    }

    fn committed(name: &str) -> Draft {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/../../../{name}/model.flow");
        let bytes = std::fs::read(&path).expect("a committed model");
        Draft::from_loaded(&LoadedFlow::from_bytes(&bytes).expect("an artefact"))
    }
}
