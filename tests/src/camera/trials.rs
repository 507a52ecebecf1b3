//! How often faults are found and located by a model of the normal room, beside Mahalanobis' distance.

#[path = "../../../examples/tiny-camera/src/map.rs"]
mod map;

use super::{FRESH, Fault, Frame, PIXELS, SIDE, TRAINING, faulty, normal};
use crate::detection::gaussian::Gaussian;
use anyhow::{Context, Result};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::ShapedFlow;
use flow_train::calibrate::Rate;
use flow_train::evaluate::BatchFlow;
pub use map::Map;
use rayon::prelude::*;
use std::fmt::Write as _;

/// Frames with each fault, and their seed.
const FAULTY: (usize, u64) = (5000, 3);
/// Frames with an alarm whose map is looked at.
const MAPS: usize = 500;
/// Floats of memory that the loader may take for a model: far more than one that fits a chip needs.
const SCRATCH: usize = 8192;

/// A model of normal frames, as the loader evaluates it.
pub type Model<'a> = ShapedFlow<'a, PIXELS, 1, SCRATCH>;

/// Reads a model.
///
/// # Errors
/// If it is none, or not one of such frames.
pub fn load(bytes: &[u8]) -> Result<Model<'_>> {
    Ok(LoadedFlow::from_bytes(bytes)?.shaped()?)
}

/// How a fault fares.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is wrong.
    pub fault: Fault,
    /// Frames with an alarm.
    pub alarms: Rate,
    /// Those by Mahalanobis' distance at the flow's rate of false alarms.
    pub mahalanobis: Rate,
    /// Maps whose foremost pixel has the fault, of frames with an alarm.
    pub located: Option<Rate>,
}

/// What comes of a model.
#[derive(Debug, Clone)]
pub struct Trials {
    /// False alarms on fresh normal frames.
    pub false_alarms: Rate,
    /// Each fault.
    pub faults: Vec<Found>,
    /// Alarms where a pixel has a hot spot of 4 K, by pixel.
    pub by_pixel: Vec<Rate>,
}

impl Trials {
    /// Tries a model on fresh frames and faults.
    ///
    /// # Errors
    /// If the bytes are no calibrated model of frames.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let model = load(bytes)?;
        let flow = LoadedFlow::from_bytes(bytes)?;
        let table = flow.calibration().context("the model is not calibrated")?;
        let batch = BatchFlow::new(&flow);
        let alarms = |frames: &[Frame]| -> Vec<bool> {
            let events: Vec<f32> = frames.iter().flat_map(Frame::above).collect();
            let contexts: Vec<f32> = frames.iter().map(|own| own.ambient).collect();
            let mut log_probs = vec![0.0; frames.len()];
            batch.log_prob(&events, &contexts, &mut log_probs);
            let is_alarm = |log_prob: &f32| table.p_value(*log_prob) <= table.alpha();
            log_probs.iter().map(is_alarm).collect()
        };
        let hits = |alarms: &[bool]| {
            let hits = alarms.iter().filter(|alarm| **alarm).count();
            Rate::new(hits as u64, alarms.len() as u64)
        };
        let fresh = normal(FRESH.0, FRESH.1);
        let false_alarms = hits(&alarms(&fresh));
        let gaussian = Distance::fitted(&normal(TRAINING.0, TRAINING.1));
        let mut distances = gaussian.of(&fresh);
        distances.sort_unstable_by(|a, b| b.total_cmp(a));
        let limit = distances[false_alarms.hits as usize];
        let mut by_pixel = vec![[0, 0]; PIXELS];
        let mut found = |fault: Fault| {
            let (frames, has): (Vec<Frame>, Vec<_>) =
                faulty(fault, FAULTY.0, FAULTY.1).into_iter().unzip();
            let alarms = alarms(&frames);
            if fault == Fault::HotSpot(4.0) {
                for (has, alarm) in has.iter().zip(&alarms) {
                    let [hits, trials] = &mut by_pixel[has[0]];
                    *hits += u64::from(*alarm);
                    *trials += 1;
                }
            }
            let beyond = gaussian.of(&frames).into_iter().map(|own| own > limit);
            let located = (!has[0].is_empty()).then(|| {
                let seen = frames.iter().zip(&has).zip(&alarms);
                let seen: Vec<_> = seen.filter(|(_, alarm)| **alarm).take(MAPS).collect();
                let right = seen.par_iter().map(|((own, has), _)| {
                    has.contains(&Map::of(&model, &own.above(), own.ambient).pixel)
                });
                hits(&right.collect::<Vec<bool>>())
            });
            Found {
                fault,
                alarms: hits(&alarms),
                mahalanobis: hits(&beyond.collect::<Vec<bool>>()),
                located,
            }
        };
        let faults = Fault::ALL.map(&mut found).to_vec();
        let by_pixel = by_pixel.into_iter();
        Ok(Self {
            false_alarms,
            faults,
            by_pixel: by_pixel
                .map(|[hits, trials]| Rate::new(hits, trials))
                .collect(),
        })
    }

    /// As the table of the example's README.
    pub fn table(&self) -> String {
        let share = |own: &Rate| format!("{:.1} %", 100.0 * own.rate);
        let mut text = String::from(
            "| fault | alarms | by Mahalanobis' distance | foremost pixel has it |\n|---|---|---|---|\n",
        );
        for own in &self.faults {
            let located = own.located.as_ref().map_or("—".into(), share);
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {located} |",
                own.fault.name(),
                share(&own.alarms),
                share(&own.mahalanobis)
            );
        }
        let Rate {
            rate,
            interval: (low, high),
            trials,
            ..
        } = self.false_alarms;
        let [rate, low, high] = [rate, low, high].map(|own| 100.0 * own);
        let _ = writeln!(
            text,
            "| none: false alarms | {rate:.2} % ({low:.2} to {high:.2} %, {trials} frames) | {rate:.2} % | |"
        );
        text
    }
}

impl Trials {
    /// Per cent of frames with an alarm, by the pixel that has a hot spot of 4 K.
    pub fn map(&self) -> String {
        let row = |row: &[Rate]| -> String {
            let shares = row.iter().map(|own| format!("{:4.0}", 100.0 * own.rate));
            shares.collect::<String>() + "\n"
        };
        self.by_pixel.chunks(SIDE).map(row).collect()
    }
}

/// The squared Mahalanobis distance of the pixels, given the thermistor.
struct Distance(Gaussian);

impl Distance {
    fn fitted(frames: &[Frame]) -> Self {
        let rows: Vec<Vec<f32>> = frames.iter().map(row).collect();
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        Self(Gaussian::fitted(&rows))
    }

    fn of(&self, frames: &[Frame]) -> Vec<f32> {
        let distance = |frame: &Frame| {
            let row = row(frame).into_iter().enumerate();
            let scores: Vec<f32> = row.map(|(at, x)| self.0.score(at, x)).collect();
            // The thermistor comes first: what is left without its own share is conditional on it.
            self.0.distance(&scores) - scores[0] * scores[0]
        };
        frames.par_iter().map(distance).collect()
    }
}

fn row(frame: &Frame) -> Vec<f32> {
    [&[frame.ambient], frame.pixels.as_slice()].concat()
}
