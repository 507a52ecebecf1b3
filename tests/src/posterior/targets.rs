//! Log-densities whose moments are known, exactly or from long runs of NUTS (`tests/posterior/references.py`).

use anyhow::{Context, Result};
use flow_train::posterior::variational::{LogDensity, Number, Parameter, Target};
use std::collections::BTreeMap;
use std::f64::consts::{LN_2, PI};
use std::fs;
use std::path::PathBuf;

/// What `tests/posterior/references.py` found.
const REFERENCES: &str = include_str!("../../posterior/references.json");

/// The row of one parameter there.
#[derive(Debug, serde::Deserialize)]
pub struct Reference {
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
    /// Monte Carlo standard error of the mean.
    pub mcse_mean: f64,
    /// And of the standard deviation.
    pub mcse_sd: f64,
    /// Split R-hat.
    pub r_hat: f64,
}

/// The long run of one target, by its parameters' names.
pub fn references(target: &str) -> BTreeMap<String, Reference> {
    let mut all: BTreeMap<String, BTreeMap<String, Reference>> =
        serde_json::from_str(REFERENCES).expect("the references");
    all.remove(target).expect("a target of the references")
}

/// Mean and standard deviation of each of a target's parameters: as they are where they can be computed, else by
/// the long run.
pub fn moments(name: &str, target: &dyn Target) -> Vec<[f64; 2]> {
    match name {
        "banana" => vec![[0.0, 10.0], [0.0, 19f64.sqrt()]],
        "funnel" => {
            let x = [0.0, (0.5 * Funnel::DEVIATION.powi(2)).exp().sqrt()];
            [vec![[0.0, Funnel::DEVIATION]], vec![x; Funnel::CHANNELS]].concat()
        }
        "mixture" => vec![[0.4, 4.64f64.sqrt()], [0.2, 1.58f64.sqrt()]],
        name => {
            let found = references(name);
            let own = target.parameters().into_iter();
            own.map(|parameter| [found[&parameter.name].mean, found[&parameter.name].sd])
                .collect()
        }
    }
}

/// `-(x / deviation)^2 / 2`.
fn normal<N: Number>(x: N, deviation: f64) -> N {
    (x / deviation).powi(2) * -0.5
}

/// The effects of coaching in eight schools (Rubin 1981), by the deviations of their means from the common one
/// (non-centred).
pub struct EightSchools;

impl LogDensity for EightSchools {
    fn parameters(&self) -> Vec<Parameter> {
        let spread = Parameter::new("tau", "soft-positive:0:5".parse().expect("a domain"));
        let schools = (0..8).map(|school| Parameter::real(&format!("theta[{school}]")));
        [Parameter::real("mu"), spread]
            .into_iter()
            .chain(schools)
            .collect()
    }

    fn log_density<N: Number>(&self, parameters: &[N]) -> N {
        const EFFECT: [f64; 8] = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
        const ERROR: [f64; 8] = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
        let (mu, tau) = (parameters[0], parameters[1]);
        // A half-Cauchy prior of scale 5.
        let mut sum = normal(mu, 5.0) - ((tau / 5.0).powi(2) + 1.0).ln();
        for (&theta, (effect, error)) in parameters[2..].iter().zip(EFFECT.into_iter().zip(ERROR)) {
            sum += normal(theta, 1.0) + normal(mu + tau * theta - effect, error);
        }
        sum
    }
}

/// A twisted normal (Haario, Saksman & Tamminen 1999).
pub struct Banana;

impl LogDensity for Banana {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("x"), Parameter::real("y")]
    }

    fn log_density<N: Number>(&self, parameters: &[N]) -> N {
        let (x, y) = (parameters[0], parameters[1]);
        normal(x, 10.0) + normal(y - (x.powi(2) - 100.0) * 0.03, 1.0)
    }
}

/// A funnel after Neal (2003): channels whose variance is `e^v`, with v normal. Neal's deviation of v is 3; then a
/// deviation of the channels that is known to 3 % takes 27 million independent draws, of any sampler. With 1.5 it
/// takes thirty thousand.
pub struct Funnel;

impl Funnel {
    /// Of v.
    pub const DEVIATION: f64 = 1.5;
    /// Beside v.
    pub const CHANNELS: usize = 4;
}

impl LogDensity for Funnel {
    fn parameters(&self) -> Vec<Parameter> {
        let channels = (0..Self::CHANNELS).map(|channel| Parameter::real(&format!("x[{channel}]")));
        [Parameter::real("v")].into_iter().chain(channels).collect()
    }

