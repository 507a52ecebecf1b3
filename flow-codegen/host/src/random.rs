//! Seeded random numbers: one stream of ChaCha8, whose bits are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A seeded source of uniform and normal numbers.
#[derive(Clone, Debug)]
pub struct Random {
    generator: ChaCha8Rng,
    spare: Option<f32>,
}

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
            spare: None,
        }
    }

    /// A seed for another stream.
    pub fn seed(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform on [0, 1), in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform on `0..bound`: the high half of a 64-bit product (its bias, below 2^-32 for any real data set, is
    /// of no consequence to a shuffle).
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.generator.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Standard normal, by the method of Box & Muller (1958); two at a time.
    pub fn normal(&mut self) -> f32 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform() as f32).max(f32::MIN_POSITIVE).ln()).sqrt();
        let (sin, cos) = (std::f32::consts::TAU * self.uniform() as f32).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// Puts `items` in random order (Fisher & Yates).
    pub fn shuffle<I>(&mut self, items: &mut [I]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let mut random = Random::new(1);
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(random.normal())).collect();
        let moment =
            |power: i32| draws.iter().map(|x| x.powi(power)).sum::<f64>() / draws.len() as f64;
        assert!(
            moment(1).abs() < 0.015
                && (moment(2) - 1.0).abs() < 0.02
                && (moment(4) - 3.0).abs() < 0.15
        );
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_comes_from_the_seed() {
        let shuffled = |seed| {
            let mut items: Vec<usize> = (0..100).collect();
            Random::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(shuffled(3), shuffled(3));
        assert_ne!(shuffled(3), shuffled(4));
        let mut sorted = shuffled(3);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..100));
    }
}
