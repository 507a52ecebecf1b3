//! Reads the log of an irrigation node, raises an alarm on lines that are unlike its past and points at the place; and
//! writes lines that the node might have written.
#![no_std]
#![no_main]

mod board;
mod uart;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::window::{Window, Windowed as _};
use flow_embedded::{Categories as _, LineDetector, LineVerdict, Sampler as _};
use model::Log;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// The flow, compiled from `model.flow` by `build.rs`.
mod model {
    flow_embedded::include_flow!("model");
}

/// Characters before one that the model is given.
const PAST: usize = 8;
/// Lines to write.
const LINES: u32 = 8;

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut detector = LineDetector::new(Log);
    for line in uart::LINES {
        console.text(line).end();
        match watch(&mut detector, line) {
            Some(verdict) => report(&mut console, &verdict),
            // The first line.
            None => console.text("  no past yet").end(),
        }
    }
    console.text("written").end();
    write(&mut console);
    board::exit()
}

/// Takes in a line as a UART hands it over: character by character. A function of its own, so that what it costs can be
/// counted.
#[inline(never)]
fn watch(detector: &mut LineDetector<Log, PAST>, line: &str) -> Option<LineVerdict> {
    for character in line.chars() {
        detector.observe(character);
    }
    detector.observe('\n')
}

/// Prints a verdict, and with an alarm points at the least likely character.
fn report(console: &mut Console, verdict: &LineVerdict) {
    if verdict.alarm {
        for _ in 0..verdict.least_likely {
            console.text(" ");
        }
        console.text("^").end();
    }
    console
        .text("  log_prob")
        .fixed::<2>(verdict.log_prob)
        .text("  bits ")
        .hex(verdict.log_prob.to_bits())
        .text("  p-value")
        .fixed::<4>(verdict.p_value)
        .text(if verdict.alarm { "  ALARM" } else { "" })
        .end();
}

/// Writes lines: those of `flow sample --seed 1` but for the first, whose past is nothing but line breaks.
fn write(console: &mut Console) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let line_break = Log.code(0, "\n").unwrap_or(0.0);
    let mut window = Window::<1, PAST>::filled(&Log::FEATURES, &[line_break]);
    let mut lines = 0;
    while let Some(context) = window.context(&Log::FEATURES, &[])
        && lines <= LINES
    {
        let event = Log.sample(&mut rng, &context);
        window.push(&Log::FEATURES, &event);
        let [code] = event;
        match Log.name(0, code) {
            Some("\n") => {
                if lines > 0 {
                    console.end();
                }
                lines += 1;
            }
            Some(character) if lines > 0 => {
                console.text(character);
            }
            _ => {}
        }
    }
}
