//! Sequential tests on simulated streams: the promise over many calibrations, and detection delays
//! beside control charts. Channels are Gaussian AR(1) processes, correlated with each other.

use super::charts::{Cusum, Designed, Ewma, Peer, Shewhart};
use super::faults::{Fault, Sizes};
use crate::detection::charts::Chart;
use crate::sensor::Normals;
use flow_train::calibrate::{
    Calibration, CalibrationTable, SequentialDesign, SequentialScheme, Statistic, clopper_pearson,
};

/// Channels of a stream.
pub const CHANNELS: usize = 4;
/// What the test watches.
pub const STATISTICS: [Statistic; CHANNELS + 1] = [
    Statistic::LogProb,
    Statistic::Latent,
    Statistic::Latent,
    Statistic::Latent,
    Statistic::Latent,
];

/// A sample.
pub type Row = [f32; CHANNELS];

/// Channels of unit variance, of which each has the autocorrelation `phi` at lag 1, and each two the
/// correlation 1/2.
pub struct Stream {
    normals: Normals,
    phi: f32,
    /// The last one.
    pub row: Row,
}

impl Stream {
    /// After a hundred steps.
    pub fn new(seed: u64, phi: f32) -> Self {
        let mut stream = Self {
            normals: Normals::new(seed),
            phi,
            row: [0.0; CHANNELS],
        };
        for _ in 0..100 {
            stream.step();
        }
        stream
    }

    /// The next row.
    pub fn step(&mut self) -> Row {
        let common = self.normals.draw() as f32;
        for channel in &mut self.row {
            let own = self.normals.draw() as f32;
            let innovation = 0.5f32.sqrt() * (common + own);
            *channel = self.phi * *channel + (1.0 - self.phi * self.phi).sqrt() * innovation;
        }
        self.row
    }
}

/// What models make of a row: z-scores, and residuals given the row before.
pub struct Observed {
    /// z-scores.
    pub scores: Row,
    /// Residuals, standardised.
    pub residuals: Row,
    /// Log-likelihood of the residuals, but for a constant; and their latent coordinates.
    pub statistics: [f32; CHANNELS + 1],
    /// Squared Mahalanobis distance of the z-scores, and of the residuals.
    pub distances: [f32; 2],
}

/// What a model that knows the correlations makes of a row, given the one before.
pub fn observe(row: Row, before: Row, phi: f32) -> Observed {
    let scale = (1.0 - phi * phi).sqrt();
    let residuals: Row = std::array::from_fn(|i| (row[i] - phi * before[i]) / scale);
    let latents = whiten(residuals);
    let mut statistics = [0.0; CHANNELS + 1];
    statistics[0] = -0.5 * latents.iter().map(|z| z * z).sum::<f32>();
    statistics[1..].copy_from_slice(&latents);
    Observed {
        scores: row,
        residuals,
        statistics,
        distances: [whiten(row), latents].map(|own| own.iter().map(|z| z * z).sum()),
    }
}

/// Each channel given those before it, standardised: with correlations of 1/2, the mean of channel `k`
/// (from 0) is the sum of those before over `k + 1`, its variance `(k + 2) / (2 k + 2)`.
fn whiten(row: Row) -> Row {
    let mut sum = 0.0;
    std::array::from_fn(|k| {
        let (mean, count) = (sum / (k as f32 + 1.0), k as f32);
        sum += row[k];
        (row[k] - mean) / ((count + 2.0) / (2.0 * count + 2.0)).sqrt()
    })
}

/// So many rows of a stream, observed.
pub fn record(stream: &mut Stream, rows: usize, phi: f32) -> Vec<Observed> {
    let mut before = stream.step();
    (0..rows)
        .map(|_| {
            let row = stream.step();
            observe(row, std::mem::replace(&mut before, row), phi)
        })
        .collect()
}

/// The statistics of some rows, one after another.
pub fn columns(rows: &[Observed]) -> Vec<Vec<f32>> {
    let column = |index: usize| rows.iter().map(|row| row.statistics[index]).collect();
    (0..STATISTICS.len()).map(column).collect()
}

/// As a design takes them.
pub fn calibrations(columns: &[Vec<f32>]) -> Vec<Calibration<'_>> {
    let pairs = STATISTICS.into_iter().zip(columns);
    pairs
        .map(|(statistic, values)| Calibration { statistic, values })
        .collect()
}

