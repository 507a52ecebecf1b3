//! What event channels feed to a conditioner: their values, and cosine and sine of those that are angles.

use super::panel::Panel;
use super::real::Real;
use std::ops::Range;

/// Some event channels as inputs of a conditioner, behind the context.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Features {
    /// Each channel, whether it is an angle, and its first row of the input.
    channels: Vec<(usize, bool, usize)>,
    end: usize,
}

impl Features {
    pub(crate) fn new(context: usize, channels: &[usize], circular: &[usize]) -> Self {
        let mut end = context;
        let channels = channels
            .iter()
            .map(|channel| {
                let angle = circular.contains(channel);
                let row = end;
                end += 1 + usize::from(angle);
                (*channel, angle, row)
            })
            .collect();
        Self { channels, end }
    }

    /// Number of channels.
    pub(crate) fn count(&self) -> usize {
        self.channels.len()
    }

    /// Rows of the input, the context's included.
    pub(crate) fn inputs(&self) -> usize {
        self.end
    }

    /// The rows of the input that some of the channels fill.
    pub(crate) fn rows(&self, channels: Range<usize>) -> Range<usize> {
        let row = |index: usize| self.channels.get(index).map_or(self.end, |own| own.2);
        row(channels.start)..row(channels.end)
    }

    /// Fills the rows of some of the channels.
    pub(crate) fn write<T: Real>(
        &self,
        channels: Range<usize>,
        x: &Panel<T>,
        input: &mut Panel<T>,
    ) {
        for &(channel, angle, row) in &self.channels[channels] {
            let x = x.row(channel);
            if angle {
                let write = |to: &mut [T], of: fn(T) -> T| {
                    to.iter_mut().zip(x).for_each(|(to, &x)| *to = of(x));
                };
                write(input.row_mut(row), T::cos);
                write(input.row_mut(row + 1), T::sin);
            } else {
                input.row_mut(row).copy_from_slice(x);
            }
        }
    }

    /// Adds the gradient by the rows of some of the channels to that by the channels.
    pub(crate) fn backward<T: Real>(
        &self,
        channels: Range<usize>,
        input: &Panel<T>,
        d_input: &Panel<T>,
        gradient: &mut Panel<T>,
    ) {
        for &(channel, angle, row) in &self.channels[channels] {
            let gradient = gradient.row_mut(channel).iter_mut();
            if angle {
                let cos = input.row(row).iter().zip(d_input.row(row));
                let sin = input.row(row + 1).iter().zip(d_input.row(row + 1));
                for (g, ((&cos, &d_cos), (&sin, &d_sin))) in gradient.zip(cos.zip(sin)) {
                    *g += cos * d_sin - sin * d_cos;
                }
            } else {
                gradient.zip(d_input.row(row)).for_each(|(g, &d)| *g += d);
            }
        }
    }
}
