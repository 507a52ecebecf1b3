use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Bits of numbers. In the file all first bytes come before all second ones, and so on: signs and
/// exponents compress well where they are neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u8>", into = "Vec<u8>")]
pub(crate) struct Bits(pub(crate) Vec<u32>);

impl From<Bits> for Vec<u8> {
    fn from(own: Bits) -> Self {
        let plane = |shift| own.0.iter().map(move |bits| (bits >> shift) as u8);
        [0, 8, 16, 24].into_iter().flat_map(plane).collect()
    }
}

impl From<Vec<u8>> for Bits {
    fn from(bytes: Vec<u8>) -> Self {
        let count = bytes.len() / 4;
        let mut own = alloc::vec![0; count];
        if count > 0 {
            for (plane, shift) in bytes.chunks_exact(count).zip([0, 8, 16, 24]) {
                let bytes = own.iter_mut().zip(plane);
                bytes.for_each(|(bits, byte)| *bits |= u32::from(*byte) << shift);
            }
        }
        Self(own)
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn planes_come_back() {
        for own in [vec![], vec![0x0102_0304], vec![1, u32::MAX, 0x8000_0000]] {
            let own = Bits(own);
            assert_eq!(Bits::from(Vec::from(own.clone())), own);
        }
    }
}
