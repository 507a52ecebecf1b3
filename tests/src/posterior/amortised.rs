//! Amortised posteriors of two simulators whose posterior is known in closed form and of one whose likelihood is not
//! even known, and what simulation-based calibration says to models that are off.

use super::{fresh, gauss, uniform};
use anyhow::{Result, ensure};
use flow_embedded::{LoadedFlow, Posterior};
use flow_train::data::DomainRequest;
use flow_train::evaluate::Scorer;
use flow_train::posterior::amortised::{Amortised, Settings, Simulator, Variable, amortised};
use flow_train::posterior::sbc::{self, Report, check};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

/// Simulations that each model is trained on.
pub const SIMULATIONS: usize = 20_000;
/// Fresh ones that each is checked on, and how.
pub const FRESH: usize = 1000;
const CHECK: sbc::Settings = sbc::Settings {
    rows: FRESH,
    draws: 99,
    alpha: 0.01,
    seed: 0,
};
/// Observations for which moments are compared, and draws for each.
const COMPARED: usize = 200;
const DRAWS: usize = 1000;
/// The parameters of every simulator here.
const P: usize = 2;
/// Scratch memory of the loaded models, in floats.
const SCRATCH: usize = 1024;

/// The models of the page, trained once by whoever asks first.
pub struct Models {
    /// Of [`LinearGaussian::RIGHT`].
    pub linear: Amortised,
    /// Of [`EightNumbers`].
    pub eight: Amortised,
    /// Of [`Epidemic`].
    pub epidemic: Amortised,
}

/// Trains them with default settings.
///
/// # Panics
/// If training fails, as it does not.
pub fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    let train = |simulator: &dyn Simulator| {
        let settings = Settings {
            simulations: SIMULATIONS,
            check: CHECK,
            ..Settings::default()
        };
        let stop = AtomicBool::new(false);
        amortised(simulator, &settings, &stop, |_| ()).expect("simulators that can be trained on")
    };
    MODELS.get_or_init(|| Models {
        linear: train(&LinearGaussian::RIGHT),
        eight: train(&EightNumbers),
        epidemic: train(&Epidemic),
    })
}

/// A simulator whose posterior is known.
pub trait Known: Simulator {
    /// The log-density of the exact posterior, in nats.
    fn log_posterior(&self, parameters: &[f32], observation: &[f32]) -> f64;

    /// Mean and standard deviation of each parameter under the exact posterior.
    fn moments(&self, observation: &[f32]) -> [(f64, f64); P];
}

/// Two correlated parameters, seen as three sums with normal noise: the posterior is normal.
#[derive(Debug, Clone, Copy)]
pub struct LinearGaussian {
    /// Standard deviation of the noise.
    pub noise: f64,
    /// What is added to each sum.
    pub offset: f64,
}

impl LinearGaussian {
    /// The one that models are trained on.
    pub const RIGHT: Self = Self {
        noise: 0.5,
        offset: 0.0,
    };
    const CORRELATION: f64 = 0.6;
    const SUMS: [[f64; 2]; 3] = [[1.0, 0.5], [-0.3, 1.0], [0.8, -0.8]];

    /// Precision and mean of the posterior.
    fn posterior(&self, observation: &[f32]) -> ([[f64; 2]; 2], [f64; 2]) {
        let scale = 1.0 / (1.0 - Self::CORRELATION * Self::CORRELATION);
        let mut precision = [
            [scale, -Self::CORRELATION * scale],
            [-Self::CORRELATION * scale, scale],
        ];
        let mut pull = [0.0; 2];
        let weight = 1.0 / (self.noise * self.noise);
        for (sum, seen) in Self::SUMS.iter().zip(observation) {
            for row in 0..2 {
                pull[row] += weight * sum[row] * (f64::from(*seen) - self.offset);
                for column in 0..2 {
                    precision[row][column] += weight * sum[row] * sum[column];
                }
            }
        }
        let covariance = inverse(precision);
        let mean = [0, 1].map(|row| covariance[row][0] * pull[0] + covariance[row][1] * pull[1]);
        (precision, mean)
    }
}

fn determinant([[a, b], [c, d]]: [[f64; 2]; 2]) -> f64 {
    a * d - b * c
}

fn inverse(own: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    let scale = 1.0 / determinant(own);
    let [[a, b], [c, d]] = own;
    [[d * scale, -b * scale], [-c * scale, a * scale]]
}

impl Simulator for LinearGaussian {
    fn parameters(&self) -> Vec<Variable> {
        ["a", "b"].map(Variable::new).to_vec()
    }

