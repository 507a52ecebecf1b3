//! Memory that survives a reboot.
//!
//! On the emulated board it is a piece of RAM. On a real one it is a section that the start-up code
//! leaves alone (`.noinit`), a backup domain, or a page of flash that is written now and then.

/// Room for the state of the detector: two bytes for each bet, and one for each statistic.
const ROOM: usize = 128;

/// A state with its length and a checksum, so that memory that lost its content is not taken for one.
pub struct Retained {
    bytes: [u8; ROOM],
    length: usize,
    checksum: u32,
}

impl Retained {
    /// Nothing stored.
    pub const fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            length: 0,
            checksum: 0,
        }
    }

    /// Lets `save` write a state, and keeps it; on a failure there is none.
    pub fn store<E>(&mut self, save: impl FnOnce(&mut [u8]) -> Result<&[u8], E>) {
        self.length = save(&mut self.bytes).map_or(0, <[u8]>::len);
        self.checksum = self.bytes.get(..self.length).map_or(0, checksum);
    }

    /// The state that was stored last, if it is whole.
    pub fn load(&self) -> Option<&[u8]> {
        let state = self.bytes.get(..self.length)?;
        (!state.is_empty() && checksum(state) == self.checksum).then_some(state)
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u32 {
    let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, mix)
}
