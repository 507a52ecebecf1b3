//! Options of categorical columns and of texts.

use crate::Error;
use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use flow_data::{Alphabet, Columns, Fractions};
use flow_embedded::artefact::MAX_EMBEDDING;
use flow_embedded::window::Feature;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Categories and texts")]
pub(super) struct CategoricalOptions {
    /// Columns that hold categories, as text or numbers: modelled ones get exact probabilities and
    /// context is embedded
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub(super) categorical: Vec<String>,
    /// The recording is a text in UTF-8: model each character given so many before it
    #[arg(
        long,
        value_parser = RangedU64ValueParser::<u16>::new().range(1..=64),
        value_name = "CHARACTERS",
        conflicts_with_all = ["columns", "context", "categorical", "noise", "group", "weights"]
    )]
    pub(super) text: Option<u16>,
    /// Which characters of a text are told apart
    #[arg(long, value_enum, default_value_t = AlphabetName::All, requires = "text")]
    pub(super) alphabet: AlphabetName,
    /// Numbers that a category is embedded as [default: half of its categories, at most 12]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_EMBEDDING as u64), value_name = "N")]
    pub(super) embedding: Option<usize>,
    /// Units of the hidden layers that give the probabilities of each modelled category [default: 32;
    /// of a text 160,64]
    #[arg(long, value_delimiter = ',', value_parser = RangedU64ValueParser::<usize>::new().range(1..=65_535), value_name = "N,…")]
    pub(super) head: Option<Vec<usize>>,
}

/// The parts of a text that validate and calibrate: characters are many, and each tells little.
pub(super) const FRACTIONS: Fractions = Fractions {
    validation: 0.06,
    calibration: 0.06,
};

/// An alphabet, as a value of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AlphabetName {
    /// The 26 letters without their case, and a space for everything else
    Letters,
    /// Every character of the text
    All,
}

impl From<AlphabetName> for Alphabet {
    fn from(name: AlphabetName) -> Self {
        match name {
            AlphabetName::Letters => Self::Letters,
            AlphabetName::All => Self::All,
        }
    }
}

impl CategoricalOptions {
    /// Which characters are told apart, if the recording is a text.
    pub(super) fn alphabet(&self) -> Option<Alphabet> {
        self.text.map(|_| self.alphabet.into())
    }

    /// The columns that hold categories.
    pub(super) fn columns(&self) -> Vec<String> {
        match self.text {
            Some(_) => vec![Alphabet::COLUMN.to_owned()],
            None => self.categorical.clone(),
        }
    }

    /// The characters that condition one of a text.
    pub(super) fn lags(&self) -> Option<Vec<Feature>> {
        let lags = 1..=self.text?;
        Some(
            lags.map(|steps| Feature::Lag { channel: 0, steps })
                .collect(),
        )
    }

    /// The units of a head.
    pub(super) fn hidden(&self) -> Vec<usize> {
        let plain: &[usize] = match self.text {
            Some(_) => &[160, 64],
            None => &[32],
        };
        self.head.clone().unwrap_or_else(|| plain.to_vec())
    }
}

/// Refuses features of categories that can't be computed.
///
/// # Errors
/// Differences, moments or averages are asked for of a column of categories.
pub(super) fn check(
    features: &[Feature],
    columns: &Columns,
    names: &[String],
) -> Result<(), Error> {
    let computed = features.iter().find(|feature| {
        let lag = matches!(feature, Feature::Lag { .. });
        !lag && columns.is_categorical(usize::from(feature.channel()))
    });
    match computed {
        None => Ok(()),
        Some(feature) => Err(Error::Usage(format!(
            "`{}` holds categories, of which differences, moments and averages make no sense; give --lags \
             alone, or leave it out of --columns",
            names[usize::from(feature.channel())]
        ))),
    }
}