    fn observation(&self) -> Vec<Variable> {
        ["y0", "y1", "y2"].map(Variable::new).to_vec()
    }

    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
        let (first, second) = (gauss(rng), gauss(rng));
        let rest = (1.0 - Self::CORRELATION * Self::CORRELATION).sqrt();
        parameters.copy_from_slice(&[
            first as f32,
            (Self::CORRELATION * first + rest * second) as f32,
        ]);
    }

    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
        for (seen, sum) in observation.iter_mut().zip(Self::SUMS) {
            let terms = sum.iter().zip(parameters);
            let exact: f64 = terms.map(|(weight, own)| weight * f64::from(*own)).sum();
            *seen = (exact + self.offset + self.noise * gauss(rng)) as f32;
        }
    }
}

impl Known for LinearGaussian {
    fn log_posterior(&self, parameters: &[f32], observation: &[f32]) -> f64 {
        let (precision, mean) = self.posterior(observation);
        let off = [0, 1].map(|row| f64::from(parameters[row]) - mean[row]);
        let square: f64 = (0..2)
            .map(|row| off[row] * (precision[row][0] * off[0] + precision[row][1] * off[1]))
            .sum();
        0.5 * determinant(precision).ln() - std::f64::consts::TAU.ln() - 0.5 * square
    }

    fn moments(&self, observation: &[f32]) -> [(f64, f64); P] {
        let (precision, mean) = self.posterior(observation);
        let covariance = inverse(precision);
        [0, 1].map(|row| (mean[row], covariance[row][row].sqrt()))
    }
}

/// Mean and variance of a normal distribution, of which eight numbers are seen, as their mean and their standard
/// deviation. The prior is conjugate (normal and inverse gamma), so the posterior is known and far from normal.
#[derive(Debug, Clone, Copy)]
pub struct EightNumbers;

impl EightNumbers {
    const NUMBERS: usize = 8;
    /// Of the prior: the weight of its mean 0, in numbers; shape and scale of the variance.
    const KAPPA: f64 = 0.5;
    const SHAPE: usize = 5;
    const SCALE: f64 = 4.0;

    /// The same of the posterior, with its mean in front.
    fn posterior(observation: &[f32]) -> [f64; 4] {
        let [mean, deviation] = [0, 1].map(|place| f64::from(observation[place]));
        let n = Self::NUMBERS as f64;
        let kappa = Self::KAPPA + n;
        let squares = (n - 1.0) * deviation * deviation;
        let scale = Self::SCALE + 0.5 * squares + 0.5 * Self::KAPPA * n * mean * mean / kappa;
        [n * mean / kappa, kappa, Self::SHAPE as f64 + 0.5 * n, scale]
    }
}

impl Simulator for EightNumbers {
    fn parameters(&self) -> Vec<Variable> {
        let positive = DomainRequest::Positive { low: None };
        vec![
            Variable::new("mean"),
            Variable::new("variance").within(positive),
        ]
    }

    fn observation(&self) -> Vec<Variable> {
        let positive = DomainRequest::Positive { low: None };
        vec![
            Variable::new("mean_seen"),
            Variable::new("sd_seen").within(positive),
        ]
    }

    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
        // A gamma number of whole shape is a sum of exponential ones.
        let gamma: f64 = (0..Self::SHAPE).map(|_| -uniform(rng).ln()).sum();
        let variance = Self::SCALE / gamma;
        let mean = (variance / Self::KAPPA).sqrt() * gauss(rng);
        parameters.copy_from_slice(&[mean as f32, variance as f32]);
    }

    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
        let [mean, variance] = [0, 1].map(|place| f64::from(parameters[place]));
        let numbers = [(); Self::NUMBERS].map(|()| mean + variance.sqrt() * gauss(rng));
        let seen = numbers.iter().sum::<f64>() / Self::NUMBERS as f64;
        let squares: f64 = numbers.iter().map(|own| (own - seen).powi(2)).sum();
        let deviation = (squares / (Self::NUMBERS - 1) as f64).sqrt();
        observation.copy_from_slice(&[seen as f32, deviation as f32]);
    }
}

impl Known for EightNumbers {
    fn log_posterior(&self, parameters: &[f32], observation: &[f32]) -> f64 {
        let [mean, kappa, shape, scale] = Self::posterior(observation);
        let [own, variance] = [0, 1].map(|place| f64::from(parameters[place]));
        let of_mean = 0.5 * (kappa / (std::f64::consts::TAU * variance)).ln()
            - 0.5 * kappa * (own - mean).powi(2) / variance;
        let of_variance = shape * scale.ln()
            - libm::lgamma(shape)
            - (shape + 1.0) * variance.ln()
            - scale / variance;
        of_mean + of_variance
    }

    fn moments(&self, observation: &[f32]) -> [(f64, f64); P] {
        let [mean, kappa, shape, scale] = Self::posterior(observation);
        let variance = scale / (shape - 1.0);
        [
            (mean, (variance / kappa).sqrt()),
            (variance, variance / (shape - 2.0).sqrt()),
        ]
    }
}

