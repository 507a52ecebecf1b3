//! Posteriors by reverse KL: what is promised beyond the figures of `docs/posterior.md`.

use flow_artefact::Draft;
use flow_data::DomainRequest;
use flow_embedded::artefact::LoadedFlow;
use flow_fit::Stop;
use flow_model::{BaseSpec, ConditionerSpec, Family, Spec};
use flow_posterior::importance::Weights;
use flow_posterior::variational::{
    Annealing, Config, LogDensity, Number, Parameter, Posterior, Recipe, Target, VariationalError,
    Warning, fit,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn recipe(family: Family, event: usize) -> Recipe {
    let plain = Spec::new(family, event, 0);
    Recipe {
        name: "posterior".into(),
        spec: Spec {
            layers: 2,
            bins: 6,
            conditioner: ConditionerSpec {
                hidden: vec![16],
                ..plain.conditioner.clone()
            },
            ..plain
        },
        config: Config {
            steps: 600,
            batch: 64,
            learning_rate: 1e-2,
            reports: 6,
            draws: 20_000,
            threads: 1,
            ..Config::default()
        },
        command: "test".into(),
    }
}

fn run(target: &dyn Target, recipe: &Recipe) -> Result<Posterior, VariationalError> {
    fit(target, recipe, &AtomicBool::new(false), |_| {})
}

fn domain(name: &str, domain: &str) -> Parameter {
    Parameter::new(name, domain.parse().expect("a domain"))
}

/// A normal of the deviations 3 and 0.01 with the correlation 0.8, far from 0; it integrates to 1.
struct Correlated;

impl LogDensity for Correlated {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("a"), Parameter::real("b")]
    }

    fn log_density<N: Number>(&self, x: &[N]) -> N {
        let (a, b) = ((x[0] - 40.0) / 3.0, (x[1] + 1.0) / 0.01);
        let square = (a * a - a * b * 1.6 + b * b) / 0.36;
        square * -0.5 - (std::f64::consts::TAU * 3.0 * 0.01 * 0.6).ln()
    }
}

/// One density of each domain, all of them normalised, with means and deviations from tables.
struct Domains;

impl LogDensity for Domains {
    fn parameters(&self) -> Vec<Parameter> {
        vec![
            domain("gamma", "positive"),
            domain("normal", "heavy-tailed:0:1"),
            domain("beta", "bounded:0:1"),
            domain("exponential", "soft-positive:2:0.5"),
            domain("von mises", "circular:0:360"),
        ]
    }

    fn log_density<N: Number>(&self, x: &[N]) -> N {
        use std::f64::consts::TAU;
        // Gamma(4, 2), N(0, 1), Beta(2, 3), 2 + Exp(1); von Mises of concentration 2 in degrees, I0(2) = 2.27958530.
        let gamma = x[0].ln() * 3.0 - x[0] * 2.0 + (16.0f64 / 6.0).ln();
        let normal = x[1] * x[1] * -0.5 - 0.5 * TAU.ln();
        let beta = x[2].ln() + (-x[2] + 1.0).ln() * 2.0 + 12f64.ln();
        let exponential = -x[3] + 2.0;
        let angle = (x[4] * (TAU / 360.0)).cos() * 2.0 - (360.0 * 2.279_585_302_336_067f64).ln();
        gamma + normal + beta + exponential + angle
    }
}

#[test]
fn the_jacobian_of_every_domain_is_part_of_the_density() {
    let mut recipe = recipe(Family::NsfAr, 5);
    recipe.config.steps = 1500;
    let found = run(&Domains, &recipe).expect("a posterior");
    let diagnostics = found.draws.diagnostics();
    // They integrate to 1, and the flow comes close.
    assert!(diagnostics.log_evidence.abs() < 0.01, "{diagnostics:?}");
    assert!(
        (-0.05..0.005).contains(&diagnostics.elbo.mean),
        "{diagnostics:?}"
    );
    let known = [[2.0, 1.0], [0.0, 1.0], [0.4, 0.2], [3.0, 1.0]];
    for moments in [
        found.draws.moments(),
        found.draws.weighted_moments(Weights::Smoothed),
    ] {
        for (own, known) in moments.iter().zip(known) {
            assert!(
                (own[0] - known[0]).abs() < 0.1 * known[1],
                "{own:?} {known:?}"
            );
            assert!((own[1] / known[1] - 1.0).abs() < 0.1, "{own:?} {known:?}");
        }
    }
    let values = found.draws.values().chunks_exact(5);
    assert!(values.clone().all(|row| row[0] > 0.0 && row[3] > 2.0));
    assert!(values.clone().all(|row| row[2] > 0.0 && row[2] < 1.0));
    // The mean resultant length of a von Mises distribution is I1(k) / I0(k).
    let cosines = values.map(|row| f64::from(row[4]).to_radians().cos());
    let length = cosines.sum::<f64>() / 20_000.0;
    assert!((length - 0.6978).abs() < 0.02, "{length}");
}

