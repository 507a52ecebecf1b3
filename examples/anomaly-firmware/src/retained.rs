//! Memory that survives a reboot.
//!
//! On the emulated board it is a piece of RAM. On a real one it is a section that the start-up code
//! leaves alone (`.noinit`), a backup domain, or a page of flash that is written now and then.
//!
//! It holds the frame of a saved state and nothing else: the frame says which model it is of, how
//! long it is, and whether all of it was written. Memory that was never written, or a write that
//! power loss has cut off, is refused when the state is restored.

use flow_embedded::StateError;

/// `LENGTH` bytes of retained memory: the `BYTES` of what is saved.
pub struct Retained<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Retained<LENGTH> {
    /// Cleared memory, as after the first start.
    pub const fn new() -> Self {
        Self([0; LENGTH])
    }

    /// Lets `save` write a state.
    pub fn store(
        &mut self,
        save: impl FnOnce(&mut [u8]) -> Result<&[u8], StateError>,
    ) -> Result<(), StateError> {
        save(&mut self.0).map(drop)
    }

    /// What a power loss leaves of a write: the first half of the state, and then what was there
    /// before. Each bit of the checksum differs from what it should be.
    pub fn cut_off(&mut self) {
        let written = self.0.len() / 2;
        for byte in self.0.iter_mut().skip(written) {
            *byte = !*byte;
        }
    }

    /// What is there, for `restore` to judge.
    pub const fn load(&self) -> &[u8] {
        &self.0
    }
}