    fn log_density<N: Number>(&self, parameters: &[N]) -> N {
        let v = parameters[0];
        let squares: N = parameters[1..].iter().map(|x| *x * *x).sum();
        normal(v, Self::DEVIATION) - squares * (-v).exp() * 0.5 - v * (0.5 * Self::CHANNELS as f64)
    }
}

/// Two correlated normals, four to five deviations apart; normalised.
pub struct Mixture;

impl LogDensity for Mixture {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("x[0]"), Parameter::real("x[1]")]
    }

    fn log_density<N: Number>(&self, parameters: &[N]) -> N {
        let part = |weight: f64, mean: [f64; 2], [a, b, c]: [f64; 3]| {
            let (x, y) = (parameters[0] - mean[0], parameters[1] - mean[1]);
            let determinant = a * c - b * b;
            let square = (x * x * c - x * y * (2.0 * b) + y * y * a) / determinant;
            square * -0.5 + (weight.ln() - 0.5 * determinant.ln() - LN_2 - PI.ln())
        };
        let one = part(0.4, [-2.0, -1.0], [0.5, 0.3, 0.8]);
        let other = part(0.6, [2.0, 1.0], [1.0, -0.4, 0.5]);
        let (more, less) = if one > other {
            (one, other)
        } else {
            (other, one)
        };
        more + ((less - more).exp() + 1.0).ln()
    }
}

/// Logistic regression of the label of breastw on its nine features, with an intercept and a prior of N(0, 2.5²) on
/// each coefficient; the gradient is by hand.
pub struct Logistic {
    /// The intercept's 1 and the standardised features of each row.
    rows: Vec<[f64; 10]>,
    malignant: Vec<bool>,
}

impl Logistic {
    /// Where the table lies; it is not part of the repository.
    pub fn path() -> PathBuf {
        xtask::workspace::root().join("../shared/data/breastw.csv")
    }

    /// Reads the table.
    ///
    /// # Errors
    /// It isn't there, or not the one that is known.
    pub fn read() -> Result<Self> {
        let path = Self::path();
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} can't be read", path.display()))?;
        let (mut rows, mut malignant) = (Vec::new(), Vec::new());
        for line in text.lines().skip(1) {
            let cells: Vec<f64> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
            let (features, rest) = cells.split_at_checked(9).context("nine features")?;
            let mut row = [1.0; 10];
            row[1..].copy_from_slice(features);
            rows.push(row);
            malignant.push(rest.first() == Some(&1.0));
        }
        let count = rows.len() as f64;
        for feature in 1..10 {
            let column = || rows.iter().map(|row| row[feature]);
            let mean = column().sum::<f64>() / count;
            let variance = column().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let scale = variance.sqrt().recip();
            rows.iter_mut()
                .for_each(|row| row[feature] = (row[feature] - mean) * scale);
        }
        Ok(Self { rows, malignant })
    }

    /// Each row, 1 for the intercept before its standardised features, and whether it is malignant.
    pub fn rows(&self) -> impl Iterator<Item = (&[f64; 10], bool)> {
        self.rows.iter().zip(self.malignant.iter().copied())
    }
}

impl Target for Logistic {
    fn parameters(&self) -> Vec<Parameter> {
        (0..10)
            .map(|index| Parameter::real(&format!("beta[{index}]")))
            .collect()
    }

    fn value_and_gradient(&self, beta: &[f64], gradient: &mut [f64]) -> f64 {
        const PRIOR: f64 = 2.5;
        let mut value = 0.0;
        for (gradient, beta) in gradient.iter_mut().zip(beta) {
            value -= 0.5 * (beta / PRIOR).powi(2);
            *gradient = -beta / PRIOR.powi(2);
        }
        for (row, malignant) in self.rows() {
            let logit: f64 = row.iter().zip(beta).map(|(x, beta)| x * beta).sum();
            let signed = if malignant { logit } else { -logit };
            let tail = (-signed.abs()).exp();
            value += signed.min(0.0) - tail.ln_1p();
            // The probability of the other label.
            let other = if signed > 0.0 { tail } else { 1.0 } / (1.0 + tail);
            let slope = if malignant { other } else { -other };
            for (gradient, x) in gradient.iter_mut().zip(row) {
                *gradient += slope * x;
            }
        }
        value
    }
}
