//! The emulated boards that firmware is run on.

use crate::process;
use flow_codegen::Core;

/// A board that QEMU emulates, and the compiler target of its core.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// Name in reports and file names: the core's.
    pub name: &'static str,
    /// Compiler target.
    pub target: &'static str,
    /// The program that emulates the board.
    pub emulator: &'static str,
    /// The emulator's arguments that choose the board.
    pub machine: &'static [&'static str],
}

impl Board {
    /// The board that runs the code of a core; none for the machine that compiles. A core
    /// without a board of its own has the instructions of the one that stands for it.
    #[must_use]
    pub fn of(core: Core) -> Option<&'static Self> {
        Some(match core {
            // The board of the Cortex-M4F has the memory for every model.
            Core::CortexM0 | Core::CortexM0Plus => &CORTEX_M0_LARGE,
            Core::CortexM3 => &CORTEX_M3,
            Core::CortexM4F => &CORTEX_M4F,
            Core::CortexM7 => &CORTEX_M7,
            Core::CortexM33 | Core::CortexM55 => &CORTEX_M33,
            Core::Riscv32imc => &RISCV32IMC,
            Core::Host => return None,
        })
    }

    /// Whether the emulator is installed.
    #[must_use]
    pub fn can_run(&self) -> bool {
        process::which(self.emulator).is_some()
    }

    /// Whether the core has an FPU.
    #[must_use]
    pub fn has_fpu(&self) -> bool {
        self.target.ends_with("eabihf")
    }
}

const ARM: &str = "qemu-system-arm";
const RISCV: &str = "qemu-system-riscv32";

/// The emulators of [`BOARDS`].
pub const EMULATORS: [&str; 2] = [ARM, RISCV];

/// Cortex-M7 with a single-precision FPU; it runs the very code of the Cortex-M4F.
pub const CORTEX_M7: Board = Board {
    name: "cortex-m7",
    target: CORTEX_M4F.target,
    emulator: ARM,
    machine: &["-machine", "mps2-an500", "-cpu", "cortex-m7"],
};

/// Cortex-M4F with a single-precision FPU, 4 MiB of flash and of RAM.
pub const CORTEX_M4F: Board = Board {
    name: "cortex-m4f",
    target: "thumbv7em-none-eabihf",
    emulator: ARM,
    machine: &["-machine", "mps2-an386", "-cpu", "cortex-m4"],
};

/// Cortex-M33 with a single-precision FPU, run in its secure state.
pub const CORTEX_M33: Board = Board {
    name: "cortex-m33",
    target: "thumbv8m.main-none-eabihf",
    emulator: ARM,
    machine: &["-machine", "mps2-an505", "-cpu", "cortex-m33"],
};

/// Cortex-M3 without FPU.
pub const CORTEX_M3: Board = Board {
    name: "cortex-m3",
    target: "thumbv7m-none-eabi",
    emulator: ARM,
    machine: &["-machine", "mps2-an385"],
};

/// A 32-bit RISC-V with multiplication and compressed instructions, without FPU.
pub const RISCV32IMC: Board = Board {
    name: "riscv32imc",
    target: "riscv32imc-unknown-none-elf",
    emulator: RISCV,
    machine: &["-machine", "virt", "-bios", "none"],
};

/// Cortex-M0 without FPU, 256 KiB of flash and 16 KiB of RAM (BBC micro:bit).
pub const CORTEX_M0: Board = Board {
    name: "cortex-m0",
    target: "thumbv6m-none-eabi",
    emulator: ARM,
    machine: &["-machine", "microbit"],
};

/// The code of a Cortex-M0 on the board of the Cortex-M4F, whose timer counts alike.
pub const CORTEX_M0_LARGE: Board = Board {
    machine: CORTEX_M4F.machine,
    ..CORTEX_M0
};

/// Every board, those with an FPU first.
pub const BOARDS: [&Board; 6] = [
    &CORTEX_M7,
    &CORTEX_M4F,
    &CORTEX_M33,
    &CORTEX_M3,
    &RISCV32IMC,
    &CORTEX_M0,
];

/// The compiler targets of [`BOARDS`].
pub const TARGETS: [&str; 5] = [
    CORTEX_M4F.target,
    CORTEX_M33.target,
    CORTEX_M3.target,
    RISCV32IMC.target,
    CORTEX_M0.target,
];

#[cfg(test)]
mod tests {
    use super::{BOARDS, EMULATORS, TARGETS};
    use std::collections::BTreeSet;

    #[test]
    fn targets_and_emulators_are_those_of_the_boards() {
        let targets: BTreeSet<_> = BOARDS.iter().map(|board| board.target).collect();
        assert_eq!(targets, BTreeSet::from(TARGETS));
        let emulators: BTreeSet<_> = BOARDS.iter().map(|board| board.emulator).collect();
        assert_eq!(emulators, BTreeSet::from(EMULATORS));
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = BOARDS.iter().map(|board| board.name).collect();
        assert_eq!(names.len(), BOARDS.len());
    }
}
