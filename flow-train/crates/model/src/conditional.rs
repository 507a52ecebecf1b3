//! The transform of some channels given others: what coupling and autoregressive layers share.
//!
//! A conditioner reads the context and the channels that are given, and puts out the parameters of a transformer for
//! each channel that changes. All at once where everything that is given is known; else group by group, as each group
//! makes the next one known.

use super::bijection::{Forward, Reverse};
use super::conditioner::{Conditioner, Scratch, Trace};
use super::features::Features;
use super::panel::Panel;
use super::real::Real;
use super::transformer;
use flow_embedded::artefact::Transformer;
use std::ops::Range;

/// Channels in, channels out, and the conditioner between them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditional {
    /// Event channels that the conditioner sees, in its input order.
    pub(crate) given: Features,
    /// Channels that change, in the order of the conditioner's output, and whether each is an angle.
    pub(crate) transformed: Vec<(usize, bool)>,
    pub(crate) groups: Vec<Group>,
    pub(crate) transformer: Transformer,
    pub(crate) conditioner: Conditioner,
}

/// Channels that are transformed together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// Their places among the transformed channels.
    pub(crate) transformed: Range<usize>,
    /// The places among the given channels that they fill.
    pub(crate) given: Range<usize>,
}

/// What a pass leaves for the backward pass.
#[derive(Debug)]
pub(crate) struct ConditionalTrace<T> {
    /// Its output rows are whatever the transformer leaves of its parameters.
    conditioner: Trace<T>,
    /// More rows of the transformer's.
    saved: Panel<T>,
}

impl<T: Real> ConditionalTrace<T> {
    /// What the conditioner read.
    pub(crate) fn input(&self) -> &Panel<T> {
        &self.conditioner.input
    }

    fn load(&mut self, context: &Panel<T>) {
        for row in 0..context.rows() {
            let input = self.conditioner.input.row_mut(row);
            input.copy_from_slice(context.row(row));
        }
    }
}

impl Conditional {
    /// The channels and whether each is an angle.
    pub(crate) fn channels(channels: &[usize], circular: &[usize]) -> Vec<(usize, bool)> {
        let angle = |channel: &usize| (*channel, circular.contains(channel));
        channels.iter().map(angle).collect()
    }

    /// The places among the given channels that no group fills: all of a coupling's, none of an autoregression's.
    fn known(&self) -> Range<usize> {
        let waits: usize = self.groups.iter().map(|group| group.given.len()).sum();
        0..self.given.count() - waits
    }

    /// The rows of the input whose gradient is wanted: those of the given channels, and of the context before them if
    /// that is learned.
    fn read<T: Real>(&self, given: Range<usize>, scratch: &Scratch<T>) -> Range<usize> {
        let rows = self.given.rows(given);
        match scratch.learns_context() {
            true => 0..rows.end,
            false => rows,
        }
    }

    pub(crate) fn trace<T: Real>(&self, columns: usize) -> ConditionalTrace<T> {
        let saved = self.transformed.len() * transformer::saved(self.transformer);
        ConditionalTrace {
            conditioner: self.conditioner.trace(columns),
            saved: Panel::new(saved, columns),
        }
    }

    /// `to = transform(from)` for the transformed channels, all given channels of `from` being known; adds
    /// `ln |d to / d from|` to `log_det`.
    pub(crate) fn forward<T: Real>(&self, pass: Forward<'_, T>, trace: &mut ConditionalTrace<T>) {
        let Forward {
            parameters,
            context,
            from,
            to,
            log_det,
        } = pass;
        trace.load(context);
        let ConditionalTrace { conditioner, saved } = trace;
        self.given
            .write(0..self.given.count(), from, &mut conditioner.input);
        self.conditioner
            .forward(parameters, conditioner, 0..self.groups.len());
        let own = transformer::saved(self.transformer);
        let count = self.transformer.parameters();
        for (index, &(channel, angle)) in self.transformed.iter().enumerate() {
            transformer::forward(
                self.transformer,
                angle,
                from.row(channel),
                conditioner.output.rows_at_mut(index * count, count),
                saved.rows_at_mut(index * own, own),
                to.row_mut(channel),
                log_det,
            );
        }
    }