/// The autocorrelation at lag 1, as a model would learn it.
pub fn learned(stream: &mut Stream, rows: usize) -> f32 {
    let (mut square, mut product, mut before) = (0.0f64, 0.0f64, stream.step());
    for _ in 0..rows {
        let row = stream.step();
        for (now, then) in row.iter().zip(before) {
            square += f64::from(then * then);
            product += f64::from(now * then);
        }
        before = row;
    }
    (product / square) as f32
}

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// The autocorrelation of each channel, which the model has learnt.
    pub phi: f32,
    /// Alarms of single samples, one after each calibration, and calibrations.
    pub single: [u64; 2],
    /// Streams with an alarm within a tenth of the run length that was promised, and streams.
    pub early: [u64; 2],
    /// Mean samples to an alarm; 20,000 at most.
    pub run_length: f64,
}

impl Kept {
    /// The exact 95 % interval of a share (Clopper & Pearson 1934).
    pub fn interval([count, all]: [u64; 2]) -> (f64, f64) {
        clopper_pearson(count, all, 0.95)
    }
}

/// The promise of single samples.
pub const ALPHA: f64 = 0.01;
/// The promise of streams: false alarms are so many samples apart in the mean, but for a share
/// [`DELTA`] of calibrations.
pub const RUN_LENGTH: f64 = 500.0;
/// See [`RUN_LENGTH`].
pub const DELTA: f64 = 0.05;

/// Calibrates again and again: 10,000 times on 199 rows, of which one more sample is judged alone; and 1,000 times
/// on 1,000 rows, with a stream up to its first alarm.
///
/// # Panics
/// If the design fails.
pub fn kept(phi: f32) -> Kept {
    let mut single = [0, 10_000];
    let stream = &mut Stream::new(7, phi);
    let known = learned(stream, 10_000);
    for _ in 0..single[1] {
        let rows = record(stream, 200, known);
        let log_probs: Vec<f32> = rows.iter().map(|row| row.statistics[0]).collect();
        let (own, calibration) = log_probs.split_last().expect("rows");
        let table = CalibrationTable::new(calibration, ALPHA).expect("rows enough");
        single[0] += u64::from(table.p_value(*own) <= table.alpha());
        // Apart from the next calibration.
        record(stream, 50, known);
    }
    let rows = 1_000;
    let statistics = STATISTICS.map(|own| (own, rows as f64));
    let scheme = SequentialScheme::new(&statistics, rows, RUN_LENGTH, DELTA).expect("rows enough");
    let (mut early, mut samples) = ([0, 1_000], 0u64);
    for run in 0..early[1] {
        let stream = &mut Stream::new(run, phi);
        let known = learned(stream, 10_000);
        let columns = columns(&record(stream, rows, known));
        let design = scheme
            .calibrate(&calibrations(&columns))
            .expect("as designed");
        let mut test = Designed::new(design.table());
        let mut before = stream.step();
        let mut wait = 0u64;
        loop {
            let row = stream.step();
            wait += 1;
            let observed = observe(row, std::mem::replace(&mut before, row), known);
            // Some tables give an alarm once in a million samples.
            if test.step(&observed.statistics) >= 1.0 || wait == 20_000 {
                break;
            }
        }
        early[0] += u64::from(wait as f64 <= 0.1 * RUN_LENGTH);
        samples += wait;
    }
    Kept {
        phi,
        single,
        early,
        run_length: samples as f64 / early[1] as f64,
    }
}

/// Faults of one channel, in its standard deviations.
pub const FAULTS: [Sizes; 6] = [
    (
        "offset",
        [Fault::Offset(0.5), Fault::Offset(1.0), Fault::Offset(3.0)],
    ),
    (
        "gain up",
        [Fault::Gain(1.5), Fault::Gain(2.5), Fault::Gain(5.0)],
    ),
    (
        "gain down",
        [Fault::Gain(0.7), Fault::Gain(0.5), Fault::Gain(0.2)],
    ),
    (
        "stuck",
        [Fault::Stuck(0.0), Fault::Stuck(0.05), Fault::Dead],
    ),
    (
        "drift",
        [Fault::Drift(0.002), Fault::Drift(0.01), Fault::Drift(0.05)],
    ),
    (
        "noise",
        [Fault::Noise(0.7), Fault::Noise(1.5), Fault::Noise(4.0)],
    ),
];

