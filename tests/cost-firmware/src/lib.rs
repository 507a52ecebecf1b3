//! What the firmwares share by which the cost model is measured: each holds one model, and prints
//! the instructions and the stack of its operations.
#![no_std]

pub mod counter;

use core::hint::black_box;

pub use flow_case::XorShift;
use flow_firmware::print::Console;
use flow_firmware::stack::{self, Depth};
pub use flow_firmware::{entry, stop};

/// Rounds of the two calls of the loop by which ticks are turned into instructions.
const ROUNDS: [u32; 2] = [10, 100_000];

/// The report of a firmware.
pub struct Report(Console);

impl Report {
    /// Starts the counter and prints the ticks of the loop of known length.
    pub fn begin() -> Self {
        counter::start();
        let mut console = Console::open();
        for rounds in ROUNDS {
            let ticks = counter::ticks(&mut || flow_firmware::bench_loop(black_box(rounds)));
            console.text("loop").number(rounds as usize);
            console.number(ticks as usize).end();
        }
        Self(console)
    }

    /// Calls an operation with each number below `count` and prints its name, the ticks of all
    /// calls together, how many there were, and the worst stack.
    pub fn operation(&mut self, name: &str, count: usize, call: &mut dyn FnMut(usize)) {
        let (mut ticks, mut worst) = (0, Depth::default());
        for index in 0..count {
            ticks += counter::ticks(&mut || call(index)) as usize;
        }
        for index in 0..count {
            worst = worst.max(stack::measure(&mut || call(index)));
        }
        self.0.text(name).number(ticks).number(count);
        self.0.number(worst.call).end();
    }

    /// Ends the run.
    pub fn end(mut self) -> ! {
        self.0.text("end").end();
        stop::success()
    }
}