    /// The reverse pass of [`Conditional::forward`]: `gradient` by `to` becomes that by `from`.
    pub(crate) fn backward<T: Real>(&self, pass: Reverse<'_, T>, trace: &ConditionalTrace<T>) {
        let Reverse {
            parameters,
            from,
            d_log_det,
            gradient,
            scratch,
            d_parameters,
            ..
        } = pass;
        let own = transformer::saved(self.transformer);
        let count = self.transformer.parameters();
        for (index, &(channel, angle)) in self.transformed.iter().enumerate() {
            transformer::backward(
                self.transformer,
                angle,
                from.row(channel),
                trace.conditioner.output.rows_at(index * count, count),
                trace.saved.rows_at(index * own, own),
                d_log_det,
                gradient.row_mut(channel),
                self.conditioner
                    .d_output(scratch)
                    .rows_at_mut(index * count, count),
            );
        }
        let all = 0..self.given.count();
        self.conditioner.backward(
            parameters,
            &trace.conditioner,
            scratch,
            0..self.groups.len(),
            self.read(all.clone(), scratch),
        );
        scratch.keep_context(self.given.rows(all.clone()).start);
        self.conditioner
            .backward_parameters(&trace.conditioner, scratch, d_parameters);
        self.given
            .backward(all, &trace.conditioner.input, scratch.input(), gradient);
    }

    /// `to = transform^-1(from)` for the transformed channels, group by group; adds `ln |d to / d from|` to
    /// `log_det`. Given channels that aren't transformed must stand in `to` already.
    pub(crate) fn inverse<T: Real>(&self, pass: Forward<'_, T>, trace: &mut ConditionalTrace<T>) {
        let Forward {
            parameters,
            context,
            from,
            to,
            log_det,
        } = pass;
        trace.load(context);
        let ConditionalTrace { conditioner, saved } = trace;
        self.given.write(self.known(), to, &mut conditioner.input);
        let own = transformer::saved(self.transformer);
        let count = self.transformer.parameters();
        for (block, group) in self.groups.iter().enumerate() {
            self.conditioner
                .forward(parameters, conditioner, block..block + 1);
            for index in group.transformed.clone() {
                let (channel, angle) = self.transformed[index];
                transformer::inverse(
                    self.transformer,
                    angle,
                    from.row(channel),
                    conditioner.output.rows_at_mut(index * count, count),
                    saved.rows_at_mut(index * own, own),
                    to.row_mut(channel),
                    Some(log_det),
                );
            }
            self.given
                .write(group.given.clone(), to, &mut conditioner.input);
        }
    }

    /// The reverse pass of [`Conditional::inverse`] with its log-determinant: `gradient` by `to` becomes that by
    /// `from`. A group's gradient is whole once those behind it have been through. What the conditioner sees of
    /// channels that aren't transformed counts as well.
    pub(crate) fn inverse_backward<T: Real>(
        &self,
        pass: Reverse<'_, T>,
        trace: &ConditionalTrace<T>,
    ) {
        let Reverse {
            parameters,
            from,
            to,
            d_log_det,
            gradient,
            scratch,
            d_parameters,
        } = pass;
        let own = transformer::saved(self.transformer);
        let count = self.transformer.parameters();
        for (block, group) in self.groups.iter().enumerate().rev() {
            for index in group.transformed.clone() {
                let (channel, angle) = self.transformed[index];
                transformer::inverse_backward(
                    self.transformer,
                    angle,
                    from.row(channel),
                    to.row(channel),
                    trace.conditioner.output.rows_at(index * count, count),
                    trace.saved.rows_at(index * own, own),
                    d_log_det,
                    gradient.row_mut(channel),
                    self.conditioner
                        .d_output(scratch)
                        .rows_at_mut(index * count, count),
                );
            }
            let (before, inputs) = match block.checked_sub(1) {
                Some(before) => {
                    let given = self.groups[before].given.clone();
                    (given.clone(), self.given.rows(given))
                }
                None => (self.known(), self.read(self.known(), scratch)),
            };
            self.conditioner.backward(
                parameters,
                &trace.conditioner,
                scratch,
                block..block + 1,
                inputs,
            );
            if block == 0 {
                scratch.keep_context(self.given.rows(before.clone()).start);
            }
            self.given
                .backward(before, &trace.conditioner.input, scratch.input(), gradient);
        }
        self.conditioner
            .backward_parameters(&trace.conditioner, scratch, d_parameters);
    }
}

