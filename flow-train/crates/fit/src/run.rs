//! The training loop.

use super::adam::{Adam, norm};
use super::average::Average;
use super::config::{Config, FitError};
use super::dequantise::Dequantiser;
use super::rounded::Rounded;
use super::rows::{Order, Rows, RowsError};
use super::schedule::Factor;
use flow_data::Preparation;
use flow_embedded::kernels::wrap;
use flow_host::random::Random;
use flow_model::{Batch, Flow, Objective, Threads};
use std::sync::atomic::{AtomicBool, Ordering};

/// Restarts from the best checkpoint, each at half the rate, before training gives up.
pub const RESTARTS: usize = 8;

/// Rows that smoothed validation rows are repeated to, so that their noise averages out.
const SMOOTHED: usize = 1024;

/// Rows to learn from and to choose the checkpoint by, and what is done to both.
pub struct Split<'a> {
    /// Rows to learn from.
    pub training: &'a mut dyn Rows,
    /// Rows that choose the checkpoint.
    pub validation: &'a mut dyn Rows,
    /// From raw rows to those that the flow sees.
    pub preparation: &'a Preparation,
    /// Where in their cells rounded rows are put: by this flow, which is trained along (variational dequantisation, Ho
    /// et al. 2019), or evenly. All event channels must then have a grid. Its event and its context are as many channels
    /// as the rows' events; it gives offsets in steps, before a sigmoid less 1/2.
    pub dequantiser: Option<&'a mut Flow<f32>>,
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
    /// Mean negative log-likelihood of the validation rows, in nats and prepared units.
    pub validation_nats: f64,
    /// The best of these so far.
    pub best_nats: f64,
    /// As in [`Report::log_det`].
    pub log_det: f64,
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
    /// Mean negative log-likelihood of the validation rows with these parameters, in nats and prepared units; with a
    /// dequantiser less what it and the maps of the domains add, so that `log_det` is 0.
    pub validation_nats: f64,
    /// Mean of what the maps of the domains add to the log-likelihood of the validation rows: `ln |dx / d raw|` in
    /// nats, without what is the same for all rows.
    pub log_det: f64,
    /// How often the loss wasn't finite.
    pub restarts: usize,
}

/// Trains `flow` and leaves it at the checkpoint that was best on the validation rows.
///
/// The same flow, rows and settings give the same parameters, on any number of threads. `stop` is looked at before
/// every step: once set, training ends and keeps the best checkpoint. `observer` is told after every epoch.
///
/// # Errors
/// [`FitError`]: settings out of range, rows that don't fit the flow or can't be used, or divergence.
pub fn fit(
    flow: &mut Flow<f32>,
    split: Split<'_>,
    config: &Config,
    stop: &AtomicBool,
    observer: impl FnMut(&Epoch) + Send,
) -> Result<Report, FitError> {
    config.validate()?;
    for (rows, part) in [
        (&*split.training, "training"),
        (&*split.validation, "validation"),
    ] {
        check(flow, rows, split.preparation).map_err(|fault| FitError::Rows { part, fault })?;
    }
    let threads = Threads::new(config.threads);
    threads.run(|| Training::new(flow, split, config, &threads).run(stop, observer))
}

fn check(flow: &Flow<f32>, rows: &dyn Rows, preparation: &Preparation) -> Result<(), RowsError> {
    if rows.rows() == 0 {
        return Err(RowsError::Shape("there are none".into()));
    }
    let (event, context) = rows.channels();
    let given = (event, preparation.context_features());
    if rows.channels() != (preparation.event.len(), preparation.context.len()) {
        return Err(RowsError::Shape(format!(
            "they have {event} event and {context} context channels, and the preparation has {} and {}",
            preparation.event.len(),
            preparation.context.len()
        )));
    }
    if given != (flow.event(), flow.context()) {
        return Err(RowsError::Shape(format!(
            "they have {} event channels and {} context features, and the flow has {} and {}",
            given.0,
            given.1,
            flow.event(),
            flow.context()
        )));
    }
    Ok(())
}

/// Columns that noise treats in a way of their own.
struct Columns {
    /// Angles of the event.
    circular: Vec<usize>,
    /// Codes of categories, which get no noise, among the event and among the features.
    event_codes: Vec<usize>,
    context_codes: Vec<usize>,
}

