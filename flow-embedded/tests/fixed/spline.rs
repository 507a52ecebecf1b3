use super::spline_reference::Spline;
use super::{ONE, real, rng, within};
use flow_embedded::fixed;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

/// Errors of one kind of spline.
#[derive(Default)]
struct Errors {
    /// The value against `f64`, in steps of Q16.
    value: Vec<f64>,
    /// `ln` of the slope against `f64`, in nats.
    log_slope: Vec<f64>,
    /// The inverse's value against `f64`, in steps of Q16.
    inverse: Vec<f64>,
    /// The inverse's log-determinant against `f64`, in nats.
    log_det: Vec<f64>,
}

/// How wild parameters are, and for each kind of error the bounds of the 999th
/// in a thousand and of the worst.
struct Row {
    name: &'static str,
    size: i32,
    bounds: [[f64; 2]; 4],
}

/// No bound, because Q16 knows none: where a spline bends within a step.
const NONE: f64 = f64::INFINITY;

/// Parameters up to 0.3 as after initialisation, 3 as after training, and 1000,
/// which the soft bounds turn into the sharpest splines that there are.
const ROWS: [Row; 3] = [
    Row {
        name: "near identity",
        size: 19_661,
        bounds: [[0.52, 0.53], [8e-6, 1e-5], [0.52, 0.53], [8e-6, 1e-5]],
    },
    Row {
        name: "as trained",
        size: 3 << 16,
        bounds: [[0.52, 0.6], [1e-4, 6e-4], [0.52, 0.7], [4e-4, 2.5e-3]],
    },
    Row {
        name: "sharp",
        size: 1000 << 16,
        bounds: [[40.0, 100.0], [0.1, NONE], [NONE, NONE], [0.1, NONE]],
    },
];

/// Places near every knot, near the ends, and random ones.
fn places(knots: &[f64], bound: i32, rng: &mut ChaCha8Rng) -> Vec<i32> {
    let near = knots.iter().flat_map(|knot| {
        let knot = (knot * ONE) as i32;
        (-2..=2).map(move |steps| knot + steps)
    });
    let random = (0..32).map(|_| within(rng, bound + bound / 20));
    near.chain(random).collect()
}

fn spline(parameters: &[i32], bound: i32, errors: &mut Errors, rng: &mut ChaCha8Rng) {
    let exact_parameters: Vec<f32> = parameters.iter().map(|p| real(*p) as f32).collect();
    let exact = Spline::new(&exact_parameters, real(bound));
    for x in places(&exact.across, bound, rng) {
        let place = || format!("x {x}, bound {bound}, parameters {parameters:?}");
        let (y, log_slope) = fixed::spline_forward(x, &mut parameters.to_vec(), bound);
        if x.abs() >= bound {
            assert_eq!((y, log_slope), (x, 0), "{}", place());
            continue;
        }
        assert!(y.abs() <= bound, "{}", place());
        let (value, slope) = exact.forward(real(x));
        errors.value.push((f64::from(y) - value * ONE).abs());
        errors.log_slope.push((real(log_slope) - slope.ln()).abs());
        let next = fixed::spline_forward(x + 1, &mut parameters.to_vec(), bound).0;
        assert!(y <= next, "{}", place());
    }
    for y in places(&exact.up, bound, rng) {
        let (x, log_det) = fixed::spline_inverse_and_log_det(y, &mut parameters.to_vec(), bound);
        if y.abs() >= bound {
            assert_eq!((x, log_det), (y, 0));
            continue;
        }
        assert!(x.abs() <= bound, "{y}, bound {bound}");
        let (place, slope) = inverse(&exact, real(y), real(bound));
        errors.inverse.push((f64::from(x) - place * ONE).abs());
        errors.log_det.push((real(log_det) + slope.ln()).abs());
    }
}

/// The place where an exact spline has a value, and its slope there.
fn inverse(exact: &Spline, y: f64, bound: f64) -> (f64, f64) {
    let (mut low, mut high) = (-bound, bound);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if exact.forward(middle).0 < y {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low, exact.forward(low).1)
}

fn measure(row: &Row) -> Errors {
    let rng = &mut rng(15);
    let mut errors = Errors::default();
    for bins in [2, 3, 8, 16] {
        for bound in [3 << 16, 4 << 16, 205_887] {
            for _ in 0..60 {
                let parameters: Vec<i32> =
                    (0..3 * bins - 1).map(|_| within(rng, row.size)).collect();
                spline(&parameters, bound, &mut errors, rng);
            }
        }
    }
    errors
}

#[test]
fn splines_keep_their_bounds() {
    let mut broken = 0;
    for row in &ROWS {
        let errors = measure(row);
        let kinds = [
            ("value, steps", errors.value),
            ("log slope, nats", errors.log_slope),
            ("inverse, steps", errors.inverse),
            ("its log-det, nats", errors.log_det),
        ];
        for ((kind, mut errors), [most, worst]) in kinds.into_iter().zip(row.bounds) {
            errors.sort_by(f64::total_cmp);
            let measured = [errors[errors.len() * 999 / 1000], errors[errors.len() - 1]];
            println!(
                "{:14} {kind:24} {:9.2e} {:9.2e}, bounds {most:.2e} {worst:.2e}",
                row.name, measured[0], measured[1]
            );
            broken += usize::from(measured[0] > most || measured[1] > worst);
        }
    }
    assert_eq!(broken, 0, "see the output for the rows over their bound");
}

proptest! {
    #[test]
    fn no_parameters_and_no_value_overflow(
        x: i32,
        parameters in proptest::collection::vec(any::<i32>(), 0..70),
        bound: i32,
    ) {
        let run = |x, bound| {
            fixed::spline_forward(x, &mut parameters.clone(), bound);
            fixed::spline_inverse_and_log_det(x, &mut parameters.clone(), bound);
        };
        run(x, bound);
        run(x >> 13, i32::MAX);
        run(x >> 13, bound >> 13);
    }
}