#[cfg(test)]
mod tests {
    use crate::bijection::Layer;
    use crate::panel::Panel;
    use crate::{Family, Flow, Order, Spec};

    /// Going group by group, each unit evaluated once, gives the bits of one whole pass for each group.
    #[test]
    fn one_pass_gives_the_bits_of_many() {
        for (family, order, passes) in [
            (Family::Maf, Order::Alternate, None),
            (Family::NsfAr, Order::Random, None),
            (Family::NsfAr, Order::Alternate, Some(3)),
            (Family::Iaf, Order::Reversed, Some(2)),
        ] {
            let plain = Spec::new(family, 7, 2);
            let spec = Spec {
                layers: 1,
                order,
                passes,
                ..plain
            };
            let mut flow = Flow::<f32>::new(&spec, 5).expect("a flow");
            flow.parameters_mut().iter_mut().for_each(|p| *p *= 3.0);
            let filled = |rows: usize, pace: f32| {
                let mut panel = Panel::<f32>::new(rows, 40);
                for row in 0..rows {
                    let values = panel.row_mut(row)[..40].iter_mut().enumerate();
                    values.for_each(|(i, x)| *x = (pace * (row * 40 + i) as f32).sin());
                }
                panel
            };
            let (from, context) = (filled(7, 0.37), filled(2, 0.91));
            let Layer::Autoregressive(layer) = &flow.layers()[0] else {
                panic!("an autoregressive layer");
            };
            let own = layer.conditional();
            let run =
                |blocks: &mut dyn FnMut(&mut super::ConditionalTrace<f32>, &mut Panel<f32>)| {
                    let (mut trace, mut to) = (own.trace(40), Panel::new(7, 40));
                    blocks(&mut trace, &mut to);
                    to
                };
            let mut log_det = vec![0.0; from.width()];
            let once = run(&mut |trace, to| {
                let pass = super::Forward {
                    parameters: flow.parameters(),
                    context: &context,
                    from: &from,
                    to,
                    log_det: &mut log_det,
                };
                own.inverse(pass, trace);
            });
            let many = run(&mut |trace, to| {
                for _ in &own.groups {
                    own.whole_pass(flow.parameters(), &context, &from, trace, to);
                }
            });
            for channel in 0..7 {
                let bits = |panel: &Panel<f32>| {
                    let row = &panel.row(channel)[..40];
                    row.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
                };
                assert_eq!(bits(&once), bits(&many), "{spec:?}: channel {channel}");
            }
        }
    }

    impl super::Conditional {
        /// All units from what is known, then all channels: what others do once for each channel.
        fn whole_pass(
            &self,
            parameters: &[f32],
            context: &Panel<f32>,
            from: &Panel<f32>,
            trace: &mut super::ConditionalTrace<f32>,
            to: &mut Panel<f32>,
        ) {
            trace.load(context);
            let all = 0..self.groups.len();
            self.given
                .write(0..self.given.count(), to, &mut trace.conditioner.input);
            self.conditioner
                .forward(parameters, &mut trace.conditioner, all);
            let count = self.transformer.parameters();
            let saved = super::transformer::saved(self.transformer);
            for (index, &(channel, angle)) in self.transformed.iter().enumerate() {
                super::transformer::inverse(
                    self.transformer,
                    angle,
                    from.row(channel),
                    trace.conditioner.output.rows_at_mut(index * count, count),
                    trace.saved.rows_at_mut(index * saved, saved),
                    to.row_mut(channel),
                    None,
                );
            }
        }
    }
}
