//! The parts of a table that is too large for memory.

use super::spool::Spool;
use crate::Dataset;
use crate::clean::CleanRow;
use crate::dataset::Digest;
use crate::split::Part;
use flow_host::random::Random;
use std::fs::File;
use std::io;

/// Held-out rows: all of a part, or as many as the memory limit allows.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// The rows that are kept, in the order of the file.
    pub data: Dataset,
    /// How much each of them counts, if the table has weights.
    pub weights: Option<Vec<f32>>,
    /// Rows of the part, without those of weight 0. Where more than are kept, those kept are a sample: each choice of so many
    /// rows was equally likely.
    pub rows: usize,
    sampler: Sampler,
}

/// Training rows on disk, visited in random order; held-out rows in memory.
///
/// Each epoch visits the buckets in random order and each bucket's rows in random order. A bucket is
/// itself a random sample of the training rows, drawn once; so rows of one batch are from all over
/// the table, though not every order of all rows can come up.
#[derive(Debug)]
pub struct RowStore {
    names: [Vec<String>; 2],
    weighted: bool,
    width: usize,
    rows: usize,
    digest: Digest,
    validation: HeldOut,
    calibration: HeldOut,
    spool: Spool<File>,
    dealer: Dealer,
    epoch: Epoch,
}

/// Deals rows to buckets: among each run of as many rows as there are buckets, one to each, in random
/// order. So buckets differ by at most one row in size.
#[derive(Debug)]
struct Dealer {
    random: Random,
    order: Vec<u32>,
    next: usize,
}

/// How far the visit has come.
#[derive(Debug, Default)]
struct Epoch {
    random: Option<Random>,
    /// Buckets yet to visit, the next one last.
    buckets: Vec<usize>,
    /// The bucket whose values are in memory.
    loaded: Option<usize>,
    /// Its values.
    values: Vec<f32>,
    /// Its rows yet to visit, the next one last.
    order: Vec<u32>,
}

/// Draws `take` of `of` rows as they come by (Knuth's algorithm S).
#[derive(Debug, Clone)]
struct Sampler {
    random: Random,
    take: usize,
    of: usize,
}

impl Sampler {
    fn next(&mut self) -> bool {
        let taken = self.of > 0 && self.random.below(self.of) < self.take;
        self.of = self.of.saturating_sub(1);
        self.take -= usize::from(taken);
        taken
    }
}

impl Dealer {
    fn next(&mut self) -> usize {
        if self.next == self.order.len() {
            self.random.shuffle(&mut self.order);
            self.next = 0;
        }
        self.next += 1;
        self.order[self.next - 1] as usize
    }
}

impl HeldOut {
    fn new(names: &[Vec<String>; 2], weighted: bool, rows: usize, most: usize, seed: u64) -> Self {
        let take = rows.min(most);
        let mut data = Dataset::new(names[0].clone(), names[1].clone());
        data.reserve_exact(take);
        Self {
            data,
            weights: weighted.then(|| Vec::with_capacity(take)),
            rows,
            sampler: Sampler {
                random: Random::new(seed),
                take,
                of: rows,
            },
        }
    }

    fn push(&mut self, row: &CleanRow<'_>) {
        let chosen = self.sampler.next();
        if row.weight == Some(0.0) {
            self.rows -= 1;
        } else if chosen {
            self.data.push(row.event, row.context);
            if let Some((weights, weight)) = self.weights.as_mut().zip(row.weight) {
                weights.push(weight);
            }
        }
    }

    /// Whether only a sample is kept.
    pub fn is_sample(&self) -> bool {
        self.data.rows() < self.rows
    }
}

