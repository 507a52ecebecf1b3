//! Conditioners that are more than a chain of hidden layers.

use super::float::{Float, activate, product};
use super::walk::{Place, State};
use flow_embedded::artefact::Role;
use flow_embedded::kernels::{Activation as _, Sigmoid};
use flow_embedded::math::Math;

impl<M: Math> Float<'_, M> {
    /// One block of a dense layer before the output, and what is done with its rows.
    pub(super) fn block_of_form(
        &self,
        Place { own, dense }: Place<'_>,
        state: &mut State<f32>,
        block: usize,
    ) {
        let table = &own.hidden[dense][block];
        let first = state.hidden[dense].len();
        let units = usize::from(own.form.has_start());
        let act = |x: f32| activate::<M>(own.activation, x);
        if let Role::Inner(index) = own.roles[dense] {
            let begun = state.hidden[units][first..][..table.rows.len()].iter();
            let begun = begun.map(|x| if own.activates_blocks() { act(*x) } else { *x });
            state.begun[index].extend(begun);
        }
        for row in 0..table.rows.len() {
            let sum = product(table, row, state.before(own, dense));
            let place = first + row;
            let value = match own.roles[dense] {
                Role::Start => act(sum),
                Role::Hidden(index) => {
                    let start = index == 0 && own.form.has_start();
                    let sum = match start {
                        true => sum + state.hidden[0][place],
                        false => sum,
                    };
                    match own.form.pre_activation() {
                        Some(_) => sum,
                        None => act(sum),
                    }
                }
                Role::Inner(_) if own.adds_terms() => act(sum + state.hidden[dense - 1][place]),
                Role::Inner(_) => act(sum),
                Role::Outer(_) if !own.gates() => {
                    state.hidden[units][place] += sum;
                    sum
                }
                Role::Gate(_) => {
                    let gate = Sigmoid::<M>::apply(sum);
                    state.hidden[units][place] += state.hidden[dense - 1][place] * gate;
                    gate
                }
                Role::Term(_) | Role::Outer(_) | Role::Output => sum,
            };
            state.hidden[dense].push(value);
        }
    }
}
