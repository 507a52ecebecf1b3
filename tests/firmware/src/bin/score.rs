//! Scores one row by the flow that the binary is named after: what a firmware weighs that does
//! nothing else.
#![no_std]
#![no_main]

use core::hint::black_box;

use flow_case::ROWS;
use flow_embedded::Density;
use flow_frame::{entry, stop};

#[allow(dead_code)]
mod model {
    include!(concat!(env!("OUT_DIR"), "/", env!("CARGO_BIN_NAME"), ".rs"));
}

#[entry]
fn main() -> ! {
    let [row, ..] = black_box(&ROWS);
    if let Some(event) = row.first_chunk() {
        black_box(model::Model.log_prob(event, &[]));
    }
    stop::success()
}
