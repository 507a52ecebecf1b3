//! The digits of 8×8 pixels (UCI, as packed by scikit-learn) and the model of them.

use anyhow::{Context, Result, ensure};
use flow_embedded::artefact::LoadedFlow;
use flow_train::data::{CleaningReport, Dataset, Fractions, PrepareOptions, Recording};
use flow_train::evaluate::BatchFlow;
use flow_train::fit::Config;
use flow_train::model::{ConditionerSpec, Family, ImageSpec, Spec};
use flow_train::train::{Model, Recipe, Trained, train};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use xtask::workspace;

/// Pixels of an image.
pub const PIXELS: usize = 64;
/// Classes, one context channel each.
const CLASSES: usize = 10;

/// The rows by the file's own split, which is stratified: 0 to test, all others to train. The class is the context.
#[derive(Debug)]
pub struct Digits {
    /// To train, to choose the checkpoint, to calibrate.
    pub training: Dataset,
    /// The classes of these rows.
    pub training_labels: Vec<u8>,
    /// To test.
    pub test: Dataset,
    /// The classes of these rows.
    pub test_labels: Vec<u8>,
}

impl Digits {
    /// Reads the shared file; nothing where it is not there.
    ///
    /// # Errors
    /// The file is not what it was.
    pub fn read() -> Result<Option<Self>> {
        let path = workspace::root().join("../shared/data/digits8x8.csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Ok(None);
        };
        let pixels = (0..PIXELS).map(|pixel| format!("p{pixel}")).collect();
        let classes = (0..CLASSES).map(|class| format!("c{class}")).collect();
        let empty = Dataset::new(pixels, classes);
        let mut own = Self {
            training: empty.clone(),
            training_labels: Vec::new(),
            test: empty,
            test_labels: Vec::new(),
        };
        for line in text.lines().skip(1) {
            let numbers = line.split(',').map(str::parse::<f32>);
            let numbers: Vec<f32> = numbers.collect::<Result<_, _>>().context("a number")?;
            ensure!(
                numbers.len() == PIXELS + 2,
                "{PIXELS} pixels, split and class"
            );
            let (pixels, rest) = numbers.split_at(PIXELS);
            let label = rest[1] as u8;
            let mut class = [0.0; CLASSES];
            class[usize::from(label)] = 1.0;
            let (rows, labels) = match rest[0] {
                0.0 => (&mut own.test, &mut own.test_labels),
                _ => (&mut own.training, &mut own.training_labels),
            };
            rows.push(pixels, &class);
            labels.push(label);
        }
        Ok(Some(own))
    }

    /// The class that most of the five nearest training images have; of several the nearest one's.
    #[must_use]
    pub fn nearest(&self, image: &[f32]) -> u8 {
        let distance = |other: &[f32]| -> f32 {
            let pairs = image.iter().zip(other);
            pairs.map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let images = self.training.events().chunks_exact(PIXELS);
        let mut near: Vec<(f32, u8)> = images
            .zip(&self.training_labels)
            .map(|(other, label)| (distance(other), *label))
            .collect();
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        near.truncate(5);
        let votes = |class: u8| near.iter().filter(|(_, label)| *label == class).count();
        let best = near.iter().rev().max_by_key(|(_, label)| votes(*label));
        best.map_or(0, |(_, label)| *label)
    }

    /// The command that trains the same model, for the page.
    #[must_use]
    pub fn command() -> &'static str {
        "flow train digits.csv -o digits.flow --columns p0,…,p63 --context c0,…,c9 --split random \\
    --domain '*=bounded:0:16' --step '*=1' --family nsf --image 8x8 --layers 4 --hidden 16,16 --bins 5 --linear \\
    --smoothing 0.1 --learning-rate 0.01 --weight-decay 0.5 --average 0.995 --epochs 80 --patience 80"
    }

    /// Trains the model, with a dequantiser on request.
    ///
    /// # Errors
    /// As [`train`].
    pub fn train(&self, dequantise: bool, seed: u64) -> Result<Trained> {
        let plain = Spec::new(Family::Nsf, PIXELS, CLASSES);
        let spec = Spec {
            layers: 4,
            conditioner: ConditionerSpec {
                hidden: vec![16, 16],
                ..plain.conditioner.clone()
            },
            bins: 5,
            linear: true,
            image: Some(ImageSpec::new(8, 8)),
            ..plain
        };
        let config = Config {
            epochs: 80,
            patience: 80,
            learning_rate: 0.01,
            weight_decay: 0.5,
            average: 0.995,
            noise: 0.1,
            ..Config::default()
        };
        let of_all = |value: &str| -> Vec<(String, String)> {
            let names = self.training.event_names().iter();
            names.map(|name| (name.clone(), value.to_owned())).collect()
        };
        let domains = of_all("bounded:0:16").into_iter();
        let recipe = Recipe {
            name: "digits".into(),
            model: Model::Named { spec, config },
            seed,
            features: Vec::new(),
            prepare: PrepareOptions {
                domains: domains
                    .map(|(name, domain)| Ok((name, domain.parse()?)))
                    .collect::<Result<_>>()?,
                steps: of_all("1")
                    .into_iter()
                    .map(|(name, _)| (name, 1.0))
                    .collect(),
                ..PrepareOptions::default()
            },
            fractions: Fractions::default(),
            random_split: true,
            alpha: 0.01,
            noise: false,
            dequantise,
            command: Self::command().into(),
        };
        let recording = Recording {
            data: self.training.clone(),
            anomalies: None,
            groups: None,
            weights: None,
            report: CleaningReport::default(),
            has_header: true,
        };
        let go = AtomicBool::new(false);
        Ok(train(
            Path::new("digits8x8.csv"),
            &recording,
            &recipe,
            &go,
            |_| (),
        )?)
    }
}

/// An image for each row's class, rounded as the pixels are, row-major.
///
/// # Errors
/// The artefact can't be loaded.
pub fn draw(model: &[u8], rows: &Dataset, seed: u64) -> Result<Vec<f32>> {
    let flow = LoadedFlow::from_bytes(model)?;
    let mut images = vec![0.0; rows.rows() * PIXELS];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    BatchFlow::new(&flow).sample(&mut rng, rows.contexts(), &mut images);
    images
        .chunks_exact_mut(PIXELS)
        .for_each(|image| flow.round_to_grid(image));
    Ok(images)
}
