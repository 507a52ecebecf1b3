//! The training objective over a batch, on one thread or several.
//!
//! The batch is cut in shards of a fixed size, each with a gradient of its own; these are added in a fixed order. So
//! the result doesn't depend on the number of threads.

use super::bijection::Precision;
use super::flow::Flow;
use super::pass::Pass;
use super::real::Real;
use pulp::Arch;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

/// Events of one shard.
const SHARD: usize = 256;

/// Row-major events `[rows x event]` with their contexts `[rows x context]`.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, T> {
    /// The events.
    pub events: &'a [T],
    /// The contexts; empty when the flow has none.
    pub contexts: &'a [T],
    /// The weight of each event, not negative and not all zero; empty when all count the same.
    pub weights: &'a [T],
}

/// Where work runs: on the calling thread, or on a pool of workers.
#[derive(Debug)]
pub struct Threads(Option<rayon::ThreadPool>);

impl Threads {
    /// `count` threads; 0 means one for each core. Falls back to the calling thread if none can be started.
    #[must_use]
    pub fn new(count: usize) -> Self {
        if count == 1 {
            return Self(None);
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build()
            .ok();
        Self(pool.filter(|pool| pool.current_num_threads() > 1))
    }

    /// Number of threads.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0
            .as_ref()
            .map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// Runs `work` where its parallel parts start without delay.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

#[derive(Debug)]
struct Shard<T> {
    pass: Pass<T>,
    gradient: Vec<T>,
    /// The weighted sum of the energies.
    energy: f64,
}

/// The negative mean log-likelihood of batches of up to a given size, and its gradient.
///
/// All memory is allocated by [`Objective::new`]. To use several threads without waiting for them to wake, call
/// the methods within [`Threads::run`].
#[derive(Debug)]
pub struct Objective<T> {
    shards: Vec<Shard<T>>,
    gradient: Vec<T>,
    parallel: bool,
}

impl<T: Precision> Objective<T> {
    /// Memory for batches of up to `capacity` rows; within [`Threads::run`], all of the pool's threads are used.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[must_use]
    pub fn new(flow: &Flow<T>, capacity: usize, threads: &Threads) -> Self {
        assert!(capacity > 0, "a batch has at least one row");
        let count = flow.parameters().len();
        let shard = |start| Shard {
            pass: Pass::new(flow, SHARD.min(capacity - start)),
            gradient: vec![T::ZERO; count],
            energy: 0.0,
        };
        Self {
            shards: (0..capacity).step_by(SHARD).map(shard).collect(),
            gradient: vec![T::ZERO; count],
            parallel: threads.count() > 1,
        }
    }

    /// Negative (weighted) mean log-likelihood of the batch, in nats per event; the gradient is then in
    /// [`Objective::gradient`].
    ///
    /// # Panics
    /// If the batch is empty, larger than the capacity, or not of the flow's shape.
    pub fn loss_and_gradient(&mut self, flow: &Flow<T>, batch: Batch<'_, T>) -> f64 {
        let loss = self.each_shard(flow, batch, true);
        let rows = batch.events.len() / flow.event();
        let (first, others) = self.shards.split_first().expect("a capacity isn't 0");
        let others = &others[..rows.div_ceil(SHARD) - 1];
        let sum = |start: usize, gradient: &mut [T]| {
            let own = start..start + gradient.len();
            gradient.copy_from_slice(&first.gradient[own.clone()]);
            for shard in others {
                add(gradient, &shard.gradient[own.clone()]);
            }
        };
        let half = self.gradient.len() / 2;
        let (gradient, more) = self.gradient.split_at_mut(half);
        if self.parallel {
            rayon::join(|| sum(0, gradient), || sum(half, more));
        } else {
            sum(0, gradient);
            sum(half, more);
        }
        loss
    }

    /// Negative mean log-likelihood of the batch, in nats per event.
    ///
    /// # Panics
    /// As [`Objective::loss_and_gradient`].
    pub fn loss(&mut self, flow: &Flow<T>, batch: Batch<'_, T>) -> f64 {
        self.each_shard(flow, batch, false)
    }

    /// The gradient of the last [`Objective::loss_and_gradient`]; exactly 0 for masked weights.
    #[must_use]
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// The loss's gradient by the row-major events of the last [`Objective::loss_and_gradient`].
    pub fn d_events(&self, d_events: &mut [T]) {
        let event = self.shards.first().map_or(1, |shard| shard.pass.event());
        for (own, shard) in d_events.chunks_mut(SHARD * event).zip(&self.shards) {
            shard.pass.d_events(own);
        }
    }

    /// The same, to be clipped in place.
    pub fn gradient_mut(&mut self) -> &mut [T] {
        &mut self.gradient
    }

    /// Runs the passes and returns the loss.
    fn each_shard(&mut self, flow: &Flow<T>, batch: Batch<'_, T>, backward: bool) -> f64 {
        let (event, context) = (flow.event(), flow.context());
        let rows = batch.events.len() / event;
        assert!(
            rows > 0 && rows.div_ceil(SHARD) <= self.shards.len(),
            "a batch within the capacity"
        );
        assert_eq!(batch.events.len(), rows * event, "rows x event values");
        assert_eq!(
            batch.contexts.len(),
            rows * context,
            "rows x context values"
        );
        assert!(
            batch.weights.is_empty() || batch.weights.len() == rows,
            "a weight for each row, or none"
        );
        let whole: f64 = match batch.weights {
            [] => rows as f64,
            weights => weights.iter().map(|weight| weight.to_f64()).sum(),
        };
        let factor = T::from_f64(1.0 / whole);
        let work = |index: usize, shard: &mut Shard<T>| {
            let (start, end) = (index * SHARD, rows.min((index + 1) * SHARD));
            shard.pass.load(
                flow,
                &batch.events[start * event..end * event],
                &batch.contexts[start * context..end * context],
                batch.weights.get(start..end).unwrap_or_default(),
            );
            shard.pass.forward(flow);
            let energies = shard.pass.energies().iter().zip(shard.pass.weights());
            shard.energy = energies
                .map(|(energy, weight)| energy.to_f64() * weight.to_f64())
                .sum();
            if backward {
                shard.pass.backward(flow, factor, &mut shard.gradient);
            }
        };
        let shards = &mut self.shards[..rows.div_ceil(SHARD)];
        if self.parallel && shards.len() > 1 {
            shards
                .par_iter_mut()
                .enumerate()
                .for_each(|(index, shard)| work(index, shard));
        } else {
            shards
                .iter_mut()
                .enumerate()
                .for_each(|(index, shard)| work(index, shard));
        }
        let sum: f64 = shards.iter().map(|shard| shard.energy).sum();
        sum / whole - flow.base().log_norm()
    }
}

fn add<T: Real>(sums: &mut [T], parts: &[T]) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            sums.iter_mut()
                .zip(parts)
                .for_each(|(sum, &part)| *sum += part);
        },
    );
}