impl Columns {
    fn of(preparation: &Preparation) -> Self {
        let columns = |codes: Vec<(usize, usize)>| codes.into_iter().map(|own| own.0).collect();
        Self {
            circular: preparation.circular(),
            event_codes: columns(preparation.event_codes()),
            context_codes: columns(preparation.context_codes()),
        }
    }
}

/// One batch on its way from a source to the flow, in memory that is allocated once.
struct Slots {
    events: Vec<f32>,
    contexts: Vec<f32>,
    features: Vec<f32>,
    weights: Vec<f32>,
    /// What the preparation adds to the log-likelihood of each row, less what a dequantiser takes.
    log_det: Vec<f32>,
    /// The events before smoothing, where there is a dequantiser.
    exact: Vec<f32>,
    /// Rows held.
    rows: usize,
}

impl Slots {
    /// `keep` keeps the events as they are before smoothing.
    fn new(capacity: usize, preparation: &Preparation, keep: bool) -> Self {
        Self {
            events: vec![0.0; capacity * preparation.event.len()],
            contexts: vec![0.0; capacity * preparation.context.len()],
            features: vec![0.0; capacity * preparation.context_features()],
            weights: vec![0.0; capacity],
            log_det: vec![0.0; capacity],
            exact: vec![
                0.0;
                if keep {
                    capacity * preparation.event.len()
                } else {
                    0
                }
            ],
            rows: 0,
        }
    }

    /// Takes the next `rows` rows of a pass and prepares them.
    fn fill(
        &mut self,
        rows: usize,
        source: &mut dyn Rows,
        preparation: &Preparation,
        cells: &mut Random,
        dequantiser: Option<&mut Dequantiser<'_>>,
    ) -> Result<(), RowsError> {
        let (event, context) = (preparation.event.len(), preparation.context.len());
        let taken = source
            .next(
                &mut self.events[..rows * event],
                &mut self.contexts[..rows * context],
                &mut self.weights[..rows],
            )
            .map_err(|fault| RowsError::Read(fault.to_string()))?;
        if taken < rows {
            return Err(RowsError::Read("there are fewer rows than before".into()));
        }
        self.rows = rows;
        let features = rows * preparation.context_features();
        let (events, log_det) = (&mut self.events[..rows * event], &mut self.log_det[..rows]);
        match dequantiser {
            None => preparation.dequantised_events(events, log_det, cells),
            Some(own) => {
                let offsets = own.draw(events, preparation, cells);
                preparation.moved_events(events, log_det, offsets);
                let pairs = log_det.iter_mut().zip(own.log_q());
                pairs.for_each(|(log_det, log_q)| *log_det -= log_q);
                self.exact[..rows * event].copy_from_slice(events);
            }
        }
        preparation.contexts(
            &self.contexts[..rows * context],
            &mut self.features[..features],
        );
        let bad = |kind, values: &[f32], channels: usize| {
            let index = values.iter().position(|value| !value.is_finite());
            index.map_or(Ok(()), |index| {
                let channel = index % channels;
                Err(RowsError::Unprepared { kind, channel })
            })
        };
        bad("event", &self.events[..rows * event], event)?;
        bad("context", &self.features[..features], features / rows)
    }

    /// Adds the noise of smoothing.
    fn smooth(&mut self, config: &Config, columns: &Columns, random: &mut Random) {
        let capacity = self.log_det.len();
        for (values, codes, noise) in [
            (&mut self.events, &columns.event_codes, config.noise),
            (
                &mut self.features,
                &columns.context_codes,
                config.context_noise,
            ),
        ] {
            if noise > 0.0 {
                let width = (values.len() / capacity).max(1);
                let values = values.iter_mut().enumerate();
                values
                    .filter(|(place, _)| !codes.contains(&(place % width)))
                    .for_each(|(_, x)| *x += noise * random.normal());
            }
        }
        let channels = self.events.len() / self.log_det.len();
        if config.noise > 0.0 {
            for channel in &columns.circular {
                let own = self.events.iter_mut().skip(*channel).step_by(channels);
                own.for_each(|x| *x = wrap(*x));
            }
        }
    }

    fn batch(&self, weighted: bool) -> Batch<'_, f32> {
        let capacity = self.log_det.len();
        let of = |values: &'_ [f32]| self.rows * (values.len() / capacity);
        Batch {
            events: &self.events[..of(&self.events)],
            contexts: &self.features[..of(&self.features)],
            weights: if weighted {
                &self.weights[..self.rows]
            } else {
                &[]
            },
        }
    }

    /// The sum of the weights, and of the weighted log-determinants.
    fn totals(&self, weighted: bool) -> (f64, f64) {
        let rows = self.log_det[..self.rows].iter().zip(&self.weights);
        rows.fold((0.0, 0.0), |(total, sum), (log_det, weight)| {
            let weight = if weighted { f64::from(*weight) } else { 1.0 };
            (total + weight, sum + weight * f64::from(*log_det))
        })
    }
}

