//! The convolutional coupling layer: some planes of an image change, given others (Dinh, Sohl-Dickstein & Bengio 2017).

use super::convolution::{Convolutions, ConvolutionsParts, Form, Trace};
use super::planes::PlanePanels as _;
use crate::bijection::{Bijection, Dimensions, Forward, Reverse};
use crate::panel::Panel;
use crate::parts::LayerParts;
use crate::real::Real;
use crate::transformer;
use flow_artefact::Planes;
use flow_embedded::artefact::{Direction, Transformer};
use flow_host::random::Random;
use std::ops::Range;

/// Transforms some planes, conditional on context and on other planes; all else stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConvolutionalCoupling {
    given: Planes,
    transformed: Planes,
    transformer: Transformer,
    conditioner: Convolutions,
}

/// What a pass leaves for the backward pass, and memory for it.
#[derive(Debug)]
pub(crate) struct CouplingTrace<T> {
    conditioner: Trace<T>,
    /// The planes that are transformed.
    from: Panel<T>,
    /// What becomes of them; in a reverse pass the gradient.
    to: Panel<T>,
    /// What became of them, in the reverse pass from base to data.
    out: Panel<T>,
    saved: Panel<T>,
    /// What each event at each position has: log-determinants, or derivatives by them.
    log_det: Vec<T>,
}

impl ConvolutionalCoupling {
    /// Checks that planes and convolutions fit each other.
    pub(crate) fn check<T: Real>(
        dimensions: Dimensions<'_>,
        given: &Planes,
        transformed: &Planes,
        transformer: Transformer,
        conditioner: &ConvolutionsParts<T>,
    ) -> Result<(), String> {
        Planes::check(&[given, transformed], dimensions.event)?;
        if (given.width, given.height) != (transformed.width, transformed.height) {
            return Err("the planes of a coupling must be of one size".into());
        }
        if !dimensions.circular.is_empty() {
            return Err("an image can't have angles".into());
        }
        let outputs = transformed.count() * transformer.parameters();
        conditioner.check(given, dimensions.context, outputs)
    }

    /// A layer with its parameters from `offset` on.
    pub(crate) fn new(
        context: usize,
        given: Planes,
        transformed: Planes,
        transformer: Transformer,
        form: &Form,
        offset: usize,
    ) -> Self {
        Self {
            conditioner: Convolutions::new(form, &given, context, offset),
            given,
            transformed,
            transformer,
        }
    }

    /// Where the weights of each row lie in the flow's flat vector, biases left out.
    pub(crate) fn weight_rows(&self) -> impl Iterator<Item = Range<usize>> {
        self.conditioner.weight_rows()
    }

    /// The parameters of each plane at all positions, from what `side` holds of the given ones.
    fn condition<T: Real>(
        &self,
        parameters: &[T],
        context: &Panel<T>,
        side: &Panel<T>,
        trace: &mut CouplingTrace<T>,
    ) {
        self.given.gather(side, &mut trace.conditioner.input);
        self.conditioner
            .forward(parameters, context, &mut trace.conditioner);
    }

    /// Copies everything, puts what was transformed over it, and adds its log-determinant.
    fn put<T: Real>(
        &self,
        from: &Panel<T>,
        trace: &CouplingTrace<T>,
        to: &mut Panel<T>,
        log_det: &mut [T],
    ) {
        let all = 0..from.rows();
        to.rows_mut(all.clone()).copy_from_slice(from.rows_of(all));
        self.transformed.scatter(&trace.to, to);
        Planes::add_up(&trace.log_det, log_det);
    }

    /// The part of both reverse passes behind the transformer: from the gradient by its parameters, in the trace, and
    /// by what it read, in `from`, to that by all channels and by the parameters of the layer.
    fn back_through<T: Real>(&self, pass: Reverse<'_, T>, trace: &mut CouplingTrace<T>) {
        let Reverse {
            parameters,
            gradient,
            scratch,
            d_parameters,
            ..
        } = pass;
        self.transformed.scatter(&trace.to, gradient);
        let d_context = scratch.context_mut();
        self.conditioner
            .backward(parameters, &mut trace.conditioner, d_context, d_parameters);
        self.given.scatter_add(&trace.conditioner.d_input, gradient);
    }

