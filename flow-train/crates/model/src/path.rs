//! The gradient of the reverse Kullback-Leibler divergence along paths: "sticking the landing" (Roeder, Wu & Duvenaud
//! 2017, "Sticking the Landing: Simple, Lower-Variance Gradient Estimators for Variational Inference").
//!
//! With `x` generated from a base value, the gradient of `ln q(x) - ln p(x)` by the parameters has two parts: one
//! through `x`, and one through the parameters of `q` at a fixed `x`. The mean of the second is 0, its variance isn't,
//! so it is left out: the gradient that remains vanishes for every single draw once `q` is `p`.
//!
//! Rows are cut in shards of a fixed size whose gradients are added in a fixed order, so that the result doesn't depend
//! on the number of threads.

use super::bijection::Precision;
use super::flow::Flow;
use super::objective::Threads;
use super::pass::Pass;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

/// Rows of one shard: batches are small, and densities dear.
const SHARD: usize = 32;

/// A log-density over events, up to a constant, in nats.
pub trait Density<T>: Sync {
    /// Of each row-major event.
    fn log_density(&self, events: &[T], log_density: &mut [f64]);

    /// The same, with the gradient by each event.
    fn log_density_and_gradient(&self, events: &[T], log_density: &mut [f64], gradient: &mut [T]);
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paths {
    /// The mean of `ln p - ln q` over the rows that count, in nats.
    pub elbo: f64,
    /// Its standard error.
    pub stderr: f64,
    /// The rows that count: those whose density, its gradient and that of the flow are finite.
    pub finite: usize,
}

#[derive(Debug)]
struct Shard<T> {
    generating: Pass<T>,
    scoring: Pass<T>,
    events: Vec<T>,
    /// First the target's gradient by the events, then the loss's.
    d_events: Vec<T>,
    d_flow: Vec<T>,
    zeros: Vec<T>,
    log_det: Vec<T>,
    log_density: Vec<f64>,
    gradient: Vec<T>,
    /// The part of the gradient that is left out.
    score: Vec<T>,
    /// `ln p - ln q` of each row.
    ratios: Vec<f64>,
    sum: f64,
    finite: usize,
}

/// The estimator for batches of up to a given size of flows without context. All memory is allocated by
/// [`PathObjective::new`].
#[derive(Debug)]
pub struct PathObjective<T> {
    shards: Vec<Shard<T>>,
    gradient: Vec<T>,
    parallel: bool,
}

impl<T: Precision> PathObjective<T> {
    pub fn new(flow: &Flow<T>, capacity: usize, threads: &Threads) -> Self {
        let zeros = |count: usize| vec![T::ZERO; count];
        let (event, parameters) = (flow.event(), flow.parameters().len());
        let shard = |start| {
            let rows = SHARD.min(capacity - start);
            Shard {
                generating: Pass::new(flow, rows),
                scoring: Pass::new(flow, rows),
                events: zeros(rows * event),
                d_events: zeros(rows * event),
                d_flow: zeros(rows * event),
                zeros: zeros(rows),
                log_det: zeros(rows),
                log_density: vec![0.0; rows],
                gradient: zeros(parameters),
                score: zeros(parameters),
                ratios: Vec::with_capacity(rows),
                sum: 0.0,
                finite: 0,
            }
        };
        Self {
            shards: (0..capacity).step_by(SHARD).map(shard).collect(),
            gradient: zeros(parameters),
            parallel: threads.count() > 1,
        }
    }

    /// The evidence lower bound by these base values `[rows x event]`; the gradient of its negative is then in
    /// [`PathObjective::gradient`]. The base values are held fixed.
    pub fn elbo_and_gradient(
        &mut self,
        flow: &Flow<T>,
        z: &[T],
        density: &dyn Density<T>,
    ) -> Paths {
        let paths = self.each_shard(flow, z, |shard, rows| shard.backward(flow, density, rows));
        let factor = T::from_f64(1.0 / paths.finite.max(1) as f64);
        let used = z.len().div_ceil(SHARD * flow.event());
        for (index, sum) in self.gradient.iter_mut().enumerate() {
            let parts = self.shards[..used]
                .iter()
                .map(|shard| shard.gradient[index]);
            *sum = parts.sum::<T>() * factor;
        }
        paths
    }

    /// The evidence lower bound by these base values.
    pub fn elbo(&mut self, flow: &Flow<T>, z: &[T], density: &dyn Density<T>) -> Paths {
        self.each_shard(flow, z, |shard, rows| {
            density.log_density(
                &shard.events[..rows * flow.event()],
                &mut shard.log_density[..rows],
            );
        })
    }

