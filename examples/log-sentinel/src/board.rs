//! The emulated board: where lines of text go and how the program ends.
//!
//! On a real board this is the file to replace: send the lines to a UART, RTT or `defmt`.
//! `core::fmt` is left out because it would weigh several kilobytes.

use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hio::{self, HostStream};

/// The digits of any number here, with its point and sign.
const FIELD: usize = 12;

/// Puts lines together and hands each to the host in one call, since every call halts the chip.
pub struct Console {
    host: HostStream,
    line: [u8; 80],
    used: usize,
}

impl Console {
    pub fn open() -> Self {
        let Ok(host) = hio::hstdout() else { fail() };
        Self {
            host,
            line: [0; 80],
            used: 0,
        }
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a rounded number, at the right of twelve characters; one that does not fit becomes the
    /// nearest that does.
    pub fn fixed<const DECIMALS: u32>(&mut self, value: f32) -> &mut Self {
        if value == f32::NEG_INFINITY {
            return self.text("        -inf");
        }
        let scaled = value * const { 10_u32.pow(DECIMALS) as f32 };
        let rounded = (scaled + 0.5_f32.copysign(scaled)) as i32;
        self.bytes(&digits::<DECIMALS>(rounded.unsigned_abs(), rounded < 0))
    }

    /// Adds the bits of a word, as eight hexadecimal digits.
    pub fn hex(&mut self, word: u32) -> &mut Self {
        for nibble in (0..8).rev() {
            let digit = (word >> (4 * nibble) & 15) as u8;
            self.bytes(&[match digit {
                0..10 => b'0' + digit,
                _ => b'a' - 10 + digit,
            }]);
        }
        self
    }

    /// Ends the line and prints it.
    pub fn end(&mut self) {
        self.bytes(b"\n");
        let line = self.line.get(..self.used).unwrap_or_default();
        if self.host.write_all(line).is_err() {
            fail();
        }
        self.used = 0;
    }

    /// Adds characters of ASCII.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let free = self.line.iter_mut().skip(self.used);
        self.used += free.zip(bytes).map(|(place, byte)| *place = *byte).count();
        self
    }
}

fn digits<const DECIMALS: u32>(mut value: u32, negative: bool) -> [u8; FIELD] {
    let mut field = [b' '; FIELD];
    let mut decimals = DECIMALS;
    let mut places = field.iter_mut().rev();
    let mut put = |byte| places.next().map(|place| *place = byte);
    loop {
        put(b'0' + (value % 10) as u8);
        value /= 10;
        match decimals {
            0 if value == 0 => break,
            0 => {}
            _ => {
                decimals -= 1;
                if decimals == 0 {
                    put(b'.');
                }
            }
        }
    }
    if negative {
        put(b'-');
    }
    field
}

/// Ends the emulator.
pub fn exit() -> ! {
    debug::exit(EXIT_SUCCESS);
    loop {
        core::hint::spin_loop();
    }
}

fn fail() -> ! {
    debug::exit(EXIT_FAILURE);
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fail()
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    fail()
}
