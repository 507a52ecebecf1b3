//! From raw values to those that a flow is fitted to, with the arithmetic of the chip.
//!
//! For each channel: uniform noise within the cell of a [grid](super::grid), in training only; the map of its
//! [domain](super::domain); then mean 0 and standard deviation 1 by the training rows. An angle's turn becomes 2 π
//! around 0 instead. As context, an angle becomes its cosine and its sine.
//!
//! Mean and standard deviation are plain moments, in `f64`, of the mapped and dequantised training rows: robust
//! ones would leave an outlier at a million standard deviations, where its energy drowns all other rows; with plain
//! ones no row of `n` is further out than `√n`. Only when an outlier leaves the other values too close for `f32`
//! is the column refused.

mod channel_map;
mod choice;
mod fit;

pub use channel_map::ChannelMap;
pub use choice::Choice;
pub use fit::PrepareOptions;

use flow_embedded::artefact::Grid;
use flow_embedded::math::{Backend, Math};
use flow_host::random::Random;

/// Runs `$body` with the type of a backend as `$M`.
macro_rules! with_math {
    ($math:expr, $M:ident => $body:expr) => {
        match $math {
            flow_embedded::math::Backend::Polynomial => {
                type $M = flow_embedded::math::Polynomial;
                $body
            }
            flow_embedded::math::Backend::Libm => {
                type $M = flow_embedded::math::Libm;
                $body
            }
            flow_embedded::math::Backend::Micromath => {
                type $M = flow_embedded::math::Micromath;
                $body
            }
        }
    };
}

use with_math;

/// What is done to every channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// The event's channels.
    pub event: Vec<ChannelMap>,
    /// The context's channels.
    pub context: Vec<ChannelMap>,
    /// The elementary functions of the maps.
    pub math: Backend,
    /// The names of the categories of channels that hold codes.
    pub vocabularies: Vec<Vec<String>>,
}

impl Preparation {
    /// Leaves rows as they are: for values that are prepared already.
    #[must_use]
    pub fn identity(event: usize, context: usize) -> Self {
        Self {
            event: vec![ChannelMap::IDENTITY; event],
            context: vec![ChannelMap::IDENTITY; context],
            math: Backend::Polynomial,
            vocabularies: vec![],
        }
    }

    /// Numbers that the context becomes: two for an angle, one for each other channel.
    #[must_use]
    pub fn context_features(&self) -> usize {
        let turns = self.context.iter().filter(|map| map.is_circular());
        self.context.len() + turns.count()
    }

    /// The event channels that hold codes, and the vocabulary of each.
    #[must_use]
    pub fn event_codes(&self) -> Vec<(usize, usize)> {
        let channels = self.event.iter().enumerate();
        let codes = channels.filter_map(|(channel, map)| Some((channel, map.vocabulary()?)));
        codes.collect()
    }

    /// The numbers that the context becomes that are codes, and the vocabulary of each.
    #[must_use]
    pub fn context_codes(&self) -> Vec<(usize, usize)> {
        let mut place = 0;
        let mut codes = Vec::new();
        for map in &self.context {
            codes.extend(map.vocabulary().map(|own| (place, own)));
            place += 1 + usize::from(map.is_circular());
        }
        codes
    }

    /// The circular channels of the event.
    #[must_use]
    pub fn circular(&self) -> Vec<usize> {
        let channels = self.event.iter().enumerate();
        channels
            .filter(|(_, map)| map.is_circular())
            .map(|(channel, _)| channel)
            .collect()
    }

    /// Prepares events as the chip does, row-major and in place. `log_det` gets, for each row, `ln |dx / d raw|` in
    /// nats without what is the same for all rows (`DraftChannel::log_scale` of an artefact).
    ///
    /// # Panics
    /// If there is not one `log_det` for each row.
    pub fn events(&self, events: &mut [f32], log_det: &mut [f32]) {
        self.each_event(events, log_det, |_| 0.0);
    }

    /// As [`Preparation::events`], with uniform noise within the cells of rounded channels.
    pub fn dequantised_events(&self, events: &mut [f32], log_det: &mut [f32], random: &mut Random) {
        self.each_event(events, log_det, |grid| {
            (random.uniform() - 0.5) as f32 * grid.step
        });
    }

