//! The compiler's passes over random flows of every kind, interpreted: with all
//! of them, with each alone and with none, a plan gives the bits of the loaded
//! artefact.

use flow_codegen::{Checked, Interpreter, Passes};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Domain, WeightFormat};
use flow_embedded::math::Backend;
use flow_tests::channels::destandardise;
use flow_tests::drafts::{Kind, draft, quantised, random_kind, rng, uniform, within};
use flow_train::artefact::DraftChannel;
use rand_chacha::ChaCha8Rng;

/// Random artefacts.
const FLOWS: u64 = 3_000;
/// Events of each.
const EVENTS: usize = 6;

const NONE: Passes = Passes {
    fold: false,
    pack: false,
    schedule: false,
};

/// All passes, none, and each alone.
fn combinations() -> [Passes; 5] {
    [
        Passes::default(),
        NONE,
        Passes { fold: true, ..NONE },
        Passes { pack: true, ..NONE },
        Passes {
            schedule: true,
            ..NONE
        },
    ]
}

/// Values of the channels' domains.
fn draw(kind: &Kind, context: bool, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let (count, domains) = match context {
        false => (kind.event, &kind.domains),
        true => (kind.context, &kind.context_domains),
    };
    let scale = [1.0, 3.0, 1e3][(uniform(rng).abs() * 3.0) as usize % 3];
    (0..count)
        .map(|channel| {
            let domain = domains.get(channel).copied();
            let domain = domain.unwrap_or(Domain::Real);
            within(domain, uniform(rng), scale)
        })
        .collect()
}

#[test]
fn every_pass_keeps_every_bit() {
    let rng = &mut rng(77);
    let mut finite = 0;
    for seed in 0..FLOWS {
        let kind = random_kind(rng);
        let bytes = draft(&kind, seed).encode().expect("a valid draft");
        let loaded = LoadedFlow::from_bytes(&bytes).expect("valid");
        let checked = Checked::new(&bytes).expect("valid");
        let mut scratch = vec![0.0; loaded.scratch_len()];
        let plans = combinations().map(|passes| {
            let interpreter = Interpreter::new(&checked, passes).expect("a plan");
            (passes, interpreter)
        });
        for _ in 0..EVENTS {
            let (event, context) = (draw(&kind, false, rng), draw(&kind, true, rng));
            let mut latents = vec![0.0; event.len()];
            let own = loaded.log_prob_and_latents(&event, &context, &mut latents, &mut scratch);
            let own = own.expect("its shape");
            finite += usize::from(own.is_finite());
            let base: Vec<f32> = event.iter().map(|_| 2.0 * uniform(rng)).collect();
            let generated = plans[0].1.generate(&base, &context);
            for (passes, plan) in &plans {
                let (log_prob, own_latents, _) = plan.log_prob_and_latents(&event, &context);
                let place = || format!("{kind:?}, {passes:?}: {event:?} given {context:?}");
                assert_eq!(log_prob.to_bits(), own.to_bits(), "{}", place());
                let other = plan.generate(&base, &context);
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                if own.is_finite() {
                    assert_eq!(bits(&own_latents), bits(&latents), "{}", place());
                }
                // What overflows, as scales without an upper bound do, is infinite or NaN by what is
                // multiplied by the zeros that are stored.
                let finite = |x: &[f32]| x.iter().all(|x| x.is_finite());
                if finite(&generated) || finite(&other) {
                    assert_eq!(bits(&other), bits(&generated), "{}", place());
                }
            }
        }
    }
    assert!(finite as u64 > FLOWS * EVENTS as u64 * 9 / 10, "{finite}");
}

/// The integers of random flows against their `f32`, on events around the
/// centre of the data that clamp nothing: nats that half, and 99 in 100, of the
/// log-likelihoods are off by at most, where a log-likelihood beyond ±20 counts
/// as one of 20. Scales and splines of other libraries have wider ranges: what
/// they magnify by chance is held apart. Over six seeds 1 in 100 of theirs was off
/// by 1.4 to 4.6 in 16 bits, and by 0.2 to 0.4 in 8, which refuse the widest.
#[test]
fn integers_stay_close_to_the_numbers_that_they_stand_for() {
    for (weights, own, imported) in [
        (WeightFormat::I16, [1e-3, 0.08], [2e-3, 6.0]),
        (WeightFormat::I8, [5e-3, 0.3], [8e-3, 2.0]),
    ] {
        let rng = &mut rng(78);
        let mut differences = [Vec::new(), Vec::new()];
        let (mut clamped, mut refused) = (0, 0);
        for seed in 0..2000 {
            let kind = Kind {
                // Micromath's own error is larger than that of the integers.
                math: Backend::Polynomial,
                ..random_kind(rng)
            };
            if !kind.has_integers() {
                continue;
            }
            let draft = draft(&kind, seed);
            let bytes = draft.encode().expect("a valid draft");
            let own = LoadedFlow::from_bytes(&bytes).expect("valid");
            let mut scratch = vec![0.0; own.scratch_len()];
            let quantised = quantised(&draft, weights).encode().expect("a valid draft");
            let checked = Checked::new(&quantised).expect("valid");
            let integers = match Interpreter::new(&checked, Passes::default()) {
                Ok(integers) => integers,
                Err(flow_codegen::PlanError::Quantise { .. }) => {
                    refused += 1;
                    continue;
                }
                Err(other) => panic!("{other}"),
            };
            let plain = Interpreter::new(&checked, NONE).expect("a plan");
            for _ in 0..EVENTS {
                let (event, context) = (near(&draft.event, rng), near(&draft.context, rng));
                let number = own.log_prob(&event, &context, &mut scratch);
                let number = number.expect("its shape");
                let (integer, saturated) = integers.log_prob(&event, &context);
                assert_eq!(plain.log_prob(&event, &context), (integer, saturated));
                clamped += usize::from(saturated > 0);
                if saturated == 0 && number.is_finite() {
                    let size = f64::from(number.abs()).max(20.0) / 20.0;
                    // Integers end at −16384 nats, and give −∞ there.
                    let [number, integer] = [number, integer].map(|own| own.max(-16384.0));
                    let difference = f64::from((number - integer).abs()) / size;
                    differences[usize::from(kind.is_imported())].push(difference);
                }
            }
        }
        // Weights far out are refused, as they should be; few random flows have any.
        assert!(refused < 10, "{refused} refused");
        assert!(clamped < 300, "{clamped}");
        for (mut differences, [half, most]) in differences.into_iter().zip([own, imported]) {
            differences.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| differences[(share * differences.len() as f64) as usize];
            let (middle, far, count) = (at(0.5), at(0.99), differences.len());
            println!("{weights:?}: {middle:.1e} {far:.1e} of {count}, {clamped} clamped");
            assert!(count > 1_500, "{count}");
            assert!(middle < half && far < most, "{weights:?}");
        }
    }
}

/// Raw values within two standard deviations.
fn near(channels: &[DraftChannel], rng: &mut ChaCha8Rng) -> Vec<f32> {
    let value =
        |channel: &DraftChannel| destandardise(channel, f64::from(2.0 * uniform(rng))).0 as f32;
    channels.iter().map(value).collect()
}
