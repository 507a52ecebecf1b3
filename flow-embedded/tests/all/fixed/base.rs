use super::{ONE, Worst, any, real, rng, within};
use flow_embedded::fixed::{self, StudentT};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

/// Four channels, sizes of all magnitudes up to 64 alike.
fn event(rng: &mut ChaCha8Rng) -> [i32; 4] {
    std::array::from_fn(|_| any(rng) >> 9)
}

/// The error of an energy, in ulps.
fn ulps(f: impl Fn(&[i32; 4]) -> i32, exact: impl Fn(&[f64; 4]) -> f64) -> Worst {
    let rng = &mut rng(18);
    let mut worst = Worst::default();
    for _ in 0..200_000 {
        let z = event(rng);
        let error = (f64::from(f(&z)) - exact(&z.map(real)) * ONE).abs();
        worst.see(error, || format!("{z:?}"));
    }
    worst
}

#[test]
fn energies_follow_their_formulas() {
    let normal = |z: &[f64; 4]| z.iter().map(|z| 0.5 * z * z).sum();
    ulps(|z| fixed::normal_energy(z), normal).hold("normal_energy, ulps", 0.5);
    let logistic = |z: f64| z.abs() + 2.0 * (-z.abs()).exp().ln_1p();
    ulps(
        |z| fixed::logistic_energy(z),
        |z| z.iter().map(|z| logistic(*z)).sum(),
    )
    .hold("logistic_energy, ulps", 8.0);
    for z in [[0; 4], [1, -1, 5 << 16, i32::MIN]] {
        let exact: i64 = z.iter().map(|z| i64::from(*z).abs()).sum();
        assert_eq!(
            i64::from(fixed::laplace_energy(&z)),
            exact.min(i32::MAX.into())
        );
    }
    assert_eq!(fixed::normal_energy(&[i32::MIN; 9]), i32::MAX);
    assert_eq!(fixed::normal_energy(&[]), 0);
    for degrees in [0.5f32, 1.0, 4.3, 200.0] {
        let law = StudentT::new(degrees);
        let degrees = f64::from(degrees);
        let exact = |z: &[f64; 4]| {
            let logs: f64 = z.iter().map(|z| (z * z / degrees).ln_1p()).sum();
            0.5 * (degrees + 1.0) * logs
        };
        // Logarithms are off by 6e-8, which many degrees of freedom magnify.
        let bound = 0.51 + 0.5 * (degrees + 1.0) * 4.0 * 2.5e-8 * ONE;
        ulps(|z| law.energy(z), exact).hold("student_t_energy, ulps", bound);
    }
}

/// Components around the middle, standard deviations from 1/8 to 8.
fn components(rng: &mut ChaCha8Rng) -> Vec<i32> {
    let component = |_| {
        let mut numbers = vec![within(rng, 4 << 16)];
        for _ in 0..4 {
            let inv_std = (1 << 21) << (within(rng, 3) + 3);
            numbers.extend([within(rng, 4 << 16), inv_std]);
        }
        numbers
    };
    (0..5).flat_map(component).collect()
}

#[test]
fn the_energy_of_a_mixture_follows_its_formula() {
    let rng = &mut rng(19);
    let mut worst = Worst::default();
    for _ in 0..100_000 {
        let components = components(rng);
        let z: [i32; 4] = std::array::from_fn(|_| within(rng, 4 << 16));
        let logs = components.chunks_exact(9).map(|component| {
            let channels = component[1..].as_chunks().0.iter().zip(&z);
            let squares: f64 = channels
                .map(|([mean, inv_std], z)| {
                    ((real(*z) - real(*mean)) * f64::from(*inv_std) / f64::from(1 << 24)).powi(2)
                })
                .sum();
            real(component[0]) - 0.5 * squares
        });
        let logs: Vec<f64> = logs.collect();
        let largest = logs.iter().copied().fold(f64::MIN, f64::max);
        let exact = -largest
            - logs
                .iter()
                .map(|log| (log - largest).exp())
                .sum::<f64>()
                .ln();
        let error = (f64::from(fixed::mixture_energy(&z, &components)) - exact * ONE).abs();
        // A deviation is rounded before it is squared.
        worst.see(error / (1.0 + exact.abs().sqrt()), || format!("{z:?}"));
    }
    worst.hold("mixture_energy, ulps", 2.5);
    assert_eq!(fixed::mixture_energy(&[0; 4], &[]), i32::MAX);
}

proptest! {
    #[test]
    fn no_event_overflows(z: [i32; 3], log_weight: i32, scale: [[i32; 2]; 3], degrees: u32) {
        fixed::normal_energy(&z);
        fixed::logistic_energy(&z);
        fixed::laplace_energy(&z);
        StudentT::new(f32::from_bits(degrees)).energy(&z);
        let component = [&[log_weight], scale.as_flattened()].concat();
        fixed::mixture_energy(&z, &component.repeat(3));
    }
}
