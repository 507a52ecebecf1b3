use super::{ONE, real, rng, within};
use crate::spline_reference::Spline;
use flow_embedded::fixed::{self, Floor};
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
    kind: Kind,
    size: i32,
    bounds: [[f64; 2]; 4],
}

/// No bound, because Q16 knows none: where a spline bends within a step.
const NONE: f64 = f64::INFINITY;

/// Parameters up to 0.3 as after initialisation, 3 as after training, and 1000,
/// which the soft bounds turn into the sharpest splines that there are.
///
/// Floors as nflows and FlowJAX have them by default, and larger ones.
const ROWS: [Row; 7] = [
    Row {
        name: "near identity",
        kind: Kind::SoftBounds,
        size: 19_661,
        bounds: [[0.52, 0.53], [8e-6, 1e-5], [0.52, 0.53], [8e-6, 1e-5]],
    },
    Row {
        name: "as trained",
        kind: Kind::SoftBounds,
        size: 3 << 16,
        bounds: [[0.52, 0.6], [1e-4, 6e-4], [0.52, 0.7], [4e-4, 2.5e-3]],
    },
    Row {
        name: "sharp",
        kind: Kind::SoftBounds,
        size: 1000 << 16,
        bounds: [[40.0, 100.0], [0.1, NONE], [NONE, NONE], [0.1, NONE]],
    },
    Row {
        name: "floored, near identity",
        kind: Kind::Floors(1e-3, 1e-3, false),
        size: 19_661,
        bounds: [[0.52, 0.53], [8e-6, 1e-5], [0.52, 0.53], [8e-6, 1e-5]],
    },
    Row {
        name: "floored, as trained",
        kind: Kind::Floors(1e-3, 1e-3, false),
        size: 3 << 16,
        bounds: [[0.52, 1.0], [8e-4, 8e-3], [0.52, 5.0], [1.6e-3, 1.5e-2]],
    },
    Row {
        name: "floored, free ends",
        kind: Kind::Floors(0.02, 0.01, true),
        size: 3 << 16,
        bounds: [[0.52, 0.6], [3e-4, 1.2e-3], [0.52, 0.7], [7e-4, 6e-3]],
    },
    Row {
        name: "floored, sharp",
        kind: Kind::Floors(1e-3, 1e-3, true),
        size: 1000 << 16,
        bounds: [[6.0, 30.0], [0.06, 0.3], [6.0, NONE], [0.05, 0.5]],
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

/// A kernel of splines.
type Kernel<'k> = &'k dyn Fn(i32, &mut [i32]) -> (i32, i32);

/// Compares kernels, forward and inverse, with an exact spline.
fn spline(
    exact: &Spline,
    [forward, backward]: [Kernel<'_>; 2],
    parameters: &[i32],
    bound: i32,
    errors: &mut Errors,
    rng: &mut ChaCha8Rng,
) {
    for x in places(&exact.across, bound, rng) {
        let place = || format!("x {x}, bound {bound}, parameters {parameters:?}");
        let (y, log_slope) = forward(x, &mut parameters.to_vec());
        if x.abs() >= bound {
            assert_eq!((y, log_slope), (x, 0), "{}", place());
            continue;
        }
        assert!(y.abs() <= bound, "{}", place());
        let (value, slope) = exact.forward(real(x));
        errors.value.push((f64::from(y) - value * ONE).abs());
        errors.log_slope.push((real(log_slope) - slope.ln()).abs());
        let next = forward(x + 1, &mut parameters.to_vec()).0;
        assert!(y <= next, "{}", place());
    }
    for y in places(&exact.up, bound, rng) {
        let (x, log_det) = backward(y, &mut parameters.to_vec());
        if y.abs() >= bound {
            assert_eq!((x, log_det), (y, 0));
            continue;
        }
        assert!(x.abs() <= bound, "{y}, bound {bound}");
        let (place, slope) = inverse(exact, real(y), real(bound));
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

/// What splines are to be compared.
enum Kind {
    SoftBounds,
    /// Least sizes and slopes, and whether the slopes at both ends are parameters.
    Floors(f32, f32, bool),
}

/// A spline with floors in `f64`, after Durkan et al. 2019.
fn floored(
    parameters: &[f64],
    bins: usize,
    bound: f64,
    [size, slope]: [f32; 2],
    free: bool,
) -> Spline {
    let [size, slope] = [size, slope].map(f64::from);
    let knots = |sizes: &[f64]| {
        let largest = sizes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials = sizes.iter().map(|a| (a - largest).exp());
        let total: f64 = exponentials.clone().sum();
        let rest = 2.0 * bound - size * bins as f64;
        let mut knots = vec![-bound];
        knots.extend(exponentials.scan(-bound, |knot, own| {
            *knot += size + rest * own / total;
            Some(*knot)
        }));
        knots
    };
    let slopes = parameters[2 * bins..].iter();
    let slopes = slopes.map(|d| slope + d.max(0.0) + (-d.abs()).exp().ln_1p());
    let ends = if free { vec![] } else { vec![1.0] };
    Spline {
        across: knots(&parameters[..bins]),
        up: knots(&parameters[bins..2 * bins]),
        derivatives: ends
            .iter()
            .copied()
            .chain(slopes)
            .chain(ends.iter().copied())
            .collect(),
    }
}

fn measure(row: &Row) -> Errors {
    let rng = &mut rng(15);
    let mut errors = Errors::default();
    for bins in [2, 3, 8, 16] {
        for bound in [3 << 16, 4 << 16, 205_887] {
            for _ in 0..60 {
                compare(row, bins, bound, &mut errors, rng);
            }
        }
    }
    errors
}

fn compare(row: &Row, bins: u8, bound: i32, errors: &mut Errors, rng: &mut ChaCha8Rng) {
    let count = 3 * usize::from(bins);
    let mut draw = |count| -> Vec<i32> { (0..count).map(|_| within(rng, row.size)).collect() };
    let far = real(bound);
    match row.kind {
        Kind::SoftBounds => {
            let parameters = draw(count - 1);
            let own: Vec<f32> = parameters.iter().map(|p| real(*p) as f32).collect();
            let kernels: [Kernel<'_>; 2] = [
                &|x, parameters| fixed::spline_forward(x, parameters, bound),
                &|y, parameters| fixed::spline_inverse_and_log_det(y, parameters, bound),
            ];
            let exact = Spline::new(&own, far);
            spline(&exact, kernels, &parameters, bound, errors, rng);
        }
        Kind::Floors(size, slope, free) => {
            let parameters = draw(if free { count + 1 } else { count - 1 });
            let own: Vec<f64> = parameters.iter().map(|p| real(*p)).collect();
            let floor = Floor::new(size, slope, far as f32, bins, free);
            let kernels: [Kernel<'_>; 2] = [
                &|x, parameters| fixed::floored_spline_forward(x, parameters, bound, floor),
                &|y, parameters| {
                    fixed::floored_spline_inverse_and_log_det(y, parameters, bound, floor)
                },
            ];
            let exact = floored(&own, bins.into(), far, [size, slope], free);
            spline(&exact, kernels, &parameters, bound, errors, rng);
        }
    }
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
                "{:22} {kind:24} {:9.2e} {:9.2e}, bounds {most:.2e} {worst:.2e}",
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
            for floor in [Floor::new(1e-3, 1e-3, 5.0, 8, true), Floor::new(1.0, 0.0, 4.0, 8, false)] {
                fixed::floored_spline_forward(x, &mut parameters.clone(), bound, floor);
                fixed::floored_spline_inverse_and_log_det(x, &mut parameters.clone(), bound, floor);
            }
        };
        run(x, bound);
        run(x >> 13, i32::MAX);
        run(x >> 13, bound >> 13);
    }
}
