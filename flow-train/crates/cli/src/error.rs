//! Everything that can go wrong between a file and a file, one sentence each.

use flow_artefact::ExportError;
use flow_calibrate::{CalibrationError, DesignError, MondrianError};
use flow_data::{DataError, Place};
use flow_embedded::artefact::LoadError;
use flow_evaluate::StreamError;
use flow_fit::FitError;
use flow_host::shown;
use flow_import::ImportError;
use flow_model::ModelError;
use flow_noise::NoiseError;
use flow_posterior::sbc::SbcError;
use flow_quantise::QuantiseError;
use flow_recipe::TrainError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a task was given up. The message says what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// A table can't be used.
    #[error("{}{}{fault}", shown::path(path), if fault.names_a_place() { ": " } else { " " })]
    Data {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: DataError,
    },
    /// A file can't be read.
    #[error("{} can't be read: {fault}", shown::path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: io::Error,
    },
    /// An output can't be written.
    #[error("{} can't be written: {fault}", output(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: io::Error,
    },
    /// Scores of another model.
    #[error(
        "{} holds scores of another model: its layers or weights are not those of this one; score the rows anew",
        shown::path(path)
    )]
    OtherModel {
        /// The table of scores.
        path: PathBuf,
    },
    /// A count of scores that is none.
    #[error(
        "{}: {place}: `rows` and `level` are no whole numbers; write the table anew with flow calibrate --sketch",
        shown::path(path)
    )]
    BadCount {
        /// The table of counted scores.
        path: PathBuf,
        /// Where the row stands.
        place: Place,
    },
    /// No row has a score and a value.
    #[error(
        "{}: no row has both a score and a value of `{column}` ({said}); mend the rows, or name another column with --each",
        shown::path(path)
    )]
    NothingScored {
        /// Where the rows come from.
        path: PathBuf,
        /// The column.
        column: String,
        /// What was read.
        said: String,
    },
    /// More values than kinds of devices.
    #[error(
        "{}: column `{column}` has more than {most} values, and each would get a model: name a column of kinds of \
         devices, not of devices",
        shown::path(path)
    )]
    TooManyValues {
        /// Where the rows come from.
        path: PathBuf,
        /// The column.
        column: String,
        /// The most that get a model.
        most: usize,
    },
    /// Values with too few rows.
    #[error(
        "{}: {found} of the {of} values of `{column}` have too few rows for a false-alarm rate of {alpha}, which takes \
         {need}: {few}; give more of their rows or a larger --alpha, or say --too-few skip or --too-few pool",
        shown::path(path)
    )]
    TooFewOfValues {
        /// Where the rows come from.
        path: PathBuf,
        /// The column.
        column: String,
        /// How many values have too few.
        found: usize,
        /// How many values there are.
        of: usize,
        /// The first of them, with their rows.
        few: String,
        /// Rows needed.
        need: usize,
        /// The rate.
        alpha: f64,
    },
    /// The rows of one value can't calibrate the model.
    #[error(
        "{}: of the value \"{}\" of column `{column}`: {fault}",
        shown::path(path),
        shown::line(value)
    )]
    OfValue {
        /// Where the rows come from.
        path: PathBuf,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// What is wrong with its rows.
        #[source]
        fault: CalibrationError,
    },
    /// There is a part already, and it is of something else.
    #[error(
        "{} is there already, and was not made of this file by this model and these options: remove it, or name \
         another folder with -o",
        shown::path(path)
    )]
    Earlier {
        /// The part.
        path: PathBuf,
    },
    /// A file holds no artefact that this version can use.
    #[error("{}: {fault}", shown::path(path))]
    Artefact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: LoadError,
    },
    /// The rows can't calibrate the model by context.
    #[error("{}: column \"{column}\": {fault}", shown::path(path))]
    ByContext {
        /// Where the rows come from.
        path: PathBuf,
        /// The context column.
        column: String,
        /// What is wrong with them.
        #[source]
        fault: MondrianError,
    },
    /// The rows can't calibrate the model.
    #[error("{}: {fault}", shown::path(path))]
    Calibration {
        /// Where the rows come from.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        fault: CalibrationError,
    },
    /// A flow of another library can't be imported.
    #[error("{}: {}", shown::path(path), shown::line(fault.to_string()))]
    Import {
        /// Where it comes from.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: ImportError,
    },
    /// The model can't be quantised.
    #[error(transparent)]
    Quantise(#[from] QuantiseError),
    /// The model can't be written as an artefact.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// There is no such model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A fit failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The model can't have the form that its artefact asks for.
    #[error(transparent)]
    Plan(#[from] flow_plan::Error),
    /// Training failed.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// The artefact can't be compiled.
    #[error(transparent)]
    Codegen(#[from] flow_codegen::Error),
    /// The rows can't calibrate a promise over a stream.
    #[error("{}: {fault}", shown::path(path))]
    Design {
        /// Where the rows come from.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        fault: DesignError,
    },
    /// The model can't watch a stream.
    #[error("{}: {fault}", shown::path(path))]
    Stream {
        /// The model.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: StreamError,
    },
    /// The compiled model can't be measured.
    #[error("the model can't be measured: {0}")]
    Measure(String),
    /// No row is labelled normal.
    #[error(
        "{} has no row labelled normal (0) in column `{column}`: there is no likelihood to report; \
         swap the labels, or name the normal values with --normal",
        shown::path(path)
    )]
    NoNormalRows {
        /// The table.
        path: PathBuf,
        /// Its label column.
        column: String,
    },
    /// There is no noise to report on.
    #[error(
        "{}: {fault}; repair the table, or leave the column out with --columns",
        shown::path(path)
    )]
    Noise {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: NoiseError,
    },
    /// A posterior can't be checked.
    #[error("{}: {fault}", shown::path(path))]
    Sbc {
        /// The model, or the simulations.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: SbcError,
    },
    /// A posterior was checked, and is not calibrated.
    #[error(
        "{} fails simulation-based calibration: {faults}; train it on more simulations, for longer, as a larger flow, and \
         with a named family, which neither smooths nor has the heavy tails of auto",
        shown::path(path)
    )]
    Miscalibrated {
        /// The model.
        path: PathBuf,
        /// What is wrong, in words.
        faults: String,
    },
    /// Options that do not fit the model or each other.
    #[error("{0}")]
    Usage(String),
}

impl From<TrainError> for Error {
    fn from(fault: TrainError) -> Self {
        Self::Train(Box::new(fault))
    }
}

impl Error {
    /// Adds the table's path to what is wrong with it.
    pub(crate) fn data(path: &Path) -> impl Fn(DataError) -> Self + '_ {
        |fault| Self::Data {
            path: path.to_owned(),
            fault,
        }
    }

    /// Adds the output's path to a failure to write it.
    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |fault| Self::Write {
            path: path.to_owned(),
            fault,
        }
    }

    /// Whether the reader of the output has gone away, and so wants no message either.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { fault, .. } if fault.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the command line, rather than a file, is at fault.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Train(fault) => fault.is_usage(),
            Self::Usage(_)
            | Self::Model(_)
            | Self::Quantise(QuantiseError::Shape(_))
            | Self::Fit(FitError::Setting { .. })
            | Self::Sbc {
                fault: SbcError::Draws { .. },
                ..
            } => true,
            _ => false,
        }
    }
}

/// An output's name; `-` is the standard output.
fn output(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "standard output".to_owned(),
        false => shown::path(path),
    }
}