/// Samples to an alarm after a fault in one channel, which takes turns with `run`; 4,000 at most.
/// `alarm` starts anew after each.
pub fn wait(run: u64, phi: f32, fault: Fault, mut alarm: impl FnMut(&Observed) -> bool) -> u32 {
    let mut stream = Stream::new(1_000 + run, phi);
    let normals = &mut Normals::new(50_000 + run);
    for row in record(&mut stream, 200, phi) {
        alarm(&row);
    }
    let channel = run as usize % CHANNELS;
    let mut before = stream.row;
    let held = before[channel];
    for age in 1..=4_000 {
        let mut row = stream.step();
        row[channel] = fault.apply(row[channel], held, age, normals);
        if alarm(&observe(row, before, phi)) {
            return age;
        }
        before = row;
    }
    4_000
}

/// Its mean over 200 runs.
pub fn delay(peer: &mut Peer<'_, Observed>, threshold: f32, phi: f32, fault: Fault) -> f64 {
    let runs = 200;
    let waits = (0..runs).map(|run| {
        peer.chart.reset();
        wait(run, phi, fault, |row| {
            let alarm = peer.step(row) >= threshold;
            if alarm {
                peer.chart.reset();
            }
            alarm
        })
    });
    f64::from(waits.sum::<u32>()) / runs as f64
}

/// Ours, and the charts beside it.
pub const CHARTS: [&str; 7] = [
    "ours",
    "CUSUM",
    "EWMA",
    "Mahalanobis",
    "CUSUM res.",
    "EWMA res.",
    "Mahal. res.",
];

/// Run lengths and delays of ours and of control charts.
#[derive(Debug, Clone, PartialEq)]
pub struct Delays {
    /// In samples, of [`CHARTS`].
    pub run_lengths: [f64; 7],
    /// For each fault and size, in the order of [`FAULTS`], the mean delay of each of [`CHARTS`].
    pub delays: Vec<[f64; 7]>,
}

/// The run length that is promised, and that the charts have.
pub const PROMISED: f64 = 10_000.0;

/// Delays on streams of which each channel has the autocorrelation 0.7. The charts watch z-scores, or the residuals of
/// the model, and have thresholds that give them exactly the run length that ours promises, by simulation from the
/// true process; ours has 5,000 calibration rows and its promise.
///
/// # Panics
/// If the design fails.
pub fn delays() -> Delays {
    let phi = 0.7;
    let mut stream = Stream::new(1, phi);
    let columns = columns(&record(&mut stream, 5_000, phi));
    let design = SequentialDesign::new(&calibrations(&columns), &[5_000.0; 5], PROMISED, DELTA)
        .expect("rows enough");
    let rows = [record(&mut stream, 1_000_000, phi)];
    let scores: fn(&Observed) -> &[f32] = |row| &row.scores;
    let residuals: fn(&Observed) -> &[f32] = |row| &row.residuals;
    let ours = Designed::new(design.table());
    let [name, rest @ ..] = CHARTS;
    let mut charts = [
        Peer::new(name, |row: &Observed| &row.statistics, ours),
        Peer::new(rest[0], scores, Cusum::default()),
        Peer::new(rest[1], scores, Ewma::default()),
        Peer::new(rest[2], |row| &row.distances[..1], Shewhart),
        Peer::new(rest[3], residuals, Cusum::default()),
        Peer::new(rest[4], residuals, Ewma::default()),
        Peer::new(rest[5], |row| &row.distances[1..], Shewhart),
    ];
    let mut index = 0;
    let found = charts.each_mut().map(|peer| {
        let threshold = if index == 0 {
            1.0
        } else {
            peer.tuned(PROMISED, &rows)
        };
        index += 1;
        (threshold, peer.run_length(threshold, &rows))
    });
    let mut delays = Vec::new();
    for fault in FAULTS.into_iter().flat_map(|(_, sizes)| sizes) {
        let mut thresholds = found.iter();
        delays.push(charts.each_mut().map(|peer| {
            let (threshold, _) = thresholds.next().expect("a threshold for each chart");
            delay(peer, *threshold, phi, fault)
        }));
    }
    Delays {
        run_lengths: found.map(|(_, run_length)| run_length),
        delays,
    }
}
