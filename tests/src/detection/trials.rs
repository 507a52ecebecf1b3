//! Faults put into rows that were held out: how soon they are found, and who is to blame.

use super::charts::{Cusum, Designed, Ewma, Peer, Shewhart};
use super::faults::{Fault, Sizes};
use super::sets::{Rows, Set};
use super::subject::{Observed, Promise, Subject};
use crate::sensor::Normals;
use anyhow::{Context, Result, anyhow};
use flow_embedded::LoadedFlow;
use flow_train::calibrate::SequentialDesign;
use flow_train::evaluate::{Scorer, Stream};

/// Faults of one channel that are put in.
pub const FAULTS: [Sizes; 5] = [
    (
        "offset",
        [Fault::Offset(1.0), Fault::Offset(2.0), Fault::Offset(5.0)],
    ),
    (
        "gain",
        [Fault::Gain(1.5), Fault::Gain(2.5), Fault::Gain(5.0)],
    ),
    (
        "stuck",
        [Fault::Stuck(0.0), Fault::Stuck(0.05), Fault::Dead],
    ),
    (
        "drift",
        [Fault::Drift(0.01), Fault::Drift(0.03), Fault::Drift(0.1)],
    ),
    (
        "noise",
        [Fault::Noise(0.7), Fault::Noise(1.5), Fault::Noise(4.0)],
    ),
];

/// Faults of each kind and size: at many times, in each channel in turn.
const RUNS: usize = 45;
/// Samples before a fault, at least and at most.
const BEFORE: [usize; 2] = [30, 100];
/// Samples under a fault, at least and at most: a shorter one says little.
const UNDER: [usize; 2] = [60, 400];

/// The names of the charts, in the order of all figures.
pub const CHARTS: [&str; 5] = ["as promised", "same rate", "CUSUM", "EWMA", "Mahalanobis"];

/// Charts of a set with their thresholds.
pub struct Charts<'a> {
    peers: Vec<Peer<'a, Observed>>,
    thresholds: Vec<f32>,
}

/// The test of calibration rows that gives some rows the promised run length, as thresholds of charts
/// are tuned: the one that is designed for the least.
///
/// # Errors
/// None gives it.
pub fn tuned(
    calibration: &[Vec<Observed>],
    promise: &Promise,
    rows: &[Vec<Observed>],
) -> Result<SequentialDesign> {
    let (mut low, mut high) = (10.0f64, 1e4 * promise.run_length);
    let mut found = None;
    while high / low > 1.1 {
        let middle = (low * high).sqrt();
        let own = Subject::design(calibration, &promise.verdict.worth, middle);
        let run_length = own.as_ref().map(|own| {
            Peer::new(
                "",
                |row: &Observed| &row.statistics,
                Designed::new(own.table()),
            )
            .run_length(1.0, rows)
        });
        match run_length {
            Some(run_length) if run_length < promise.run_length => low = middle,
            Some(_) => (high, found) = (middle, own),
            None => high = middle,
        }
    }
    found.context("no test of these rows has the run length that is promised")
}

impl<'a> Charts<'a> {
    /// Control charts get thresholds that give the calibration rows the run length that is promised;
    /// so does the second of the designed tests, whereas the first has the one of its design.
    pub fn new(
        designs: [&'a SequentialDesign; 2],
        calibration: &[Vec<Observed>],
        run_length: f64,
    ) -> Self {
        let designed = |name, design: &'a SequentialDesign| {
            Peer::new(
                name,
                |row: &Observed| &row.statistics,
                Designed::new(design.table()),
            )
        };
        let scores: fn(&Observed) -> &[f32] = |row| &row.scores;
        let mut peers = vec![
            designed(CHARTS[0], designs[0]),
            designed(CHARTS[1], designs[1]),
            Peer::new(CHARTS[2], scores, Cusum::default()),
            Peer::new(CHARTS[3], scores, Ewma::default()),
            Peer::new(CHARTS[4], |row| &row.distance, Shewhart),
        ];
        let thresholds = peers.iter_mut().enumerate();
        let thresholds = thresholds.map(|(index, peer)| match index {
            0 | 1 => 1.0,
            _ => peer.tuned(run_length, calibration),
        });
        Self {
            thresholds: thresholds.collect(),
            peers,
        }
    }

    /// Alarms of each chart over recordings.
    pub fn alarms(&mut self, recordings: &[Vec<Observed>]) -> Vec<u64> {
        let pairs = self.peers.iter_mut().zip(&self.thresholds);
        pairs
            .map(|(peer, threshold)| peer.alarms(*threshold, recordings))
            .collect()
    }

    /// Mean samples of each chart to an alarm after a fault begins, the sample with the alarm counted;
    /// where there is none until the stream ends, all of them.
    pub fn delays(&mut self, streams: &[Faulty]) -> Vec<f64> {
        let mut samples = vec![0; self.peers.len()];
        for Faulty { before, under } in streams {
            let charts = self
                .peers
                .iter_mut()
                .zip(&self.thresholds)
                .zip(&mut samples);
            for ((peer, threshold), samples) in charts {
                peer.chart.reset();
                for row in before {
                    if peer.step(row) >= *threshold {
                        peer.chart.reset();
                    }
                }
                let found = under.iter().position(|row| peer.step(row) >= *threshold);
                *samples += found.map_or(under.len(), |index| index + 1);
            }
        }
        let mean = |samples| samples as f64 / streams.len() as f64;
        samples.into_iter().map(mean).collect()
    }
}

