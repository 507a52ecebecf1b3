//! The last samples of a stream.

use super::Feature;
use crate::math::{Math, Polynomial};
use crate::state::{Reader, Writer};

/// A ring of up to `N` samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ring<const D: usize, const N: usize> {
    samples: [[f32; D]; N],
    /// The samples that it holds; the places behind them are worth nothing.
    len: u16,
    /// Where the oldest sample lies, once the ring is full; 0 before.
    oldest: u16,
}

impl<const D: usize, const N: usize> Ring<D, N> {
    pub(super) const fn new() -> Self {
        Self {
            samples: [[0.0; D]; N],
            len: 0,
            oldest: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.oldest = 0;
    }

    /// As after as many pushes of the sample as there is room for.
    pub(super) fn fill(&mut self, sample: [f32; D]) {
        self.samples = [sample; N];
        self.len = u16::try_from(N).unwrap_or(u16::MAX);
        self.oldest = 0;
    }

    pub(super) fn push(&mut self, sample: [f32; D]) {
        let full = usize::from(self.len) >= N;
        let place = if full { self.oldest } else { self.len };
        let Some(own) = self.samples.get_mut(usize::from(place)) else {
            return;
        };
        *own = sample;
        let next = place.wrapping_add(1);
        if !full {
            self.len = next;
        } else if usize::from(next) < N {
            self.oldest = next;
        } else {
            self.oldest = 0;
        }
    }

    /// A channel's values, the newest first.
    fn back(&self, channel: u8) -> impl Iterator<Item = f32> + Clone + '_ {
        let held = self.samples.get(..usize::from(self.len)).unwrap_or(&[]);
        let split = held.split_at_checked(usize::from(self.oldest));
        let (newer, older) = split.unwrap_or((&[], &[]));
        let back = newer.iter().rev().chain(older.iter().rev());
        back.filter_map(move |sample| sample.get(usize::from(channel)).copied())
    }

    /// A feature that is no moving average; NaN if it is one, or the samples are
    /// too few.
    pub(super) fn feature(&self, feature: &Feature) -> f32 {
        let mut back = self.back(feature.channel());
        let at = |steps: u16| usize::from(steps).checked_sub(1);
        match *feature {
            Feature::Lag { steps, .. } => at(steps).and_then(|at| back.nth(at)),
            Feature::Difference { steps, .. } => {
                let newest = back.next();
                let other = at(steps).and_then(|at| back.nth(at));
                newest.zip(other).map(|(newest, other)| newest - other)
            }
            Feature::Mean { steps, .. } => {
                back.next().map(|newest| newest + mean(back, newest, steps))
            }
            Feature::Deviation { steps, .. } => back.next().map(|newest| {
                let mean = mean(back.clone(), newest, steps);
                // The newest sample itself is at distance 0.
                let first = (0.0 - mean) * (0.0 - mean);
                let rest = back.take(usize::from(steps).saturating_sub(1));
                let sum = rest.fold(first, |sum, x| {
                    let distance = (x - newest) - mean;
                    sum + distance * distance
                });
                Polynomial::sqrt(sum / f32::from(steps))
            }),
            Feature::Average { .. } => None,
        }
        .unwrap_or(f32::NAN)
    }

    /// Bytes of the state, as [`write`](Self::write) writes it.
    pub(super) const BYTES: usize = 4 * D * N + 4;

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        for x in self.samples.iter().flatten() {
            writer.put(x.to_le_bytes());
        }
        writer.put(self.len.to_le_bytes());
        writer.put(self.oldest.to_le_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut own = Self::new();
        for x in own.samples.iter_mut().flatten() {
            *x = f32::from_le_bytes(reader.take()?);
        }
        own.len = u16::from_le_bytes(reader.take()?);
        own.oldest = u16::from_le_bytes(reader.take()?);
        Some(own)
    }

    pub(super) fn is_finite(&self) -> bool {
        let mut values = self.samples.iter().flatten();
        values.all(|x| x.is_finite())
    }

    /// Whether a stream can have led here.
    pub(super) fn is_possible(&self) -> bool {
        let (len, oldest) = (usize::from(self.len), usize::from(self.oldest));
        len <= N && (oldest == 0 || (len == N && oldest < N))
    }
}

/// The mean distance of `steps` samples to the newest of them; `back` goes on
/// from there.
fn mean(back: impl Iterator<Item = f32>, newest: f32, steps: u16) -> f32 {
    let others = back.take(usize::from(steps).saturating_sub(1));
    others.fold(0.0, |sum, x| sum + (x - newest)) / f32::from(steps)
}
