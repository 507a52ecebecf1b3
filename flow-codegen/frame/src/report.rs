//! What a firmware reports of a model: the instructions and the stack of its operations.

use core::hint::black_box;

use crate::bench_loop;
use crate::counter;
use crate::print::Console;
use crate::stack::{self, Depth};
use crate::stop;

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
            let ticks = counter::ticks(&mut || bench_loop(black_box(rounds)));
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
