//! Recalibration on the device: slow change is followed, bursts do little, and nothing silences it.

use flow_embedded::detect::adaptive::{AdaptiveDetector, Bounds, Recalibrator};
use flow_embedded::{Calibrated, Density, Detector, Digest, ObserveError};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A standard normal channel with its exact p-value.
#[derive(Clone, Copy)]
struct Normal;

const PEAK: f32 = -0.918_938_5;

impl Density<1> for Normal {
    fn log_prob(&self, [x]: &[f32; 1], _: &[f32; 0]) -> f32 {
        PEAK - 0.5 * x * x
    }
}

impl Calibrated for Normal {
    fn alpha(&self) -> f32 {
        0.01
    }
    fn p_value(&self, log_prob: f32) -> f32 {
        // P(x² ≥ r²) = erfc(r / √2).
        let half = (PEAK - log_prob).max(0.0);
        libm::erfcf(half.sqrt()).max(f32::MIN_POSITIVE)
    }
}

const BOUNDS: Bounds = Bounds {
    shift: 3.0,
    steps: 5_000,
    rest: 100,
};

type Own = AdaptiveDetector<Normal>;

fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() as f32 + 1.0) / 4_294_967_808.0
}

/// Box and Muller's method, half of it.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    (-2.0 * uniform(rng).ln()).sqrt() * (std::f32::consts::TAU * uniform(rng)).cos()
}

fn alarm(detector: &mut Own, sample: f32) -> bool {
    detector.observe(&[sample], &[]).expect("finite").alarm
}

/// A sensor whose noise grows by 15 %: 1.07 nats at the threshold.
#[test]
fn slow_change_is_followed_back_to_the_promise() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let (mut own, mut shipped) = (Own::new(Normal, BOUNDS), Detector::new(Normal));
    let (change, settle, measured) = (1_000_000, 1_000_000, 400_000);
    let (mut late, mut late_shipped) = (0, 0);
    for time in 0..change + settle + measured {
        let spread = 1.0 + 0.15 * (time as f32 / change as f32).min(1.0);
        let sample = spread * normal(rng);
        let own = alarm(&mut own, sample);
        let shipped = shipped.observe(&[sample], &[]).expect("finite").alarm;
        assert!(shipped || !own);
        if time >= change + settle {
            late += u32::from(own);
            late_shipped += u32::from(shipped);
        }
    }
    let rate = |alarms: u32| f64::from(alarms) / f64::from(measured);
    println!(
        "rate {:.4} of 0.01, without recalibration {:.4}; raised by {:.2} nats",
        rate(late),
        rate(late_shipped),
        own.raised()
    );
    assert!((0.009..0.011).contains(&rate(late)));
    assert!(rate(late_shipped) > 0.02 && !own.is_exhausted());
    assert!((0.9..1.3).contains(&own.raised()));
}

/// On normal samples the rate is the promise, and little is raised.
#[test]
fn without_change_it_stays() {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let mut own = Own::new(Normal, BOUNDS);
    let mut most = 0.0f32;
    for _ in 0..1_000_000 {
        alarm(&mut own, normal(rng));
        most = most.max(own.raised());
    }
    let rate = f64::from(own.alarms()) / f64::from(own.observed());
    assert!(
        (0.008..0.0102).contains(&rate) && most < 0.3,
        "{rate} {most}"
    );
}

/// So much at most, by the bound in the documentation.
fn bound(samples: u32) -> f32 {
    let steps = samples.div_ceil(u32::from(BOUNDS.rest) + 1);
    BOUNDS.shift * steps as f32 / f32::from(BOUNDS.steps)
}

#[test]
fn a_burst_does_little_and_is_forgotten() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let mut own = Own::new(Normal, BOUNDS);
    for _ in 0..10_000 {
        alarm(&mut own, normal(rng));
    }
    let before = own.raised();
    assert!((0..1_000).all(|_| alarm(&mut own, 8.0)));
    let raised = own.raised() - before;
    assert!(raised > 0.0 && raised <= bound(1_000), "{raised}");
    assert!(bound(1_000) < 0.007, "ten steps of 0.0006 nats");
    // A fault just above the threshold of 2.576 deviations is found afterwards.
    assert!(alarm(&mut own, 2.65));
    for _ in 0..100_000 {
        alarm(&mut own, 0.0);
    }
    assert_eq!(own.raised(), 0.0);
}

