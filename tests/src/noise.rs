//! How near generated noise comes to a sensor's: trained on the first half of a recording, compared with the second.

use crate::autoregression::Autoregression;
use crate::sensor::{Channel, record};
use anyhow::{Context, Result, ensure};
use flow_embedded::LoadedFlow;
use flow_train::data::{
    ColumnRequest, Columns, CsvFormat, PrepareOptions, Table, load, load_columns,
};
use flow_train::evaluate::Source;
use flow_train::model::Family;
use flow_train::noise::{allan_deviation, allan_error};
use flow_train::train::noise::{FRACTIONS, default_config, default_features, default_spec};
use flow_train::train::{Model, Recipe, train};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Channels that were sampled together, and what explains them.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Name and samples of each channel.
    pub channels: Vec<(String, Vec<f32>)>,
    /// Name and values of the context, if there is one.
    pub context: Option<(String, Vec<f32>)>,
    /// Samples each second.
    pub rate: f64,
}

impl Recorded {
    /// Sensors of known noise at 100 Hz and a temperature that rises and falls eight times.
    pub fn synthetic(rows: usize, seed: u64) -> Self {
        let rate = 100.0;
        let sensors = [Channel::GYROSCOPE, Channel::ACCELEROMETER, Channel::SLOW];
        let own = record(&sensors, rate, rows, rows as f64 / rate / 8.0, seed);
        let names = ["gyroscope", "accelerometer", "slow"].map(str::to_owned);
        Self {
            channels: names.into_iter().zip(own.channels).collect(),
            context: Some(("temperature".into(), own.temperature)),
            rate,
        }
    }

    /// The shared recording of an inertial sensor at rest (imu_tk: 100 Hz, 52 s, 6 channels of counts); nothing where
    /// it is not there.
    pub fn imu() -> Result<Option<Self>> {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/imu_xsens_static.csv");
        if !path.exists() {
            return Ok(None);
        }
        let recording = load(&path, CsvFormat::default(), &ColumnRequest::default())?;
        let data = &recording.data;
        let channel = |(index, name): (usize, &String)| {
            let own = data.events().iter().skip(index).step_by(data.event_dim());
            (name.clone(), own.copied().collect())
        };
        Ok(Some(Self {
            channels: data.event_names().iter().enumerate().map(channel).collect(),
            context: None,
            rate: 100.0,
        }))
    }

    /// Samples of each channel.
    pub fn rows(&self) -> usize {
        self.channels[0].1.len()
    }

    /// The first rows, and the others.
    fn halves(&self) -> [Self; 2] {
        let half = self.rows() / 2;
        [0..half, half..2 * half].map(|rows| {
            let part =
                |(name, own): &(String, Vec<f32>)| (name.clone(), own[rows.clone()].to_vec());
            Self {
                channels: self.channels.iter().map(part).collect(),
                context: self.context.as_ref().map(part),
                rate: self.rate,
            }
        })
    }

    fn columns(&self) -> impl Iterator<Item = &(String, Vec<f32>)> {
        self.channels.iter().chain(&self.context)
    }

    fn csv(&self) -> Result<String> {
        let names: Vec<&str> = self.columns().map(|(name, _)| name.as_str()).collect();
        let mut text = names.join(",") + "\n";
        for row in 0..self.rows() {
            for (index, (_, own)) in self.columns().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                write!(text, "{comma}{}", own[row])?;
            }
            text.push('\n');
        }
        Ok(text)
    }

    /// A model of its noise, as `flow train --noise` makes it.
    pub fn train(&self, seed: u64) -> Result<Vec<u8>> {
        let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
        std::fs::write(file.path(), self.csv()?)?;
        let table = Table::open(file.path(), CsvFormat::default())?;
        let request = ColumnRequest {
            context: self.context.iter().map(|(name, _)| name.clone()).collect(),
            ..ColumnRequest::default()
        };
        let given = request.context.len();
        let features = default_features(self.channels.len(), given, self.rows());
        let features = features.context("a recording long enough")?;
        let columns = Columns::find(&table, &request)?.with_features(features.clone());
        let recording = load_columns(&table, &columns)?;
        let recipe = Recipe {
            name: "noise".into(),
            model: Model::Named {
                spec: default_spec(Family::Maf),
                config: default_config(self.rows()),
            },
            seed,
            features,
            prepare: PrepareOptions {
                infer: false,
                ..PrepareOptions::default()
            },
            fractions: FRACTIONS,
            random_split: false,
            alpha: 0.01,
            dequantise: false,
            noise: true,
            command: String::new(),
        };
        let trained = train(
            file.path(),
            &recording,
            &recipe,
            &AtomicBool::new(false),
            |_| (),
        )?;
        Ok(trained.bytes)
    }

    /// So many samples of each channel from a model, with the context of this recording over and over.
    pub fn generate(&self, model: &[u8], count: usize, seed: u64) -> Result<Vec<Vec<f64>>> {
        let flow = LoadedFlow::from_bytes(model)?;
        let mut source = Source::new(&flow).context("a model of noise")?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let features: Vec<_> = flow.header().features.iter().collect();
        let warm_up = flow_train::data::warm_up(&features);
        let mut series = vec![Vec::with_capacity(count); self.channels.len()];
        for step in 0..warm_up + count {
            let row = (step + self.rows() - warm_up % self.rows()) % self.rows();
            let given: Vec<f32> = self.context.iter().map(|(_, own)| own[row]).collect();
            let sample = source.next(&mut rng, &given)?;
            if step >= warm_up {
                let own = series.iter_mut().zip(sample);
                own.for_each(|(series, x)| series.push(f64::from(*x)));
            }
        }
        Ok(series)
    }
}

