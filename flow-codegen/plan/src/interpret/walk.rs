//! The path of an event through the layers, for any arithmetic.

use crate::plan::{Bijection, Conditional, Convolutional, Plan, Table};
use flow_embedded::artefact::{Direction, Form, Role};

/// A table of a conditioner.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) own: &'p Conditional,
    /// The dense layer, the output included.
    pub(super) dense: usize,
}

/// Numbers, and what is done with them.
pub(super) trait Arithmetic {
    /// A channel on its way, a parameter, a log-determinant.
    type Number: Copy + Default;
    /// An input or a hidden unit of a conditioner.
    type Unit: Copy + Default;

    /// What a dense layer of a conditioner has read, once it is complete.
    fn read(&mut self, _conditional: usize, _dense: usize, _units: &[Self::Unit]) {}
    /// A channel or a context feature as an input.
    fn input(&mut self, place: Place<'_>, x: Self::Number) -> Self::Unit;
    /// Cosine and sine of an angle.
    fn circle(&mut self, x: Self::Number) -> [Self::Number; 2];
    /// A hidden unit.
    fn unit(
        &mut self,
        place: Place<'_>,
        table: &Table,
        row: usize,
        input: &[Self::Unit],
    ) -> Self::Unit;
    /// A number after the non-linearity.
    fn activated(&mut self, own: &Conditional, x: Self::Number) -> Self::Number;
    /// A number as a dense layer reads it.
    fn reading(&mut self, own: &Conditional, dense: usize, x: Self::Number) -> Self::Unit;
    /// A sum times the sigmoid of a gate.
    fn gated(&mut self, sum: Self::Number, gate: Self::Number) -> Self::Number;
    /// A residual connection.
    fn add(&mut self, unit: Self::Unit, input: Self::Unit) -> Self::Unit;
    /// A row as it is: an output.
    fn parameter(&mut self, table: &Table, row: usize, input: &[Self::Unit]) -> Self::Number;
    /// A channel's transformer: its value and log-determinant.
    fn transform(
        &mut self,
        own: &Conditional,
        circular: bool,
        forward: bool,
        x: Self::Number,
        parameters: &mut [Self::Number],
    ) -> (Self::Number, Self::Number);
    /// A sum.
    fn sum(&mut self, a: Self::Number, b: Self::Number) -> Self::Number;
    /// `x ← L U x + bias`.
    fn linear(&mut self, x: &mut [Self::Number], upper: &[Vec<f32>], lower: &[Vec<f32>]);
    /// `x ← x · scale + shift`.
    fn element_wise(&mut self, x: &mut [Self::Number], pairs: &[[f32; 2]]);
    /// A coupling over an image, data to base: its log-determinant.
    fn convolutional(
        &mut self,
        own: &Convolutional,
        x: &mut [Self::Number],
        given: &[Self::Number],
    ) -> Self::Number;
    /// `x ← L U x + bias` over the planes in some places.
    fn pointwise(
        &mut self,
        x: &mut [Self::Number],
        places: &[usize],
        upper: &[Vec<f32>],
        lower: &[Vec<f32>],
    );
}

/// Data to base in place, from standardised channels; returns the
/// log-determinant. `given` are the context's features.
pub(super) fn normalize<A: Arithmetic>(
    arithmetic: &mut A,
    plan: &Plan,
    x: &mut [A::Number],
    given: &[A::Number],
    mut log_det: A::Number,
) -> A::Number {
    let mut conditional = 0;
    for layer in &plan.layers {
        let mut evaluate = |arithmetic: &mut A, own, at_once| {
            let mut walk = Walk {
                arithmetic,
                plan,
                given,
                own,
                conditional,
            };
            conditional += 1;
            match at_once {
                true => walk.at_once(x, true),
                false => walk.sequential(x),
            }
        };
        let own = match &layer.bijection {
            Bijection::Coupling(own) => evaluate(arithmetic, own, true),
            Bijection::Autoregressive(direction, own) => {
                evaluate(arithmetic, own, *direction == Direction::Normalizing)
            }
            Bijection::Linear {
                places,
                upper,
                lower,
            } => {
                gather(x, places);
                arithmetic.linear(x, upper, lower);
                continue;
            }
            Bijection::ElementWise(pairs) => {
                arithmetic.element_wise(x, pairs);
                continue;
            }
            Bijection::Permutation(order) => {
                gather(x, order);
                continue;
            }
            Bijection::FoldedPermutation(_) => continue,
            Bijection::Convolutional(own) => arithmetic.convolutional(own, x, given),
            Bijection::Pointwise {
                places,
                upper,
                lower,
            } => {
                arithmetic.pointwise(x, places, upper, lower);
                continue;
            }
        };
        if layer.bijection.has_log_det() {
            log_det = arithmetic.sum(log_det, own);
        }
    }
    log_det
}

fn gather<T: Copy>(x: &mut [T], order: &[usize]) {
    let before = x.to_vec();
    for (x, place) in x.iter_mut().zip(order) {
        *x = before[*place];
    }
}

/// The inverse of [`gather`].
pub(super) fn scatter<T: Copy>(x: &mut [T], order: &[usize]) {
    let before = x.to_vec();
    for (value, place) in before.iter().zip(order) {
        x[*place] = *value;
    }
}

/// One layer with a conditioner.
pub(super) struct Walk<'w, A: Arithmetic> {
    pub(super) arithmetic: &'w mut A,
    pub(super) plan: &'w Plan,
    pub(super) given: &'w [A::Number],
    pub(super) own: &'w Conditional,
    pub(super) conditional: usize,
}

