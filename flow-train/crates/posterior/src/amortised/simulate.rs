//! Simulations in the background, in an order that no clock decides.

use super::{Settings, Simulator, SimulatorError, Variable};
use flow_data::Dataset;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, available_parallelism};

/// Of every so many simulations that train, the last one decides when to stop.
const VALIDATION: usize = 10;

/// One simulation: parameters, then what was observed.
type Row = Vec<f32>;

/// Simulations as they come from the background: those that train, then those that check.
pub(super) struct Pool {
    arrivals: Receiver<(usize, Row)>,
    /// By number; what has not come yet is nothing.
    rows: Vec<Option<Row>>,
    /// So many of the first have all come.
    complete: usize,
    training: usize,
    names: [Vec<String>; 2],
    failures: f64,
}

/// Some simulations, those that failed left out.
pub(super) struct Part {
    pub(super) data: Dataset,
    pub(super) failed: usize,
}

impl Pool {
    /// Starts the threads. They end when all is simulated, `stop` is set or the pool is dropped.
    pub(super) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        simulator: &'env dyn Simulator,
        variables: &[Vec<Variable>; 2],
        settings: &Settings,
        stop: &'env AtomicBool,
    ) -> Self {
        let training = settings.simulations;
        let total = training + settings.check.rows;
        let widths = [variables[0].len(), variables[1].len()];
        let (sender, arrivals) = channel();
        let next = Arc::new(AtomicUsize::new(0));
        let cores = available_parallelism().map_or(1, NonZero::get);
        let threads = match settings.threads {
            0 => cores,
            threads => threads,
        };
        for _ in 0..threads {
            let work = Work {
                simulator,
                next: Arc::clone(&next),
                total,
                widths,
                seed: settings.seed,
                sender: sender.clone(),
            };
            scope.spawn(move || work.run(stop));
        }
        let names = |own: &Vec<Variable>| own.iter().map(|own| own.name.clone()).collect();
        Self {
            arrivals,
            rows: vec![None; total],
            complete: 0,
            training,
            names: [names(&variables[0]), names(&variables[1])],
            failures: settings.failures,
        }
    }

    /// Waits until the first `count` simulations have come; false if they never will.
    fn wait(&mut self, count: usize) -> bool {
        loop {
            let come = self.rows[self.complete..].iter();
            self.complete += come.take_while(|row| row.is_some()).count();
            if self.complete >= count {
                return true;
            }
            let Ok((number, row)) = self.arrivals.recv() else {
                return false;
            };
            self.rows[number] = Some(row);
        }
    }

    /// The first `count` simulations, which train, and those among them that validate; nothing if the background
    /// has ended before it made them.
    ///
    /// # Errors
    /// The prior is none, or too many simulations failed.
    pub(super) fn training(&mut self, count: usize) -> Result<Option<[Part; 2]>, SimulatorError> {
        if !self.wait(count) {
            return Ok(None);
        }
        let validates = |number: &usize| number % VALIDATION == VALIDATION - 1;
        let [training, validation] = [
            self.part((0..count).filter(|number| !validates(number)))?,
            self.part((0..count).filter(validates))?,
        ];
        self.few_failed(training.failed + validation.failed, 0, count)?;
        Ok(Some([training, validation]))
    }

    /// The simulations that check; nothing if the background has ended before it made them.
    ///
    /// # Errors
    /// As [`training`](Self::training).
    pub(super) fn checking(&mut self) -> Result<Option<Part>, SimulatorError> {
        let (start, total) = (self.training, self.rows.len());
        if !self.wait(total) {
            return Ok(None);
        }
        let part = self.part(start..total)?;
        self.few_failed(part.failed, start, total)?;
        Ok(Some(part))
    }

    fn part(&self, numbers: impl Iterator<Item = usize>) -> Result<Part, SimulatorError> {
        let [parameters, observation] = self.names.clone();
        let mut part = Part {
            data: Dataset::new(parameters, observation),
            failed: 0,
        };
        for number in numbers {
            let row = self.rows[number].as_deref().unwrap_or_default();
            let (parameters, observation) = row.split_at(self.names[0].len());
            if let Some(channel) = parameters.iter().position(|x| !x.is_finite()) {
                return Err(SimulatorError::Prior {
                    name: self.names[0][channel].clone(),
                    value: parameters[channel],
                    simulation: number,
                });
            }
            match observation.iter().all(|x| x.is_finite()) {
                true => part.data.push(parameters, observation),
                false => part.failed += 1,
            }
        }
        Ok(part)
    }

    fn few_failed(&self, failed: usize, start: usize, end: usize) -> Result<(), SimulatorError> {
        let of = end - start;
        if failed as f64 <= self.failures * of as f64 {
            return Ok(());
        }
        let first = self.rows[start..end].iter().flatten().find_map(|row| {
            let (parameters, observation) = row.split_at(self.names[0].len());
            let channel = observation.iter().position(|x| !x.is_finite())?;
            Some((channel, parameters))
        });
        let (channel, parameters) = first.unwrap_or_default();
        Err(SimulatorError::Failed {
            failed,
            of,
            name: self.names[1][channel].clone(),
            parameters: parameters.to_vec(),
        })
    }
}

/// What one thread does.
struct Work<'env> {
    simulator: &'env dyn Simulator,
    /// The next number that nobody has taken.
    next: Arc<AtomicUsize>,
    total: usize,
    widths: [usize; 2],
    seed: u64,
    sender: Sender<(usize, Row)>,
}

impl Work<'_> {
    fn run(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.total || self.sender.send((number, self.simulate(number))).is_err() {
                break;
            }
        }
    }

    /// A simulation by its number: it has a stream of random numbers of its own.
    fn simulate(&self, number: usize) -> Row {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number as u64);
        let [parameters, observation] = self.widths;
        let mut row = vec![f32::NAN; parameters + observation];
        let (parameters, observation) = row.split_at_mut(parameters);
        self.simulator.prior(&mut rng, parameters);
        self.simulator.simulate(parameters, &mut rng, observation);
        row
    }
}
