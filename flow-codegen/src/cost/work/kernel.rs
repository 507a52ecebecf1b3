//! Instances of kernels.

use super::Tally;

/// A panel of so many weights is multiplied without a loop.
pub(super) const UNROLLED: usize = 96;

/// An instance of a kernel, compiled once for all its callers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kernel {
    Wide {
        kernel: &'static str,
        activation: &'static str,
        rows: usize,
        columns: usize,
    },
    Small(&'static str),
    Integer {
        kernel: &'static str,
        activation: &'static str,
        rows: usize,
        inputs: usize,
        /// The first row among those of the layer, the layer's sizes, and the
        /// format of its units: they are part of the instance.
        place: [usize; 4],
    },
    /// An affine transformer of all channels at once.
    Each(&'static str, usize),
}

impl Kernel {
    pub(super) fn code(&self, tally: &mut Tally) {
        match *self {
            Self::Wide {
                kernel,
                activation,
                rows,
                columns,
            } => {
                tally.add(format!("{kernel} {activation} kernels"), 1);
                tally.add(format!("{kernel} {activation} kernel rows"), rows);
                tally.add(format!("{kernel} kernel weights"), unrolled(rows, columns));
            }
            Self::Small(activation) => tally.add(format!("small {activation} kernels"), 1),
            Self::Integer {
                kernel,
                activation,
                rows,
                inputs,
                ..
            } => {
                // Rows are unrolled where they are few, inputs where they are not
                // very many.
                if rows * inputs.max(8) <= UNROLLED_PRODUCTS {
                    tally.add(format!("{activation} kernel unrolled rows"), rows);
                    tally.add(format!("{kernel} kernel unrolled inputs"), rows * inputs);
                } else {
                    tally.add(format!("{activation} kernels"), 1);
                    tally.add(format!("{kernel} kernel inputs"), inputs);
                }
                tally.add(format!("{kernel} kernels"), 1);
            }
            Self::Each(name, channels) => {
                tally.add(format!("{name} instances"), 1);
                tally.add(format!("{name} instance channels"), channels);
                let few = channels <= 3;
                tally.add(
                    format!("{name} few channels"),
                    if few { channels } else { 0 },
                );
            }
        }
    }
}

/// An integer kernel of so few products has no loop over rows.
const UNROLLED_PRODUCTS: usize = 32;

fn unrolled(rows: usize, columns: usize) -> usize {
    if rows * columns <= UNROLLED {
        rows * columns
    } else {
        rows * 2
    }
}