/// All state of a training; everything that steps need is allocated at the start.
struct Training<'a, 's> {
    flow: &'a mut Flow<f32>,
    split: Split<'s>,
    config: &'a Config,
    objective: Objective<f32>,
    adam: Adam<f32>,
    average: Average<f32>,
    rounded: Rounded,
    dequantiser: Option<Dequantiser<'s>>,
    factor: Factor,
    random: Random,
    slots: Slots,
    columns: Columns,
    batch: usize,
    best: Vec<f32>,
    /// Halved at each restart.
    rate: f64,
    report: Report,
}

impl<'a, 's> Training<'a, 's> {
    fn new(
        flow: &'a mut Flow<f32>,
        split: Split<'s>,
        config: &'a Config,
        threads: &Threads,
    ) -> Self {
        let rows = split.training.rows();
        let batch = config.batch_of(rows);
        let Split {
            training,
            validation,
            preparation,
            dequantiser,
        } = split;
        let split = Split {
            training,
            validation,
            preparation,
            dequantiser: None,
        };
        let dequantiser = dequantiser.map(|own| Dequantiser::new(own, batch, config));
        Self {
            objective: Objective::new(flow, batch, threads),
            adam: Adam::new(flow.parameters().len(), threads.count()),
            average: Average::new(flow.parameters(), config.average),
            rounded: Rounded::new(flow, config.weight_format),
            factor: Factor::new(config.schedule, config.epochs * (rows / batch)),
            random: Random::new(config.seed),
            slots: Slots::new(batch, split.preparation, dequantiser.is_some()),
            dequantiser,
            columns: Columns::of(split.preparation),
            batch,
            best: flow.parameters().to_vec(),
            rate: config.learning_rate,
            report: Report {
                stop: Stop::Finished,
                epochs: 0,
                steps: 0,
                best_epoch: 0,
                validation_nats: f64::INFINITY,
                log_det: 0.0,
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
        let start = self.validation()?;
        if start.is_finite() {
            self.report.validation_nats = start;
        }
        while self.report.epochs < self.config.epochs {
            self.report.epochs += 1;
            let Some(training_nats) = self.epoch(stop)? else {
                self.report.stop = Stop::Interrupted;
                break;
            };
            let validation_nats = self.validation()?;
            let improved = validation_nats < self.report.validation_nats;
            if improved {
                self.report.validation_nats = validation_nats;
                self.report.best_epoch = self.report.epochs;
                self.best.copy_from_slice(self.average.values());
                if let Some(own) = &mut self.dequantiser {
                    own.keep();
                }
            }
            self.factor.epoch(improved);
            observer(&Epoch {
                epoch: self.report.epochs,
                epochs: self.config.epochs,
                training_nats,
                validation_nats,
                best_nats: self.report.validation_nats,
                log_det: self.report.log_det,
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
        self.rounded.round(self.flow);
        if let Some(own) = &mut self.dequantiser {
            own.restart();
        }
        Ok(self.report)
    }

    /// One pass over the training rows: the mean loss of its batches, or nothing if interrupted.
    ///
    /// Rows beyond the last whole batch sit out; the shuffle decides which.
    fn epoch(&mut self, stop: &AtomicBool) -> Result<Option<f64>, FitError> {
        let fault = |fault| FitError::Rows {
            part: "training",
            fault,
        };
        let order = Order::Shuffled {
            seed: self.random.seed(),
        };
        let (rows, weighted) = (self.split.training.rows(), self.split.training.weighted());
        self.split
            .training
            .begin(order)
            .map_err(|error| fault(RowsError::Read(error.to_string())))?;
        let (mut sum, mut count) = (0.0, 0);
        for _ in 0..rows / self.batch {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (source, preparation) = (&mut *self.split.training, self.split.preparation);
            self.slots
                .fill(
                    self.batch,
                    source,
                    preparation,
                    &mut self.random,
                    self.dequantiser.as_mut(),
                )
                .map_err(fault)?;
            self.slots
                .smooth(self.config, &self.columns, &mut self.random);
            if self.slots.totals(weighted).0 <= 0.0 {
                // No row of these counts.
                continue;
            }
            let batch = self.slots.batch(weighted);
            self.rounded.round(self.flow);
            let loss = self.objective.loss_and_gradient(self.flow, batch);
            self.rounded.restore(self.flow);
            let length = norm(self.objective.gradient());
            if !(loss.is_finite() && length.is_finite()) {
                self.restart()?;
                continue;
            }
            let shorten = (self.config.clip_norm / length.max(f64::MIN_POSITIVE)).min(1.0);
            let rate = self.learning_rate();
            let loss = loss - self.learn_cells(weighted, rate);
            let gradient = self.objective.gradient();
            self.adam.step(
                self.flow.parameters_mut(),
                gradient,
                shorten,
                rate,
                self.config.weight_decay,
            );
            self.average.update(self.flow.parameters());
            self.report.steps += 1;
            sum += loss;
            count += 1;
        }
        Ok(Some(sum / f64::from(count)))
    }

    /// A step of the dequantiser, if there is one; returns the mean of what it and the maps of the domains add to the
    /// batch's log-likelihood.
    fn learn_cells(&mut self, weighted: bool, rate: f64) -> f64 {
        let Some(own) = &mut self.dequantiser else {
            return 0.0;
        };
        let (total, log_det) = self.slots.totals(weighted);
        let Slots { rows, weights, .. } = &self.slots;
        let count = rows * self.split.preparation.event.len();
        let mut d_events = vec![0.0; count];
        self.objective.d_events(&mut d_events);
        let factors = weights[..*rows].iter().map(|weight| match weighted {
            true => weight / total as f32,
            false => 1.0 / total as f32,
        });
        own.learn(
            &self.slots.exact[..count],
            &d_events,
            factors,
            self.split.preparation,
            (rate, self.config),
        );
        log_det / total
    }

    fn learning_rate(&self) -> f64 {
        self.rate * self.factor.at(self.report.steps)
    }

    /// Mean negative log-likelihood of the validation rows under the averaged parameters.
    fn validation(&mut self) -> Result<f64, FitError> {
        self.swap_average();
        self.rounded.round(self.flow);
        let measured = self.measure();
        self.rounded.restore(self.flow);
        self.swap_average();
        let (nats, log_det) = measured.map_err(|fault| FitError::Rows {
            part: "validation",
            fault,
        })?;
        if self.dequantiser.is_some() {
            return Ok(nats - log_det);
        }
        self.report.log_det = log_det;
        Ok(nats)
    }

    /// Swaps the averaged parameters with the present ones, and back when called again.
    fn swap_average(&mut self) {
        self.average.swap(self.flow.parameters_mut());
        if let Some(own) = &mut self.dequantiser {
            own.swap();
        }
    }

    /// Means over the validation rows: negative log-likelihood, and log-determinant of the preparation.
    fn measure(&mut self) -> Result<(f64, f64), RowsError> {
        let Split {
            validation,
            preparation,
            ..
        } = &mut self.split;
        // The same draws in every epoch.
        let mut random = Random::new(!self.config.seed);
        let (rows, weighted) = (validation.rows(), validation.weighted());
        let passes = match self.config.noise > 0.0 {
            true => SMOOTHED.div_ceil(rows),
            false => 1,
        };
        let (mut nats, mut log_dets, mut total) = (0.0, 0.0, 0.0);
        for _ in 0..passes {
            validation
                .begin(Order::Stored)
                .map_err(|fault| RowsError::Read(fault.to_string()))?;
            for start in (0..rows).step_by(self.batch) {
                let count = self.batch.min(rows - start);
                self.slots.fill(
                    count,
                    &mut **validation,
                    preparation,
                    &mut random,
                    self.dequantiser.as_mut(),
                )?;
                self.slots.smooth(self.config, &self.columns, &mut random);
                let (weight, log_det) = self.slots.totals(weighted);
                if weight <= 0.0 {
                    continue;
                }
                let loss = self.objective.loss(self.flow, self.slots.batch(weighted));
                nats += loss * weight;
                log_dets += log_det;
                total += weight;
            }
        }
        Ok((nats / total, log_dets / total))
    }

    /// Back to the best checkpoint, at half the rate.
    fn restart(&mut self) -> Result<(), FitError> {
        self.flow.parameters_mut().copy_from_slice(&self.best);
        self.average.reset(&self.best);
        self.adam.reset();
        if let Some(own) = &mut self.dequantiser {
            own.restart();
        }
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