/// One sample in ten is an anomaly, for as long as it takes.
#[test]
fn anomalies_that_come_often_do_not_silence_it() {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let mut own = Own::new(Normal, BOUNDS);
    for time in 1..=1_000_000 {
        let anomaly = uniform(rng) < 0.1;
        let sample = if anomaly { 5.0 } else { normal(rng) };
        // It would take 2.576² / 2 + 3 nats to be silent.
        assert!(alarm(&mut own, sample) || !anomaly);
        assert!(own.raised() <= bound(time).min(BOUNDS.shift));
    }
    assert!(own.is_exhausted() && own.raised() == BOUNDS.shift);
    // 2.576² / 2 + 3 = 3.56² / 2: what lies beyond gives an alarm still.
    assert!(alarm(&mut own, 3.57) && !alarm(&mut own, 3.55));
    own.reset();
    assert!(alarm(&mut own, 2.58) && own.observed() == 1);
}

#[test]
fn samples_that_are_none_leave_it_as_it_is() {
    let mut own = Own::new(Normal, BOUNDS);
    alarm(&mut own, 5.0);
    let raised = own.raised();
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let answer = own.observe(&[broken], &[]);
        assert_eq!(answer, Err(ObserveError::NonFinite { channel: 0 }));
    }
    assert_eq!((own.raised(), own.observed()), (raised, 1));
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let shift = prop_oneof![0f32..5.0, any::<f32>()];
    (shift, 0u16..6, 0u16..6).prop_map(|(shift, steps, rest)| Bounds { shift, steps, rest })
}

proptest! {
    /// The three statements, over every stretch of any decisions; over a reboot.
    #[test]
    fn bounds_hold_for_every_sequence(
        bounds in bounds(),
        alpha in prop_oneof![0.02f32..1.0, any::<f32>()],
        decisions in prop::collection::vec(any::<bool>(), 0..120),
        reboot in 0usize..120,
    ) {
        let mut own = Recalibrator::new(bounds, alpha);
        let limit = if bounds.shift.is_finite() { bounds.shift.max(0.0) } else { 0.0 };
        let slack = 1e-5 * limit;
        let mut raised = vec![own.raised()];
        let mut exhausted = vec![own.is_exhausted()];
        let mut counted = vec![];
        let mut resting = 0;
        for (time, alarm) in decisions.iter().enumerate() {
            if time == reboot {
                let mut buffer = [0; Recalibrator::BYTES];
                let model = Digest::new(4);
                let state = own.save(&model, &mut buffer).expect("long enough");
                // Compared by their bits: bounds may be NaN.
                let again = Recalibrator::restore(&model, bounds, alpha, state).expect("its own");
                let mut other = [0; Recalibrator::BYTES];
                prop_assert_eq!(again.save(&model, &mut other), Ok(state));
                own = again;
            }
            own.count(*alarm);
            if resting == 0 {
                counted.push((*alarm, own.is_exhausted()));
                resting = if *alarm { bounds.rest } else { 0 };
            } else {
                resting -= 1;
            }
            prop_assert!((0.0..=limit).contains(&own.raised()));
            raised.push(own.raised());
            exhausted.push(own.is_exhausted());
        }
        for from in 0..raised.len() {
            for to in from..raised.len() {
                let steps = (to - from).div_ceil(usize::from(bounds.rest) + 1);
                let most = limit * steps as f32 / f32::from(bounds.steps.max(1));
                prop_assert!(raised[to] - raised[from] <= most + slack);
            }
        }
        let period = f64::from((1.0 / alpha + 0.5) as u16).max(1.0);
        for from in 0..counted.len() {
            let mut alarms = 0;
            for (n, (alarm, exhausted)) in counted[from..].iter().enumerate() {
                if *exhausted {
                    break;
                }
                alarms += u32::from(*alarm);
                let most = (n + 1) as f64 / period + f64::from(bounds.steps);
                prop_assert!(f64::from(alarms) <= most + 1e-9);
            }
        }
    }
}