/// An epidemic among two hundred: who infects whom is a matter of chance, and the number of the infected is known every
/// fourth day. The likelihood would be a sum over all that may have happened in between.
#[derive(Debug, Clone, Copy)]
pub struct Epidemic;

impl Epidemic {
    const PEOPLE: u32 = 200;
    const FIRST: u32 = 5;
    const LOOKS: usize = 5;
    const DAYS: usize = 4;
}

impl Simulator for Epidemic {
    fn parameters(&self) -> Vec<Variable> {
        let positive = DomainRequest::Positive { low: None };
        ["contact", "recovery"]
            .map(|name| Variable::new(name).in_unit("1/day").within(positive))
            .to_vec()
    }

    fn observation(&self) -> Vec<Variable> {
        (1..=Self::LOOKS)
            .map(|look| Variable::new(&format!("day{}", look * Self::DAYS)))
            .collect()
    }

    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
        let contact = 0.5 * (0.4 * gauss(rng)).exp();
        let recovery = 0.15 * (0.3 * gauss(rng)).exp();
        parameters.copy_from_slice(&[contact as f32, recovery as f32]);
    }

    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
        let [contact, recovery] = [0, 1].map(|place| f64::from(parameters[place]));
        let (mut healthy, mut infected) = (Self::PEOPLE - Self::FIRST, Self::FIRST);
        for seen in observation {
            for _ in 0..Self::DAYS {
                let share = f64::from(infected) / f64::from(Self::PEOPLE);
                let caught = binomial(healthy, 1.0 - (-contact * share).exp(), rng);
                let well = binomial(infected, 1.0 - (-recovery).exp(), rng);
                healthy -= caught;
                infected = infected + caught - well;
            }
            *seen = infected as f32;
        }
    }
}

fn binomial(trials: u32, chance: f64, rng: &mut dyn Rng) -> u32 {
    let hits = (0..trials).filter(|_| uniform(rng) < chance);
    hits.count() as u32
}

/// How far a model is from the exact posterior.
#[derive(Debug, Clone, Copy)]
pub struct Distance {
    /// Root mean square error of the mean of each parameter, in standard deviations of the exact posterior.
    pub mean: [f64; P],
    /// Root mean square of the logarithm of the ratio of the standard deviations.
    pub deviation: [f64; P],
    /// What the model loses against the exact posterior on fresh simulations, in nats: the mean Kullback–Leibler
    /// divergence, and its standard error.
    pub nats: (f64, f64),
}

/// Compares a model with the exact posterior on fresh simulations, through the runtime that the chip has.
///
/// # Errors
/// The artefact is not one of the simulator.
pub fn distance<const O: usize>(bytes: &[u8], simulator: &dyn Known) -> Result<Distance> {
    let data = fresh(simulator, FRESH, 77);
    let flow = LoadedFlow::from_bytes(bytes)?;
    let log_probs = Scorer::new(&flow)?.log_probs(&data)?;
    let losses: Vec<f64> = (0..data.rows())
        .map(|row| {
            let exact = simulator.log_posterior(data.event(row), data.context(row));
            exact - f64::from(log_probs[row])
        })
        .collect();
    let lost = flow_train::evaluate::Mean::of(&losses);
    let posterior = Posterior::<_, P, O>::new(flow.shaped::<P, O, SCRATCH>()?);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut mean, mut deviation) = ([0.0; P], [0.0; P]);
    for row in 0..COMPARED {
        let observation = data.context(row).try_into()?;
        let found = posterior.mean_and_sd::<DRAWS>(observation, &mut rng)?;
        let exact = simulator.moments(data.context(row));
        for (channel, (own, (exact_mean, exact_sd))) in found.iter().zip(exact).enumerate() {
            let off = (f64::from(own.mean) - exact_mean) / exact_sd;
            mean[channel] += off * off / COMPARED as f64;
            deviation[channel] += (f64::from(own.sd) / exact_sd).ln().powi(2) / COMPARED as f64;
        }
    }
    Ok(Distance {
        mean: mean.map(f64::sqrt),
        deviation: deviation.map(f64::sqrt),
        nats: (lost.mean, lost.stderr),
    })
}

/// Simulators that a model trained on [`LinearGaussian::RIGHT`] is wrong about, and what is wrong with the model then.
pub const WRONG: [(&str, LinearGaussian); 3] = [
    (
        "a posterior too narrow: the noise is 1.4 times that of the training",
        LinearGaussian {
            noise: 0.7,
            offset: 0.0,
        },
    ),
    (
        "too wide: 0.7 times",
        LinearGaussian {
            noise: 0.35,
            offset: 0.0,
        },
    ),
    (
        "biased: the sums are off by 0.2 of their noise",
        LinearGaussian {
            noise: 0.5,
            offset: 0.1,
        },
    ),
];

