//! The fitting loop.

use super::config::{Config, VariationalError};
use super::space::Space;
use super::{Report, Step};
use flow_artefact::Draft;
use flow_embedded::artefact::{Base, Domain, Shape};
use flow_embedded::math::Polynomial;
use flow_fit::{Adam, Average, Factor, RESTARTS, Schedule, Stop, norm};
use flow_model::path::{Density, PathObjective};
use flow_model::{Flow, Threads};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::sync::atomic::{AtomicBool, Ordering};

/// Draws that a fit is measured by, the same each time.
const MEASURED: usize = 2048;

/// Of these, the fewest that must have a finite density. Rows without one pull nowhere, so a flow can't be fitted to
/// a target that rules out much of where its parameters' domains reach.
const LEAST_FINITE: usize = MEASURED / 10 * 9;

/// Draws from a flow's base, with the bits of the chip.
struct BaseDraws {
    base: Base,
    numbers: Vec<f32>,
    shape: Shape,
    generator: ChaCha8Rng,
}

impl BaseDraws {
    /// Of a draft that has its flow.
    fn new(draft: &Draft, seed: u64) -> Self {
        let angles = draft.event.iter().enumerate();
        let angles = angles.filter(|(_, channel)| channel.domain == Domain::Circular);
        Self {
            base: draft.base,
            numbers: draft.base_weights.clone(),
            shape: Shape {
                event: draft.event.len(),
                context: 0,
                circular: angles.map(|(channel, _)| channel).collect(),
            },
            generator: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    fn fill(&mut self, z: &mut [f32]) {
        for z in z.chunks_exact_mut(self.shape.event) {
            self.base.draw::<Polynomial, _, _>(
                &self.shape,
                self.numbers.as_slice(),
                &mut self.generator,
                z,
            );
        }
    }
}

/// All state of a fit.
pub(super) struct Fit<'a, 't> {
    flow: &'a mut Flow<f32>,
    space: Space<'t>,
    config: &'a Config,
    objective: PathObjective<f32>,
    adam: Adam<f32>,
    average: Average<f32>,
    factor: Factor,
    draws: BaseDraws,
    batch: Vec<f32>,
    measured: Vec<f32>,
    best: Vec<f32>,
    rate: f64,
    report: Report,
}

impl<'a, 't> Fit<'a, 't> {
    /// Of a flow that stands in `draft` already, to the target of `space`.
    pub(super) fn new(
        flow: &'a mut Flow<f32>,
        draft: &Draft,
        space: Space<'t>,
        config: &'a Config,
        threads: &Threads,
    ) -> Self {
        let event = flow.event();
        let mut measured = vec![0.0; MEASURED * event];
        BaseDraws::new(draft, !config.seed).fill(&mut measured);
        Self {
            objective: PathObjective::new(flow, config.batch.max(MEASURED), threads),
            adam: Adam::new(flow.parameters().len(), threads.count()),
            average: Average::new(flow.parameters(), config.average),
            factor: Factor::new(Schedule::Cosine, config.steps),
            draws: BaseDraws::new(draft, config.seed),
            batch: vec![0.0; config.batch * event],
            measured,
            best: flow.parameters().to_vec(),
            rate: config.learning_rate,
            report: Report {
                stop: Stop::Finished,
                steps: 0,
                best_step: 0,
                best_elbo: f64::NEG_INFINITY,
                restarts: 0,
            },
            flow,
            space,
            config,
        }
    }

    /// Leaves the flow at the best that was measured.
    pub(super) fn run(
        mut self,
        stop: &AtomicBool,
        mut observer: impl FnMut(&Step),
    ) -> Result<Report, VariationalError> {
        self.check_start()?;
        self.measure();
        let every = self.config.steps.div_ceil(self.config.reports);
        for step in 1..=self.config.steps {
            if stop.load(Ordering::Relaxed) {
                self.report.stop = Stop::Interrupted;
                break;
            }
            self.step()?;
            self.report.steps = step;
            if step % every == 0 || step == self.config.steps {
                let elbo = self.measure();
                observer(&Step {
                    step,
                    steps: self.config.steps,
                    elbo,
                    best_elbo: self.report.best_elbo,
                    inverse_temperature: self.space.inverse_temperature,
                    learning_rate: self.rate * self.factor.at(step - 1),
                });
            }
        }
        self.flow.parameters_mut().copy_from_slice(&self.best);
        Ok(self.report)
    }

    /// Whether the target has values and gradients for nearly all that the flow generates now.
    fn check_start(&mut self) -> Result<(), VariationalError> {
        let event = self.flow.event();
        let paths = self
            .objective
            .elbo_and_gradient(self.flow, &self.measured, &self.space);
        if paths.finite >= LEAST_FINITE {
            return Ok(());
        }
        let mut events = self.measured.clone();
        let mut log_det = vec![0.0; MEASURED];
        self.flow
            .generate_and_log_det(&mut events, &[], &mut log_det);
        let (mut log_density, mut gradient) = (vec![0.0; MEASURED], events.clone());
        self.space
            .log_density_and_gradient(&events, &mut log_density, &mut gradient);
        let bad = |row: &usize| {
            let own = &gradient[row * event..][..event];
            !log_density[*row].is_finite() || own.iter().any(|g| !g.is_finite())
        };
        let row = (0..MEASURED).find(bad).unwrap_or_default();
        Err(VariationalError::NotFinite {
            finite: paths.finite,
            draws: MEASURED,
            example: self.space.describe(&events[row * event..][..event]),
        })
    }

    fn step(&mut self) -> Result<(), VariationalError> {
        self.space.inverse_temperature = self.inverse_temperature();
        self.draws.fill(&mut self.batch);
        let paths = self
            .objective
            .elbo_and_gradient(self.flow, &self.batch, &self.space);
        let length = norm(self.objective.gradient());
        if paths.finite == 0 || !length.is_finite() {
            return self.restart();
        }
        let shorten = (self.config.clip_norm / length.max(f64::MIN_POSITIVE)).min(1.0);
        let rate = self.rate * self.factor.at(self.report.steps);
        self.adam.step(
            self.flow.parameters_mut(),
            self.objective.gradient(),
            shorten,
            rate,
            0.0,
        );
        self.average.update(self.flow.parameters());
        Ok(())
    }

    fn inverse_temperature(&self) -> f64 {
        let Some(annealing) = self.config.annealing else {
            return 1.0;
        };
        let share = self.report.steps as f64 / (annealing.share * self.config.steps as f64);
        annealing.start.powf(1.0 - share.min(1.0))
    }

    /// The evidence lower bound with the averaged parameters, for the target as it is; keeps them if it is the best, or
    /// can't be told from it: of equals the later one, at a lower rate, is nearer to the optimum.
    fn measure(&mut self) -> f64 {
        let tempered = std::mem::replace(&mut self.space.inverse_temperature, 1.0);
        self.average.swap(self.flow.parameters_mut());
        let paths = self.objective.elbo(self.flow, &self.measured, &self.space);
        self.average.swap(self.flow.parameters_mut());
        self.space.inverse_temperature = tempered;
        // A flow isn't better for generating what the target rules out.
        let elbo = match paths.finite >= LEAST_FINITE {
            true => paths.elbo + (paths.finite as f64 / MEASURED as f64).ln(),
            false => f64::NEG_INFINITY,
        };
        if elbo > self.report.best_elbo - paths.stderr {
            self.report.best_elbo = elbo.max(self.report.best_elbo);
            self.report.best_step = self.report.steps;
            self.best.copy_from_slice(self.average.values());
        }
        elbo
    }

    /// Back to the best parameters, at half the rate.
    fn restart(&mut self) -> Result<(), VariationalError> {
        self.flow.parameters_mut().copy_from_slice(&self.best);
        self.average.reset(&self.best);
        self.adam.reset();
        self.report.restarts += 1;
        if self.report.restarts > RESTARTS {
            return Err(VariationalError::Diverged {
                restarts: self.report.restarts,
                learning_rate: self.rate,
            });
        }
        self.rate *= 0.5;
        Ok(())
    }
}