impl<'w, A: Arithmetic> Walk<'w, A> {
    pub(super) fn place(&self, dense: usize) -> Place<'w> {
        Place {
            own: self.own,
            dense,
        }
    }

    /// All channels after one pass of the conditioner.
    pub(super) fn at_once(&mut self, x: &mut [A::Number], forward: bool) -> A::Number {
        let from = x.to_vec();
        self.all_groups(&from, x, forward)
    }

    /// The conditioner over what `x` holds, and all channels from `from` to
    /// `x`.
    fn all_groups(&mut self, from: &[A::Number], x: &mut [A::Number], forward: bool) -> A::Number {
        let mut state = self.state();
        for channel in &self.own.conditioning {
            self.keep(&mut state, *channel, x[*channel]);
        }
        for dense in 0..self.own.hidden.len() {
            for group in 0..self.own.groups.len() {
                self.block(&mut state, dense, group);
            }
        }
        let groups = 0..self.own.groups.len();
        let log_det = groups.fold(A::Number::default(), |log_det, group| {
            self.group(&state, group, from, x, forward, log_det)
        });
        self.report(&state);
        log_det
    }

    fn report(&mut self, state: &State<A>) {
        for dense in 0..=self.own.hidden.len() {
            self.arithmetic
                .read(self.conditional, dense, state.before(self.own, dense));
        }
    }

    /// The direction that needs a group of channels to know the next.
    pub(super) fn sequential(&mut self, x: &mut [A::Number]) -> A::Number {
        let from = x.to_vec();
        if !self.own.scheduled {
            let passes = 0..self.own.groups.len();
            return passes.fold(A::Number::default(), |_, _| {
                self.all_groups(&from, x, false)
            });
        }
        let mut state = self.state();
        let mut log_det = A::Number::default();
        for group in 0..self.own.groups.len() {
            for dense in 0..self.own.hidden.len() {
                self.block(&mut state, dense, group);
            }
            log_det = self.group(&state, group, &from, x, false, log_det);
            if group + 1 < self.own.groups.len() {
                for channel in &self.own.groups[group] {
                    self.keep(&mut state, *channel, x[*channel]);
                }
            }
        }
        self.report(&state);
        log_det
    }

    /// The conditioner's input without channels, and empty hidden layers.
    fn state(&mut self) -> State<A> {
        let place = self.place(0);
        let given = self.given.iter();
        State {
            input: given.map(|x| self.arithmetic.input(place, *x)).collect(),
            hidden: vec![Vec::new(); self.own.hidden.len()],
            sums: vec![Vec::new(); self.own.hidden.len()],
            begun: match self.own.form {
                Form::PreActivation(own) => vec![Vec::new(); own.blocks.into()],
                _ => Vec::new(),
            },
        }
    }

    /// Adds the features of a channel to the input.
    fn keep(&mut self, state: &mut State<A>, channel: usize, x: A::Number) {
        let place = self.place(0);
        match self.plan.event.is_circular(channel) {
            false => state.input.push(self.arithmetic.input(place, x)),
            true => {
                let circle = self.arithmetic.circle(x);
                let features = circle.map(|x| self.arithmetic.input(place, x));
                state.input.extend(features);
            }
        }
    }

    /// The output layer of a group, and its channels.
    fn group(
        &mut self,
        state: &State<A>,
        group: usize,
        from: &[A::Number],
        x: &mut [A::Number],
        forward: bool,
        log_det: A::Number,
    ) -> A::Number {
        let last = state.before(self.own, self.own.hidden.len());
        let rows = self.own.output[group]
            .iter()
            .flat_map(|table| (0..table.rows.len()).map(move |row| (table, row)));
        let mut parameters: Vec<A::Number> = rows
            .map(|(table, row)| self.arithmetic.parameter(table, row, last))
            .collect();
        let channels = self.own.groups[group].iter();
        let parameters = parameters.chunks_mut(self.own.transformer.parameters());
        channels
            .zip(parameters)
            .fold(log_det, |log_det, (channel, parameters)| {
                let circular = self.plan.event.is_circular(*channel);
                let (value, own) = self.arithmetic.transform(
                    self.own,
                    circular,
                    forward,
                    from[*channel],
                    parameters,
                );
                x[*channel] = value;
                self.arithmetic.sum(log_det, own)
            })
    }
}

/// What a conditioner works in.
pub(super) struct State<A: Arithmetic> {
    input: Vec<A::Unit>,
    /// The units that each dense layer before the output gives to the next, as far as they are
    /// known; of the first of pre-activation blocks, what the blocks have made of them.
    pub(super) hidden: Vec<Vec<A::Unit>>,
    /// The rows of each dense layer before the output, before the non-linearity, where something is
    /// added to them; those of the first of pre-activation blocks are what the blocks add to.
    pub(super) sums: Vec<Vec<A::Number>>,
    /// What each block has begun with.
    pub(super) begun: Vec<Vec<A::Unit>>,
}

impl<A: Arithmetic> State<A> {
    /// What a dense layer reads.
    pub(super) fn before(&self, own: &Conditional, dense: usize) -> &[A::Unit] {
        match own.roles[dense] {
            Role::Start | Role::Hidden(0) | Role::Term(_) | Role::Gate(_) => &self.input,
            Role::Inner(block) => &self.begun[block],
            Role::Output if !self.begun.is_empty() => {
                &self.hidden[usize::from(own.form.has_start())]
            }
            Role::Hidden(_) | Role::Outer(_) | Role::Output => match dense.checked_sub(1) {
                Some(before) => &self.hidden[before],
                None => &self.input,
            },
        }
    }
}
