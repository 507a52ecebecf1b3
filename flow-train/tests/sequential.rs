//! Sequential tests on simulated streams: the promise over many calibrations, and detection delays
//! beside control charts. Channels are Gaussian AR(1) processes, correlated with each other.

use flow_embedded::detect::evidence::EvidenceTable;
use flow_embedded::detect::{Change, SequentialTest};
use flow_train::calibrate::{
    Calibration, Independence, SequentialDesign, SequentialScheme, Statistic,
};
use flow_train::evaluate::clopper_pearson;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

const CHANNELS: usize = 4;
const STATISTICS: [Statistic; CHANNELS + 1] = [
    Statistic::LogProb,
    Statistic::Latent,
    Statistic::Latent,
    Statistic::Latent,
    Statistic::Latent,
];

type Row = [f32; CHANNELS];
type Test = SequentialTest<{ CHANNELS + 1 }, 64>;

/// Box and Muller's method, half of it.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let mut uniform = || (rng.next_u32() as f32 + 1.0) / 4_294_967_808.0;
    (-2.0 * uniform().ln()).sqrt() * (std::f32::consts::TAU * uniform()).cos()
}

/// Channels of unit variance, of which each has the autocorrelation `phi` at lag 1, and each two the
/// correlation 1/2.
struct Stream {
    rng: ChaCha8Rng,
    phi: f32,
    row: Row,
}

impl Stream {
    fn new(seed: u64, phi: f32) -> Self {
        let mut stream = Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            phi,
            row: [0.0; CHANNELS],
        };
        for _ in 0..100 {
            stream.step();
        }
        stream
    }

    fn step(&mut self) -> Row {
        let common = normal(&mut self.rng);
        for channel in &mut self.row {
            let innovation = 0.5f32.sqrt() * (common + normal(&mut self.rng));
            *channel = self.phi * *channel + (1.0 - self.phi * self.phi).sqrt() * innovation;
        }
        self.row
    }
}

/// What models make of a row: z-scores, and residuals given the row before.
struct Observed {
    scores: Row,
    residuals: Row,
    /// Log-likelihood of the residuals, but for a constant; and their latent coordinates.
    statistics: [f32; CHANNELS + 1],
    /// Squared Mahalanobis distance of the z-scores.
    distance: f32,
}

fn observe(row: Row, before: Row, phi: f32) -> Observed {
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
        distance: whiten(row).iter().map(|z| z * z).sum(),
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
fn record(stream: &mut Stream, rows: usize, phi: f32) -> Vec<Observed> {
    let mut before = stream.step();
    (0..rows)
        .map(|_| {
            let row = stream.step();
            observe(row, std::mem::replace(&mut before, row), phi)
        })
        .collect()
}

fn columns(rows: &[Observed]) -> Vec<Vec<f32>> {
    let column = |index: usize| rows.iter().map(|row| row.statistics[index]).collect();
    (0..STATISTICS.len()).map(column).collect()
}

fn calibrations(columns: &[Vec<f32>]) -> Vec<Calibration<'_>> {
    let pairs = STATISTICS.into_iter().zip(columns);
    pairs
        .map(|(statistic, values)| Calibration { statistic, values })
        .collect()
}