    fn parameters_of(&self, plane: usize) -> (usize, usize) {
        let count = self.transformer.parameters();
        (plane * count, count)
    }

    fn saved_of(&self, plane: usize) -> (usize, usize) {
        let own = transformer::saved(self.transformer);
        (plane * own, own)
    }
}

impl<T: Real> Bijection<T> for ConvolutionalCoupling {
    type Trace = CouplingTrace<T>;

    fn trace(&self, columns: usize) -> CouplingTrace<T> {
        let columns = crate::panel::padded(columns);
        let wide = self.given.positions() * columns;
        let saved = self.transformed.count() * transformer::saved(self.transformer);
        CouplingTrace {
            conditioner: self.conditioner.trace(&self.given, columns),
            from: self.transformed.panel(columns),
            to: self.transformed.panel(columns),
            out: self.transformed.panel(columns),
            saved: Panel::new(saved, wide),
            log_det: vec![T::ZERO; wide],
        }
    }

    fn forward(&self, direction: Direction, pass: Forward<'_, T>, trace: &mut CouplingTrace<T>) {
        self.condition(pass.parameters, pass.context, pass.from, trace);
        self.transformed.gather(pass.from, &mut trace.from);
        trace.log_det.fill(T::ZERO);
        for plane in 0..self.transformed.count() {
            let (first, count) = self.parameters_of(plane);
            let (kept, saved) = self.saved_of(plane);
            let parameters = trace.conditioner.output.rows_at_mut(first, count);
            let saved = trace.saved.rows_at_mut(kept, saved);
            let (from, to) = (trace.from.row(plane), trace.to.row_mut(plane));
            let log_det = &mut trace.log_det;
            match direction {
                Direction::Normalizing => transformer::forward(
                    self.transformer,
                    false,
                    from,
                    parameters,
                    saved,
                    to,
                    log_det,
                ),
                Direction::Generative => transformer::inverse(
                    self.transformer,
                    false,
                    from,
                    parameters,
                    saved,
                    to,
                    Some(log_det),
                ),
            }
        }
        self.put(pass.from, trace, pass.to, pass.log_det);
    }

    fn reverse(&self, direction: Direction, pass: Reverse<'_, T>, trace: &mut CouplingTrace<T>) {
        Planes::repeat(pass.d_log_det, &mut trace.log_det);
        if direction == Direction::Generative {
            self.transformed.gather(pass.to, &mut trace.out);
        }
        self.transformed.gather(pass.gradient, &mut trace.to);
        for plane in 0..self.transformed.count() {
            let (first, count) = self.parameters_of(plane);
            let (kept, saved) = self.saved_of(plane);
            let parameters = trace.conditioner.output.rows_at(first, count);
            let saved = trace.saved.rows_at(kept, saved);
            let (from, gradient) = (trace.from.row(plane), trace.to.row_mut(plane));
            let d_parameters = trace.conditioner.d_output.rows_at_mut(first, count);
            match direction {
                Direction::Normalizing => transformer::backward(
                    self.transformer,
                    false,
                    from,
                    parameters,
                    saved,
                    &trace.log_det,
                    gradient,
                    d_parameters,
                ),
                Direction::Generative => transformer::inverse_backward(
                    self.transformer,
                    false,
                    from,
                    trace.out.row(plane),
                    parameters,
                    saved,
                    &trace.log_det,
                    gradient,
                    d_parameters,
                ),
            }
        }
        self.back_through(pass, trace);
    }

    fn parameters(&self) -> usize {
        self.conditioner.parameters()
    }

    fn macs(&self) -> usize {
        self.conditioner.macs()
    }

    fn stored(&self) -> usize {
        self.conditioner.parameters()
    }

    fn initialise(&self, parameters: &mut [T], random: &mut Random) {
        self.conditioner.initialise(parameters, random);
    }

    fn to_parts(&self, parameters: &[T]) -> LayerParts<T> {
        LayerParts::Convolutional {
            given: self.given.clone(),
            transformed: self.transformed.clone(),
            transformer: self.transformer,
            conditioner: self.conditioner.to_parts(parameters),
        }
    }
}
