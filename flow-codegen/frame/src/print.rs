//! Lines on the host's console. Each line is put together here and handed over in one
//! semihosting call, which is slow; `core::fmt` is avoided because it would outweigh a model.

use semihosting::io::{self, Stdout, Write};

use crate::stop;

/// The host's console.
pub struct Console {
    stream: Stdout,
    line: [u8; 96],
    used: usize,
}

impl Console {
    /// Opens the console; a firmware without one can report nothing and stops.
    pub fn open() -> Self {
        match io::stdout() {
            Ok(stream) => Self {
                stream,
                line: [0; 96],
                used: 0,
            },
            Err(_) => stop::failure(),
        }
    }

    /// Adds text to the line.
    pub fn text(&mut self, text: &str) -> &mut Self {
        text.bytes().for_each(|byte| self.push(byte));
        self
    }

    /// Adds a blank and the bits of a number as eight hexadecimal digits.
    pub fn bits(&mut self, value: f32) -> &mut Self {
        self.push(b' ');
        let bits = value.to_bits();
        for shift in (0..8).rev() {
            let digit = (bits >> (4 * shift) & 0xf) as u8;
            self.push(if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            });
        }
        self
    }

    /// Adds a blank and a decimal number.
    pub fn number(&mut self, mut value: usize) -> &mut Self {
        self.push(b' ');
        let mut digits = [0; 10];
        let mut count = 0;
        for digit in &mut digits {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
            count += 1;
            if value == 0 {
                break;
            }
        }
        digits.iter().take(count).rev().for_each(|&d| self.push(d));
        self
    }

    /// Ends the line and hands it over.
    pub fn end(&mut self) {
        self.push(b'\n');
        let line = self.line.get(..self.used).unwrap_or(&[]);
        if self.stream.write_all(line).is_err() {
            stop::failure();
        }
        self.used = 0;
    }

    fn push(&mut self, byte: u8) {
        match self.line.get_mut(self.used) {
            Some(place) => *place = byte,
            None => stop::failure(),
        }
        self.used += 1;
    }
}
