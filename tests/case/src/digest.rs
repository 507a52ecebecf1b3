use crate::{SEED, XorShift};
use flow_embedded::Sampler;

/// Samples that go into a digest: a chip without floating point takes its time.
const SAMPLES: usize = 8;

/// A digest of some samples' bits, FNV-1a, 32 bits: the same on every machine or the samples are not.
/// Every context channel is one half.
pub fn sample_digest<const D: usize, const C: usize>(flow: &impl Sampler<D, C>) -> u32 {
    let mut rng = XorShift::new(SEED);
    let samples = (0..SAMPLES).flat_map(|_| flow.sample(&mut rng, &[0.5; C]));
    let bytes = samples.flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
