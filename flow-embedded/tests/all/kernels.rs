//! Laws of the kernels in `f32`: inverses undo, log-determinants agree with
//! derivatives, and how much is lost where it is worst. The tables print what
//! they measure: `cargo test -p flow-embedded --test all kernels -- --nocapture`.

use crate::spline_reference::Spline;
use flow_embedded::kernels::{self, Activation, Identity, Relu, Sigmoid, Silu, Tanh};
use flow_embedded::math::Polynomial;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::f32::consts::PI;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform in −1 .. 1.
fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1u32 << 23) as f32 - 1.0
}

/// The number `steps` representable numbers above `x`.
fn ulps(x: f32, steps: i32) -> f32 {
    (0..steps.abs()).fold(x, |x, _| {
        if steps > 0 {
            x.next_up()
        } else {
            x.next_down()
        }
    })
}

/// Errors of one kind of spline.
#[derive(Debug, Default)]
struct Errors {
    /// `|inverse(forward(x)) − x|`.
    round_trip: Vec<f64>,
    /// `|forward(inverse(y)) − y|`.
    back: Vec<f64>,
    /// The value against `f64`.
    value: Vec<f64>,
    /// `ln` of the slope against `f64`.
    log_slope: Vec<f64>,
}

/// A row of the table: how wild parameters are, and for each kind of error the
/// bounds of the 999th in a thousand and of the worst, in standardised units
/// and nats.
struct Row {
    name: &'static str,
    size: f32,
    bounds: [[f64; 2]; 4],
}

/// No bound, because `f32` knows none: where a spline is so flat that one `y`
/// stands for a whole range of `x`, or bends within the distance of two
/// numbers. What remains exact there is the way back, from `y` to `y`.
const NONE: f64 = f64::INFINITY;

/// Parameters up to 0.3 as after initialisation, 3 as after training, and 1000,
/// which the soft bounds turn into the sharpest splines that there are.
const ROWS: [Row; 3] = [
    Row {
        name: "near identity",
        size: 0.3,
        bounds: [[2e-6, 4e-6], [2e-6, 4e-6], [2e-6, 4e-6], [6e-6, 2e-5]],
    },
    Row {
        name: "as trained",
        size: 3.0,
        bounds: [[1e-4, 1e-3], [1e-5, 3e-5], [2e-5, 1e-4], [2e-3, 1e-2]],
    },
    Row {
        name: "sharp",
        size: 1e3,
        bounds: [[NONE, NONE], [1e-3, 4e-3], [2e-3, 8e-3], [NONE, NONE]],
    },
];

/// Every knot and the numbers around it, ±bound and the numbers around it,
/// places between knots, and random ones.
fn places(knots: &[f64], bound: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let ends = [-f64::from(bound), f64::from(bound)];
    let near = knots.iter().chain(&ends).flat_map(|knot| {
        let knot = *knot as f32;
        (-4..=4).map(move |steps| ulps(knot, steps))
    });
    let between = knots.windows(2).flat_map(|pair| {
        [0.25, 0.5, 0.75].map(|share| (pair[0] + share * (pair[1] - pair[0])) as f32)
    });
    let random = (0..32).map(|_| 1.05 * bound * uniform(rng));
    near.chain(between).chain(random).collect()
}

fn measure(row: &Row) -> Errors {
    let rng = &mut rng(7);
    let mut errors = Errors::default();
    for bins in [2, 3, 8, 16] {
        for bound in [3.0, 4.0, PI] {
            for _ in 0..60 {
                let parameters: Vec<f32> =
                    (0..3 * bins - 1).map(|_| row.size * uniform(rng)).collect();
                spline(&parameters, bound, &mut errors, rng);
            }
        }
    }
    errors
}

fn spline(parameters: &[f32], bound: f32, errors: &mut Errors, rng: &mut ChaCha8Rng) {
    let exact = Spline::new(parameters, f64::from(bound));
    let forward =
        |x: f32| kernels::spline_forward::<Polynomial>(x, &mut parameters.to_vec(), bound);
    let inverse = |y: f32| {
        kernels::spline_inverse_and_log_det::<Polynomial>(y, &mut parameters.to_vec(), bound)
    };
    for x in places(&exact.across, bound, rng) {
        let place = || format!("x {x}, bound {bound}, parameters {parameters:?}");
        let (y, log_slope) = forward(x);
        let (back, log_det) = inverse(y);
        if x.abs() >= bound {
            assert_eq!((y, log_slope), (x, 0.0), "{}", place());
            assert_eq!((back, log_det), (x, 0.0), "{}", place());
            continue;
        }
        // Past the end by a rounding is harmless: there the spline is the identity.
        let end = bound + 4e-6;
        assert!(y.abs() <= end && back.abs() <= end, "{}", place());
        assert!(log_slope.is_finite() && log_det.is_finite(), "{}", place());
        let only = kernels::spline_inverse::<Polynomial>(y, &mut parameters.to_vec(), bound);
        assert_eq!(only.to_bits(), back.to_bits(), "{}", place());
        let (value, slope) = exact.forward(f64::from(x));
        errors
            .round_trip
            .push((f64::from(back) - f64::from(x)).abs());
        errors.value.push((f64::from(y) - value).abs());
        errors
            .log_slope
            .push((f64::from(log_slope) - slope.ln()).abs());
    }
    for y in places(&exact.up, bound, rng) {
        let (x, _) = inverse(y);
        errors
            .back
            .push((f64::from(forward(x).0) - f64::from(y)).abs());
    }
}