impl RowStore {
    /// Without rows yet; `rows` will come for each part, and at most `held_out` are kept of the
    /// validation part and of the calibration part.
    pub(super) fn new(
        spool: Spool<File>,
        names: [Vec<String>; 2],
        weighted: bool,
        rows: [usize; 3],
        held_out: usize,
        seed: u64,
    ) -> Self {
        // Each purpose has its own stream of random numbers.
        let mut streams = Random::new(seed);
        let mut stream = || streams.below(usize::MAX) as u64;
        let [_, validation, calibration] = rows;
        Self {
            validation: HeldOut::new(&names, weighted, validation, held_out, stream()),
            calibration: HeldOut::new(&names, weighted, calibration, held_out, stream()),
            digest: Digest::new(&names[0], &names[1]),
            width: names[0].len() + names[1].len() + usize::from(weighted),
            names,
            weighted,
            rows: 0,
            dealer: Dealer {
                random: Random::new(stream()),
                order: (0..spool.buckets() as u32).collect(),
                next: spool.buckets(),
            },
            spool,
            epoch: Epoch::default(),
        }
    }

    /// Takes the next row of the table.
    pub(super) fn push(&mut self, part: Part, row: &CleanRow<'_>) -> io::Result<()> {
        self.digest.row(row.event, row.context);
        match part {
            Part::Validation => self.validation.push(row),
            Part::Calibration => self.calibration.push(row),
            // Such a row is none: a pass leaves it out.
            Part::Training if row.weight == Some(0.0) => {}
            Part::Training => {
                let parts = [row.event, row.context, row.weight.as_slice()];
                self.spool.push(self.dealer.next(), &parts)?;
                self.rows += 1;
            }
        }
        Ok(())
    }