/// Rows before a fault, and under it.
pub struct Faulty {
    before: Vec<Observed>,
    under: Vec<Observed>,
}

/// Stretches of recordings that a fault begins in, at many times, in each channel in turn.
///
/// # Errors
/// The model can't be loaded.
pub fn faulty(
    set: &Set,
    subject: &Subject,
    recordings: &[Rows],
    fault: Fault,
) -> Result<Vec<Faulty>> {
    let normals = &mut Normals::new(1);
    let long: Vec<&Rows> = recordings
        .iter()
        .filter(|own| own.len() >= BEFORE[0] + UNDER[0])
        .collect();
    let (mut streams, mut lengths) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let recording = long[run % long.len()];
        let last = recording.len() - UNDER[0];
        let start = BEFORE[0] + (normals.uniform() * (last - BEFORE[0]) as f64) as usize;
        let first = start.saturating_sub(BEFORE[1]);
        let end = recording.len().min(start + UNDER[1]);
        let channel = run % set.columns.len();
        let held = subject
            .gaussian
            .score(channel, recording[start - 1][channel]);
        let mut rows: Rows = recording[first..end].to_vec();
        for (age, row) in (1..).zip(&mut rows[start - first..]) {
            let score = subject.gaussian.score(channel, row[channel]);
            let value = fault.apply(score, held, age, normals);
            row[channel] = whole(set, subject.gaussian.value(channel, value));
        }
        streams.push(rows);
        lengths.push(end - start);
    }
    let observed = subject.observe(&streams)?.into_iter().zip(lengths);
    let divided = observed.map(|(mut rows, length)| {
        let under = rows.split_off(rows.len() - length);
        Faulty {
            before: rows,
            under,
        }
    });
    Ok(divided.collect())
}

/// How often the channel that is off by five standard deviations is blamed, up or down, in rows that
/// were held out, of how many: in single rows, and when an offset that stays gives its alarm.
///
/// # Errors
/// The artefact has no test.
pub fn blame(
    set: &Set,
    subject: &Subject,
    artefact: &[u8],
    recordings: &[Rows],
) -> Result<[(u64, u64); 2]> {
    const SIZE: f32 = 5.0;
    let flow = LoadedFlow::from_bytes(artefact).map_err(|fault| anyhow!("{fault}"))?;
    let scorer = Scorer::new(&flow)?;
    let mut stream = Stream::new(&scorer)?;
    let channels = set.columns.len();
    let off = |channel: usize, value: f32, sign: f32| {
        whole(set, value + sign * SIZE * subject.gaussian.std(channel))
    };
    let [mut single, mut alarmed] = [(0, 0); 2];
    let observed = subject.observe(recordings)?;
    for (index, row) in observed.iter().flatten().step_by(7).enumerate() {
        let (channel, sign) = (index % channels, [1.0, -1.0][index / channels % 2]);
        let mut event = row.event.clone();
        event[channel] = off(channel, event[channel], sign);
        let log_prob = scorer.log_probs_of(&event, &row.context)[0];
        single.0 += u64::from(stream.blame(&event, &row.context, log_prob) == channel);
        single.1 += 1;
    }
    // An offset that stays, from the 31st row of a stretch on, in each channel, up and down.
    let mut streams = Vec::new();
    for stretch in recordings
        .iter()
        .flat_map(|own| own.chunks(BEFORE[0] + UNDER[0]))
    {
        for (channel, sign) in (0..channels).flat_map(|own| [(own, 1.0), (own, -1.0)]) {
            let mut rows = stretch.to_vec();
            for row in rows.iter_mut().skip(BEFORE[0]) {
                row[channel] = off(channel, row[channel], sign);
            }
            let under = rows.len().saturating_sub(BEFORE[0]);
            streams.push((rows, channel, under));
        }
    }
    let rows: Vec<Rows> = streams.iter().map(|(rows, ..)| rows.clone()).collect();
    for (rows, (_, channel, under)) in subject.observe(&rows)?.iter().zip(streams) {
        stream.reset();
        let begins = rows.len().saturating_sub(under);
        for (index, row) in rows.iter().enumerate() {
            let (log_prob, latents) = row.statistics.split_at(1);
            let verdict = stream.observe(&row.event, &row.context, log_prob[0], latents);
            if let Some(blamed) = verdict.channel.filter(|_| index >= begins) {
                alarmed.0 += u64::from(blamed == channel);
                alarmed.1 += 1;
                break;
            }
        }
    }
    Ok([single, alarmed])
}

/// A value as the set's sensor would give it.
fn whole(set: &Set, value: f32) -> f32 {
    if set.whole { value.round() } else { value }
}