/// The 999th in a thousand and the worst.
fn largest(errors: &mut [f64]) -> [f64; 2] {
    errors.sort_by(f64::total_cmp);
    [
        errors[errors.len() - errors.len() / 1000 - 1],
        errors[errors.len() - 1],
    ]
}

#[test]
fn splines_are_inverted_at_and_around_every_knot() {
    let mut broken = Vec::new();
    println!(
        "spline: 99.9 % and worst   x→y→x             y→x→y          y against f64     ln slope against f64"
    );
    for row in &ROWS {
        let mut errors = measure(row);
        let found = [
            &mut errors.round_trip,
            &mut errors.back,
            &mut errors.value,
            &mut errors.log_slope,
        ]
        .map(|errors| largest(errors));
        print!("{:19}", row.name);
        for [most, worst] in found {
            print!("  {most:7.1e} {worst:7.1e}");
        }
        println!();
        let found = found.as_flattened().iter();
        if found
            .zip(row.bounds.as_flattened())
            .any(|(found, bound)| found > bound)
        {
            broken.push(row.name);
        }
    }
    assert!(broken.is_empty(), "beyond their bounds: {broken:?}");
}

#[test]
fn splines_ascend() {
    let rng = &mut rng(3);
    for size in [0.3, 3.0, 1e3] {
        let parameters: Vec<f32> = (0..23).map(|_| size * uniform(rng)).collect();
        let value = |x| kernels::spline_forward::<Polynomial>(x, &mut parameters.clone(), 4.0).0;
        let steps = 40_000;
        let xs = (0..=steps).map(|i| -4.1 + 8.2 * i as f32 / steps as f32);
        let ys: Vec<f32> = xs.map(value).collect();
        // A rounding may step back by as much as it is itself.
        for pair in ys.windows(2) {
            assert!(pair[1] - pair[0] > -2e-6, "{pair:?} of size {size}");
        }
    }
}

#[test]
fn angles_are_inverted_and_stay_angles() {
    let rng = &mut rng(4);
    let mut worst = 0.0f32;
    for _ in 0..20_000 {
        let parameters: Vec<f32> = (0..14).map(|_| 3.0 * uniform(rng)).collect();
        let x = PI * uniform(rng);
        let (y, _) = kernels::circular_forward::<Polynomial>(x, &mut parameters.clone());
        let back = kernels::circular_inverse::<Polynomial>(y, &mut parameters.clone());
        assert!(y.abs() <= PI + 1e-6 && back.abs() <= PI + 1e-6);
        worst = worst.max(kernels::wrap(back - x).abs());
    }
    println!("circular spline: {worst:.1e}");
    assert!(worst < 2e-3, "{worst}");
    for turns in [-3.0, -1.0, 0.0, 1.0, 2.0, 100.0] {
        let wrapped = kernels::wrap(0.5 + turns * 2.0 * PI);
        assert!((wrapped - 0.5).abs() < 1e-4, "{turns} turns: {wrapped}");
    }
    for far in [1e6, f32::INFINITY, f32::NAN] {
        assert!(kernels::wrap(far).is_nan());
    }
}

#[test]
fn affine_maps_are_inverted() {
    let rng = &mut rng(5);
    for _ in 0..100_000 {
        let (x, shift, a) = (10.0 * uniform(rng), 3.0 * uniform(rng), 50.0 * uniform(rng));
        let (z, log_det) = kernels::affine_forward::<Polynomial>(x, shift, a, 0.5);
        let (back, inverse) = kernels::affine_inverse::<Polynomial>(z, shift, a, 0.5);
        assert_eq!(log_det, -inverse);
        assert!((back - x).abs() < 2e-5, "{x} came back as {back}");
    }
    let mut x = [1.0, -2.0, 3.5];
    kernels::shift_forward_each(&mut x, &[0.5, 0.25, -1.0]);
    assert_eq!(x, [1.5, -1.75, 2.5]);
    kernels::shift_inverse_each(&mut x, &[0.5, 0.25, -1.0]);
    assert_eq!(x, [1.0, -2.0, 3.5]);
}

