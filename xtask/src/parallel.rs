//! Work that is done side by side.

use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow};

/// Does `work` on every item, as many at a time as there are cores, in their order.
///
/// # Errors
/// The first one that was met; items that have not been begun by then are left out.
pub fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(items.iter());
    let next = || left.lock().ok().and_then(|mut left| left.next());
    let worker = || {
        while let Some(item) = next() {
            if let Err(fault) = work(item) {
                while next().is_some() {}
                return Err(fault);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(items.len()))
            .map(|_| scope.spawn(worker))
            .collect();
        workers.into_iter().try_for_each(|own| {
            own.join()
                .unwrap_or_else(|_| Err(anyhow!("a thread has panicked")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::side_by_side;
    use anyhow::bail;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn everything_is_done_or_the_fault_is_told() {
        let done = AtomicUsize::new(0);
        let add = |item: &usize| {
            done.fetch_add(*item, Ordering::Relaxed);
            Ok(())
        };
        side_by_side(&[1, 2, 3, 4, 5], add).expect("done");
        assert_eq!(done.into_inner(), 15);
        side_by_side(&[0usize; 0], |_| bail!("nothing")).expect("nothing to do");
        let fault = side_by_side(&[1, 2, 3], |item| match item {
            2 => bail!("two"),
            _ => Ok(()),
        });
        assert_eq!(fault.expect_err("two").to_string(), "two");
    }
}
