//! The library's names for kinds of things, as values of options.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use flow_codegen::{Functions, Visibility};
use flow_embedded::artefact::WeightFormat;
use flow_embedded::math::Backend;
use flow_model::{Family, Order};

/// A kind of flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FamilyName(pub(super) Family);

impl ValueEnum for FamilyName {
    fn value_variants<'a>() -> &'a [Self] {
        const { &all_families() }
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(help(self.0)))
    }
}

const fn all_families() -> [FamilyName; Family::ALL.len()] {
    let mut names = [FamilyName(Family::Maf); Family::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = FamilyName(Family::ALL[index]);
        index += 1;
    }
    names
}

fn help(family: Family) -> &'static str {
    match family {
        Family::Nice => "additive coupling: the smallest and the least flexible",
        Family::RealNvp => "affine coupling: scores and samples in one pass",
        Family::Nsf => "coupling by splines: scores and samples in one pass",
        Family::Maf => "affine autoregressive: every channel given those before it",
        Family::Iaf => "inverse autoregressive: for those who sample",
        Family::NsfAr => "autoregressive by splines: the most flexible",
    }
}

/// A kind of flow, or the one that does best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FamilyChoice {
    Auto,
    Named(Family),
}

impl ValueEnum for FamilyChoice {
    fn value_variants<'a>() -> &'a [Self] {
        const {
            &[
                Self::Auto,
                Self::Named(Family::Nice),
                Self::Named(Family::RealNvp),
                Self::Named(Family::Nsf),
                Self::Named(Family::Maf),
                Self::Named(Family::Iaf),
                Self::Named(Family::NsfAr),
            ]
        }
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Auto => {
                let help = "a short comparison on the validation rows decides, and is printed";
                Some(PossibleValue::new("auto").help(help))
            }
            Self::Named(family) => FamilyName(*family).to_possible_value(),
        }
    }
}

/// What weights are stored as.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum WeightsName {
    /// Half precision in flash, computed with as f32
    F16,
    /// Integers of 16 bits from end to end
    I16,
    /// Weights of 8 bits, everything else as i16: the smallest
    I8,
}

impl From<WeightsName> for WeightFormat {
    fn from(name: WeightsName) -> Self {
        match name {
            WeightsName::F16 => Self::F16,
            WeightsName::I16 => Self::I16,
            WeightsName::I8 => Self::I8,
        }
    }
}

/// In which order channels are taken.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum OrderName {
    /// Ascending and descending by turns; couplings take every second channel by turns
    Alternate,
    /// Descending in all layers
    Reversed,
    /// Random, anew for each layer
    Random,
}

impl From<OrderName> for Order {
    fn from(name: OrderName) -> Self {
        match name {
            OrderName::Alternate => Self::Alternate,
            OrderName::Reversed => Self::Reversed,
            OrderName::Random => Self::Random,
        }
    }
}

impl OrderName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alternate => "alternate",
            Self::Reversed => "reversed",
            Self::Random => "random",
        }
    }
}

/// Elementary functions.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum MathName {
    /// Our own, 2e-7 relative or better, and fastest
    Polynomial,
    /// The crate libm
    Libm,
    /// The crate micromath: coarse (ln is off by up to 0.12)
    Micromath,
}

impl From<MathName> for Backend {
    fn from(name: MathName) -> Self {
        match name {
            MathName::Polynomial => Self::Polynomial,
            MathName::Libm => Self::Libm,
            MathName::Micromath => Self::Micromath,
        }
    }
}

/// What generated code can do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FunctionsName {
    /// Score and sample
    All,
    /// Score, and detect if the model was calibrated: no sampler in the code
    Score,
    /// Sample: no scoring and no calibration table in the code
    Sample,
}

impl From<FunctionsName> for Functions {
    fn from(name: FunctionsName) -> Self {
        match name {
            FunctionsName::All => Self::All,
            FunctionsName::Score => Self::Score,
            FunctionsName::Sample => Self::Sample,
        }
    }
}

/// Who may name what generated code holds.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum VisibilityName {
    /// Whoever sees the module
    #[value(name = "pub")]
    Public,
    /// The crate
    Crate,
    /// The module alone
    Private,
}

impl From<VisibilityName> for Visibility {
    fn from(name: VisibilityName) -> Self {
        match name {
            VisibilityName::Public => Self::Public,
            VisibilityName::Crate => Self::Crate,
            VisibilityName::Private => Self::Private,
        }
    }
}
