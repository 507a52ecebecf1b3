//! What comes in over the UART, in place of one.
//!
//! Written by `cargo run --release -p flow-tests --bin log seen`, from the root of the repository.

/// Lines without their ends.
#[rustfmt::skip]
pub static LINES: [&str; 12] = [
    "I power bus=24.05V load=0.14A t=31.3C",
    "I power bus=24.12V load=0.14A t=31.5C",
    "I pump on, valve 1",
    "I net sent 184 B, -71 dBm, 78 ms",
    "I power bus=24.05V load=1.96A t=31.3C",
    "I pump 1412 rpm, 21.6 l/min",
    "F hard fault pc=0x08003f1c lr=0x080021a7",
    "I power bus=24.10V load=0I power bus=24.10V load=0.15A t=31.4C",
    "I power bus/24.13V l'ad=0.14A t=31.0C",
    "I net sent 184 B, -57 dBm, 63 ms",
    "I power bus=24.10V load=0.14A t=34.9C",
    "I pump 1418 rpm, 33.2 l/min",
];
