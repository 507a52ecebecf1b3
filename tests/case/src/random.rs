//! The generator that drives the samples, the same on the desk and on the chip.

use core::convert::Infallible;

use flow_embedded::rand_core::TryRng;

/// Marsaglia's xorshift of 32 bits (2003): small and the same everywhere. Good enough to compare
/// bits with, not to draw conclusions from.
pub struct XorShift(u32);

impl XorShift {
    /// A generator whose stream depends on `seed` alone.
    pub const fn new(seed: u32) -> Self {
        // Zero is the one state that the generator never leaves.
        Self(if seed == 0 { 1 } else { seed })
    }
}

impl TryRng for XorShift {
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
