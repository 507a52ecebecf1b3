//! The last samples of a stream.

use super::Feature;
use crate::math::{Math, Polynomial};
use core::fmt;
use heapless::Vec;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample<const D: usize>([f32; D]);

/// A ring of up to `N` samples.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Ring<const D: usize, const N: usize> {
    samples: Vec<Sample<D>, N>,
    /// Where the oldest sample lies, once the ring is full; 0 before.
    oldest: u16,
}

impl<const D: usize, const N: usize> Ring<D, N> {
    pub(super) const fn new() -> Self {
        Self {
            samples: Vec::new(),
            oldest: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.oldest = 0;
    }

    pub(super) fn push(&mut self, sample: [f32; D]) {
        if self.samples.push(Sample(sample)).is_ok() {
            return;
        }
        if let Some(oldest) = self.samples.get_mut(usize::from(self.oldest)) {
            *oldest = Sample(sample);
        }
        let next = usize::from(self.oldest) + 1;
        self.oldest = if next < N {
            self.oldest.wrapping_add(1)
        } else {
            0
        };
    }

    /// A channel's values, the newest first.
    fn back(&self, channel: u8) -> impl Iterator<Item = f32> + Clone + '_ {
        let split = self.samples.split_at_checked(usize::from(self.oldest));
        let (newer, older) = split.unwrap_or((&[], &[]));
        let back = newer.iter().rev().chain(older.iter().rev());
        back.filter_map(move |sample| sample.0.get(usize::from(channel)).copied())
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

    pub(super) fn is_finite(&self) -> bool {
        let mut values = self.samples.iter().flat_map(|sample| &sample.0);
        values.all(|x| x.is_finite())
    }

    /// Whether a stream can have led here.
    pub(super) fn is_possible(&self) -> bool {
        let oldest = usize::from(self.oldest);
        oldest == 0 || (self.samples.is_full() && oldest < N)
    }
}

/// The mean distance of `steps` samples to the newest of them; `back` goes on
/// from there.
fn mean(back: impl Iterator<Item = f32>, newest: f32, steps: u16) -> f32 {
    let others = back.take(usize::from(steps).saturating_sub(1));
    others.fold(0.0, |sum, x| sum + (x - newest)) / f32::from(steps)
}

// Serde knows arrays of a few lengths only.
impl<const D: usize> Serialize for Sample<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(D)?;
        for x in &self.0 {
            tuple.serialize_element(x)?;
        }
        tuple.end()
    }
}

impl<'de, const D: usize> Deserialize<'de> for Sample<D> {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> Result<Self, T::Error> {
        struct Values<const D: usize>;

        impl<'de, const D: usize> Visitor<'de> for Values<D> {
            type Value = Sample<D>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a sample of {D} channels")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Sample<D>, S::Error> {
                let mut values = [0.0; D];
                for (index, value) in values.iter_mut().enumerate() {
                    let next = seq.next_element()?;
                    *value = next.ok_or_else(|| Error::invalid_length(index, &self))?;
                }
                Ok(Sample(values))
            }
        }

        deserializer.deserialize_tuple(D, Values::<D>)
    }
}
