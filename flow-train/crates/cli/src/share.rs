//! Many files, shared among the cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does something with each item, as many at a time as there are cores, and gives what came of each,
/// in the order of the items.
///
/// # Errors
/// That of the first item that failed; none is begun after a failure.
pub(super) fn among_cores<I: Sync, T: Send, E: Send>(
    items: &[I],
    each: impl Fn(&I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else {
                        return;
                    };
                    let result = each(item);
                    failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_the_first_failure_is_told() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled = among_cores(&items, |item| Ok::<_, ()>(2 * item));
        assert_eq!(doubled, Ok(items.iter().map(|item| 2 * item).collect()));
        let failed = among_cores(&items, |item| if *item < 3 { Ok(()) } else { Err(*item) });
        assert_eq!(failed, Err(3));
        assert_eq!(among_cores(&[], |_: &u32| Err::<(), ()>(())), Ok(vec![]));
    }
}