/// The autocorrelation at lag 1, as a model would learn it.
fn learned(stream: &mut Stream, rows: usize) -> f32 {
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

/// 1,000 calibrations, each with a stream up to its first alarm.
#[test]
fn the_promise_is_kept_over_calibrations_and_streams() {
    let (rows, run_length, delta) = (1_000, 500.0, 0.05);
    let scheme = SequentialScheme::new(&STATISTICS, rows, rows as f64, run_length, delta)
        .expect("rows enough");
    for phi in [0.0, 0.8] {
        let runs = 1_000;
        let (mut early, mut samples) = (0, 0u64);
        for run in 0..runs {
            let stream = &mut Stream::new(run, phi);
            let known = learned(stream, 10_000);
            let columns = columns(&record(stream, rows, known));
            let design = scheme
                .calibrate(&calibrations(&columns))
                .expect("as designed");
            let table = design.table();
            let mut test = Test::new();
            let mut before = stream.step();
            let mut wait = 0;
            loop {
                let row = stream.step();
                wait += 1;
                let observed = observe(row, std::mem::replace(&mut before, row), known);
                // Some tables give an alarm once in a million samples.
                if test.observe(&table, &observed.statistics).alarm || wait == 20_000 {
                    break;
                }
            }
            early += u64::from(f64::from(wait) <= 0.1 * run_length);
            samples += u64::from(wait as u32);
        }
        let mean = samples as f64 / runs as f64;
        let (low, high) = clopper_pearson(early, runs, 0.95);
        println!(
            "phi {phi}: mean run {mean:.0} of {run_length} promised ({:.1} times); alarm within a tenth of it: \
             {:.3} [{low:.3}, {high:.3}] of at most 0.1",
            mean / run_length,
            early as f64 / runs as f64
        );
        assert!(high <= 0.1, "phi {phi}: [{low}, {high}]");
        assert!(
            mean >= run_length && mean <= 10.0 * run_length,
            "phi {phi}: {mean}"
        );
    }
}

/// The same stream without its lag modelled breaks the promise, and the tool says so beforehand.
#[test]
fn a_promise_that_can_not_be_kept_is_announced() {
    let columns = columns(&record(&mut Stream::new(1, 0.8), 2_000, 0.0));
    let found = Independence::test(&calibrations(&columns));
    assert!(
        !found.promise_stands() && found.effective < 500.0,
        "{found}"
    );
    let columns = self::columns(&record(&mut Stream::new(1, 0.8), 2_000, 0.8));
    let found = Independence::test(&calibrations(&columns));
    assert!(
        found.promise_stands() && found.effective > 1_500.0,
        "{found}"
    );
}

/// Something that gives an alarm when it reaches a threshold.
trait Chart {
    fn step(&mut self, row: &Observed) -> f32;
    fn reset(&mut self);
}

/// The designed test; its threshold is 1.
struct Ours<'a>(EvidenceTable<'a>, Test);

impl Chart for Ours<'_> {
    fn step(&mut self, row: &Observed) -> f32 {
        self.1.observe(&self.0, &row.statistics).level()
    }
    fn reset(&mut self) {
        self.1.reset();
    }
}

/// Two-sided on each channel (Page 1954), for shifts of one standard deviation.
struct Cusum(fn(&Observed) -> &Row, [[f32; 2]; CHANNELS]);

impl Chart for Cusum {
    fn step(&mut self, row: &Observed) -> f32 {
        let mut most = 0.0f32;
        for (sums, value) in self.1.iter_mut().zip(self.0(row)) {
            sums[0] = (sums[0] + value - 0.5).max(0.0);
            sums[1] = (sums[1] - value - 0.5).max(0.0);
            most = most.max(sums[0]).max(sums[1]);
        }
        most
    }
    fn reset(&mut self) {
        self.1 = Default::default();
    }
}

/// Exponentially weighted means of each channel (Roberts 1959), two-sided.
struct Ewma(fn(&Observed) -> &Row, Row);

impl Chart for Ewma {
    fn step(&mut self, row: &Observed) -> f32 {
        let mut most = 0.0f32;
        for (mean, value) in self.1.iter_mut().zip(self.0(row)) {
            *mean += 0.2 * (value - *mean);
            most = most.max(mean.abs());
        }
        most
    }
    fn reset(&mut self) {
        self.1 = Default::default();
    }
}

struct Mahalanobis(fn(&Observed) -> f32);

impl Chart for Mahalanobis {
    fn step(&mut self, row: &Observed) -> f32 {
        self.0(row)
    }
    fn reset(&mut self) {}
}

