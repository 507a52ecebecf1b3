//! The optimisation levels that firmware is built at.

use flow_codegen::OptLevel;
use std::fmt;
use std::process::Command;

/// An optimisation level of the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Fast code.
    Three,
    /// Small code.
    S,
    /// The smallest code.
    Z,
}

impl From<OptLevel> for Level {
    fn from(level: OptLevel) -> Self {
        match level {
            OptLevel::Three => Self::Three,
            OptLevel::S => Self::S,
        }
    }
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Three, Self::S, Self::Z];

    /// The compiler's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Three => "3",
            Self::S => "s",
            Self::Z => "z",
        }
    }

    /// Makes cargo's release profile use this level, whatever the manifest says.
    pub fn apply(self, command: &mut Command) -> &mut Command {
        command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.name())
    }

    /// What the figures of a board, by its name, are filed under at this level.
    #[must_use]
    pub fn key(self, board: &str) -> String {
        match self {
            Self::Three => board.to_owned(),
            Self::S | Self::Z => format!("{board}-{self}"),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn figures_of_the_default_level_have_the_name_of_the_board() {
        assert_eq!(Level::Three.key("cortex-m0"), "cortex-m0");
        assert_eq!(Level::S.key("cortex-m0"), "cortex-m0-s");
    }
}
