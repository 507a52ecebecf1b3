//! Why there is no model.

use flow_artefact::ExportError;
use flow_calibrate::CalibrationError;
use flow_data::DataError;
use flow_embedded::artefact::{LoadError, ShapeError};
use flow_fit::FitError;
use flow_host::shown;
use flow_model::ModelError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a model could not be trained. The message says what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The table can't be used.
    #[error("{}{}{fault}", shown::path(path), if fault.names_a_place() { ": " } else { " " })]
    Data {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: DataError,
    },
    /// The table can't be read again.
    #[error("{} can't be read: {fault}", shown::path(path))]
    Read {
        /// The table.
        path: PathBuf,
        /// Why not.
        #[source]
        fault: io::Error,
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
    /// A column has no grid, and its values are to be dequantised.
    #[error(
        "--dequantiser: column `{0}` is not known to be rounded; say to what with --step, or leave the option out"
    )]
    NotRounded(String),
    /// There is no such model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The fit failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Interrupted while there was nothing to keep yet.
    #[error("interrupted before the first epoch was over: there is no model to keep")]
    Interrupted,
    /// The model can't be written as an artefact.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The artefact was made and is refused.
    #[error("{}: {fault}", shown::path(path))]
    Artefact {
        /// What it was made from.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: LoadError,
    },
    /// The artefact can't be scored.
    #[error(transparent)]
    Plan(#[from] flow_plan::Error),
    /// The rows have other channels than the model.
    #[error("{0}")]
    Shape(ShapeError),
}

impl TrainError {
    /// Adds the table's path to what is wrong with it.
    pub fn data(path: &Path) -> impl Fn(DataError) -> Self + '_ {
        |fault| Self::Data {
            path: path.to_owned(),
            fault,
        }
    }

    /// Whether what was asked for, rather than a file, is at fault.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NotRounded(_)
                | Self::Model(_)
                | Self::Shape(_)
                | Self::Fit(FitError::Setting { .. })
        )
    }
}
