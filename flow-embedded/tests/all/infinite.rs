//! Densities that are infinite, and parameters that would make them so.

use flow_embedded::artefact::{
    Activation, Autoregressive, Base, Calibration, Channel, Conditioner, Direction, Domain, Ends,
    Fault, FlooredSpline, Form, Header, Judged, Layer, MAX_LOG_NORM, MAX_LOG_SCALE,
    MAX_SPLINE_BOUND, Place, Provenance, Transformer, encode,
};
use flow_embedded::kernels::{Floor, floored_spline_inverse_and_log_det};
use flow_embedded::math::{Backend, Polynomial};
use flow_embedded::{Detector, LoadError, LoadedFlow, fixed};

/// A spline of two even bins whose slope at the knot between them is 0, as far as `f32` can tell:
/// `ln(1 + e^-1000)`, without a floor. Its inverse has an infinite density there.
const SPLINE: FlooredSpline = FlooredSpline {
    bins: 2,
    bound: 4.0,
    least_size: 0.0,
    least_slope: 0.0,
    ends: Ends::Smooth,
    direction: Direction::Generative,
};
const PARAMETERS: [f32; 5] = [0.0, 0.0, 0.0, 0.0, -1000.0];

/// The artefact of one channel and one layer without hidden units, so that its weights are the
/// transformer's parameters.
fn artefact(
    transformer: Transformer,
    parameters: &[f32],
    change: impl FnOnce(&mut Header<'_>, &mut Vec<f32>),
) -> Vec<u8> {
    let channel = Channel {
        name: "x",
        unit: "",
        domain: Domain::Real,
        grid: None,
        mean: 0.0,
        inv_std: 1.0,
    };
    let layer = Layer::Autoregressive(Autoregressive {
        order: &[0],
        groups: &[1],
        direction: Direction::Normalizing,
        transformer,
        conditioner: Conditioner {
            activation: Activation::Relu,
            form: Form::Plain,
            hidden: Default::default(),
        },
    });
    let mut header = Header {
        name: "one",
        event: [channel].into_iter().collect(),
        context: Default::default(),
        layers: [layer].into_iter().collect(),
        base: Base::Normal,
        math: Backend::Polynomial,
        log_norm: -0.918_938_5,
        calibration: Some(Calibration {
            alpha: 0.1,
            rows: 19,
            entries: 1,
            judges: Judged::Events,
        }),
        evaluation: None,
        provenance: Provenance {
            created_by: "",
            command: "",
            data_digest: 0,
            rows: 0,
            seed: 0,
        },
        quantisation: None,
        features: Default::default(),
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: Default::default(),
        heads: Default::default(),
    };
    let mut weights = parameters.to_vec();
    change(&mut header, &mut weights);
    if header.calibration.is_some() {
        weights.extend([-3.0, 0.05]);
    }
    let mut buffer = vec![0; 1024];
    encode(&header, &weights, &mut buffer)
        .expect("room")
        .to_vec()
}

#[test]
fn an_infinite_density_is_no_normal_sample() {
    let floor = SPLINE.floor();
    let at_knot = floored_spline_inverse_and_log_det::<Polynomial>(
        0.0,
        &mut PARAMETERS.clone(),
        SPLINE.bound,
        floor,
    );
    assert_eq!(at_knot, (0.0, f32::INFINITY));
    let bytes = artefact(Transformer::FlooredSpline(SPLINE), &PARAMETERS, |_, _| {});
    let flow = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let mut scratch = [0.0; 16];
    let log_prob = flow.log_prob(&[0.0], &[], &mut scratch);
    assert_eq!(log_prob, Ok(f32::NEG_INFINITY));
    let beside = flow.log_prob(&[1.0], &[], &mut scratch).expect("its shape");
    assert!((-5.0..0.0).contains(&beside), "{beside}");
    let flow = flow.shaped::<1, 0, 16>().expect("its shape");
    let mut detector = Detector::new(flow.calibrated().expect("calibrated"));
    assert!(!detector.observe(&[1.0], &[]).expect("finite").alarm);
    let verdict = detector.observe(&[0.0], &[]).expect("finite");
    assert!(verdict.alarm && verdict.p_value == 0.05);
}

/// The kernel's own answer is the limit, and the floor that keeps it away is the artefact's choice.
#[test]
fn a_floor_keeps_densities_finite() {
    let floor = Floor {
        slope: 1e-3,
        ..SPLINE.floor()
    };
    let (_, log_det) =
        floored_spline_inverse_and_log_det::<Polynomial>(0.0, &mut PARAMETERS.clone(), 4.0, floor);
    assert!((log_det - 1000f32.ln()).abs() < 1e-3, "{log_det}");
}

#[test]
fn sums_of_integers_that_saturate_are_no_normal_samples() {
    for saturated in [i32::MAX, 1 << 30, -(1 << 30), i32::MIN] {
        assert_eq!(fixed::conclude(Some(saturated)), f32::NEG_INFINITY);
    }
    for (q16, nats) in [((1 << 30) - 1, 16384.0), (-65_536, -1.0), (0, 0.0)] {
        assert_eq!(fixed::conclude(Some(q16)), nats);
    }
    assert!(fixed::conclude(None).is_nan());
}

#[test]
fn parameters_at_the_end_of_f32_are_refused_with_their_place() {
    let affine = |log_scale_bound| {
        artefact(
            Transformer::Affine { log_scale_bound },
            &[0.0; 2],
            |_, _| {},
        )
    };
    let spline = |bound| artefact(Transformer::Spline { bins: 2, bound }, &[0.0; 5], |_, _| {});
    let floored = |bound| {
        let own = FlooredSpline { bound, ..SPLINE };
        artefact(Transformer::FlooredSpline(own), &PARAMETERS, |_, _| {})
    };
    let constant = |log_norm| {
        artefact(Transformer::Shift, &[0.0], |header, _| {
            header.log_norm = log_norm
        })
    };
    let mixture = |log_weight| {
        artefact(Transformer::Shift, &[0.0], |header, weights| {
            header.base = Base::Mixture { components: 2 };
            weights.extend([0.0, 0.5, 0.0, 1.0, log_weight, 1.0, 0.0, 1.0]);
        })
    };
    let refused = |bytes: Vec<u8>, place| {
        let fault = Fault::OutOfRange;
        let found = LoadedFlow::from_bytes(&bytes).err();
        assert_eq!(found, Some(LoadError::Invalid { place, fault }));
    };
    let accepted = |bytes: Vec<u8>| assert_eq!(LoadedFlow::from_bytes(&bytes).err(), None);
    for bound in [MAX_LOG_SCALE.next_up(), 1e3, 1.7e38, f32::MAX] {
        refused(affine(bound), Place::Layer(0));
    }
    for bound in [MAX_SPLINE_BOUND.next_up(), 1.7e38, f32::MAX, 9e-13, 1e-38] {
        refused(spline(bound), Place::Layer(0));
        refused(floored(bound), Place::Layer(0));
    }
    for log in [MAX_LOG_NORM.next_up(), 1e10, f32::MAX] {
        for log in [log, -log] {
            refused(constant(log), Place::Header);
            refused(mixture(log), Place::Base);
        }
    }
    [2.0, MAX_LOG_SCALE, 1e-3]
        .into_iter()
        .for_each(|bound| accepted(affine(bound)));
    for bound in [3.0, 1e4, MAX_SPLINE_BOUND, 1.0 / MAX_SPLINE_BOUND] {
        accepted(spline(bound));
        accepted(floored(bound));
    }
    for log in [0.0, MAX_LOG_NORM, -MAX_LOG_NORM] {
        accepted(constant(log));
        accepted(mixture(log));
    }
    let error = LoadedFlow::from_bytes(&spline(1.7e38))
        .expect_err("refused")
        .to_string();
    assert!(
        error.starts_with("the artefact is invalid: layer 0: a bound"),
        "{error}"
    );
}