#[test]
fn linear_maps_are_inverted_and_are_their_matrix() {
    let rng = &mut rng(6);
    for channels in [1usize, 2, 5, 16] {
        let mut triangle = |unit: bool| -> Vec<f32> {
            let rows = (0..channels).map(|row| if unit { row + 1 } else { channels - row });
            rows.flat_map(|length| (0..length).map(|i| (i, uniform(rng))).collect::<Vec<_>>())
                .map(|(i, u)| if i == 0 && !unit { u.exp() } else { 0.3 * u })
                .collect()
        };
        let (upper, lower) = (triangle(false), triangle(true));
        let x: Vec<f32> = (0..channels).map(|i| i as f32 - 1.5).collect();
        let mut z = x.clone();
        kernels::linear_normalize(&mut z, &upper, &lower);
        // U x, then L and the bias, by their indices.
        let at = |row: usize, column: usize| {
            let start: usize = (0..row).map(|before| channels - before).sum();
            f64::from(upper[start + column - row])
        };
        let mut u = vec![0.0; channels];
        for (row, u) in u.iter_mut().enumerate() {
            *u = (row..channels).map(|c| at(row, c) * f64::from(x[c])).sum();
        }
        for row in 0..channels {
            let start = row * (row + 1) / 2;
            let left: f64 = (0..row)
                .map(|c| f64::from(lower[start + 1 + c]) * u[c])
                .sum();
            let exact = u[row] + left + f64::from(lower[start]);
            assert!((f64::from(z[row]) - exact).abs() < 2e-5 * exact.abs().max(10.0));
        }
        kernels::linear_generate(&mut z, &upper, &lower);
        for (back, x) in z.iter().zip(&x) {
            assert!(
                (back - x).abs() < 1e-3,
                "{channels}: {x} came back as {back}"
            );
        }
    }
    let pairs = [[2.0, 1.0], [0.5, -1.0]];
    let mut x = [3.0, 4.0];
    kernels::element_wise_normalize(&mut x, &pairs);
    assert_eq!(x, [7.0, 1.0]);
    kernels::element_wise_generate(&mut x, &pairs);
    assert_eq!(x, [3.0, 4.0]);
}

/// A domain's maps, with the exact ones in `f64`: value and `ln |dy/dx|` without
/// its constant.
struct DomainRow {
    name: &'static str,
    normalize: fn(&mut f32) -> f32,
    generate: fn(&mut f32),
    exact: fn(f64) -> (f64, f64),
    /// The domain's values are `origin + distance` for distances of this range.
    origin: f32,
    range: (f32, f32),
}

#[test]
fn domains_are_inverted_and_log_determinants_are_exact() {
    let rows = [
        DomainRow {
            name: "positive",
            normalize: |x| kernels::positive_normalize::<Polynomial>(x, 0.0),
            generate: |y| kernels::positive_generate::<Polynomial>(y, 0.0),
            exact: |x| (x.ln(), -x.ln()),
            origin: 0.0,
            range: (1e-30, 1e30),
        },
        DomainRow {
            name: "soft-positive",
            normalize: |x| kernels::soft_positive_normalize::<Polynomial>(x, 0.0, 2.0),
            generate: |y| kernels::soft_positive_generate::<Polynomial>(y, 0.0, 2.0),
            exact: |x| {
                let u = x / 2.0;
                (u.exp_m1().ln().min(u), -(-(-u).exp_m1()).ln())
            },
            origin: 0.0,
            range: (1e-20, 1e2),
        },
        DomainRow {
            name: "bounded",
            normalize: |x| kernels::bounded_normalize::<Polynomial>(x, 0.0, 8.0),
            generate: |y| kernels::bounded_generate::<Polynomial>(y, 0.0, 8.0),
            exact: |x| {
                (
                    (x / (8.0 - x)).ln(),
                    -((x / 8.0).ln() + (1.0 - x / 8.0).ln()),
                )
            },
            origin: 0.0,
            range: (1e-20, 7.999),
        },
    ];
    for row in rows {
        let mut worst = [0.0f64; 3];
        for bits in (row.range.0.to_bits()..row.range.1.to_bits()).step_by(9973) {
            let x = row.origin + f32::from_bits(bits);
            let mut y = x;
            let log_det = (row.normalize)(&mut y);
            let (value, exact) = (row.exact)(f64::from(x));
            let mut back = y;
            (row.generate)(&mut back);
            let errors = [
                (f64::from(y) - value).abs() / value.abs().max(1.0),
                (f64::from(log_det) - exact).abs() / exact.abs().max(1.0),
                (f64::from(back) - f64::from(x)).abs() / f64::from(x),
            ];
            for (worst, error) in worst.iter_mut().zip(errors) {
                assert!(error.is_finite(), "{} at {x}", row.name);
                *worst = worst.max(error);
            }
        }
        let [value, log_det, round_trip] = worst;
        println!(
            "{:14} value {value:.1e}, log-determinant {log_det:.1e}, round trip {round_trip:.1e}",
            row.name
        );
        assert!(value < 1e-6 && log_det < 1e-6, "{}", row.name);
        // The exponential of a large number loses its absolute error.
        assert!(round_trip < 1e-5, "{}", row.name);
    }
}