    /// Ends the taking of rows.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.spool.finish()
    }

    /// Training rows, without those of weight 0.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Channels of an event, D.
    pub fn event_dim(&self) -> usize {
        self.names[0].len()
    }

    /// Channels of the context, C.
    pub fn context_dim(&self) -> usize {
        self.names[1].len()
    }

    /// The rows that decide when to stop.
    pub fn validation(&self) -> &HeldOut {
        &self.validation
    }

    /// The rows that the false-alarm promise rests on. A sample of them is as good for that, if it
    /// is large enough for the rate.
    pub fn calibration(&self) -> &HeldOut {
        &self.calibration
    }

    /// Moves the held-out rows out, validation first, and leaves none behind.
    pub fn take_held_out(&mut self) -> [HeldOut; 2] {
        [&mut self.validation, &mut self.calibration]
            .map(|part| std::mem::replace(part, HeldOut::new(&self.names, self.weighted, 0, 0, 0)))
    }

    /// Whether rows have weights.
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// The digest of all usable rows, as [`Dataset::digest`] of the table in memory.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// Visits each training row once: event, context and weight (1 without weights). Not in the order
    /// of the file; the same order each time. Ends an epoch that is under way.
    ///
    /// # Errors
    /// The temporary file can't be read.
    pub fn for_each_row(&mut self, mut visit: impl FnMut(&[f32], &[f32], f32)) -> io::Result<()> {
        self.epoch = Epoch::default();
        let mut row = vec![0.0; self.width];
        for bucket in 0..self.spool.buckets() {
            let (events, contexts) = (self.event_dim(), self.context_dim());
            self.spool.read(bucket, |values| {
                while fill(values, &mut row) {
                    let (event, rest) = row.split_at(events);
                    let (context, weight) = rest.split_at(contexts);
                    visit(event, context, weight.first().copied().unwrap_or(1.0));
                }
            })?;
        }
        Ok(())
    }

    /// A random sample of the training rows, of the given size or all of a bucket if that is less,
    /// and their weights. The same each time. Ends an epoch that is under way.
    ///
    /// # Errors
    /// The temporary file can't be read.
    pub fn sample(&mut self, rows: usize) -> io::Result<(Dataset, Option<Vec<f32>>)> {
        self.epoch = Epoch::default();
        let mut data = Dataset::new(self.names[0].clone(), self.names[1].clone());
        let mut weights = self.weighted.then(Vec::new);
        // A bucket is a random sample in the order of the file: an even choice from it is one, too.
        // The first may be empty where few rows count.
        let filled = |bucket: &usize| self.spool.rows(*bucket) > 0;
        let bucket = (0..self.spool.buckets()).find(filled).unwrap_or(0);
        let of = self.spool.rows(bucket);
        let take = rows.min(of);
        let mut row = vec![0.0; self.width];
        let (events, contexts) = (self.event_dim(), self.context_dim());
        let mut number: u128 = 0;
        self.spool.read(bucket, |values| {
            while fill(values, &mut row) {
                let before = number * take as u128 / of as u128;
                number += 1;
                if number * take as u128 / of as u128 > before {
                    let (event, rest) = row.split_at(events);
                    let (context, weight) = rest.split_at(contexts);
                    data.push(event, context);
                    if let Some(weights) = &mut weights {
                        weights.extend_from_slice(weight);
                    }
                }
            }
        })?;
        Ok((data, weights))
    }

    /// Stands before the first batch of an epoch; the seed alone decides the order.
    ///
    /// # Errors
    /// None yet: the temporary file is read batch by batch.
    pub fn start_epoch(&mut self, seed: u64) -> io::Result<()> {
        let mut random = Random::new(seed);
        self.epoch.buckets.clear();
        self.epoch.buckets.extend(0..self.spool.buckets());
        random.shuffle(&mut self.epoch.buckets);
        self.epoch.random = Some(random);
        self.epoch.order.clear();
        Ok(())
    }

    /// Fills the next batch, row-major: rows × D, rows × C and rows. Gives the number of rows that
    /// were filled: fewer than there is room for at the end of the epoch, then 0. Without a column of
    /// weights there need be no room for them; else they are 1.
    ///
    /// # Errors
    /// The temporary file can't be read.
    ///
    /// # Panics
    /// If the slices have room for different numbers of rows.
    pub fn next_batch(
        &mut self,
        events: &mut [f32],
        contexts: &mut [f32],
        weights: &mut [f32],
    ) -> io::Result<usize> {
        let (d, c) = (self.event_dim(), self.context_dim());
        let room = events.len() / d;
        assert!(
            weights.len() == room || (weights.is_empty() && !self.weighted),
            "room for as many weights as events"
        );
        assert_eq!(
            contexts.len(),
            room * c,
            "room for as many contexts as events"
        );
        for filled in 0..room {
            let Some(row) = self.next_row()? else {
                return Ok(filled);
            };
            let (event, rest) = row.split_at(d);
            let (context, weight) = rest.split_at(c);
            events[filled * d..][..d].copy_from_slice(event);
            contexts[filled * c..][..c].copy_from_slice(context);
            if let Some(slot) = weights.get_mut(filled) {
                *slot = weight.first().copied().unwrap_or(1.0);
            }
        }
        Ok(room)
    }

    /// The next row of the epoch: event, context and weight, if any.
    fn next_row(&mut self) -> io::Result<Option<&[f32]>> {
        while self.epoch.order.is_empty() {
            let (Some(bucket), Some(random)) = (self.epoch.buckets.pop(), &mut self.epoch.random)
            else {
                return Ok(None);
            };
            let (values, order) = (&mut self.epoch.values, &mut self.epoch.order);
            // Room for the largest bucket, so that no later one needs more.
            let most = self.rows.div_ceil(self.spool.buckets());
            if self.epoch.loaded.take() != Some(bucket) {
                values.clear();
                values.reserve_exact(most * self.width);
                self.spool.read(bucket, |block| values.extend(block))?;
            }
            self.epoch.loaded = Some(bucket);
            order.clear();
            order.reserve_exact(most);
            order.extend(0..self.spool.rows(bucket) as u32);
            random.shuffle(order);
        }
        let row = self.epoch.order.pop().map(|row| {
            let start = row as usize * self.width;
            &self.epoch.values[start..start + self.width]
        });
        Ok(row)
    }
}

/// Fills a row; whether there was one.
fn fill(values: &mut dyn Iterator<Item = f32>, row: &mut [f32]) -> bool {
    let mut filled = false;
    for (value, next) in row.iter_mut().zip(values) {
        *value = next;
        filled = true;
    }
    filled
}
