//! Whether a sequential promise can stand: are the calibration rows, in the order of their
//! recording, independent of each other and from one distribution?

use super::normal;
use super::statistic::Calibration;
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::fmt;

/// The lags tested together.
const LAGS: usize = 20;

/// A finding is one if it were so rare without cause, over all statistics.
const SIGNIFICANCE: f64 = 0.01;

/// What the calibration rows say about the assumptions of a sequential promise. Its `Display` is
/// the verdict in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Independence {
    /// Calibration rows.
    pub rows: usize,
    /// Independent rows that they are worth: the least over all statistics.
    pub effective: f64,
    /// What they are worth of each statistic.
    pub worth: Vec<f64>,
    /// The statistic that depends most on its own past.
    pub dependence: Finding,
    /// The statistic whose distribution changes most from the first half of the rows to the second.
    pub change: Finding,
}

/// The most suspicious statistic in some respect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The statistic, from 0.
    pub statistic: usize,
    /// How probable so much is without cause, over all statistics (Bonferroni).
    pub p_value: f64,
    /// Dependence: the autocorrelation that is largest in absolute value. Change: the largest
    /// difference of the two distribution functions.
    pub size: f64,
}

impl Finding {
    /// Whether so much is improbable without cause.
    fn is_found(&self) -> bool {
        self.p_value < SIGNIFICANCE
    }
}

impl Independence {
    /// Tests rows in the order of their recording: Ljung & Box (1978) over 20 lags, on the normal
    /// scores of each statistic and on their absolute values, and Kolmogorov & Smirnov on the two
    /// halves, as many rows as they are worth.
    ///
    /// # Panics
    /// If there are no statistics, or fewer than 50 rows ([`MIN_ROWS`](super::MIN_ROWS)).
    pub fn test(calibrations: &[Calibration<'_>]) -> Self {
        let rows = calibrations[0].values.len();
        assert!(
            rows as f64 >= super::MIN_ROWS,
            "{rows} rows are too few to test"
        );
        let claims = calibrations.len() as f64;
        let none = Finding {
            statistic: 0,
            p_value: f64::INFINITY,
            size: 0.0,
        };
        let (mut dependence, mut change) = (none, none);
        let mut each = Vec::new();
        for (statistic, calibration) in calibrations.iter().enumerate() {
            let values = calibration.values;
            for scores in [scores(values), folded(&scores(values))] {
                let correlations: Vec<f64> = (1..=LAGS)
                    .map(|lag| autocorrelation(&scores, lag))
                    .collect();
                let p_value = 2.0 * claims * ljung_box(&correlations, rows);
                if p_value < dependence.p_value {
                    let size = correlations.into_iter().fold(0.0, |most: f64, r| {
                        if r.abs() > most.abs() { r } else { most }
                    });
                    dependence = Finding {
                        statistic,
                        p_value,
                        size,
                    };
                }
            }
            let worth = effective_rows(values);
            each.push(worth);
            let (first, second) = values.split_at(rows / 2);
            let size = largest_difference(first, second);
            let p_value = claims * kolmogorov(size, 0.25 * worth);
            if p_value < change.p_value {
                change = Finding {
                    statistic,
                    p_value,
                    size,
                };
            }
        }
        dependence.p_value = dependence.p_value.min(1.0);
        change.p_value = change.p_value.min(1.0);
        Self {
            rows,
            effective: each.iter().copied().fold(rows as f64, f64::min),
            worth: each,
            dependence,
            change,
        }
    }

    /// Whether nothing speaks against the promise.
    pub fn promise_stands(&self) -> bool {
        !self.dependence.is_found() && !self.change.is_found()
    }
}

impl Independence {
    /// The verdict in a sentence, with a name for each statistic.
    pub fn sentence(&self, name: impl Fn(usize) -> String) -> String {
        let (dependence, change) = (&self.dependence, &self.change);
        match (dependence.is_found(), change.is_found()) {
            (false, false) => format!(
                "the promise stands: in {} calibration rows nothing depends on its past (p = {:.2}), and \
                 nothing changes from the first half to the second (p = {:.2})",
                self.rows, dependence.p_value, change.p_value
            ),
            (true, _) => format!(
                "the promise does not stand: {} depends on its past (autocorrelation {:.2}, {}), \
                 so that {} calibration rows are worth {:.0} and alarms come in bursts; give the model the \
                 samples before as context (flow train --lags), or take samples further apart",
                name(dependence.statistic),
                dependence.size,
                chance(dependence.p_value),
                self.rows,
                self.effective
            ),
            (false, true) => format!(
                "the promise does not stand: the distribution of {} changes from the first half of the \
                 calibration rows to the second (by {:.2}, {}); calibrate on recordings that are as \
                 long and as varied as the use",
                name(change.statistic),
                change.size,
                chance(change.p_value)
            ),
        }
    }

