//! Control charts, and the designed test as one of them.

use flow_embedded::artefact::MAX_CHANNELS;
use flow_embedded::detect::evidence::{EvidenceTable, SequentialTest};

/// Something that gives an alarm when it reaches a threshold.
pub trait Chart {
    /// Takes in what it watches of one sample, and says how far it has come.
    fn step(&mut self, values: &[f32]) -> f32;
    /// Forgets all samples.
    fn reset(&mut self) {}
}

/// A designed test over statistics; its threshold is 1.
pub struct Designed<'a> {
    table: EvidenceTable<'a>,
    test: SequentialTest<{ 1 + MAX_CHANNELS }, 1024>,
}

impl<'a> Designed<'a> {
    /// Nothing seen yet.
    pub fn new(table: EvidenceTable<'a>) -> Self {
        Self {
            table,
            test: SequentialTest::new(),
        }
    }
}

impl Chart for Designed<'_> {
    fn step(&mut self, values: &[f32]) -> f32 {
        let mut statistics = [f32::NAN; 1 + MAX_CHANNELS];
        statistics[..values.len()].copy_from_slice(values);
        self.test.observe(&self.table, &statistics).level()
    }

    fn reset(&mut self) {
        self.test.reset();
    }
}

/// Two-sided on each standardised channel (Page 1954), for shifts of one standard deviation.
#[derive(Default)]
pub struct Cusum(Vec<[f32; 2]>);

impl Chart for Cusum {
    fn step(&mut self, values: &[f32]) -> f32 {
        self.0.resize(values.len(), [0.0; 2]);
        let mut most = 0.0f32;
        for (sums, value) in self.0.iter_mut().zip(values) {
            sums[0] = (sums[0] + value - 0.5).max(0.0);
            sums[1] = (sums[1] - value - 0.5).max(0.0);
            most = most.max(sums[0]).max(sums[1]);
        }
        most
    }

    fn reset(&mut self) {
        self.0.clear();
    }
}

/// Exponentially weighted means of each standardised channel (Roberts 1959), two-sided.
#[derive(Default)]
pub struct Ewma(Vec<f32>);

impl Chart for Ewma {
    fn step(&mut self, values: &[f32]) -> f32 {
        self.0.resize(values.len(), 0.0);
        let mut most = 0.0f32;
        for (mean, value) in self.0.iter_mut().zip(values) {
            *mean += 0.2 * (value - *mean);
            most = most.max(mean.abs());
        }
        most
    }

    fn reset(&mut self) {
        self.0.clear();
    }
}

/// One number as it is, such as a squared Mahalanobis distance (Hotelling 1947).
pub struct Shewhart;

impl Chart for Shewhart {
    fn step(&mut self, values: &[f32]) -> f32 {
        values[0]
    }
}

/// A chart, and what it watches of a sample `R`.
pub struct Peer<'a, R> {
    /// For a table.
    pub name: &'static str,
    /// What it watches.
    pub input: fn(&R) -> &[f32],
    /// The chart.
    pub chart: Box<dyn Chart + 'a>,
}

impl<'a, R> Peer<'a, R> {
    /// A chart that has seen nothing.
    pub fn new(name: &'static str, input: fn(&R) -> &[f32], chart: impl Chart + 'a) -> Self {
        Self {
            name,
            input,
            chart: Box::new(chart),
        }
    }

    /// How far it has come with this sample.
    pub fn step(&mut self, row: &R) -> f32 {
        self.chart.step((self.input)(row))
    }

    /// Alarms over recordings, each of which starts anew.
    pub fn alarms(&mut self, threshold: f32, recordings: &[Vec<R>]) -> u64 {
        let mut alarms = 0;
        for recording in recordings {
            self.chart.reset();
            for row in recording {
                if self.step(row) >= threshold {
                    alarms += 1;
                    self.chart.reset();
                }
            }
        }
        alarms
    }

    /// Samples for each alarm; all of them without any.
    pub fn run_length(&mut self, threshold: f32, recordings: &[Vec<R>]) -> f64 {
        let samples: usize = recordings.iter().map(Vec::len).sum();
        samples as f64 / self.alarms(threshold, recordings).max(1) as f64
    }

    /// The lowest threshold, to a part in a thousand, that gives these recordings so many samples an
    /// alarm.
    pub fn tuned(&mut self, run_length: f64, recordings: &[Vec<R>]) -> f32 {
        let (mut low, mut high) = (0.01f32, 10_000.0f32);
        while high / low > 1.001 {
            let middle = (low * high).sqrt();
            if self.run_length(middle, recordings) < run_length {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}
