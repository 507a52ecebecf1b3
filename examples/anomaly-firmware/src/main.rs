//! Watches a motion sensor with a trained flow and reports what is out of the ordinary.
#![no_std]
#![no_main]

mod board;
mod samples;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::{Detector, ObserveError};
use samples::SAMPLES;

/// The flow, compiled from `model.flow` by `build.rs`.
mod model {
    flow_embedded::include_flow!("model");
}

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut detector = Detector::new(model::BasicMotions);
    console.text("    log_prob     p_value").end();
    for (activity, sample) in &SAMPLES {
        match detector.observe(sample, &[]) {
            Ok(verdict) => console
                .fixed::<2>(verdict.log_prob)
                .fixed::<4>(verdict.p_value)
                .text(if verdict.alarm {
                    "  ALARM  "
                } else {
                    "  -      "
                })
                .text(activity),
            Err(ObserveError::NonFinite { channel }) => {
                console.text("refused: channel ").number(channel as u32);
                console.text(" is not finite")
            }
            Err(_) => console.text("refused"),
        }
        .end();
    }
    console.number(detector.observed()).text(" samples, ");
    console.number(detector.alarms()).text(" alarms").end();
    board::exit()
}
