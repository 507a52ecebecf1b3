//! The time of one training step, on a case that other libraries can run too.
//!
//! Eight channels, five layers, two hidden layers of 64, batches of 512 out of 20,000 rows. A step is: drawing the
//! rows, forward and backward pass, gradient clipping and Adam.

use crate::{Adam, norm};
use flow_host::random::Random;
use flow_model::{Batch, Family, Flow, ModelError, Objective, Spec, Threads};
use std::time::Instant;

const EVENT: usize = 8;
const ROWS: usize = 20_000;
const BATCH: usize = 512;
/// Steps before the clock counts.
const WARM: usize = 20;

/// Times of a training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepTime {
    /// Kind of flow.
    pub family: Family,
    /// Threads in use.
    pub threads: usize,
    /// Median, in milliseconds.
    pub median_ms: f64,
    /// Tenth percentile, in milliseconds: what the machine does when nothing else disturbs it.
    pub p10_ms: f64,
    /// Floating-point operations of the dense layers in one step, forward and backward, masked weights left out, in
    /// millions.
    pub megaflops: f64,
}

/// Times `steps` training steps of a flow of `family`, for each number of threads.
///
/// # Errors
/// None of the flows timed is impossible; the type is that of [`Flow::new`].
pub fn bench(
    family: Family,
    threads: &[usize],
    steps: usize,
    seed: u64,
) -> Result<Vec<StepTime>, ModelError> {
    threads
        .iter()
        .map(|&count| time(family, &Threads::new(count), steps.max(1), seed))
        .collect()
}

fn time(
    family: Family,
    threads: &Threads,
    steps: usize,
    seed: u64,
) -> Result<StepTime, ModelError> {
    let mut flow = Flow::<f32>::new(&Spec::new(family, EVENT, 0), seed)?;
    let rows = rows(seed);
    let mut random = Random::new(seed);
    let mut adam = Adam::new(flow.parameters().len(), threads.count());
    let mut objective = Objective::new(&flow, BATCH, threads);
    let mut batch = vec![0.0; BATCH * EVENT];
    let mut milliseconds = vec![0.0; steps];
    threads.run(|| {
        for step in 0..WARM + steps {
            let start = Instant::now();
            for event in batch.chunks_exact_mut(EVENT) {
                event.copy_from_slice(&rows[random.below(ROWS) * EVENT..][..EVENT]);
            }
            objective.loss_and_gradient(
                &flow,
                Batch {
                    events: &batch,
                    contexts: &[],
                    weights: &[],
                },
            );
            let shorten = (5.0_f64 / norm(objective.gradient()).max(f64::MIN_POSITIVE)).min(1.0);
            adam.step(
                flow.parameters_mut(),
                objective.gradient(),
                shorten,
                1e-3,
                0.0,
            );
            if let Some(slot) = step.checked_sub(WARM) {
                milliseconds[slot] = start.elapsed().as_secs_f64() * 1e3;
            }
        }
    });
    milliseconds.sort_by(f64::total_cmp);
    let (median_ms, p10_ms) = (milliseconds[steps / 2], milliseconds[steps / 10]);
    // A product and a sum for each weight, in the pass forward and in the two products of the pass back.
    let megaflops = 6e-6 * (BATCH * flow.macs()) as f64;
    Ok(StepTime {
        megaflops,
        family,
        threads: threads.count(),
        median_ms,
        p10_ms,
    })
}

/// Correlated, curved rows of about unit variance.
fn rows(seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut rows = Vec::with_capacity(ROWS * EVENT);
    for _ in 0..ROWS {
        let source: [f32; EVENT] = std::array::from_fn(|_| random.normal());
        rows.extend((0..EVENT).map(|i| {
            let neighbour = source[(i + EVENT - 1) % EVENT];
            0.8 * source[i] + 0.4 * neighbour + 0.3 * (2.0 * neighbour).sin()
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_for_each_number_of_threads() {
        let times = bench(Family::RealNvp, &[1, 2], 3, 0).unwrap();
        assert_eq!(
            times.iter().map(|time| time.threads).collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(
            times
                .iter()
                .all(|time| 0.0 < time.p10_ms && time.p10_ms <= time.median_ms)
        );
    }
}
