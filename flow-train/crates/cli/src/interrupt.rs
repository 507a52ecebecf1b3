//! Ctrl-C: what is half written is removed, and training may end early with what it has.

use crate::Error;
use flow_host::atomic_file;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The exit code of a command that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What the first Ctrl-C asks to stop, if a command can stop early.
static STOP: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// Catches Ctrl-C from here on.
///
/// # Errors
/// The system refuses that.
pub(super) fn catch() -> Result<(), Error> {
    ctrlc::set_handler(|| {
        let stop = STOP.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = stop.as_ref()
            && !stop.swap(true, Ordering::Relaxed)
        {
            eprintln!("\nStopping; the best model so far is kept. Ctrl-C again to end at once.");
            return;
        }
        atomic_file::remove_partial();
        std::process::exit(INTERRUPTED);
    })
    .map_err(|fault| Error::Usage(format!("Ctrl-C can't be caught: {fault}")))
}

/// A flag that the first Ctrl-C sets; the second one ends the process.
pub(super) fn stop() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    *STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&flag));
    flag
}