    /// As [`Preparation::events`], moved within the cells by so many steps of each channel.
    pub fn moved_events(&self, events: &mut [f32], log_det: &mut [f32], offsets: &[f32]) {
        let mut offsets = offsets.iter();
        self.each_event(events, log_det, |grid| {
            offsets.next().map_or(0.0, |offset| offset * grid.step)
        });
    }

    fn each_event(
        &self,
        events: &mut [f32],
        log_det: &mut [f32],
        mut noise: impl FnMut(Grid) -> f32,
    ) {
        let channels = self.event.len();
        assert_eq!(events.len(), log_det.len() * channels, "one log-det a row");
        with_math!(self.math, M => {
            for (row, log_det) in events.chunks_exact_mut(channels).zip(log_det) {
                *log_det = 0.0;
                for (x, map) in row.iter_mut().zip(&self.event) {
                    let noise = map.grid.map_or(0.0, &mut noise);
                    *log_det += map.normalize::<M>(x, noise);
                }
            }
        });
    }

    /// Prepares contexts `[rows x channels]` to features `[rows x context_features]`, as the chip does.
    ///
    /// # Panics
    /// If the slices hold different numbers of rows.
    pub fn contexts(&self, contexts: &[f32], features: &mut [f32]) {
        let (channels, width) = (self.context.len(), self.context_features());
        if channels == 0 {
            return;
        }
        assert_eq!(
            contexts.len() * width,
            features.len() * channels,
            "features of each row"
        );
        with_math!(self.math, M => {
            let rows = contexts.chunks_exact(channels).zip(features.chunks_exact_mut(width));
            for (row, features) in rows {
                let mut slots = features.iter_mut();
                let mut put = |value| {
                    if let Some(slot) = slots.next() {
                        *slot = value;
                    }
                };
                for (raw, map) in row.iter().zip(&self.context) {
                    let mut x = *raw;
                    map.normalize::<M>(&mut x, 0.0);
                    if map.is_circular() {
                        let (sin, cos) = M::sin_cos(x);
                        put(cos);
                        put(sin);
                    } else {
                        put(x);
                    }
                }
            }
        });
    }