#[test]
fn values_outside_a_domain_become_no_number() {
    for x in [0.0, -1.0, f32::NEG_INFINITY, f32::NAN] {
        for map in [
            |x: &mut f32| kernels::positive_normalize::<Polynomial>(x, 0.0),
            |x: &mut f32| kernels::soft_positive_normalize::<Polynomial>(x, 0.0, 2.0),
            |x: &mut f32| kernels::bounded_normalize::<Polynomial>(x, 0.0, 8.0),
        ] {
            let mut y = x;
            let _ = map(&mut y);
            assert!(!y.is_finite(), "{x} became {y}");
        }
    }
}

/// However far out a base event lies, its sample has a likelihood.
#[test]
fn samples_stay_within_their_domain() {
    for y in [-1e30, -200.0, -30.0, -15.0, 0.0, 15.0, 30.0, 200.0, 1e30] {
        let mut x = y;
        kernels::bounded_generate::<Polynomial>(&mut x, 10.0, 30.0);
        assert!(10.0 < x && x < 30.0, "{y} gave {x}");
        for generate in [
            |x: &mut f32| kernels::positive_generate::<Polynomial>(x, 5.0),
            |x: &mut f32| kernels::soft_positive_generate::<Polynomial>(x, 5.0, 2.0),
        ] {
            let mut x = y;
            generate(&mut x);
            assert!(x > 5.0, "{y} gave {x}");
        }
    }
    let mut x = f32::NAN;
    kernels::bounded_generate::<Polynomial>(&mut x, 10.0, 30.0);
    assert!(x.is_nan());
}

#[test]
fn grids_take_the_nearest_value() {
    for (x, expected) in [(0.9, 1.0), (1.1, 1.0), (-0.6, -0.5), (1e30, 1e30)] {
        assert_eq!(kernels::round_to_grid(x, 0.5, 0.5), expected);
    }
    assert!(kernels::round_to_grid(f32::NAN, 0.0, 1.0).is_nan());
}

/// What stands between dense layers: each number of a window by the same operation, the others as they were.
#[test]
fn steps_between_dense_layers_change_their_window_alone() {
    fn window<A: Activation>() {
        let rng = &mut rng(8);
        let mut numbers = || -> [f32; 9] { std::array::from_fn(|_| 40.0 * uniform(rng)) };
        for _ in 0..200 {
            let (input, output) = (numbers(), numbers());
            let changed = |change: &dyn Fn(&mut [f32; 9])| {
                let mut own = output;
                change(&mut own);
                own.map(f32::to_bits)
            };
            let expected = |value: &dyn Fn(f32, f32) -> f32| -> [u32; 9] {
                std::array::from_fn(|place| match (2..7).contains(&place) {
                    true => value(input[place], output[place]).to_bits(),
                    false => output[place].to_bits(),
                })
            };
            let found = changed(&|own| kernels::activate::<A, 2, 5, 9>(&input, own));
            assert_eq!(found, expected(&|x, _| A::apply(x)));
            let found = changed(&|own| kernels::multiply::<2, 5, 9>(&input, own));
            assert_eq!(found, expected(&|x, y| y * x));
            let found = changed(&|own| kernels::add::<2, 5, 9>(&input, own));
            assert_eq!(found, expected(&|x, y| y + x));
        }
    }
    window::<Identity>();
    window::<Relu>();
    window::<Tanh<Polynomial>>();
    window::<Silu<Polynomial>>();
    window::<Sigmoid<Polynomial>>();
    for (x, share) in [(0.0, 0.5), (200.0, 1.0), (-200.0, 0.0)] {
        assert_eq!(Sigmoid::<Polynomial>::apply(x), share);
    }
    // SiLU is what a gate lets through of its own input, but for one rounding.
    for x in [-3.5f32, 0.25, 7.0] {
        let (gated, silu) = (
            x * Sigmoid::<Polynomial>::apply(x),
            Silu::<Polynomial>::apply(x),
        );
        assert!((gated - silu).abs() <= f32::EPSILON * silu.abs(), "{x}");
    }
}
