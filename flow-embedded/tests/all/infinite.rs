//! Densities that are infinite, and parameters that would make them so.

use flow_embedded::artefact::{
    Activation, Autoregressive, Base, Calibration, Channel, Conditioner, Direction, Domain, Ends,
    Fault, FlooredSpline, Form, Header, Judged, Layer, List, MAX_LOG_NORM, MAX_LOG_SCALE,
    MAX_SPLINE_BOUND, Place, Provenance, Transformer, encode,
};
use flow_embedded::kernels::{Floor, floored_spline_inverse_and_log_det};
use flow_embedded::math::{Backend, Polynomial};
use flow_embedded::{Detector, LoadError, LoadedFlow, fixed};

/// A spline of four bins without floors: some slopes are `ln(1 + e^-800)` and some bins as narrow,
/// which is 0 as far as `f32` can tell. Its inverse has an infinite density at [`EVENT`].
const SPLINE: FlooredSpline = FlooredSpline {
    bins: 4,
    bound: 3.0,
    least_size: 0.0,
    least_slope: 0.0,
    ends: Ends::Smooth,
    direction: Direction::Generative,
};
const PARAMETERS: [f32; 11] = [
    -725.89825, 822.97363, 820.65594, 292.93372, 449.99756, 359.43436, 187.6676, 511.17123,
    -817.16656, -384.22614, -816.3699,
];
const EVENT: f32 = -0.9793423;

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
    let channels = [channel];
    let layers = [Layer::Autoregressive(Autoregressive {
        order: &[0],
        groups: &[1],
        direction: Direction::Normalizing,
        transformer,
        conditioner: Conditioner {
            activation: Activation::Relu,
            form: Form::Plain,
            hidden: Default::default(),
        },
    })];
    let mut header = Header {
        name: "one",
        event: List::new(&channels),
        context: Default::default(),
        layers: List::new(&layers),
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
        weights.extend([-30.0, 0.05]);
    }
    let mut buffer = vec![0; 1024];
    encode(&header, &weights, &mut buffer)
        .expect("room")
        .to_vec()
}

#[test]
fn an_infinite_density_is_no_normal_sample() {
    let (z, log_det) = inverse(SPLINE.floor());
    assert!(z.is_finite() && log_det == f32::INFINITY, "{z} {log_det}");
    let bytes = artefact(Transformer::FlooredSpline(SPLINE), &PARAMETERS, |_, _| {});
    let flow = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let mut scratch = [0.0; 32];
    let log_prob = flow.log_prob(&[EVENT], &[], &mut scratch);
    assert_eq!(log_prob, Ok(f32::NEG_INFINITY));
    let flow = flow.shaped::<1, 0, 32>().expect("its shape");
    let mut detector = Detector::new(flow.calibrated().expect("calibrated"));
    // Outside the spline is the identity.
    assert!(!detector.observe(&[3.5], &[]).expect("finite").alarm);
    let verdict = detector.observe(&[EVENT], &[]).expect("finite");
    assert!(verdict.alarm && verdict.p_value == 0.05);
}

fn inverse(floor: Floor) -> (f32, f32) {
    let (mut parameters, bound) = (PARAMETERS, SPLINE.bound);
    floored_spline_inverse_and_log_det::<Polynomial>(EVENT, &mut parameters, bound, floor)
}

/// Floors, which the libraries that have such splines set, keep it away.
#[test]
fn floors_keep_densities_finite() {
    let floor = Floor {
        size: 1e-3,
        slope: 1e-3,
        ..SPLINE.floor()
    };
    let (z, log_det) = inverse(floor);
    assert!(
        z.abs() <= SPLINE.bound && log_det.abs() < 20.0,
        "{z} {log_det}"
    );
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
            header.log_norm = log_norm;
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
