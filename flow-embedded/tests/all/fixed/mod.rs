//! The integer kernels against `f64`: every error that `flow_embedded::fixed`
//! states is measured here and enforced. The tables print what they measure:
//! `cargo test -p flow-embedded --test all fixed -- --nocapture`.

mod base;
mod block;
mod channel;
mod circular;
mod dense;
mod domain;
mod elementary;
mod layers;
mod scale;
mod spline;

use flow_embedded::fixed::Saturation;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// One in Q16.
const ONE: f64 = 65_536.0;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// From Q16.
fn real(x: i32) -> f64 {
    f64::from(x) / ONE
}

/// Any integer, sizes of all magnitudes alike.
fn any(rng: &mut ChaCha8Rng) -> i32 {
    let bits = rng.next_u32();
    (bits as i32) >> (rng.next_u32() % 32)
}

/// Uniform within ±bound.
fn within(rng: &mut ChaCha8Rng, bound: i32) -> i32 {
    let span = 2 * i64::from(bound) + 1;
    (i64::from(rng.next_u32()) % span - i64::from(bound)) as i32
}

/// The largest of some errors, where it was, and its bound.
#[derive(Default)]
struct Worst {
    error: f64,
    place: String,
}

impl Worst {
    fn see(&mut self, error: f64, place: impl FnOnce() -> String) {
        assert!(!error.is_nan(), "{}", place());
        if error > self.error {
            self.error = error;
            self.place = place();
        }
    }

    /// Holds the error to its bound, which may not be loose either.
    fn hold(&self, name: &str, bound: f64) {
        let Self { error, place } = self;
        println!("{name:28} {error:10.3e}, bound {bound:.3e}, at {place}");
        assert!(error <= &bound, "{name}: {error} at {place}");
        assert!(error >= &(bound / 3.0), "{name}: {error}, stated {bound}");
    }
}

/// Runs something that must not clamp.
fn unclamped<T>(run: impl FnOnce(&mut Saturation) -> T) -> T {
    let mut saturation = Saturation::new();
    let result = run(&mut saturation);
    assert_eq!(saturation.count(), 0);
    result
}
