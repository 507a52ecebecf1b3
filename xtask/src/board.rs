//! The emulated boards that firmware is run on.

/// A board that QEMU emulates, and the compiler target of its core.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// Name in reports and file names.
    pub name: &'static str,
    /// Compiler target.
    pub target: &'static str,
    /// QEMU's `-machine`.
    pub machine: &'static str,
    /// QEMU's `-cpu`, where the machine's own default is not the wanted one.
    pub cpu: Option<&'static str>,
}

/// Cortex-M4F with a hardware FPU, 4 MiB of flash and of RAM.
pub const CORTEX_M4F: Board = Board {
    name: "cortex-m4f",
    target: "thumbv7em-none-eabihf",
    machine: "mps2-an386",
    cpu: Some("cortex-m4"),
};

/// Cortex-M0 without FPU, 256 KiB of flash and 16 KiB of RAM (BBC micro:bit).
pub const CORTEX_M0: Board = Board {
    name: "cortex-m0",
    target: "thumbv6m-none-eabi",
    machine: "microbit",
    cpu: None,
};

/// Every board, the fastest first.
pub const BOARDS: [&Board; 2] = [&CORTEX_M4F, &CORTEX_M0];

/// The compiler targets of [`BOARDS`].
pub const TARGETS: [&str; 2] = [CORTEX_M4F.target, CORTEX_M0.target];