    /// The gradient of the last [`PathObjective::elbo_and_gradient`].
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// Generates and scores the rows of each shard, and lets `work` find their log-densities.
    fn each_shard(
        &mut self,
        flow: &Flow<T>,
        z: &[T],
        work: impl Fn(&mut Shard<T>, usize) + Sync,
    ) -> Paths {
        let event = flow.event();
        let parts = z.chunks(SHARD * event);
        let shards = &mut self.shards[..parts.len()];
        let run = |(shard, z): (&mut Shard<T>, &[T])| {
            let rows = z.len() / event;
            shard.generate(flow, z);
            work(shard, rows);
            shard.add_up(flow, rows);
        };
        if self.parallel && shards.len() > 1 {
            let parts: Vec<&[T]> = parts.collect();
            shards.par_iter_mut().zip(parts).for_each(run);
        } else {
            shards.iter_mut().zip(parts).for_each(run);
        }
        let finite = shards.iter().map(|shard| shard.finite).sum();
        let sum: f64 = shards.iter().map(|shard| shard.sum).sum();
        let elbo = sum / finite as f64;
        let ratios = shards.iter().flat_map(|shard| &shard.ratios);
        let squares = ratios.filter(|ratio| ratio.is_finite());
        let squares: f64 = squares.map(|ratio| (ratio - elbo).powi(2)).sum();
        Paths {
            elbo,
            stderr: squares.sqrt() / finite as f64,
            finite,
        }
    }
}

impl<T: Precision> Shard<T> {
    /// Events from base values, and the flow's density of them by the way back: that's the one whose gradient by
    /// the events is wanted.
    fn generate(&mut self, flow: &Flow<T>, z: &[T]) {
        let rows = z.len() / flow.event();
        let events = &mut self.events[..z.len()];
        self.generating.load_base(flow, z, &[]);
        self.generating.generate(flow);
        self.generating
            .data(flow, events, &mut self.log_det[..rows]);
        self.scoring.load(flow, events, &[], &[]);
        self.scoring.forward(flow);
    }

    /// The log-densities of the target, and the gradient of the sum of `ln q - ln p` along the paths.
    fn backward(&mut self, flow: &Flow<T>, density: &dyn Density<T>, rows: usize) {
        let event = flow.event();
        let (d_events, d_flow) = (
            &mut self.d_events[..rows * event],
            &mut self.d_flow[..rows * event],
        );
        let log_density = &mut self.log_density[..rows];
        density.log_density_and_gradient(&self.events[..rows * event], log_density, d_events);
        // The energy is -ln q.
        self.scoring.backward(flow, T::ONE, &mut self.score);
        self.scoring.d_events(d_flow);
        let finite = |values: &[T]| values.iter().all(|value| value.to_f64().is_finite());
        let own = d_events
            .chunks_exact_mut(event)
            .zip(d_flow.chunks_exact(event));
        for (log_density, (d_row, d_energy)) in log_density.iter_mut().zip(own) {
            if log_density.is_finite() && finite(d_row) && finite(d_energy) {
                let pairs = d_row.iter_mut().zip(d_energy);
                pairs.for_each(|(d, &d_energy)| *d = -(*d + d_energy));
            } else {
                d_row.fill(T::ZERO);
                *log_density = f64::NAN;
            }
        }
        self.generating
            .generate_backward(flow, d_events, &self.zeros[..rows], &mut self.gradient);
    }

