//! What the caller decides about a plan.

/// What generated code is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimise {
    /// Few instructions: dense layers in wide panels.
    #[default]
    Speed,
    /// Little flash: one kernel for all dense layers.
    Size,
    /// As [`Speed`](Self::Speed), unless only [`Size`](Self::Size) fits the
    /// budget's flash.
    Auto,
}

impl Optimise {
    /// As the command line has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Size => "size",
            Self::Auto => "auto",
        }
    }
}

/// The functions that a module holds. What is left out is not compiled, so it
/// costs no flash even without link-time optimisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Functions {
    /// `Density`, `Sampler`, and `Calibrated` for a calibrated model; a model of
    /// integers has no `Sampler`.
    #[default]
    All,
    /// `Density`, and `Calibrated` for a calibrated model.
    Score,
    /// `Sampler`.
    Sample,
}

impl Functions {
    /// Whether a module scores events.
    pub fn score(self) -> bool {
        self != Self::Sample
    }

    /// Whether a module draws samples.
    pub fn sample(self) -> bool {
        self != Self::Score
    }
}
