//! Damaged artefacts behind a right checksum. The build script runs this on the host and the binary
//! `corpus` on a chip, whose `usize` has 32 bits: both must accept and refuse the same, and compute
//! the same bits.

use flow_embedded::LoadedFlow;
use flow_frozen::Words;

/// Damages of each model.
const DAMAGES: u32 = 24;
/// The bytes before the header.
const PREAMBLE: usize = 16;
/// Bytes from there on that most damages hit: the header of most models.
const HEADER: usize = 200;

/// A digest of what becomes of damaged copies of an artefact. `copy` is as long as the artefact, and
/// `scratch` has room for every sound model.
pub fn digest(artefact: &[u8], seed: u64, copy: &mut [u8], scratch: &mut [f32]) -> u32 {
    let mut words = Words::new(seed);
    let mut below = |count: usize| ((words.word() >> 32) * count as u64 >> 32) as usize;
    let mut digest = 0x811c_9dc5;
    let mut hash = |word: u32| digest = (digest ^ word).wrapping_mul(0x0100_0193);
    let Some(payload) = artefact.len().checked_sub(4) else {
        return digest;
    };
    for damage in 0..DAMAGES {
        copy.copy_from_slice(artefact);
        let room = payload.saturating_sub(PREAMBLE);
        let reach = if damage % 4 == 3 {
            room
        } else {
            room.min(HEADER)
        };
        for _ in 0..=below(3) {
            let value = below(256) as u8;
            if let Some(byte) = copy.get_mut(PREAMBLE + below(reach)) {
                *byte = value;
            }
        }
        if let Some((body, checksum)) = copy.split_last_chunk_mut::<4>() {
            *checksum = crc32(body).to_le_bytes();
        }
        hash(score(copy, scratch));
    }
    digest
}

/// The bits of a log-likelihood, or which step refused.
fn score(artefact: &[u8], scratch: &mut [f32]) -> u32 {
    const NUMBERS: [f32; 256] = [0.5; 256];
    let Ok(flow) = LoadedFlow::from_bytes(artefact) else {
        return 1;
    };
    let header = flow.header();
    let event = NUMBERS.get(..header.event.len());
    let context = NUMBERS.get(..header.context.len());
    let (Some(event), Some(context)) = (event, context) else {
        return 2;
    };
    match flow.log_prob(event, context, scratch) {
        Ok(log_prob) if log_prob.is_nan() => 3,
        Ok(log_prob) => log_prob.to_bits(),
        Err(_) => 4,
    }
}

/// CRC-32 (IEEE 802.3, reflected), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}
