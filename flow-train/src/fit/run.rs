//! The training loop.

use super::adam::{Adam, norm};
use super::config::{Config, FitError};
use super::schedule::Factor;
use crate::model::{Batch, Flow, Objective, Threads};
use crate::random::Random;
use std::sync::atomic::{AtomicBool, Ordering};

/// Restarts from the best checkpoint, each at half the rate, before training gives up.
const RESTARTS: usize = 8;

/// Steps that an epoch has at least, if there are as many rows.
const STEPS: usize = 8;

/// Standardised rows, row-major, to learn from and to choose the checkpoint by.
#[derive(Clone, Copy, Debug)]
pub struct Split<'a> {
    /// Rows to learn from.
    pub training: Batch<'a, f32>,
    /// Rows that choose the checkpoint.
    pub validation: Batch<'a, f32>,
}

/// What an observer is told after each epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// The largest number of epochs that there can be.
    pub epochs: usize,
    /// Mean negative log-likelihood over the epoch's batches, noise included, in nats.
    pub training_nats: f64,
    /// Mean negative log-likelihood of the validation rows, in nats.
    pub validation_nats: f64,
    /// The best of these so far.
    pub best_nats: f64,
    /// Of the last step.
    pub learning_rate: f64,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All epochs were run.
    Finished,
    /// The validation rows hadn't improved for [`Config::patience`] epochs.
    Early,
    /// The caller asked for it.
    Interrupted,
}

/// How training went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Why it ended.
    pub stop: Stop,
    /// Epochs begun.
    pub epochs: usize,
    /// Steps taken.
    pub steps: usize,
    /// The epoch whose parameters the flow has now; 0 if none was better than the start.
    pub best_epoch: usize,
    /// Mean negative log-likelihood of the validation rows with these parameters, in nats and standardised units.
    pub validation_nats: f64,
    /// How often the loss wasn't finite.
    pub restarts: usize,
}

/// Trains `flow` and leaves it at the checkpoint that was best on the validation rows.
///
/// The same flow, rows and settings give the same parameters, on any number of threads. `stop` is looked at before
/// every step: once set, training ends and keeps the best checkpoint. `observer` is told after every epoch.
///
/// # Errors
/// [`FitError`]: settings out of range, rows that don't fit the flow or aren't finite, or divergence.
pub fn fit(
    flow: &mut Flow<f32>,
    split: &Split<'_>,
    config: &Config,
    stop: &AtomicBool,
    observer: impl FnMut(&Epoch) + Send,
) -> Result<Report, FitError> {
    config.validate()?;
    check(flow, split.training, "training")?;
    check(flow, split.validation, "validation")?;
    let threads = Threads::new(config.threads);
    threads.run(|| Training::new(flow, split, config, &threads).run(stop, observer))
}

fn check(flow: &Flow<f32>, batch: Batch<'_, f32>, part: &'static str) -> Result<(), FitError> {
    let (event, context) = (flow.event(), flow.context());
    let rows = batch.events.len() / event;
    if rows == 0 {
        return Err(FitError::Shape {
            part,
            fault: "there are none".into(),
        });
    }
    if batch.events.len() != rows * event || batch.contexts.len() != rows * context {
        let fault = format!(
            "the flow has {event} event and {context} context channels, and the values don't fit"
        );
        return Err(FitError::Shape { part, fault });
    }
    let bad = |values: &[f32], channels: usize| {
        values
            .iter()
            .position(|v| !v.is_finite())
            .map(|i| i / channels)
    };
    match bad(batch.events, event).or_else(|| bad(batch.contexts, context.max(1))) {
        Some(row) => Err(FitError::NonFinite { part, row }),
        None => Ok(()),
    }
}

/// All state of a training; everything that steps need is allocated at the start.
struct Training<'a> {
    flow: &'a mut Flow<f32>,
    split: &'a Split<'a>,
    config: &'a Config,
    objective: Objective<f32>,
    adam: Adam<f32>,
    factor: Factor,
    random: Random,
    order: Vec<usize>,
    events: Vec<f32>,
    contexts: Vec<f32>,
    batch: usize,
    best: Vec<f32>,
    /// Halved at each restart.
    rate: f64,
    report: Report,
}

impl<'a> Training<'a> {
    fn new(
        flow: &'a mut Flow<f32>,
        split: &'a Split<'a>,
        config: &'a Config,
        threads: &Threads,
    ) -> Self {
        let rows = split.training.events.len() / flow.event();
        let batch = config.batch.min(rows.div_ceil(STEPS));
        Self {
            objective: Objective::new(flow, batch, threads),
            adam: Adam::new(flow.parameters().len()),
            factor: Factor::new(config.schedule, config.epochs * (rows / batch)),
            random: Random::new(config.seed),
            order: (0..rows).collect(),
            events: vec![0.0; batch * flow.event()],
            contexts: vec![0.0; batch * flow.context()],
            batch,
            best: flow.parameters().to_vec(),
            rate: config.learning_rate,
            report: Report {
                stop: Stop::Finished,
                epochs: 0,
                steps: 0,
                best_epoch: 0,
                validation_nats: f64::INFINITY,
                restarts: 0,
            },
            flow,
            split,
            config,
        }
    }

