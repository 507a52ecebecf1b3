//! A fixed permutation of the channels.

use super::bijection::{Bijection, Forward, Reverse};
use super::panel::Panel;
use super::parts::LayerParts;
use super::real::Real;
use flow_embedded::artefact::Direction;
use flow_host::random::Random;

/// `z[i] = x[order[i]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Permutation {
    order: Vec<usize>,
    inverse: Vec<usize>,
}

impl Permutation {
    /// `order` must be a permutation.
    pub(crate) fn new(order: Vec<usize>) -> Self {
        let mut inverse = vec![0; order.len()];
        for (place, &channel) in order.iter().enumerate() {
            inverse[channel] = place;
        }
        Self { order, inverse }
    }

    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// `to[i] = from[order[i]]`.
    pub(crate) fn gather<T: Real>(&self, from: &Panel<T>, to: &mut Panel<T>) {
        copy_rows(&self.order, from, to);
    }

    /// `to[order[i]] = from[i]`.
    pub(crate) fn scatter<T: Real>(&self, from: &Panel<T>, to: &mut Panel<T>) {
        copy_rows(&self.inverse, from, to);
    }

    /// [`Permutation::gather`] in place.
    pub(crate) fn gather_in_place<T: Real>(&self, panel: &mut Panel<T>) {
        move_rows(&self.order, panel);
    }

    /// [`Permutation::scatter`] in place.
    pub(crate) fn scatter_in_place<T: Real>(&self, panel: &mut Panel<T>) {
        move_rows(&self.inverse, panel);
    }
}

/// [`copy_rows`] in place.
fn move_rows<T: Real>(order: &[usize], panel: &mut Panel<T>) {
    // Selection sort of the rows by the place that each belongs to, without allocation.
    for place in 0..order.len() {
        let mut row = order[place];
        while row < place {
            row = order[row];
        }
        panel.swap_rows(place, row);
    }
}

fn copy_rows<T: Real>(order: &[usize], from: &Panel<T>, to: &mut Panel<T>) {
    for (place, &channel) in order.iter().enumerate() {
        to.row_mut(place).copy_from_slice(from.row(channel));
    }
}

impl<T: Real> Bijection<T> for Permutation {
    type Trace = ();

    fn trace(&self, _columns: usize) {}

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, (): &mut ()) {
        match direction {
            Direction::Normalizing => self.gather(pass.from, pass.to),
            Direction::Generative => self.scatter(pass.from, pass.to),
        }
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, (): &mut ()) {
        match direction {
            Direction::Normalizing => self.scatter_in_place(pass.gradient),
            Direction::Generative => self.gather_in_place(pass.gradient),
        }
    }

    fn parameters(&self) -> usize {
        0
    }

    fn macs(&self) -> usize {
        0
    }

    fn stored(&self) -> usize {
        0
    }

    fn initialise(&self, _parameters: &mut [T], _random: &mut Random) {}

    fn to_parts(&self, _parameters: &[T]) -> LayerParts<T> {
        LayerParts::Permutation(self.order.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_in_place_is_gathering_and_scattering() {
        for order in [
            vec![0],
            vec![1, 0],
            vec![2, 0, 1],
            vec![3, 1, 4, 0, 2],
            vec![1, 2, 3, 4, 5, 0],
            vec![0, 5, 2, 1, 4, 3],
        ] {
            let permutation = Permutation::new(order.clone());
            let mut from = Panel::<f64>::new(order.len(), 3);
            for row in 0..order.len() {
                from.row_mut(row).fill(row as f64);
            }
            let (mut gathered, mut back) = (
                Panel::new(order.len(), 3),
                Panel::<f64>::new(order.len(), 3),
            );
            permutation.gather(&from, &mut gathered);
            permutation.scatter(&gathered, &mut back);
            let mut again = Panel::<f64>::new(order.len(), 3);
            permutation.scatter(&gathered, &mut again);
            permutation.gather_in_place(&mut again);
            for row in 0..order.len() {
                assert_eq!(again.row(row), gathered.row(row), "{order:?}");
            }
            permutation.scatter_in_place(&mut gathered);
            for (row, &channel) in order.iter().enumerate() {
                assert_eq!(back.row(row), from.row(row));
                assert_eq!(gathered.row(row), from.row(row), "{order:?} {channel}");
            }
        }
    }
}
