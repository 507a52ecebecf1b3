//! The cores.

use std::fmt;
use std::str::FromStr;

/// A processor core for which a model is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Core {
    /// ARMv6-M without FPU.
    CortexM0,
    /// ARMv6-M without FPU, with a shorter pipeline.
    CortexM0Plus,
    /// ARMv7-M without FPU.
    CortexM3,
    /// ARMv7E-M with a single-precision FPU.
    #[default]
    CortexM4F,
    /// ARMv7E-M with a single-precision FPU, issuing up to two instructions at once.
    CortexM7,
    /// ARMv8-M with a single-precision FPU.
    CortexM33,
    /// ARMv8.1-M with a single-precision FPU; its vector unit is not used.
    CortexM55,
    /// RISC-V with multiplication and compressed instructions, without FPU.
    Riscv32imc,
    /// The machine that compiles: tables and multiply-accumulates alone are known.
    Host,
}

impl Core {
    /// Every core.
    pub const ALL: [Self; 9] = [
        Self::CortexM0,
        Self::CortexM0Plus,
        Self::CortexM3,
        Self::CortexM4F,
        Self::CortexM7,
        Self::CortexM33,
        Self::CortexM55,
        Self::Riscv32imc,
        Self::Host,
    ];

    /// The name, as options take it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CortexM0 => "cortex-m0",
            Self::CortexM0Plus => "cortex-m0plus",
            Self::CortexM3 => "cortex-m3",
            Self::CortexM4F => "cortex-m4f",
            Self::CortexM7 => "cortex-m7",
            Self::CortexM33 => "cortex-m33",
            Self::CortexM55 => "cortex-m55",
            Self::Riscv32imc => "riscv32imc",
            Self::Host => "host",
        }
    }

    /// The compiler's target; none for the machine that compiles.
    pub const fn target(self) -> Option<&'static str> {
        Some(match self {
            Self::CortexM0 | Self::CortexM0Plus => "thumbv6m-none-eabi",
            Self::CortexM3 => "thumbv7m-none-eabi",
            Self::CortexM4F | Self::CortexM7 => "thumbv7em-none-eabihf",
            Self::CortexM33 | Self::CortexM55 => "thumbv8m.main-none-eabihf",
            Self::Riscv32imc => "riscv32imc-unknown-none-elf",
            Self::Host => return None,
        })
    }

    /// Whether it has a floating-point unit that the target uses.
    pub const fn has_fpu(self) -> bool {
        matches!(
            self,
            Self::CortexM4F | Self::CortexM7 | Self::CortexM33 | Self::CortexM55 | Self::Host
        )
    }

    /// A usual clock, in Hz, where none is given.
    pub const fn clock_hz(self) -> u64 {
        match self {
            Self::CortexM0 | Self::CortexM0Plus => 48_000_000,
            Self::CortexM3 => 72_000_000,
            Self::CortexM4F => 168_000_000,
            Self::CortexM7 => 480_000_000,
            Self::CortexM33 => 160_000_000,
            Self::CortexM55 => 400_000_000,
            Self::Riscv32imc => 160_000_000,
            Self::Host => 0,
        }
    }

    /// The core whose measurements it takes. Cores of one target run the same code, and those with the
    /// FPU of the Cortex-M4F nearly so: the compiler gives the Cortex-M33 other code by a few
    /// instructions in a thousand.
    pub(super) const fn measured(self) -> Option<Self> {
        match self {
            Self::CortexM0 | Self::CortexM0Plus => Some(Self::CortexM0),
            Self::CortexM3 => Some(Self::CortexM3),
            Self::CortexM4F | Self::CortexM7 | Self::CortexM33 | Self::CortexM55 => {
                Some(Self::CortexM4F)
            }
            Self::Riscv32imc => Some(Self::Riscv32imc),
            Self::Host => None,
        }
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no core's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no core: give one of {names}", names = Core::ALL.map(Core::name).join(", "))]
pub struct UnknownCore(pub String);

impl FromStr for Core {
    type Err = UnknownCore;

    /// Takes `cortex-m4f` and, shorter, `m4f`; `m0+` for `m0plus`.
    fn from_str(name: &str) -> Result<Self, UnknownCore> {
        let given = name.to_ascii_lowercase().replace('+', "plus");
        let own = |core: &Self| {
            let name = core.name();
            name == given || name.strip_prefix("cortex-") == Some(&given)
        };
        let found = Self::ALL.into_iter().find(own);
        found.ok_or_else(|| UnknownCore(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Core;

    #[test]
    fn cores_have_long_and_short_names() {
        for core in Core::ALL {
            assert_eq!(core.name().parse(), Ok(core));
        }
        assert_eq!("m0".parse(), Ok(Core::CortexM0));
        assert_eq!("M0+".parse(), Ok(Core::CortexM0Plus));
        assert_eq!("m33".parse(), Ok(Core::CortexM33));
        let error = "z80".parse::<Core>().unwrap_err().to_string();
        assert!(
            error.contains("z80") && error.contains("cortex-m55"),
            "{error}"
        );
    }
}
