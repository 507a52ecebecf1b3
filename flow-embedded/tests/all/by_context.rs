//! Every detector judges a sample by the table of its context.

use flow_embedded::artefact::COMMON_VALUES;
use flow_embedded::detect::adaptive::{AdaptiveDetector, Bounds};
use flow_embedded::detect::evidence::Bet;
use flow_embedded::detect::{EvidenceTable, Sequential, p_value_given};
use flow_embedded::{Calibrated, Density, Detector, Latents, StreamDetector};

/// A channel whose log-likelihood is itself, given an amount and a mode.
#[derive(Clone, Copy)]
struct Own;

const POOLED: [(f32, f32); 2] = [(-4.0, 0.01), (-2.0, 0.5)];
const QUIET: [(f32, f32); 2] = [(-1.0, 0.01), (0.0, 0.5)];
const LOUD: [(f32, f32); 1] = [(-9.0, 0.01)];
const CATEGORIES: [(f32, &[(f32, f32)]); 2] = [(0.0, &QUIET), (3.0, &LOUD)];

impl Density<1, 2> for Own {
    fn log_prob(&self, [x]: &[f32; 1], _: &[f32; 2]) -> f32 {
        *x
    }
}

impl Latents<1, 2> for Own {
    fn log_prob_and_latents(&self, [x]: &[f32; 1], _: &[f32; 2], latents: &mut [f32; 1]) -> f32 {
        *latents = [0.0];
        *x
    }
}

impl Calibrated for Own {
    fn alpha(&self) -> f32 {
        0.01
    }
    fn p_value(&self, log_prob: f32) -> f32 {
        flow_embedded::detect::p_value(&POOLED, log_prob)
    }
    fn p_value_given(&self, log_prob: f32, context: &[f32]) -> f32 {
        p_value_given(&POOLED, &CATEGORIES, context.get(1), log_prob)
    }
}

const BETS: [Bet; 1] = [Bet::level(0, 0, 100)];

impl Sequential<1, 2, 1> for Own {
    const EVIDENCE: EvidenceTable<'static> = EvidenceTable::new(1, &[0.0, 0.0], &[0, 0, 0], &BETS);
    const COMMON: &'static [[f32; COMMON_VALUES]; 1] = &[[0.0; COMMON_VALUES]];
    const RUN_LENGTH: f32 = 100.0;
}

#[test]
fn every_detector_judges_by_the_table_of_the_context() {
    let mut detector = Detector::new(Own);
    let bounds = Bounds {
        shift: 0.0,
        steps: 1,
        rest: 0,
    };
    let mut adaptive = AdaptiveDetector::new(Own, bounds);
    let mut stream = StreamDetector::new(Own);
    for (mode, log_prob, p_value) in [
        (0.0, -1.5, 0.01),
        (-0.0, -1.5, 0.01),
        (0.0, -0.5, 0.5),
        (0.0, 0.5, 1.0),
        (3.0, -8.0, 1.0),
        (3.0, -9.5, 0.01),
        // A mode that isn't listed: by the table of all rows.
        (1.0, -1.5, 1.0),
        (1.0, -3.0, 0.5),
        (2.999_999, -5.0, 0.01),
    ] {
        let (sample, context) = ([log_prob], [9.0, mode]);
        let own = detector.observe(&sample, &context).expect("finite");
        assert_eq!(own.p_value, p_value, "{mode} {log_prob}");
        assert_eq!(own.alarm, p_value <= 0.01);
        let own = adaptive.observe(&sample, &context).expect("finite");
        assert_eq!(own.p_value, p_value, "{mode} {log_prob}");
        let own = stream.observe(&sample, &context).expect("finite");
        assert_eq!(own.p_value, p_value, "{mode} {log_prob}");
    }
    // A context that is too short, or no number.
    assert_eq!(Own.p_value_given(-3.0, &[]), 0.5);
    assert_eq!(Own.p_value_given(-3.0, &[0.0, f32::NAN]), 0.5);
    assert_eq!(Own.p_value_given(f32::NAN, &[9.0, 3.0]), 0.01);
}
