//! Damaged files end in a sentence, whatever the decoder makes of them.
//!
//! The decoder checks much of what it reads, but not all: on some damaged files it indexes out of
//! bounds or overflows. Those panics are caught here and, since they say nothing to a user, not
//! printed.

use crate::DataError;
use crate::error::shortened;
use parquet::errors::ParquetError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread's panics are going to be caught.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the decoder. What it has touched must not be used again after an error.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
    silence_guarded_threads();
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(before);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(fault)) => Err(fault.into()),
        Err(_) => Err(damaged("its contents contradict each other")),
    }
}

/// That a file is damaged, and how it shows.
pub(super) fn damaged(why: &str) -> DataError {
    DataError::DamagedParquet {
        why: shortened(why, 120),
    }
}

impl From<ParquetError> for DataError {
    fn from(fault: ParquetError) -> Self {
        match fault {
            ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
                Ok(fault) => Self::Read(*fault),
                Err(cause) => damaged(&cause.to_string()),
            },
            ParquetError::General(why) | ParquetError::NYI(why) | ParquetError::EOF(why) => {
                damaged(&why)
            }
            other => damaged(&other.to_string()),
        }
    }
}

/// Puts a filter before the process's panic hook, once: panics of guarded code print nothing.
fn silence_guarded_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                hook(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_errors_become_sentences() {
        let empty: &[u8] = &[];
        let error = guarded(|| Ok(empty[usize::from(empty.len() as u8)])).expect_err("caught");
        assert!(
            error.to_string().starts_with("is a damaged Parquet file"),
            "{error}"
        );
        let error =
            guarded::<()>(|| Err(ParquetError::EOF("short".into()))).expect_err("passed on");
        assert!(error.to_string().contains("short"), "{error}");
        assert!(!GUARDED.get());
    }
}
