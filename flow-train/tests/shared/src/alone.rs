//! Tests that count what the whole program allocates, each in a process of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Set in the process that runs one test alone.
const ALONE: &str = "FLOW_TEST_ALONE";

/// The system's allocator, counting calls and bytes on every thread.
struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with the same arguments; the counters only count.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        let now = IN_USE.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations since the program began.
pub fn calls() -> usize {
    CALLS.load(Relaxed)
}

/// The most bytes that were in use at once while `work` ran, beyond those in use before it.
pub fn most_bytes(work: impl FnOnce()) -> usize {
    let before = IN_USE.load(Relaxed);
    MOST.store(before, Relaxed);
    work();
    MOST.load(Relaxed) - before
}

/// Runs a test by its full name in a process in which no other test allocates.
pub fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some_and(|own| own == name) {
        return test();
    }
    let program = std::env::current_exe().expect("this program");
    let ended = Command::new(program)
        .args([name, "--exact", "--nocapture"])
        .env(ALONE, name)
        .output()
        .expect("a second process");
    let text = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "no test `{name}`: {text}");
}
