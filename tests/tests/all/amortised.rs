//! Amortised posteriors are calibrated and near the exact ones, and a model that is wrong is found out.

use flow_embedded::{LoadedFlow, Posterior};
use flow_tests::posterior::amortised::{
    Distance, EightNumbers, LinearGaussian, WRONG, check_against, distance, least, models, section,
};
use flow_tests::posterior::fresh;
use flow_train::posterior::amortised::Amortised;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Passes simulation-based calibration on 1,000 fresh simulations, at 1 % after Holm's correction.
fn passes(trained: &Amortised) {
    assert!(trained.passes(), "{trained}");
    let check = trained.check.as_ref().expect("checked");
    assert_eq!((check.rows, check.draws), (1000, 99));
    for own in &check.coverage {
        // Four standard errors, however the test turns out.
        let error = 4.0 * (own.level * (1.0 - own.level) / 1000.0).sqrt();
        assert!((own.share - own.level).abs() < error, "{own:?}");
    }
    println!("{trained}, p {:.3}", least(check));
}

fn near(own: &Distance) {
    println!("{own:?}");
    // Of which chance is 0.032 and 0.022.
    assert!(own.mean.iter().all(|error| *error < 0.1), "{own:?}");
    assert!(own.deviation.iter().all(|error| *error < 0.1), "{own:?}");
    assert!(own.nats.0 < 0.03, "{own:?}");
}

#[test]
fn a_linear_simulator_and_models_that_are_wrong() {
    let trained = &models().linear;
    passes(trained);
    near(&distance::<3>(&trained.bytes, &LinearGaussian::RIGHT).expect("compared"));
    for ((name, simulator), fault) in WRONG.into_iter().zip(["narrow", "wide", "too high"]) {
        let report = check_against(&trained.bytes, &simulator).expect("checked");
        assert!(!report.passes, "{name}");
        println!("{name}: {}", report.faults());
        assert!(
            report.faults().contains(fault),
            "{name}: {}",
            report.faults()
        );
    }
}

#[test]
fn mean_and_variance_by_eight_numbers() {
    let trained = &models().eight;
    passes(trained);
    near(&distance::<2>(&trained.bytes, &EightNumbers).expect("compared"));
}

#[test]
fn an_epidemic_whose_likelihood_is_not_known() {
    let trained = &models().epidemic;
    passes(trained);
    let check = trained.check.as_ref().expect("checked");
    // It has learnt something: half of the prior's variance is gone.
    assert!(check.quantities[0].contraction > Some(0.5), "{check:?}");
}

/// An interval from 199 draws that leaves out nine on each side promises 90 %.
#[test]
fn intervals_on_the_chip_hold_the_truth_as_often_as_they_promise() {
    let flow = LoadedFlow::from_bytes(&models().eight.bytes).expect("a model");
    let posterior = Posterior::new(flow.shaped::<2, 2, 1024>().expect("its shape"));
    let (data, mut rng) = (
        fresh(&EightNumbers, 1000, 11),
        ChaCha8Rng::seed_from_u64(12),
    );
    let mut held = [0; 2];
    for row in 0..data.rows() {
        let seen = data.context(row).try_into().expect("two numbers");
        let found = posterior.interval::<199, 10>(seen, &mut rng);
        let found = found.expect("finite").into_iter().zip(data.event(row));
        for (held, ((low, high), truth)) in held.iter_mut().zip(found) {
            *held += u32::from((low..high).contains(truth));
        }
    }
    // Four standard errors.
    assert!(held.iter().all(|own| (862..=938).contains(own)), "{held:?}");
}

#[test]
fn the_page_has_a_row_for_each() {
    let text = section().expect("a section");
    println!("{text}");
    for name in ["linear", "eight numbers", "epidemic"] {
        assert!(text.contains(&format!("\n| {name} | ")), "{name}");
    }
    assert_eq!(text.matches("| yes |").count(), 3);
}
