//! What variational posteriors must hold beside long runs of a proven sampler, and that they run on a chip.

use flow_codegen::{Options, compile};
use flow_embedded::artefact::LoadedFlow;
use flow_tests::posterior::targets::{
    Banana, EightSchools, Funnel, Logistic, Mixture, moments, references,
};
use flow_tests::posterior::variational::{Case, Errors, able, unable};
use flow_train::posterior::importance::{GOOD_PARETO_K, Weights};
use flow_train::posterior::variational::{LogDensity, Number, Parameter, Posterior, Target};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::path::Path;

/// Means within 0.1, both in the parameters' units and in standard deviations, and deviations within 10 %: of the
/// artefact's draws as they are, and weighted.
#[test]
fn posteriors_are_those_of_the_references() {
    for case in able() {
        let posterior = case.fit().expect("a posterior");
        let draws = &posterior.draws;
        let weighted = draws.weighted_moments(Weights::Smoothed);
        for moments in [draws.moments(), weighted] {
            let errors = Errors::of(&moments, &case.reference());
            assert!(errors.hold(), "{}: {errors:?}", case.name);
        }
        let found = draws.diagnostics();
        assert!(found.pareto_k < GOOD_PARETO_K, "{}: {found:?}", case.name);
        assert_eq!(draws.warning(), None, "{}: {found:?}", case.name);
        // The bound is one.
        let gap = found.log_evidence - found.elbo.mean;
        assert!(
            (-3.0 * found.elbo.stderr..0.1).contains(&gap),
            "{}: {found:?}",
            case.name
        );
        runs_on_a_chip(&case, &posterior);
    }
}

/// What was exported is loaded, drawn from, and compiled.
fn runs_on_a_chip(case: &Case, posterior: &Posterior) {
    let flow = LoadedFlow::from_bytes(&posterior.bytes).expect("an artefact");
    let names = flow.header().event.iter().map(|channel| channel.name);
    let parameters = case.target.parameters();
    assert!(names.eq(parameters.iter().map(|own| own.name.as_str())));
    let mut draw = vec![0.0; parameters.len()];
    let mut scratch = vec![0.0; flow.scratch_len()];
    let mut generator = ChaCha8Rng::seed_from_u64(case.recipe.config.seed);
    flow.sample(&mut generator, &[], &mut draw, &mut scratch)
        .expect("slices of the flow's sizes");
    // The draws that it was judged by.
    assert_eq!(draw, posterior.draws.values()[..draw.len()]);
    let (text, cost) = compile(
        &posterior.bytes,
        Path::new("posterior.flow"),
        &Options::default(),
    )
    .expect("a module");
    assert!(text.contains("impl ::flow_embedded::Sampler"), "{text}");
    assert!(cost.table_bytes > 0);
}

#[test]
fn flows_that_cannot_represent_their_target_say_so() {
    for case in unable() {
        let posterior = case.fit().expect("a posterior");
        let errors = Errors::of(&posterior.draws.moments(), &case.reference());
        assert!(!errors.hold(), "{}: {errors:?}", case.name);
        let warning = posterior.draws.warning().expect("a warning").to_string();
        assert!(warning.contains("compare with a sampler"), "{warning}");
    }
}

#[test]
fn references_have_converged_and_agree_with_what_can_be_computed() {
    let exact: [(&str, Box<dyn Target>); 3] = [
        ("banana", Box::new(Banana)),
        ("funnel", Box::new(Funnel)),
        ("mixture", Box::new(Mixture)),
    ];
    for (name, target) in exact {
        let found = references(name);
        for (parameter, known) in target
            .parameters()
            .iter()
            .zip(moments(name, target.as_ref()))
        {
            let own = &found[&parameter.name];
            assert!(
                (own.mean - known[0]).abs() < 4.0 * own.mcse_mean,
                "{name} {own:?}"
            );
            assert!(
                (own.sd - known[1]).abs() < 4.0 * own.mcse_sd,
                "{name} {own:?}"
            );
        }
    }
    for name in ["eight schools", "breastw"] {
        for own in references(name).values() {
            assert!(
                own.r_hat < 1.001 && own.mcse_mean < 0.01 * own.sd,
                "{name} {own:?}"
            );
        }
    }
}

/// The same regression by dual numbers.
struct ByNumbers(Logistic);

impl LogDensity for ByNumbers {
    fn parameters(&self) -> Vec<Parameter> {
        Target::parameters(&self.0)
    }

    fn log_density<N: Number>(&self, beta: &[N]) -> N {
        let mut sum = N::from(0.0);
        for beta in beta {
            sum -= (*beta / 2.5).powi(2) * 0.5;
        }
        for (row, malignant) in self.0.rows() {
            let logit: N = row.iter().zip(beta).map(|(x, beta)| *beta * *x).sum();
            let signed = if malignant { logit } else { -logit };
            sum -= (-signed).exp().ln_1p();
        }
        sum
    }
}

fn assert_gradient(target: &dyn Target, here: &[f64]) {
    let mut gradient = vec![0.0; here.len()];
    let value = target.value_and_gradient(here, &mut gradient);
    assert!((value - target.value(here)).abs() < 1e-12 * (1.0 + value.abs()));
    for (index, gradient) in gradient.iter().enumerate() {
        let mut moved = here.to_vec();
        let mut at = |step: f64| {
            moved[index] = here[index] + step;
            target.value(&moved)
        };
        let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!(
            (gradient - expected).abs() < 1e-6 * (1.0 + expected.abs()),
            "{index}: {gradient} against {expected}"
        );
    }
}

#[test]
fn gradients_are_those_of_the_densities_and_of_each_other() {
    assert_gradient(&Banana, &[3.0, -1.0]);
    assert_gradient(&Mixture, &[-1.4, 0.3]);
    assert_gradient(&Funnel, &[-0.7, 0.2, -0.5, 0.1, 1.3]);
    assert_gradient(
        &EightSchools,
        &[3.0, 2.0, 0.5, -0.1, 0.2, 1.0, -1.3, 0.4, 0.9, -0.6],
    );
    let Ok(regression) = Logistic::read() else {
        return eprintln!(
            "without {}: logistic regression is left out",
            Logistic::path().display()
        );
    };
    let beta = [-1.0, 1.5, 0.1, 0.9, -0.4, 0.2, 1.4, 1.1, 0.7, 0.0];
    assert_gradient(&regression, &beta);
    let (mut own, mut other) = ([0.0; 10], [0.0; 10]);
    let value = regression.value_and_gradient(&beta, &mut own);
    let by_numbers = ByNumbers(regression).value_and_gradient(&beta, &mut other);
    assert!((value - by_numbers).abs() < 1e-9);
    for (own, other) in own.iter().zip(other) {
        assert!((own - other).abs() < 1e-9, "{own} {other}");
    }
}