/// How far Allan deviations are from that of the second half of a recording: root mean square of log10 of their ratio.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Errors {
    /// The first half's.
    pub real: f64,
    /// Independent Gaussian noise's.
    pub independent: f64,
    /// A Gaussian autoregression's of order 8.
    pub autoregression: f64,
    /// The flow's.
    pub flow: f64,
}

/// Means over seeds, and the largest error of the flow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    /// The means.
    pub mean: Errors,
    /// The flow's at worst.
    pub worst: f64,
}

/// A summary of each channel over ten seeds, on all cores.
pub fn summaries(of: impl Fn(u64) -> Result<Vec<Errors>> + Sync + Send) -> Result<Vec<Summary>> {
    const SEEDS: u64 = 10;
    let all: Vec<Vec<Errors>> = (0..SEEDS).into_par_iter().map(of).collect::<Result<_>>()?;
    let channel = |channel: usize| {
        let own = || all.iter().map(|errors| errors[channel]);
        let mean = |of: fn(&Errors) -> f64| own().map(|own| of(&own)).sum::<f64>() / SEEDS as f64;
        Summary {
            mean: Errors {
                real: mean(|own| own.real),
                independent: mean(|own| own.independent),
                autoregression: mean(|own| own.autoregression),
                flow: mean(|own| own.flow),
            },
            // NaN is worse than any number.
            worst: own()
                .map(|own| own.flow)
                .fold(0.0, |worst, own| if own <= worst { worst } else { own }),
        }
    };
    Ok((0..all[0].len()).map(channel).collect())
}

/// Of the synthetic sensors: a recording of 200,000 rows for each seed, generated noise as long as a half.
pub fn synthetic() -> Result<Vec<Summary>> {
    summaries(|seed| errors(&Recorded::synthetic(200_000, 100 + seed), 1, seed))
}

/// Of the shared recording: generated noise twenty times as long as a half, so that the error is the model's and the
/// recording's.
pub fn measured(recorded: &Recorded) -> Result<Vec<Summary>> {
    summaries(|seed| errors(recorded, 20, seed))
}

/// The errors of each channel. Generated noise is `times` as long as a half: the longer, the less chance is in it.
fn errors(recorded: &Recorded, times: usize, seed: u64) -> Result<Vec<Errors>> {
    let [first, second] = recorded.halves();
    let count = times * first.rows();
    let model = first.train(seed)?;
    let flow = second.generate(&model, count, seed)?;
    let mut errors = Vec::new();
    for (channel, flow) in flow.into_iter().enumerate() {
        let wide = |own: &Recorded| -> Vec<f64> {
            own.channels[channel]
                .1
                .iter()
                .copied()
                .map(f64::from)
                .collect()
        };
        let (first, second) = (wide(&first), wide(&second));
        let allan = |series: Vec<f64>| allan_deviation(&[series], recorded.rate, 1, 0.95);
        let real = allan(second)?;
        let error = |series: Vec<f64>| -> Result<f64> {
            allan_error(&real, &allan(series)?).context("a time in common")
        };
        let autoregression = |order| Autoregression::fit(&first, order).generate(count, seed);
        errors.push(Errors {
            independent: error(autoregression(0))?,
            autoregression: error(autoregression(8))?,
            flow: error(flow)?,
            real: error(first)?,
        });
    }
    ensure!(!errors.is_empty(), "a channel");
    Ok(errors)
}
