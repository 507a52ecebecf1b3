//! The checksum of artefacts and of saved states.

/// CRC-32 (IEEE 802.3, reflected) of a byte string.
///
/// A table of 16 entries: two look-ups a byte, 64 bytes of flash. Bit by bit would take four times
/// the instructions for each byte, which an artefact has many of; 256 entries would take 1 KiB.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = table();
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..2 {
            let low = TABLE.get(crc as usize & 15).copied().unwrap_or_default();
            crc = (crc >> 4) ^ low;
        }
    }
    !crc
}

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let mut entry = i as u32;
        let mut bit = 0;
        while bit < 4 {
            entry = if entry & 1 == 1 {
                0xedb8_8320 ^ (entry >> 1)
            } else {
                entry >> 1
            };
            bit += 1;
        }
        table[i] = entry;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn agrees_with_the_published_check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(&[]), 0);
    }
}
