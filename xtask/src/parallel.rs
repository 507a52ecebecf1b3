//! Work that is done side by side.

use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow};

/// Does `work` on every item, as many at a time as there are cores, and gives what came of each, in
/// the items' order.
///
/// # Errors
/// The first one that was met; items that have not been begun by then are left out.
pub fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(items.iter().enumerate());
    let next = || left.lock().ok().and_then(|mut left| left.next());
    let worker = || {
        let mut done = Vec::new();
        while let Some((place, item)) = next() {
            match work(item) {
                Ok(own) => done.push((place, own)),
                Err(fault) => {
                    while next().is_some() {}
                    return Err(fault);
                }
            }
        }
        Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(items.len()))
            .map(|_| scope.spawn(worker))
            .collect();
        workers.into_iter().try_fold(Vec::new(), |mut all, own| {
            let own = own
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a thread has panicked")))?;
            all.extend(own);
            Ok::<_, anyhow::Error>(all)
        })
    })?;
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, own)| own).collect())
}

#[cfg(test)]
mod tests {
    use super::side_by_side;
    use anyhow::bail;

    #[test]
    fn everything_is_done_or_the_fault_is_told() {
        let double = |item: &usize| Ok(2 * item);
        let done = side_by_side(&[1, 2, 3, 4, 5], double).expect("done");
        assert_eq!(done, [2, 4, 6, 8, 10]);
        let none = side_by_side(&[0usize; 0], |_| -> anyhow::Result<()> { bail!("nothing") });
        assert_eq!(none.expect("nothing to do"), [(); 0]);
        let fault = side_by_side(&[1, 2, 3], |item| match item {
            2 => bail!("two"),
            _ => Ok(()),
        });
        assert_eq!(fault.expect_err("two").to_string(), "two");
    }
}
