//! Variational posteriors of the targets, and how far they are from the references.

use super::targets::{Banana, EightSchools, Funnel, Logistic, Mixture, moments};
use anyhow::Result;
use flow_embedded::artefact::Activation;
use flow_train::model::{ConditionerSpec, Family, Spec};
use flow_train::posterior::importance::Weights;
use flow_train::posterior::variational::{
    Annealing, Config, Posterior, Recipe, Target, VariationalError, fit,
};
use std::fmt::Write;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Draws that moments are measured on.
pub const DRAWS: usize = 100_000;

/// What makes the page.
const COMMAND: &str = "cargo run --release -p flow-tests --bin posterior";

const PREFACE: &str = "\
## One posterior, by its log-density

`flow_train::posterior::variational` fits a flow to one posterior by reverse Kullback-Leibler divergence with path
gradients. The density is written once, generic over the type of its numbers, and dual numbers find the gradient; or
value and gradient are given. Targets, flows and seeds are in `tests/src/posterior`.

Errors are the largest over the parameters, of 100,000 draws of the artefact as the chip computes them (`f32`), and of
the same draws weighted by smoothed importance: of means in the parameters' own units and in standard deviations, and of
standard deviations. Banana, funnel and mixture have moments that can be computed; those of eight schools and of the
logistic regression (the 683 rows of breastw on 9 features) are from 400,000 draws of NumPyro's NUTS
(`tests/posterior/references.py`, R-hat below 1.0001). The last two rows are flows that can't represent their target.

| target | flow | mean | in sd | sd | mean, weighted | in sd | sd | ELBO, nats | ln evidence | k̂ | effective draws | imbalance | seconds, 2 cores |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// A target and what is to stand for it.
pub struct Case {
    /// As in the references.
    pub name: &'static str,
    /// What it is.
    pub target: Box<dyn Target>,
    /// The flow and its fit.
    pub recipe: Recipe,
}

/// How far a posterior is from the reference, over its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// The largest error of a mean, in the parameter's own units.
    pub mean: f64,
    /// The same in the reference's standard deviations.
    pub mean_in_sd: f64,
    /// The largest relative error of a standard deviation.
    pub sd: f64,
}

impl Errors {
    /// Of moments beside those of the reference.
    pub fn of(moments: &[[f64; 2]], reference: &[[f64; 2]]) -> Self {
        let most = |error: fn([f64; 2], [f64; 2]) -> f64| {
            let pairs = moments.iter().zip(reference);
            // NaN is worse than any number.
            pairs.fold(0.0, |most, (own, known)| match error(*own, *known) {
                own if own <= most => most,
                own => own,
            })
        };
        Self {
            mean: most(|own, known| (own[0] - known[0]).abs()),
            mean_in_sd: most(|own, known| (own[0] - known[0]).abs() / known[1]),
            sd: most(|own, known| (own[1] / known[1] - 1.0).abs()),
        }
    }

    /// Means within 0.1 and standard deviations within 10 %.
    pub fn hold(&self) -> bool {
        self.mean <= 0.1 && self.mean_in_sd <= 0.1 && self.sd <= 0.1
    }
}

impl Case {
    fn new(name: &'static str, target: impl Target + 'static, spec: Spec, config: &Config) -> Self {
        let event = target.parameters().len();
        Self {
            name,
            target: Box::new(target),
            recipe: Recipe {
                name: name.replace(' ', "_"),
                spec: Spec { event, ..spec },
                config: Config {
                    draws: DRAWS,
                    ..config.clone()
                },
                command: COMMAND.into(),
            },
        }
    }

    /// Fits it.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn fit(&self) -> Result<Posterior, VariationalError> {
        let stop = AtomicBool::new(false);
        fit(self.target.as_ref(), &self.recipe, &stop, |_| {})
    }

    /// What its moments should be.
    pub fn reference(&self) -> Vec<[f64; 2]> {
        moments(self.name, self.target.as_ref())
    }

    /// Family, layers and hidden units.
    fn flow(&self) -> String {
        let spec = &self.recipe.spec;
        let hidden: Vec<String> = spec
            .conditioner
            .hidden
            .iter()
            .map(usize::to_string)
            .collect();
        format!(
            "{}, {} × {}",
            spec.family.name(),
            spec.layers,
            hidden.join("-")
        )
    }
}