/// What a model is checked to be on simulations of another simulator.
///
/// # Errors
/// The artefact is not one of the simulator.
pub fn check_against(bytes: &[u8], simulator: &dyn Simulator) -> Result<Report> {
    let flow = LoadedFlow::from_bytes(bytes)?;
    Ok(check(&flow, &fresh(simulator, FRESH, 99), &CHECK)?)
}

/// The section of `docs/posterior.md`, as Markdown.
///
/// # Errors
/// As [`distance`], or a model that is wrong is not found out.
pub fn section() -> Result<String> {
    let Models {
        linear,
        eight,
        epidemic,
    } = models();
    let mut text = format!(
        "## Simulation-based\n\nAmortised posteriors (`posterior::amortised`, default settings, seed 0) of {SIMULATIONS} \
         simulations, checked on {FRESH} fresh ones. The test: ranks of each parameter and of the density among 99 draws, \
         each against simultaneous bands of its distribution function with an exact p-value, corrected by Holm's method; it \
         fails at 1 %. *Linear*: two correlated parameters in three noisy sums. *Eight numbers*: mean and variance of a normal \
         distribution, by eight numbers from it. *Epidemic*: contact and recovery rate of a chance epidemic among two \
         hundred, whose likelihood is not known (`tests/src/posterior/amortised.rs`).\n\n\
         From a table of simulations, `flow train simulations.csv --columns PARAMETERS --context OBSERVED --split random \
         --family nsf-ar` does the same, and `flow sbc` checks it on fresh ones. On the chip, `flow_embedded::Posterior` has \
         draws, densities, mean and deviation, and intervals; `examples/sensor-calibration` is a whole one.\n\n\
         | | least corrected p | regions of 50, 80, 90 and 95 % hold | contraction | passes |\n|---|---|---|---|---|\n"
    );
    for (name, own) in [
        ("linear", linear),
        ("eight numbers", eight),
        ("epidemic", epidemic),
    ] {
        let Some(check) = &own.check else {
            anyhow::bail!("{name} was not checked");
        };
        writeln!(text, "| {name} | {} |", row(check))?;
    }
    text.push_str(
        "\nBeside the exact posterior, over 200 fresh observations with 1,000 draws each (whose chance alone makes 0.032 \
         of the mean's error and 0.022 of the deviation's): root mean square error of the mean in exact standard \
         deviations, of the logarithm of the standard deviation, and the nats that the model loses on 1,000 fresh \
         simulations.\n\n| | error of means | error of deviations | nats lost |\n|---|---|---|---|\n",
    );
    for (name, own) in [
        (
            "linear",
            distance::<3>(&linear.bytes, &LinearGaussian::RIGHT)?,
        ),
        ("eight numbers", distance::<2>(&eight.bytes, &EightNumbers)?),
    ] {
        let Distance {
            mean,
            deviation,
            nats: (nats, error),
        } = own;
        writeln!(
            text,
            "| {name} | {:.3}, {:.3} | {:.3}, {:.3} | {nats:.3} ± {error:.3} |",
            mean[0], mean[1], deviation[0], deviation[1]
        )?;
    }
    text.push_str(
        "\nThe linear model on simulations that it is wrong about:\n\n| what is wrong | least corrected p | verdict |\n\
         |---|---|---|\n",
    );
    for (name, simulator) in WRONG {
        let report = check_against(&linear.bytes, &simulator)?;
        ensure!(!report.passes, "{name} was not found out");
        writeln!(
            text,
            "| {name} | {} | {} |",
            shown(least(&report)),
            report.faults()
        )?;
    }
    Ok(text)
}

/// The least corrected p-value of a report.
pub fn least(report: &Report) -> f64 {
    let own = report.quantities.iter().map(|own| own.p_value_corrected);
    own.fold(1.0, f64::min)
}

/// A p-value; the smallest have no digits.
fn shown(p_value: f64) -> String {
    match p_value {
        ..1e-12 => "below 1e-12".to_owned(),
        ..0.001 => format!("{p_value:.1e}"),
        _ => format!("{p_value:.3}"),
    }
}

fn row(report: &Report) -> String {
    let held = report.coverage.iter();
    let held: Vec<String> = held
        .map(|own| format!("{:.1} %", 100.0 * own.share))
        .collect();
    let contraction = report.quantities.iter().filter_map(|own| own.contraction);
    let contraction: Vec<String> = contraction.map(|own| format!("{own:.2}")).collect();
    format!(
        "{} | {} | {} | {}",
        shown(least(report)),
        held.join(", "),
        contraction.join(", "),
        if report.passes { "yes" } else { "no" }
    )
}