#[test]
fn every_family_and_base_finds_place_scale_and_correlation() {
    for (family, base) in [
        (Family::Nice, BaseSpec::Normal),
        (Family::RealNvp, BaseSpec::Logistic),
        (Family::Nsf, BaseSpec::Normal),
        (
            Family::Maf,
            BaseSpec::Contaminated {
                share: 0.1,
                scale: 2.0,
            },
        ),
        (Family::Iaf, BaseSpec::Laplace),
        (
            Family::NsfAr,
            BaseSpec::StudentT {
                degrees_of_freedom: 8.0,
            },
        ),
    ] {
        let mut recipe = recipe(family, 2);
        recipe.spec.base = base;
        let found = run(&Correlated, &recipe).expect("a posterior");
        let weighted = found.draws.weighted_moments(Weights::Smoothed);
        for moments in [found.draws.moments(), weighted] {
            for (own, known) in moments.iter().zip([[40.0, 3.0], [-1.0, 0.01]]) {
                assert!(
                    (own[0] - known[0]).abs() < 0.1 * known[1],
                    "{family:?} {own:?}"
                );
                assert!((own[1] / known[1] - 1.0).abs() < 0.1, "{family:?} {own:?}");
            }
        }
        let diagnostics = found.draws.diagnostics();
        assert!(diagnostics.elbo.mean > -0.1, "{family:?} {diagnostics:?}");
        assert!(diagnostics.effective_draws > 10_000.0, "{family:?}");
    }
}

#[test]
fn the_bytes_come_from_the_recipe_whatever_the_threads() {
    let with = |seed, threads| {
        let mut recipe = recipe(Family::RealNvp, 2);
        recipe.config = Config {
            steps: 50,
            seed,
            threads,
            annealing: Some(Annealing {
                start: 0.3,
                share: 0.5,
            }),
            ..recipe.config
        };
        let found = run(&Correlated, &recipe).expect("a posterior");
        (found.bytes, found.draws.log_ratios().to_vec())
    };
    let one = with(1, 1);
    assert_eq!(one, with(1, 2));
    assert_ne!(one.0, with(2, 1).0);
    let flow = LoadedFlow::from_bytes(&one.0).expect("an artefact");
    let draft = Draft::from_loaded(&flow);
    assert_eq!(
        (draft.seed, draft.rows, draft.name.as_str()),
        (1, 0, "posterior")
    );
    assert!(draft.calibration.is_none() && draft.evaluation.is_none());
}

#[test]
fn interrupted_it_gives_the_best_so_far() {
    let recipe = recipe(Family::RealNvp, 2);
    let stop = AtomicBool::new(false);
    let mut told = Vec::new();
    let found = fit(&Correlated, &recipe, &stop, |step| {
        told.push(*step);
        stop.store(step.step >= 200, Ordering::Relaxed);
    })
    .expect("a posterior");
    assert_eq!((found.fit.stop, found.fit.steps), (Stop::Interrupted, 200));
    assert_eq!(told.len(), 2);
    assert_eq!(found.fit.best_elbo, told[1].best_elbo);
    assert!(found.draws.diagnostics().elbo.mean > -0.3);

    stop.store(true, Ordering::Relaxed);
    let at_once = fit(&Correlated, &recipe, &stop, |_| {}).expect("a posterior");
    assert_eq!(
        (at_once.fit.stop, at_once.fit.steps),
        (Stop::Interrupted, 0)
    );
    assert!(at_once.draws.warning().is_some());
}

/// A normal, beside where a flow without a pilot starts.
struct Beside;

impl LogDensity for Beside {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("a"), Parameter::real("b")]
    }

    fn log_density<N: Number>(&self, x: &[N]) -> N {
        ((x[0] - 4.5).powi(2) + x[1] * x[1]) * -0.5
    }
}

/// Splines that end within a posterior: the draws are a truncated normal, and their weights nearly equal.
#[test]
fn a_posterior_beyond_the_splines_is_told() {
    let mut recipe = recipe(Family::Nsf, 2);
    recipe.config.pilot_steps = 0;
    let found = run(&Beside, &recipe).expect("a posterior");
    let diagnostics = found.draws.diagnostics();
    assert!(diagnostics.imbalance > 0.2, "{diagnostics:?}");
    let warning = found.draws.warning().expect("a warning");
    assert!(matches!(warning, Warning::Reach { .. }), "{diagnostics:?}");
    let text = warning.to_string();
    assert!(
        text.starts_with("the posterior goes on where the draws of `a` end"),
        "{text}"
    );
    // With a place to start from there is nothing to say.
    recipe.config.pilot_steps = 500;
    let found = run(&Beside, &recipe).expect("a posterior");
    assert_eq!(
        found.draws.warning(),
        None,
        "{:?}",
        found.draws.diagnostics()
    );
}