    fn run(
        mut self,
        stop: &AtomicBool,
        mut observer: impl FnMut(&Epoch),
    ) -> Result<Report, FitError> {
        let start = self.validation();
        if start.is_finite() {
            self.report.validation_nats = start;
        }
        while self.report.epochs < self.config.epochs {
            self.report.epochs += 1;
            let Some(training_nats) = self.epoch(stop)? else {
                self.report.stop = Stop::Interrupted;
                break;
            };
            let validation_nats = self.validation();
            let improved = validation_nats < self.report.validation_nats;
            if improved {
                self.report.validation_nats = validation_nats;
                self.report.best_epoch = self.report.epochs;
                self.best.copy_from_slice(self.flow.parameters());
            }
            self.factor.epoch(improved);
            observer(&Epoch {
                epoch: self.report.epochs,
                epochs: self.config.epochs,
                training_nats,
                validation_nats,
                best_nats: self.report.validation_nats,
                learning_rate: self.learning_rate(),
            });
            if !validation_nats.is_finite() {
                self.restart()?;
            } else if self.report.epochs - self.report.best_epoch >= self.config.patience {
                self.report.stop = Stop::Early;
                break;
            }
        }
        self.flow.parameters_mut().copy_from_slice(&self.best);
        Ok(self.report)
    }

    /// One pass over the training rows: the mean loss of its batches, or nothing if interrupted.
    ///
    /// Rows beyond the last whole batch sit out; the shuffle decides which.
    fn epoch(&mut self, stop: &AtomicBool) -> Result<Option<f64>, FitError> {
        self.random.shuffle(&mut self.order);
        let (mut sum, mut count) = (0.0, 0);
        for batch in 0..self.order.len() / self.batch {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            self.gather(batch * self.batch);
            let rows = Batch {
                events: &self.events,
                contexts: &self.contexts,
                weights: &[],
            };
            let loss = self.objective.loss_and_gradient(self.flow, rows);
            let length = norm(self.objective.gradient());
            if !(loss.is_finite() && length.is_finite()) {
                self.restart()?;
                continue;
            }
            let shorten = (self.config.clip_norm / length.max(f64::MIN_POSITIVE)).min(1.0);
            let rate = self.learning_rate();
            let gradient = self.objective.gradient();
            self.adam.step(
                self.flow.parameters_mut(),
                gradient,
                shorten,
                rate,
                self.config.weight_decay,
            );
            self.report.steps += 1;
            sum += loss;
            count += 1;
        }
        Ok(Some(sum / f64::from(count)))
    }

    fn learning_rate(&self) -> f64 {
        self.rate * self.factor.at(self.report.steps)
    }

    /// Copies the batch that starts at `start` in the shuffled order, with fresh noise on its events.
    fn gather(&mut self, start: usize) {
        let (event, context) = (self.flow.event(), self.flow.context());
        let Batch {
            events, contexts, ..
        } = self.split.training;
        for (slot, &row) in self.order[start..start + self.batch].iter().enumerate() {
            self.events[slot * event..][..event].copy_from_slice(&events[row * event..][..event]);
            self.contexts[slot * context..][..context]
                .copy_from_slice(&contexts[row * context..][..context]);
        }
        if self.config.noise > 0.0 {
            for value in &mut self.events {
                *value += self.config.noise * self.random.normal();
            }
        }
    }

    /// Mean negative log-likelihood of the validation rows.
    fn validation(&mut self) -> f64 {
        let (event, context) = (self.flow.event(), self.flow.context());
        let Batch {
            events, contexts, ..
        } = self.split.validation;
        let rows = events.len() / event;
        let mut sum = 0.0;
        for start in (0..rows).step_by(self.batch) {
            let end = rows.min(start + self.batch);
            let batch = Batch {
                events: &events[start * event..end * event],
                contexts: &contexts[start * context..end * context],
                weights: &[],
            };
            sum += self.objective.loss(self.flow, batch) * (end - start) as f64;
        }
        sum / rows as f64
    }

    /// Back to the best checkpoint, at half the rate.
    fn restart(&mut self) -> Result<(), FitError> {
        self.flow.parameters_mut().copy_from_slice(&self.best);
        self.adam.reset();
        self.report.restarts += 1;
        if self.report.restarts > RESTARTS {
            return Err(FitError::Diverged {
                restarts: self.report.restarts,
                learning_rate: self.rate,
            });
        }
        self.rate *= 0.5;
        Ok(())
    }
}