fn run_length(chart: &mut dyn Chart, threshold: f32, rows: &[Observed]) -> f64 {
    chart.reset();
    let mut alarms = 0;
    for row in rows {
        if chart.step(row) >= threshold {
            alarms += 1;
            chart.reset();
        }
    }
    rows.len() as f64 / f64::from(alarms.max(1))
}

const FAULTS: [&str; 6] = ["offset", "gain up", "gain down", "stuck", "drift", "noise"];

/// A channel's value under a fault of one of three sizes, `age` samples after its start.
fn faulty(fault: usize, size: usize, age: u32, value: f32, held: f32, rng: &mut ChaCha8Rng) -> f32 {
    match fault {
        0 => value + [0.5, 1.0, 3.0][size],
        1 => value * [1.5, 2.5, 5.0][size],
        2 => value * [0.7, 0.5, 0.2][size],
        // At its last value; there with a little noise; at zero.
        3 => [held, held + 0.05 * normal(rng), 0.0][size],
        4 => value + [0.002, 0.01, 0.05][size] * age as f32,
        _ => value + [0.7, 1.5, 4.0][size] * normal(rng),
    }
}

/// Samples to an alarm after a fault in one channel, which takes turns with `run`; 4,000 at most.
/// `alarm` starts anew after each.
fn wait(
    run: u64,
    phi: f32,
    [fault, size]: [usize; 2],
    mut alarm: impl FnMut(&Observed) -> bool,
) -> u32 {
    let mut stream = Stream::new(1_000 + run, phi);
    let mut rng = ChaCha8Rng::seed_from_u64(50_000 + run);
    for row in record(&mut stream, 200, phi) {
        alarm(&row);
    }
    let channel = run as usize % CHANNELS;
    let mut before = stream.row;
    let held = before[channel];
    for age in 1..=4_000 {
        let mut row = stream.step();
        row[channel] = faulty(fault, size, age, row[channel], held, &mut rng);
        if alarm(&observe(row, before, phi)) {
            return age;
        }
        before = row;
    }
    4_000
}

/// Its mean over 200 runs.
fn delay(chart: &mut dyn Chart, threshold: f32, phi: f32, fault: [usize; 2]) -> f64 {
    let runs = 200;
    let waits = (0..runs).map(|run| {
        chart.reset();
        wait(run, phi, fault, |row| {
            let alarm = chart.step(row) >= threshold;
            if alarm {
                chart.reset();
            }
            alarm
        })
    });
    f64::from(waits.sum::<u32>()) / runs as f64
}

