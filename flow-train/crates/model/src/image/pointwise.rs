//! The invertible 1×1 convolution: a factored linear layer over the planes, the same at each position (Kingma &
//! Dhariwal 2018, "Glow").

use super::planes::PlanePanels as _;
use crate::bijection::{Bijection, Forward, Reverse};
use crate::linear::{Linear, LinearTrace};
use crate::panel::{Panel, padded};
use crate::parts::LayerParts;
use crate::real::Real;
use flow_artefact::Planes;
use flow_embedded::artefact::Direction;
use flow_host::random::Random;

/// A linear layer over planes; what is in none of them stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pointwise {
    planes: Planes,
    linear: Linear,
}

/// What a pass leaves for the backward pass, and memory for it.
#[derive(Debug)]
pub(crate) struct PointwiseTrace<T> {
    from: Panel<T>,
    to: Panel<T>,
    gradient: Panel<T>,
    linear: LinearTrace<T>,
    /// What each event at each position has: log-determinants, or derivatives by them.
    log_det: Vec<T>,
}

impl Pointwise {
    pub(crate) fn new(planes: Planes, offset: usize) -> Self {
        let linear = Linear::new((0..planes.count()).collect(), offset);
        Self { planes, linear }
    }

    /// Copies everything, and puts the planes over it.
    fn put<T: Real>(&self, from: &Panel<T>, planes: &Panel<T>, to: &mut Panel<T>) {
        let all = 0..from.rows();
        to.rows_mut(all.clone()).copy_from_slice(from.rows_of(all));
        self.planes.scatter(planes, to);
    }
}

impl<T: Real> Bijection<T> for Pointwise {
    type Trace = PointwiseTrace<T>;

    fn trace(&self, columns: usize) -> PointwiseTrace<T> {
        let columns = padded(columns);
        let wide = self.planes.positions() * columns;
        PointwiseTrace {
            from: self.planes.panel(columns),
            to: self.planes.panel(columns),
            gradient: self.planes.panel(columns),
            linear: self.linear.trace(wide),
            log_det: vec![T::ZERO; wide],
        }
    }

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, own: &mut PointwiseTrace<T>) {
        self.planes.gather(pass.from, &mut own.from);
        own.log_det.fill(T::ZERO);
        let planes = Forward {
            parameters: pass.parameters,
            context: pass.context,
            from: &own.from,
            to: &mut own.to,
            log_det: &mut own.log_det,
        };
        self.linear.forward(direction, planes, &mut own.linear);
        self.put(pass.from, &own.to, pass.to);
        Planes::add_up(&own.log_det, pass.log_det);
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, own: &mut PointwiseTrace<T>) {
        Planes::repeat(pass.d_log_det, &mut own.log_det);
        self.planes.gather(pass.gradient, &mut own.gradient);
        let planes = Reverse {
            parameters: pass.parameters,
            from: &own.from,
            to: &own.to,
            d_log_det: &own.log_det,
            gradient: &mut own.gradient,
            scratch: pass.scratch,
            d_parameters: pass.d_parameters,
        };
        self.linear.reverse(direction, planes, &mut own.linear);
        self.planes.scatter(&own.gradient, pass.gradient);
    }

    fn parameters(&self) -> usize {
        Bijection::<T>::parameters(&self.linear)
    }

    fn macs(&self) -> usize {
        Bijection::<T>::macs(&self.linear) * self.planes.positions()
    }

    fn stored(&self) -> usize {
        Bijection::<T>::stored(&self.linear)
    }

    fn initialise(&self, parameters: &mut [T], random: &mut Random) {
        self.linear.initialise(parameters, random);
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        LayerParts::Pointwise {
            planes: self.planes.clone(),
            factors: self.linear.factors(parameters),
        }
    }
}