fn spec(family: Family, layers: usize, hidden: &[usize]) -> Spec {
    let plain = Spec::new(family, 1, 0);
    Spec {
        layers,
        conditioner: ConditionerSpec {
            hidden: hidden.to_vec(),
            activation: Activation::Silu,
            ..plain.conditioner.clone()
        },
        ..plain
    }
}

/// The targets with flows that can come close to them; without that of the recorded rows if they aren't there.
pub fn able() -> Vec<Case> {
    let config = Config {
        steps: 5000,
        ..Config::default()
    };
    let annealing = Some(Annealing {
        start: 0.1,
        share: 0.5,
    });
    let funnel = Spec {
        // The logarithm of a channel's scale is v / 2: 3 at four deviations of v, in either layer.
        log_scale_bound: 6.0,
        ..spec(Family::Maf, 2, &[32, 32])
    };
    let mut cases = vec![
        Case::new(
            "eight schools",
            EightSchools,
            spec(Family::Iaf, 2, &[32, 32]),
            &config,
        ),
        Case::new(
            "banana",
            Banana,
            spec(Family::RealNvp, 4, &[32, 32]),
            &config,
        ),
        Case::new("funnel", Funnel, funnel, &config),
        Case::new(
            "mixture",
            Mixture,
            spec(Family::Nsf, 4, &[32, 32]),
            &Config {
                annealing,
                ..config.clone()
            },
        ),
    ];
    match Logistic::read() {
        Ok(target) => cases.push(Case::new(
            "breastw",
            target,
            spec(Family::Iaf, 2, &[32]),
            &Config {
                steps: 1000,
                batch: 64,
                ..config
            },
        )),
        Err(missing) => eprintln!("without logistic regression: {missing:#}"),
    }
    cases
}

/// Targets with flows that can't come close to them: shifts without scales, one layer that moves one channel.
pub fn unable() -> Vec<Case> {
    vec![
        Case::new(
            "funnel",
            Funnel,
            spec(Family::Nice, 2, &[16]),
            &Config::default(),
        ),
        Case::new(
            "mixture",
            Mixture,
            spec(Family::RealNvp, 1, &[16]),
            &Config::default(),
        ),
    ]
}

/// The section of `docs/posterior.md`.
///
/// # Errors
/// A fit fails.
pub fn section() -> Result<String> {
    let mut text = String::from(PREFACE);
    let mut warnings = String::new();
    for case in able().into_iter().chain(unable()) {
        let start = Instant::now();
        let posterior = case.fit()?;
        let seconds = start.elapsed().as_secs_f64();
        let draws = &posterior.draws;
        let known = case.reference();
        let plain = Errors::of(&draws.moments(), &known);
        let weighted = Errors::of(&draws.weighted_moments(Weights::Smoothed), &known);
        let cells = |errors: Errors| {
            format!(
                "{:.3} | {:.3} | {:.1} %",
                errors.mean,
                errors.mean_in_sd,
                100.0 * errors.sd
            )
        };
        let found = draws.diagnostics();
        writeln!(
            text,
            "| {} | {} | {} | {} | {:.4} ± {:.4} | {:.4} | {:.2} | {:.1} % | {:.3} | {seconds:.1} |",
            case.name,
            case.flow(),
            cells(plain),
            cells(weighted),
            found.elbo.mean,
            found.elbo.stderr,
            found.log_evidence,
            found.pareto_k,
            100.0 * found.effective_draws / DRAWS as f64,
            found.imbalance,
        )?;
        if let Some(warning) = draws.warning() {
            writeln!(warnings, "- {}, {}: {warning}.", case.name, case.flow())?;
        }
    }
    write!(text, "\nWhat the tool says:\n\n{warnings}")?;
    Ok(text)
}
