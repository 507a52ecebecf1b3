//! The dense layers of a conditioner before the output.

use super::walk::{Arithmetic, State, Walk};
use flow_embedded::artefact::{Form, Role};

impl<A: Arithmetic> Walk<'_, A> {
    /// One block of a dense layer before the output, and what is done with its rows.
    pub(super) fn block(&mut self, state: &mut State<A>, dense: usize, block: usize) {
        let own = self.own;
        let table = &own.hidden[dense][block];
        let first = state.sums[dense].len();
        let places = first..first + table.rows.len();
        let stream = usize::from(own.form.has_start());
        let place = self.place(dense);
        if let Role::Inner(index) = own.roles[dense] {
            for place in places.clone() {
                let mut begun = state.sums[stream][place];
                if own.activates_blocks() {
                    begun = self.arithmetic.activated(own, begun);
                }
                let begun = self.arithmetic.reading(own, dense, begun);
                state.begun[index].push(begun);
            }
        }
        for (row, at) in places.clone().enumerate() {
            let before = state.before(own, dense);
            if own.is_direct(dense) {
                let mut unit = self.arithmetic.unit(place, table, row, before);
                if own.form == Form::Residual && dense > 0 {
                    unit = self.arithmetic.add(unit, before[at]);
                }
                state.hidden[dense].push(unit);
                state.sums[dense].push(A::Number::default());
                continue;
            }
            let sum = self.arithmetic.parameter(table, row, before);
            let sum = match own.roles[dense] {
                Role::Start => self.arithmetic.activated(own, sum),
                Role::Hidden(0) if own.form.has_start() => {
                    self.arithmetic.sum(sum, state.sums[0][at])
                }
                Role::Inner(_) => self.arithmetic.sum(sum, state.sums[dense - 1][at]),
                Role::Gate(_) => self.arithmetic.gated(state.sums[dense - 1][at], sum),
                _ => sum,
            };
            state.sums[dense].push(sum);
            match own.roles[dense] {
                Role::Hidden(_) if own.form.pre_activation().is_some() => {}
                Role::Hidden(_) | Role::Inner(_) => {
                    let unit = self.arithmetic.activated(own, sum);
                    let unit = self.arithmetic.reading(own, dense + 1, unit);
                    state.hidden[dense].push(unit);
                }
                // Its gate adds what it lets through.
                Role::Outer(_) if own.gates() => {}
                Role::Outer(_) | Role::Gate(_) => {
                    state.sums[stream][at] = self.arithmetic.sum(state.sums[stream][at], sum);
                }
                _ => {}
            }
        }
        if own.ends_blocks(dense) {
            for at in places {
                let unit = self
                    .arithmetic
                    .reading(own, dense + 1, state.sums[stream][at]);
                state.hidden[stream].push(unit);
            }
        }
    }
}
