//! How long instructions take: estimates, from published tables and a measured mix.

use super::Core;

/// Cycles of the instructions that take more than one.
///
/// | core | source |
/// |---|---|
/// | Cortex-M0 | ARM DDI 0432C, table 3-1: loads and stores 2, taken branches 3, multiple loads 1 + N, a multiply of one cycle (an option of the chip's maker: 32 otherwise) |
/// | Cortex-M0+ | ARM DDI 0484C, table 3-1: as the M0, taken branches 2 |
/// | Cortex-M3 | ARM DDI 0337I, table 3-1: loads 2, stores 1 by the write buffer, taken branches 1 + P with a refill P of 1 to 3, taken as 2 |
/// | Cortex-M4F | ARM DDI 0439B, tables 3-1 and 7-1: as the M3; `VMLA` 3, `VDIV` and `VSQRT` 14, `VLDM` 1 + N |
/// | Cortex-M7 | ARM publishes no table: the cycles of the M4F by 0.6, for its dual issue |
/// | Cortex-M33 | ARM 100230 has no table: the cycles of the M4F, with loads of 1 where they are pipelined, taken as 1.5 |
/// | Cortex-M55 | ARM 101051 has no table: as the M33 |
/// | RISC-V | a generic core of four in-order stages: loads 2, taken branches 3 |
///
/// The figures and table numbers still have to be checked against the manuals,
/// and those of cores without a table are guesses.
///
/// Memory has no wait states: flash that has them, and no cache, makes every
/// figure larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// A load of one word.
    pub load: f64,
    /// A store of one word.
    pub store: f64,
    /// A branch that is taken, a call or a return.
    pub branch: f64,
    /// A multiplication with accumulation in the FPU.
    pub multiply_add: f64,
    /// A division or a square root in the FPU.
    pub divide: f64,
    /// By what all cycles are multiplied, for a core that issues several
    /// instructions at once.
    pub issue: f64,
}

/// The share of instructions of each kind among all that a core executes for a
/// model, counted on the traced reference flow (MAF, 4 channels, 32 × 32 units,
/// 3 layers; `log_prob` at `opt-level = 3`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Words loaded.
    pub load: f64,
    /// Words stored.
    pub store: f64,
    /// Branches taken.
    pub branch: f64,
    /// Multiplications with accumulation in the FPU.
    pub multiply_add: f64,
    /// Divisions and square roots in the FPU.
    pub divide: f64,
}

impl Timing {
    /// Cycles per instruction of a mix.
    pub fn cycles(&self, mix: &Mix) -> f64 {
        let longer = [
            (mix.load, self.load),
            (mix.store, self.store),
            (mix.branch, self.branch),
            (mix.multiply_add, self.multiply_add),
            (mix.divide, self.divide),
        ];
        let extra = longer.map(|(share, cycles)| share * (cycles - 1.0));
        self.issue * (1.0 + extra.iter().sum::<f64>())
    }

    /// Cycles of so many instructions of a mix, rounded up.
    pub(super) fn cycles_of(&self, mix: &Mix, instructions: usize) -> usize {
        (instructions as f64 * self.cycles(mix)).ceil() as usize
    }
}

impl Core {
    /// How long its instructions take; none for the machine that compiles.
    pub const fn timing(self) -> Option<Timing> {
        const fn table(load: f64, store: f64, branch: f64) -> Timing {
            Timing {
                load,
                store,
                branch,
                multiply_add: 3.0,
                divide: 14.0,
                issue: 1.0,
            }
        }
        Some(match self {
            Self::CortexM0 => table(2.0, 2.0, 3.0),
            Self::CortexM0Plus => table(2.0, 2.0, 2.0),
            Self::CortexM3 | Self::CortexM4F => table(2.0, 1.0, 3.0),
            Self::CortexM7 => Timing {
                issue: 0.6,
                ..table(2.0, 1.0, 3.0)
            },
            Self::CortexM33 | Self::CortexM55 => table(1.5, 1.0, 3.0),
            Self::Riscv32imc => table(2.0, 1.0, 3.0),
            Self::Host => return None,
        })
    }

    /// The mix of the code that it runs; none for the machine that compiles.
    pub const fn mix(self, integer: bool) -> Option<Mix> {
        const fn mix(load: f64, store: f64, branch: f64, multiply_add: f64, divide: f64) -> Mix {
            Mix {
                load,
                store,
                branch,
                multiply_add,
                divide,
            }
        }
        Some(match (self, integer) {
            (Self::Host, _) => return None,
            (Self::CortexM0 | Self::CortexM0Plus, false) => mix(0.20, 0.19, 0.11, 0.0, 0.0),
            (Self::CortexM0 | Self::CortexM0Plus, true) => mix(0.31, 0.09, 0.04, 0.0, 0.0),
            (Self::CortexM3, false) => mix(0.16, 0.15, 0.13, 0.0, 0.0),
            (Self::Riscv32imc, false) => mix(0.01, 0.01, 0.17, 0.0, 0.0),
            (Self::Riscv32imc, true) => mix(0.28, 0.06, 0.04, 0.0, 0.0),
            (_, false) => mix(0.42, 0.06, 0.03, 0.31, 0.001),
            (_, true) => mix(0.37, 0.07, 0.04, 0.0, 0.0),
        })
    }
}