    /// Whether the promise of lines stands, of which `needed` independent ones are enough. Kinds of lines follow each
    /// other in some order, so that they depend on each other; the promise is of lines one by one, and as good as that
    /// of so many independent ones.
    pub fn promise_of_lines_stands(&self, needed: usize) -> bool {
        !self.change.is_found() && self.effective >= needed as f64
    }

    /// The verdict on the lines of a text in a sentence.
    pub fn sentence_of_lines(&self, needed: usize) -> String {
        let (dependence, change) = (&self.dependence, &self.change);
        if change.is_found() {
            return format!(
                "the promise does not stand: the distribution of the log-likelihood changes from the first half of the \
                 calibration lines to the second (by {:.2}, {}); calibrate on logs that are as long and as varied as \
                 the use, without counters",
                change.size,
                chance(change.p_value)
            );
        }
        let order = match dependence.is_found() {
            true => format!(
                "a line depends on those before it (autocorrelation {:.2}, {})",
                dependence.size,
                chance(dependence.p_value)
            ),
            false => format!(
                "no line depends on those before it (p = {:.2})",
                dependence.p_value
            ),
        };
        let worth = format!(
            "{order}, and {} calibration lines are worth {:.0} independent ones",
            self.rows, self.effective
        );
        if !self.promise_of_lines_stands(needed) {
            return format!(
                "the promise does not stand: {worth}, too few where {needed} are needed; calibrate on a longer log"
            );
        }
        format!(
            "{worth}; nothing changes from their first half to the second (p = {:.2})",
            change.p_value
        )
    }
}

/// A small p-value, as far as it can be told from others.
fn chance(p_value: f64) -> String {
    if p_value < 1e-12 {
        "p < 1e-12".to_owned()
    } else {
        format!("p = {p_value:.1e}")
    }
}

impl fmt::Display for Independence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(|statistic| format!("statistic {statistic}")))
    }
}

/// How many independent rows a statistic's rows are worth, in the order of their recording: rows
/// over the autocorrelation time, which sums the initial positive sequence (Geyer 1992), of the
/// normal scores or of their absolute values, whichever is longer. At most the number of rows.
pub fn effective_rows(values: &[f32]) -> f64 {
    let rows = values.len() as f64;
    let scores = scores(values);
    let time = correlation_time(&folded(&scores)).max(correlation_time(&scores));
    rows / time.max(1.0)
}

fn correlation_time(scores: &[f64]) -> f64 {
    let mut time = -1.0;
    for lag in (0..scores.len() / 2).step_by(2) {
        let pair = autocorrelation(scores, lag) + autocorrelation(scores, lag + 1);
        // A pair that isn't positive is noise.
        if pair <= 0.0 {
            break;
        }
        time += 2.0 * pair;
    }
    time
}

/// The normal scores of ranks, equal values sharing one, less their mean.
fn scores(values: &[f32]) -> Vec<f64> {
    let rows = values.len();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut scores = vec![0.0; rows];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = start as f64 + 0.5 * (tied.len() + 1) as f64;
        let score = normal::quantile(rank / (rows + 1) as f64);
        for row in tied {
            scores[*row] = score;
        }
        start += tied.len();
    }
    centred(scores)
}

fn folded(scores: &[f64]) -> Vec<f64> {
    centred(scores.iter().map(|score| score.abs()).collect())
}

fn centred(mut scores: Vec<f64>) -> Vec<f64> {
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    for score in &mut scores {
        *score -= mean;
    }
    scores
}

/// Of centred scores; 0 if they are all equal.
fn autocorrelation(scores: &[f64], lag: usize) -> f64 {
    let variance: f64 = scores.iter().map(|s| s * s).sum();
    let covariance: f64 = scores.iter().zip(&scores[lag..]).map(|(a, b)| a * b).sum();
    if variance > 0.0 {
        covariance / variance
    } else {
        0.0
    }
}

/// How probable autocorrelations as large are for independent rows.
fn ljung_box(correlations: &[f64], rows: usize) -> f64 {
    let n = rows as f64;
    let sum: f64 = correlations
        .iter()
        .enumerate()
        .map(|(index, r)| r * r / (n - 1.0 - index as f64))
        .sum();
    chi_squared_above(n * (n + 2.0) * sum, correlations.len() as f64)
}