/// A normal without what is below, a density that ends where its parameter's domain doesn't.
struct Truncated(f64);

impl LogDensity for Truncated {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("x")]
    }

    fn log_density<N: Number>(&self, x: &[N]) -> N {
        match x[0] < self.0 {
            true => N::from(f64::NEG_INFINITY),
            false => x[0] * x[0] * -0.5,
        }
    }
}

#[test]
fn what_the_target_rules_out_has_no_weight() {
    let target = Truncated(-2.0);
    let found = run(&target, &recipe(Family::NsfAr, 1)).expect("a posterior");
    let rows = found.draws.values().iter();
    let weights = found.draws.importance().weights(Weights::Raw);
    let mut outside = 0;
    for (x, weight) in rows.zip(weights) {
        assert_eq!(*weight > 0.0, *x >= -2.0);
        outside += usize::from(*x < -2.0);
    }
    // 455 of a normal.
    assert!((1..1500).contains(&outside), "{outside}");
    assert_eq!(found.draws.diagnostics().elbo.mean, f64::NEG_INFINITY);
    let taken = found.draws.resample(Weights::Raw, 500, 1);
    assert!(taken.len() == 500 && taken.iter().all(|x| *x >= -2.0));
    // The mean is that of a truncated normal: 0.0540 / 0.9772.
    let mean = found.draws.weighted_moments(Weights::Raw)[0][0];
    assert!((mean - 0.0553).abs() < 0.03, "{mean}");
}

/// A density that is defined above 1000 only.
struct Nowhere;

impl LogDensity for Nowhere {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("x")]
    }

    fn log_density<N: Number>(&self, x: &[N]) -> N {
        (x[0] - 1000.0).ln()
    }
}

/// A normal whose gradient is lost after a while.
struct Failing(AtomicUsize);

impl Target for Failing {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("x")]
    }

    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let fails = self.0.fetch_add(1, Ordering::Relaxed) > 50_000;
        gradient[0] = if fails { f64::NAN } else { -x[0] };
        -0.5 * x[0] * x[0]
    }
}

#[test]
fn a_fit_without_gradients_is_given_up() {
    let error = run(&Failing(AtomicUsize::new(0)), &recipe(Family::Maf, 1))
        .map(|posterior| posterior.fit)
        .expect_err("given up");
    let VariationalError::Diverged {
        restarts,
        learning_rate,
    } = error
    else {
        panic!("{error}");
    };
    // Halved each time but the last.
    assert_eq!((restarts, learning_rate), (9, 1e-2 / 256.0));
}

/// A parameter that can only be 1.
struct NoWidth;

impl LogDensity for NoWidth {
    fn parameters(&self) -> Vec<Parameter> {
        let [low, high] = [1.0; 2];
        vec![Parameter::new("x", DomainRequest::Bounded { low, high })]
    }

    fn log_density<N: Number>(&self, x: &[N]) -> N {
        x[0]
    }
}

#[test]
fn what_is_wrong_is_told() {
    let text = |target: &dyn Target, change: fn(&mut Recipe)| {
        let mut recipe = recipe(Family::RealNvp, target.parameters().len());
        change(&mut recipe);
        let found = run(target, &recipe).map(|posterior| posterior.fit);
        found.expect_err("refused").to_string()
    };
    assert_eq!(
        text(&Correlated, |recipe| recipe.config.learning_rate = 0.0),
        "learning rate must be positive and finite"
    );
    assert_eq!(
        text(&Correlated, |recipe| recipe.spec.event = 3),
        "the flow's shape is for 3 event channels and 0 numbers of context, and the target has 2 parameters and no \
         context; take both from the target"
    );
    let mixture = text(&Correlated, |recipe| {
        recipe.spec.base = BaseSpec::Mixture { components: 2 };
    });
    assert!(mixture.starts_with("a mixture as base distribution can't be fitted by reverse KL"));
    assert_eq!(
        text(&Correlated, |recipe| recipe.spec.layers = 0),
        "a flow needs at least one layer"
    );
    assert!(
        text(&Domains, |_| {}).starts_with("only flows of splines"),
        "angles"
    );
    assert!(text(&NoWidth, |_| {}).starts_with("the model could not be exported"));
    assert!(text(&Truncated(0.0), |_| {}).contains("the domain that it can't leave"));
    let nowhere = text(&Nowhere, |_| {});
    assert!(
        nowhere.starts_with(
            "the log-density or its gradient is finite for 0 of the 2048 draws that the fit would start from, such as \
             not for x = "
        ),
        "{nowhere}"
    );
}