    fn add_up(&mut self, flow: &Flow<T>, rows: usize) {
        let norm = flow.base().log_norm();
        let own = self.log_density[..rows].iter().zip(self.scoring.energies());
        self.ratios.clear();
        self.ratios
            .extend(own.map(|(log_density, energy)| log_density + energy.to_f64() - norm));
        let finite = || self.ratios.iter().filter(|ratio| ratio.is_finite());
        (self.sum, self.finite) = (finite().sum(), finite().count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BaseSpec, ConditionerSpec, Family, Spec};

    /// `-sum (x - 1)^2 cosh(x - 1) / 4`, and nothing left of `least`.
    struct Bowl {
        event: usize,
        least: f64,
    }

    impl Density<f64> for Bowl {
        fn log_density(&self, events: &[f64], log_density: &mut [f64]) {
            let mut gradient = vec![0.0; events.len()];
            self.log_density_and_gradient(events, log_density, &mut gradient);
        }

        fn log_density_and_gradient(
            &self,
            events: &[f64],
            log_density: &mut [f64],
            gradient: &mut [f64],
        ) {
            let rows = events.chunks_exact(self.event);
            for ((x, log_density), gradient) in rows
                .zip(log_density)
                .zip(gradient.chunks_exact_mut(self.event))
            {
                *log_density = 0.0;
                for (x, g) in x.iter().zip(gradient) {
                    let d = x - 1.0;
                    *log_density -= d * d * d.cosh() / 4.0;
                    *g = -(2.0 * d * d.cosh() + d * d * d.sinh()) / 4.0;
                }
                if x[0] < self.least {
                    *log_density = f64::NEG_INFINITY;
                }
            }
        }
    }

    fn z(count: usize) -> Vec<f64> {
        (0..count)
            .map(|i| 2.0 * (1.3 * i as f64 + 0.1 * (i * i) as f64).sin())
            .collect()
    }

    fn specs() -> Vec<Spec> {
        let mut specs = Vec::new();
        for family in Family::ALL {
            for base in [
                BaseSpec::Normal,
                BaseSpec::StudentT {
                    degrees_of_freedom: 5.0,
                },
                BaseSpec::Contaminated {
                    share: 0.2,
                    scale: 3.0,
                },
            ] {
                let plain = Spec::new(family, 3, 0);
                specs.push(Spec {
                    layers: 2,
                    base,
                    linear: true,
                    conditioner: ConditionerSpec {
                        hidden: vec![7],
                        ..plain.conditioner.clone()
                    },
                    ..plain
                });
            }
        }
        specs
    }

    /// The parameters of the density that is scored are held fixed.
    #[test]
    fn gradients_are_those_along_the_paths() {
        const ROWS: usize = 45;
        for spec in specs() {
            let held = Flow::<f64>::new(&spec, 3).expect("a flow");
            let mut moved = held.clone();
            let (z, target) = (
                z(ROWS * 3),
                Bowl {
                    event: 3,
                    least: -99.0,
                },
            );
            let mut objective = PathObjective::new(&held, ROWS, &Threads::new(1));
            let paths = objective.elbo_and_gradient(&held, &z, &target);
            assert_eq!(paths.finite, ROWS);
            let elbo = objective.elbo(&held, &z, &target);
            assert!((paths.elbo - elbo.elbo).abs() < 1e-12);
            let gradient = objective.gradient().to_vec();
            let loss = |flow: &Flow<f64>| {
                let (mut x, mut log_det) = (z.clone(), vec![0.0; ROWS]);
                flow.generate_and_log_det(&mut x, &[], &mut log_det);
                let (mut log_q, mut log_p) = (vec![0.0; ROWS], vec![0.0; ROWS]);
                held.log_prob(&x, &[], &mut log_q);
                target.log_density(&x, &mut log_p);
                let rows = log_q.iter().zip(&log_p);
                rows.map(|(q, p)| q - p).sum::<f64>() / ROWS as f64
            };
            assert!((loss(&held) + paths.elbo).abs() < 1e-9, "{spec:?}");
            for index in (0..gradient.len()).step_by(5) {
                if gradient[index] == 0.0 {
                    // Masked.
                    continue;
                }
                let here = held.parameters()[index];
                let mut at = |step: f64| {
                    moved.parameters_mut()[index] = here + step;
                    loss(&moved)
                };
                let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
                at(0.0);
                assert!(
                    (gradient[index] - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                    "{spec:?} {index}: {} against {expected}",
                    gradient[index]
                );
            }
        }
    }

    #[test]
    fn rows_without_a_density_are_left_out_on_any_number_of_threads() {
        let spec = &specs()[3];
        let flow = Flow::<f64>::new(spec, 3).expect("a flow");
        let target = Bowl {
            event: 3,
            least: -0.5,
        };
        let z = z(100 * 3);
        let of = |z: &[f64], threads| {
            let threads = Threads::new(threads);
            let mut objective = PathObjective::new(&flow, 100, &threads);
            let paths = threads.run(|| objective.elbo_and_gradient(&flow, z, &target));
            (paths, objective.gradient().to_vec())
        };
        let all = of(&z, 1);
        assert_eq!(all, of(&z, 2));
        let (mut x, mut log_det) = (z.clone(), vec![0.0; 100]);
        flow.generate_and_log_det(&mut x, &[], &mut log_det);
        let inside = |row: &usize| x[3 * row] >= -0.5;
        let kept: Vec<f64> = (0..100)
            .filter(inside)
            .flat_map(|row| z[3 * row..3 * row + 3].to_vec())
            .collect();
        let inside = of(&kept, 1);
        assert!(all.0.finite < 90 && all.0.finite == inside.0.finite);
        assert!((all.0.elbo - inside.0.elbo).abs() < 1e-12);
        for (a, b) in all.1.iter().zip(&inside.1) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }
}