/// `P(χ² > value)`.
fn chi_squared_above(value: f64, degrees: f64) -> f64 {
    ChiSquared::new(degrees).map_or(1.0, |distribution| distribution.sf(value))
}

/// The largest difference between two empirical distribution functions.
fn largest_difference(first: &[f32], second: &[f32]) -> f64 {
    let mut all: Vec<(f32, f64)> = first
        .iter()
        .map(|value| (*value, 1.0 / first.len() as f64))
        .chain(
            second
                .iter()
                .map(|value| (*value, -1.0 / second.len() as f64)),
        )
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut difference, mut most) = (0.0, 0.0f64);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        difference += tied.iter().map(|(_, step)| step).sum::<f64>();
        most = most.max(difference.abs());
    }
    most
}

/// How probable a difference as large is without cause, for `n m / (n + m)` independent rows: the
/// limit of Kolmogorov (1933), with the correction of Stephens (1970).
fn kolmogorov(difference: f64, rows: f64) -> f64 {
    let root = rows.sqrt();
    let x = (root + 0.12 + 0.11 / root) * difference;
    // Below, the series converges slowly, to one.
    if x < 0.3 {
        return 1.0;
    }
    let sum: f64 = (1..=20)
        .map(|k| {
            let term = (-2.0 * f64::from(k * k) * x * x).exp();
            if k % 2 == 1 { term } else { -term }
        })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statistic;
    use flow_host::random::Random;

    fn autoregressive(random: &mut Random, rows: usize, phi: f32) -> Vec<f32> {
        let mut value = random.normal();
        (0..rows)
            .map(|_| {
                value = phi * value + (1.0 - phi * phi).sqrt() * random.normal();
                value
            })
            .collect()
    }

    fn test(values: &[f32]) -> Independence {
        let statistic = Statistic::Latent;
        Independence::test(&[Calibration { statistic, values }])
    }

    /// The autocorrelation time of an AR(1) process is (1 + φ) / (1 − φ), that of its absolute value
    /// less.
    #[test]
    fn effective_rows_are_those_of_the_process() {
        let random = &mut Random::new(1);
        for phi in [0.0f32, 0.5, 0.9] {
            let exact = 20_000.0 * f64::from((1.0 - phi) / (1.0 + phi));
            let found = effective_rows(&autoregressive(random, 20_000, phi));
            assert!(
                (found / exact - 1.0).abs() < 0.25,
                "{phi}: {found}, not {exact}"
            );
        }
        // Of one sign or the other, but in bursts.
        let mut scale = 1.0;
        let bursts: Vec<f32> = (0..20_000)
            .map(|row| {
                if row % 50 == 0 {
                    scale = 0.2 + 3.0 * random.uniform() as f32;
                }
                scale * random.normal()
            })
            .collect();
        assert!(effective_rows(&bursts) < 2_000.0);
    }

    /// Two tests that each reject a sound recording with a probability of 0.01 at most: of 400 recordings
    /// at least 378 pass, five standard deviations below the mean. Those at fault don't.
    #[test]
    fn the_verdict_is_right() {
        let random = &mut Random::new(2);
        let sound = (0..400)
            .filter(|_| test(&autoregressive(random, 1_000, 0.0)).promise_stands())
            .count();
        assert!((378..400).contains(&sound), "{sound}");
        let found = test(&autoregressive(random, 1_000, 0.3));
        assert!(!found.promise_stands());
        assert!(found.to_string().contains("depends on its past"), "{found}");
        let mut moved = autoregressive(random, 2_000, 0.0);
        for value in &mut moved[1_000..] {
            *value += 0.15;
        }
        let found = test(&moved);
        assert!(!found.promise_stands(), "{found}");
    }

    #[test]
    fn tails_are_those_of_tables() {
        for (value, degrees, p) in [
            (37.566, 20.0, 0.01),
            (31.410, 20.0, 0.05),
            (19.337, 20.0, 0.5),
        ] {
            let found = chi_squared_above(value, degrees);
            // As many digits as the table has.
            assert!((found / p - 1.0).abs() < 2e-4, "{value}: {found}");
        }
        for (x, p) in [(1.628f64, 0.01), (1.358, 0.05), (0.828, 0.5)] {
            let found = kolmogorov(x / 1e4, 1e8);
            assert!((found / p - 1.0).abs() < 0.02, "{x}: {found}");
        }
    }
}
