//! Flow in Python: the package `flow_embedded`.
//!
//! ```text
//! tables ──► named ──► array (borrowed where it can be) ──► rows ──► model, detector, stream ──► Scorer (pool)
//!                                                       └─► train ──► flow_train::train
//! ```
//!
//! Scores and samples come from the kernels of `flow_train::evaluate`, so their bits are those of
//! `flow score`, `flow sample` and the chip. The Python half of the package, in `python/`, has the
//! signature of `train` and the estimator for scikit-learn.

mod array;
mod channel;
mod detector;
mod error;
mod held;
mod lines;
mod model;
mod named;
mod pool;
mod rescale;
mod rows;
mod sample;
mod stream;
mod train;

/// The compiled half of the package `flow_embedded`.
#[pyo3::pymodule]
mod _flow {
    #[pymodule_export]
    use crate::channel::Channel;
    #[pymodule_export]
    use crate::detector::{Detector, Verdict};
    #[pymodule_export]
    use crate::error::{
        ArtefactError, CalibrationError, FlowError, NonFiniteError, ShapeError, TrainingError,
        UnsupportedError,
    };
    #[pymodule_export]
    use crate::model::{Model, of_scaled_rows, restore};
    #[pymodule_export]
    use crate::rescale::rescale;
    #[pymodule_export]
    use crate::train::{Progress, Trained, train};
}
