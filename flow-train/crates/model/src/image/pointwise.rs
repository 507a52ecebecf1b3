//! The invertible 1×1 convolution: a factored linear layer over the planes, the same at each position (Kingma &
//! Dhariwal 2018, "Glow").

use super::planes::PlanePanels as _;
use crate::bijection::{Bijection, LayerTrace};
use crate::conditioner::Scratch;
use crate::linear::Linear;
use crate::panel::{Panel, padded};
use crate::parts::LayerParts;
use crate::real::Real;
use flow_artefact::Planes;
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
    x: Panel<T>,
    z: Panel<T>,
    gradient: Panel<T>,
    linear: Box<LayerTrace<T>>,
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
    fn trace(&self, columns: usize) -> LayerTrace<T> {
        let columns = padded(columns);
        let wide = self.planes.positions() * columns;
        LayerTrace::Pointwise(PointwiseTrace {
            x: self.planes.panel(columns),
            z: self.planes.panel(columns),
            gradient: self.planes.panel(columns),
            linear: Box::new(self.linear.trace(wide)),
            log_det: vec![T::ZERO; wide],
        })
    }

    fn normalize_and_log_det(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        x: &Panel<T>,
        trace: &mut LayerTrace<T>,
        z: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let own = trace.pointwise();
        self.planes.gather(x, &mut own.x);
        own.log_det.fill(T::ZERO);
        self.linear.normalize_and_log_det(
            parameters,
            context,
            &own.x,
            &mut own.linear,
            &mut own.z,
            &mut own.log_det,
        );
        self.put(x, &own.z, z);
        Planes::add_up(&own.log_det, log_det);
    }

    fn backward(
        &self,
        parameters: &[T],
        _x: &Panel<T>,
        _z: &Panel<T>,
        trace: &mut LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        let own = trace.pointwise();
        Planes::repeat(d_log_det, &mut own.log_det);
        self.planes.gather(gradient, &mut own.gradient);
        self.linear.backward(
            parameters,
            &own.x,
            &own.z,
            &mut own.linear,
            &own.log_det,
            &mut own.gradient,
            scratch,
            d_parameters,
        );
        self.planes.scatter(&own.gradient, gradient);
    }

    fn generate_and_log_det(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        z: &Panel<T>,
        trace: &mut LayerTrace<T>,
        x: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let own = trace.pointwise();
        self.planes.gather(z, &mut own.z);
        own.log_det.fill(T::ZERO);
        self.linear.generate_and_log_det(
            parameters,
            context,
            &own.z,
            &mut own.linear,
            &mut own.x,
            &mut own.log_det,
        );
        self.put(z, &own.x, x);
        Planes::add_up(&own.log_det, log_det);
    }

    fn generate_backward(
        &self,
        parameters: &[T],
        _z: &Panel<T>,
        _x: &Panel<T>,
        trace: &mut LayerTrace<T>,
        d_log_det: &[T],
        gradient: &mut Panel<T>,
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        let own = trace.pointwise();
        Planes::repeat(d_log_det, &mut own.log_det);
        self.planes.gather(gradient, &mut own.gradient);
        self.linear.generate_backward(
            parameters,
            &own.z,
            &own.x,
            &mut own.linear,
            &own.log_det,
            &mut own.gradient,
            scratch,
            d_parameters,
        );
        self.planes.scatter(&own.gradient, gradient);
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