    /// Prepared events back to raw ones, row-major and in place, as the chip samples.
    pub fn raw_events(&self, events: &mut [f32]) {
        with_math!(self.math, M => {
            for row in events.chunks_exact_mut(self.event.len().max(1)) {
                for (x, map) in row.iter_mut().zip(&self.event) {
                    *x = map.generate::<M>(*x);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Moments;
    use crate::testing::names;
    use crate::{DataError, Dataset, DomainRequest, Reason};
    use flow_embedded::artefact::Domain;
    use proptest::prelude::*;

    /// One column of values, and a second one that varies.
    fn table(values: &[f32]) -> Dataset {
        let mut data = Dataset::new(names(&["x", "y"]), vec![]);
        for (row, value) in values.iter().enumerate() {
            data.push(&[*value, row as f32], &[]);
        }
        data
    }

    fn fit(
        data: &Dataset,
        options: &PrepareOptions,
    ) -> Result<(Preparation, Vec<Choice>), DataError> {
        Preparation::fit(data, &data.ranges(), options)
    }

    fn asked(domain: &str) -> PrepareOptions {
        PrepareOptions {
            domains: vec![("x".into(), domain.parse().expect("a domain"))],
            ..PrepareOptions::default()
        }
    }

    fn normals(rows: usize) -> Vec<f32> {
        let mut random = Random::new(9);
        (0..rows).map(|_| random.normal()).collect()
    }

    const BACKENDS: [Backend; 3] = [Backend::Polynomial, Backend::Libm, Backend::Micromath];

    #[test]
    fn channels_get_mean_zero_and_deviation_one_in_every_domain() {
        let z = normals(2000);
        for (domain, map) in [
            ("real", (|z| 1000.0 + 0.1 * z) as fn(f32) -> f32),
            ("positive", |z| (0.5 * z).exp()),
            ("soft-positive", |z| (3.0 * z).exp().ln_1p()),
            ("bounded:-2:3", |z| -2.0 + 5.0 / (1.0 + (-z).exp())),
        ] {
            let data = table(&z.iter().map(|z| map(*z)).collect::<Vec<_>>());
            let (preparation, choices) = fit(&data, &asked(domain)).expect("prepared");
            assert_eq!(choices[0].reason, Reason::Requested);
            let mut events = data.events().to_vec();
            preparation.events(&mut events, &mut vec![0.0; data.rows()]);
            for channel in 0..2 {
                let own: Vec<f64> = events
                    .iter()
                    .skip(channel)
                    .step_by(2)
                    .map(|x| f64::from(*x))
                    .collect();
                let Moments { mean, std, .. } = Moments::of(&own, &[]);
                assert!(
                    mean.abs() < 2e-4 && (std - 1.0).abs() < 1e-4,
                    "{domain} {channel}: {mean} {std}"
                );
            }
        }
    }

    #[test]
    fn contexts_of_angles_become_cosine_and_sine() {
        let mut data = Dataset::new(names(&["y"]), names(&["x", "t"]));
        for row in 0..100 {
            data.push(
                &[row as f32],
                &[row as f32 * 36.0 - 720.0, (row * row) as f32],
            );
        }
        let (preparation, _) = fit(&data, &asked("circular:0:360")).expect("prepared");
        assert_eq!(
            (preparation.context_features(), preparation.circular()),
            (3, vec![])
        );
        let mut features = vec![0.0; 300];
        preparation.contexts(data.contexts(), &mut features);
        for (row, feature) in features.chunks_exact(3).enumerate() {
            // The centre of the turn is at 180.
            let angle = (row as f64 * 36.0 - 180.0).to_radians();
            let expected = [angle.cos(), angle.sin()];
            for (found, expected) in feature.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{row}");
            }
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let z = normals(60);
        let twice: Vec<f32> = z.iter().chain(&z[..20]).copied().collect();
        let weights = (0..60)
            .map(|row| if row < 20 { 2.0 } else { 1.0 })
            .collect();
        let ranges = table(&z).ranges();
        let options = PrepareOptions::default();
        let map = |data: &Dataset| {
            let (preparation, _) = Preparation::fit(data, &ranges, &options).expect("prepared");
            preparation.event[0]
        };
        let (one, two) = (map(&table(&z).weighted(weights)), map(&table(&twice)));
        assert!(
            (one.mean - two.mean).abs() < 1e-7 && (one.inv_std / two.inv_std - 1.0).abs() < 1e-6
        );
    }

    #[test]
    fn dequantised_cells_are_filled_evenly_and_stay_in_the_domain() {
        // Counts that begin at the very end of the domain.
        let counts: Vec<f32> = (0..4000).map(|row| (row % 40 % 9) as f32).collect();
        let data = table(&counts);
        for domain in ["real", "positive", "soft-positive", "bounded:0:8"] {
            let (preparation, choices) = fit(&data, &asked(domain)).expect("prepared");
            let grid = Grid {
                offset: 0.0,
                step: 1.0,
            };
            assert_eq!(choices[0].grid, Some(grid));
            let (mut events, mut log_det) = (data.events().to_vec(), vec![0.0; 4000]);
            preparation.dequantised_events(&mut events, &mut log_det, &mut Random::new(1));
            assert!(
                events.iter().chain(&log_det).all(|x| x.is_finite()),
                "{domain}"
            );
            preparation.raw_events(&mut events);
            let noise: Vec<f64> = events
                .iter()
                .step_by(2)
                .zip(&counts)
                .map(|(x, count)| f64::from(x - count))
                .collect();
            let Moments { mean, std, .. } = Moments::of(&noise, &[]);
            assert!(noise.iter().all(|x| x.abs() < 0.5 + 1e-4), "{domain}");
            assert!(
                mean.abs() < 0.02 && (std - 12f64.sqrt().recip()).abs() < 0.01,
                "{domain}"
            );
        }
        // Counts so large that f32 has no room beside them.
        let large: Vec<f32> = counts.iter().map(|count| 8_300_000.0 + count).collect();
        let data = table(&large);
        let (preparation, _) = fit(&data, &PrepareOptions::default()).expect("prepared");
        let mut events = data.events().to_vec();
        preparation.dequantised_events(&mut events, &mut vec![0.0; 4000], &mut Random::new(1));
        events.sort_by(f32::total_cmp);
        events.dedup();
        assert!(events.len() > 3000, "{}", events.len());
    }

    #[test]
    fn extremes_give_finite_values_or_a_sentence() {
        let options = PrepareOptions::default();
        let z = normals(500);
        let with = |value: f32| table(&[&z[..], &[value]].concat());
        // A million standard deviations.
        for value in [1e6, -1e6] {
            let data = with(value);
            let (preparation, _) = fit(&data, &options).expect("prepared");
            let mut events = data.events().to_vec();
            preparation.events(&mut events, &mut vec![0.0; data.rows()]);
            assert!(events.iter().all(|x| x.is_finite()));
        }
        // Heavy tails, if domains are inferred.
        let (preparation, choices) = fit(&with(1e30), &options).expect("prepared");
        assert!(matches!(choices[0].domain, Domain::HeavyTailed { scale, .. } if scale < 2.0));
        let mut events = with(1e30).events().to_vec();
        let rows = events.len() / 2;
        preparation.events(&mut events, &mut vec![0.0; rows]);
        assert!(events.iter().all(|x| x.is_finite()));
        let options = PrepareOptions {
            infer: false,
            ..PrepareOptions::default()
        };
        for value in [1e30, -3e38] {
            let text = fit(&with(value), &options)
                .expect_err("extreme")
                .to_string();
            assert!(
                text.starts_with(&format!("column `x` holds the value {value:e}")),
                "{text}"
            );
        }
        // Where only a row that validates is extreme.
        let mut ranges = table(&z).ranges();
        ranges[0] = *ranges[0].start()..=1e30;
        let text = Preparation::fit(&table(&z), &ranges, &options)
            .expect_err("extreme")
            .to_string();
        assert!(text.contains("1e30"), "{text}");
        // Almost constant.
        for rest in [0.0, 5.0] {
            let mut values = vec![rest; 500];
            values[3] = 5.000_001;
            let (preparation, _) = fit(&table(&values), &options).expect("prepared");
            assert!(preparation.event[0].inv_std.is_finite());
        }
        // Few rows that repeat.
        assert!(fit(&table(&[1.0, 1.0, 2.5, 1.0]), &options).is_ok());
    }

    #[test]
    fn what_can_not_be_prepared_is_told() {
        let text = |values: &[f32], options: &PrepareOptions| {
            fit(&table(values), options)
                .expect_err("refused")
                .to_string()
        };
        let options = PrepareOptions::default();
        assert_eq!(
            text(&[7.5; 10], &options),
            "column `x` is 7.5 in all 10 training rows: a constant has no density; leave it out \
             with --columns y, or, if it is rounded, say to what with --step x=…"
        );
        for scale in [3e38, 1e-39] {
            let values: Vec<f32> = (0..10).map(|row| [scale, -scale][row % 2]).collect();
            let text = text(&values, &options);
            assert!(text.contains("column `x`"), "{text}");
        }
        let values: Vec<f32> = normals(100).iter().map(|z| z.abs()).collect();
        assert_eq!(
            text(&values, &asked("positive:1000")),
            format!(
                "column `x` holds the value {}, which is not inside the domain positive:1000; its ends \
                 are outside themselves: move them, mend the rows, or ask for --domain x=real",
                values.iter().copied().fold(f32::INFINITY, f32::min)
            )
        );
        let stray = PrepareOptions {
            domains: vec![("z".into(), DomainRequest::Real)],
            ..PrepareOptions::default()
        };
        assert_eq!(
            text(&values, &stray),
            "has no column `z`; its columns are x, y"
        );
    }

    #[test]
    fn a_step_that_is_known_makes_a_grid_of_any_column() {
        let stepped = |step: f32| PrepareOptions {
            steps: vec![("x".into(), step)],
            ..asked("bounded:0:16")
        };
        // A pixel that is always black has the density of its cell.
        let constant = table(&[0.0; 64]);
        let (preparation, choices) = fit(&constant, &stepped(1.0)).expect("prepared");
        let (offset, step) = (0.0, 1.0);
        assert_eq!(choices[0].grid, Some(Grid { offset, step }));
        let (mut events, mut log_det) = (constant.events().to_vec(), vec![0.0; 64]);
        preparation.dequantised_events(&mut events, &mut log_det, &mut Random::new(1));
        assert!(events.iter().chain(&log_det).all(|x| x.is_finite()));
        // Decimals are no exact multiples.
        let volts: Vec<f32> = (0..64).map(|row| 0.1 * (row * row % 50) as f32).collect();
        assert!(fit(&table(&volts), &stepped(0.1)).is_ok());
        let error = fit(&table(&[0.0, 1.0, 2.5]), &stepped(1.0)).expect_err("off");
        assert_eq!(
            error.to_string(),
            "column `x` holds 0 and 2.5, which are no whole number of steps of 1 apart: mend the step or \
             the rows, or leave --step x out"
        );
        let stray = PrepareOptions {
            steps: vec![("z".into(), 1.0)],
            ..PrepareOptions::default()
        };
        let error = fit(&table(&volts), &stray).expect_err("no such column");
        assert!(error.to_string().contains("no column `z`"), "{error}");
    }

    #[test]
    fn choices_are_put_in_words() {
        let counts: Vec<f32> = (0..400).map(|row| 0.5 * (row % 20) as f32).collect();
        let (_, choices) = fit(&table(&counts), &asked("positive")).expect("prepared");
        assert_eq!(
            choices[0].to_string(),
            "`x`: positive, above -0.5, as asked for; rounded to multiples of 0.5, dequantised in \
             training"
        );
        assert!(choices[0].is_notable() && !choices[1].is_notable());
        assert_eq!(choices[1].to_string(), "`y`: real");
    }

    proptest! {
        #[test]
        fn prepared_values_go_back_to_raw_ones(
            seed in 0u64..1000, scale in -3f32..3.0, shift in -5f32..5.0, backend in 0usize..2,
        ) {
            let mut random = Random::new(seed);
            let scale = scale.exp();
            let raw: Vec<f32> = (0..200).map(|_| scale * (0.7 * random.normal()).exp() + shift).collect();
            let (low, high) = (shift, raw.iter().copied().fold(f32::MIN, f32::max) + scale);
            for domain in [
                DomainRequest::Real,
                DomainRequest::Positive { low: Some(low) },
                DomainRequest::SoftPositive { low: Some(low), scale: None },
                DomainRequest::Bounded { low, high },
                DomainRequest::Circular { low, high },
            ] {
                let options = PrepareOptions {
                    domains: vec![("x".into(), domain)],
                    math: BACKENDS[backend],
                    ..PrepareOptions::default()
                };
                let data = table(&raw);
                let (preparation, _) = fit(&data, &options).expect("prepared");
                let mut events = data.events().to_vec();
                preparation.events(&mut events, &mut vec![0.0; data.rows()]);
                preparation.raw_events(&mut events);
                for (back, value) in events.iter().step_by(2).zip(&raw) {
                    let bound = 4e-6 * (high - low) + 2e-6 * value.abs() + 2e-6 * shift.abs();
                    prop_assert!((back - value).abs() <= bound, "{domain}: {value} {back}");
                }
            }
        }

        #[test]
        fn the_log_determinant_is_the_derivative(seed in 0u64..500) {
            let mut random = Random::new(seed);
            let raw: Vec<f32> = (0..100).map(|_| (0.5 * random.normal()).exp()).collect();
            for domain in ["positive", "soft-positive", "bounded:-1:20", "heavy-tailed"] {
                let data = table(&raw);
                let (preparation, _) = fit(&data, &asked(domain)).expect("prepared");
                let map = preparation.event[0];
                let constant = match map.domain {
                    Domain::SoftPositive { scale, .. } | Domain::HeavyTailed { scale, .. } => scale,
                    Domain::Bounded { low, high } => high - low,
                    _ => 1.0,
                };
                let at = |x: f32| {
                    let mut event = [x, 0.0];
                    let mut log_det = [0.0];
                    preparation.events(&mut event, &mut log_det);
                    (f64::from(event[0]), log_det[0] - constant.ln() + map.inv_std.ln())
                };
                for x in raw.iter().take(20) {
                    let (below, above) = (x * 0.99, x * 1.01);
                    let slope = (at(above).0 - at(below).0) / f64::from(above - below);
                    prop_assert!((slope.ln() as f32 - at(*x).1).abs() < 2e-3, "{domain} {x}");
                }
            }
        }
    }
}
