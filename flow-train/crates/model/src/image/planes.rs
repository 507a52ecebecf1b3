//! The planes of an image as rows of panels.

use crate::panel::Panel;
use crate::real::Real;
use flow_artefact::Planes;

/// Panels over [`Planes`]: one row for each plane.
pub trait PlanePanels {
    /// A panel over these planes, for events in panels of this width.
    fn panel<T: Real>(&self, columns: usize) -> Panel<T>;

    /// From channels to planes.
    fn gather<T: Real>(&self, x: &Panel<T>, to: &mut Panel<T>);

    /// From planes to channels.
    fn scatter<T: Real>(&self, from: &Panel<T>, x: &mut Panel<T>);

    /// As [`scatter`](Self::scatter), but adds.
    fn scatter_add<T: Real>(&self, from: &Panel<T>, x: &mut Panel<T>);

    /// What each event has, once for each position.
    fn repeat<T: Real>(values: &[T], wide: &mut [T]);

    /// Adds to what each event has the sum over its positions.
    fn add_up<T: Real>(wide: &[T], values: &mut [T]);
}

impl PlanePanels for Planes {
    fn panel<T: Real>(&self, columns: usize) -> Panel<T> {
        Panel::new(self.count(), self.positions() * columns)
    }

    fn gather<T: Real>(&self, x: &Panel<T>, to: &mut Panel<T>) {
        let width = x.width();
        for (block, own) in self.places.chunks_exact(self.count()).enumerate() {
            for (plane, channel) in own.iter().enumerate() {
                to.row_mut(plane)[block * width..][..width].copy_from_slice(x.row(*channel));
            }
        }
    }

    fn scatter<T: Real>(&self, from: &Panel<T>, x: &mut Panel<T>) {
        let width = x.width();
        for (block, own) in self.places.chunks_exact(self.count()).enumerate() {
            for (plane, channel) in own.iter().enumerate() {
                let from = &from.row(plane)[block * width..][..width];
                x.row_mut(*channel).copy_from_slice(from);
            }
        }
    }

    fn scatter_add<T: Real>(&self, from: &Panel<T>, x: &mut Panel<T>) {
        let width = x.width();
        for (block, own) in self.places.chunks_exact(self.count()).enumerate() {
            for (plane, channel) in own.iter().enumerate() {
                let from = &from.row(plane)[block * width..][..width];
                let pairs = x.row_mut(*channel).iter_mut().zip(from);
                pairs.for_each(|(x, &from)| *x += from);
            }
        }
    }

    fn repeat<T: Real>(values: &[T], wide: &mut [T]) {
        for block in wide.chunks_exact_mut(values.len()) {
            block.copy_from_slice(values);
        }
    }

    fn add_up<T: Real>(wide: &[T], values: &mut [T]) {
        for block in wide.chunks_exact(values.len()) {
            let pairs = values.iter_mut().zip(block);
            pairs.for_each(|(sum, &value)| *sum += value);
        }
    }
}