/// The peers have thresholds that give them exactly the run length that ours promises, by simulation
/// from the true process; ours has 5,000 calibration rows and its promise.
#[test]
fn delays_are_below_those_of_control_charts_on_most_faults() {
    let (phi, promised) = (0.7, 10_000.0);
    let mut stream = Stream::new(1, phi);
    let columns = columns(&record(&mut stream, 5_000, phi));
    let design = SequentialDesign::new(&calibrations(&columns), 5_000.0, promised, 0.05)
        .expect("rows enough");
    let table = design.table();
    let rows = record(&mut stream, 1_000_000, phi);
    let none = [0.0; CHANNELS];
    let mut charts: [(&str, Box<dyn Chart + '_>); 7] = [
        ("ours", Box::new(Ours(table, Test::new()))),
        (
            "CUSUM",
            Box::new(Cusum(|row| &row.scores, Default::default())),
        ),
        ("EWMA", Box::new(Ewma(|row| &row.scores, none))),
        ("Mahalanobis", Box::new(Mahalanobis(|row| row.distance))),
        (
            "CUSUM res.",
            Box::new(Cusum(|row| &row.residuals, Default::default())),
        ),
        ("EWMA res.", Box::new(Ewma(|row| &row.residuals, none))),
        (
            "Mahal. res.",
            Box::new(Mahalanobis(|row| -row.statistics[0])),
        ),
    ];
    let thresholds: Vec<f32> = charts
        .iter_mut()
        .enumerate()
        .map(|(index, (name, chart))| {
            let (mut low, mut high) = (0.1f32, 300.0f32);
            for _ in 0..16 {
                let middle = (low * high).sqrt();
                if run_length(chart.as_mut(), middle, &rows) < promised {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let threshold = if index == 0 { 1.0 } else { high };
            let found = run_length(chart.as_mut(), threshold, &rows);
            println!("{name:>12}: threshold {threshold:.3}, run length {found:.0}");
            assert!(
                found >= 0.9 * promised && found <= 4.0 * promised,
                "{name}: {found}"
            );
            threshold
        })
        .collect();
    let mut wins = [0; 7];
    print!("{:>12}", "");
    charts.iter().for_each(|(name, _)| print!("{name:>13}"));
    println!();
    for (fault, name) in FAULTS.iter().enumerate() {
        for size in 0..3 {
            let delays: Vec<f64> = charts
                .iter_mut()
                .zip(&thresholds)
                .map(|((_, chart), threshold)| {
                    delay(chart.as_mut(), *threshold, phi, [fault, size])
                })
                .collect();
            print!("{name:>10} {}", size + 1);
            delays.iter().for_each(|delay| print!("{delay:>13.1}"));
            println!();
            for (wins, delay) in wins.iter_mut().zip(&delays) {
                *wins += u32::from(delays[0] < *delay);
            }
        }
    }
    println!("ours sooner, of 18: {:?}", &wins[1..]);
    for (wins, (name, _)) in wins.iter().zip(&charts).skip(1) {
        assert!(*wins >= 12, "{name}: {wins} of 18");
    }
}

/// The kinds of alarms after faults and ramps. Where lags are modelled, the model follows an offset but
/// for a part of `1 - phi`, and what is left of one standard deviation is as slow to find as a ramp.
#[test]
fn drift_is_told_apart_from_faults() {
    let runs = 200;
    for (phi, run_length) in [(0.0, 1e4), (0.0, 1e6), (0.7, 1e4)] {
        let columns = columns(&record(&mut Stream::new(1, phi), 5_000, phi));
        let design = SequentialDesign::new(&calibrations(&columns), 5_000.0, run_length, 0.05)
            .expect("rows enough");
        let table = design.table();
        println!("phi {phi}, run length {run_length}: alarms that are called drift, in %");
        for (fault, name) in FAULTS.iter().enumerate() {
            let share = |size| {
                let (mut drift, mut alarms) = (0, 0);
                for run in 0..runs {
                    let mut test = Test::new();
                    let mut kind = None;
                    wait(run, phi, [fault, size], |row| {
                        let evidence = test.observe(&table, &row.statistics);
                        kind = evidence
                            .alarm
                            .then(|| Change::of(&evidence, &table, run_length as f32));
                        evidence.alarm
                    });
                    drift += u32::from(kind == Some(Change::Drift));
                    alarms += u32::from(kind.is_some());
                }
                f64::from(drift) / f64::from(alarms)
            };
            let shares: [f64; 3] = std::array::from_fn(share);
            let percent = shares.map(|share| format!("{:6.1}", 100.0 * share));
            println!("{name:>10}{}", percent.concat());
            let [small, middle, large] = shares;
            let clear = match *name {
                // Ramps of 0.002, 0.01 and 0.05 standard deviations a sample: the last is fast.
                "drift" => small >= 0.9 && middle >= 0.6 && (large <= 0.1 || phi > 0.0),
                // Offsets of 1/2, 1 and 3: the first is small.
                "offset" => large <= 0.1 && (middle <= 0.1 || phi > 0.0),
                // A channel that hangs at a usual value is, given the others, a small offset.
                "stuck" => small <= 0.33 && middle <= 0.33 && large <= 0.1,
                _ => shares.iter().all(|share| *share <= 0.1),
            };
            assert!(clear, "phi {phi}, {run_length}: {name} {shares:?}");
        }
    }
}
