//! The generator behind the golden samples of a self-test.
//!
//! A self-test draws the same samples on every machine. It needs few random
//! words and no quality, so it has a generator of its own, of one word of state.

use core::convert::Infallible;
use rand_core::TryRng;

/// Marsaglia's xorshift of 32 bits (2003). Its stream is part of the compiled
/// modules' promise and never changes. For self-tests: use a generator of the
/// `rand` family to sample with.
#[derive(Clone, Debug)]
pub struct Words(u32);

impl Words {
    /// The words that belong to a seed.
    pub const fn new(seed: u32) -> Self {
        // Spreads small seeds over all bits, odd: zero is never left.
        Self(seed.wrapping_mul(0x9e37_79b9) | 1)
    }
}

impl TryRng for Words {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        Ok(self.0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.try_next_u32()?);
        Ok(low | u64::from(self.try_next_u32()?) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let word = self.try_next_u32()?.to_le_bytes();
            for (byte, value) in chunk.iter_mut().zip(word) {
                *byte = value;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Words;
    use rand_core::Rng;

    #[test]
    fn the_stream_is_the_one_of_released_modules() {
        let first = |seed| {
            let mut words = Words::new(seed);
            [words.next_u32(), words.next_u32()]
        };
        assert_eq!(first(0), [0x0004_2021, 0x0408_0601]);
        assert_ne!(first(1), first(2));
    }
}
