use core::convert::Infallible;
use rand_core::TryRng;

/// SplitMix64 (Steele, Lea, Flood 2014). Its stream is part of the frozen vectors and never changes.
#[derive(Clone, Debug)]
pub struct Words(u64);

impl Words {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of one of many indices of a seed.
    pub(crate) fn of(seed: u64, index: u32) -> Self {
        Self(Self(seed ^ u64::from(index)).word())
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut own = self.0;
        own = (own ^ (own >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        own = (own ^ (own >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        own ^ (own >> 31)
    }

    /// The next 32 bits: the upper half of a word.
    fn half(&mut self) -> u32 {
        (self.word() >> 32) as u32
    }

    /// An integer from 0 to `count` − 1; 0 if `count` is 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        ((u64::from(self.half()) * count as u64) >> 32) as usize
    }

    /// One of two, equally likely.
    pub(crate) fn coin(&mut self) -> bool {
        self.half() >> 31 == 1
    }

    /// A multiple of 2⁻²⁴ from 0 on, below 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.half() >> 8) as f32 * f32::from_bits(0x3380_0000)
    }

    /// A multiple of 2⁻²³ from −1 on, below 1.
    pub(crate) fn signed(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }
}

impl TryRng for Words {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.half())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn the_stream_is_splitmix64() {
        // The first outputs of the reference implementation in C for the seed 1234567.
        let mut words = Words::new(1_234_567);
        let first = [0; 3].map(|_| words.word());
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(first, expected);
    }

    #[test]
    fn numbers_stay_within_their_ranges() {
        let mut words = Words::new(1);
        assert_eq!(words.below(0), 0);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[words.below(5)] = true;
            assert!((0.0..1.0).contains(&words.unit()));
            assert!((-1.0..1.0).contains(&words.signed()));
        }
        assert_eq!(seen, [true; 5]);
    }
}
