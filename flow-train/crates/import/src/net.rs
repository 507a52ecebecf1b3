//! The network of a layer, and its way to a conditioner.

use super::Shape;
use super::dense::Dense;
use flow_embedded::artefact::{Activation, Form, Role};
use flow_model::ConditionerParts;

/// A network as a library has it.
#[derive(Debug, Clone)]
pub(super) struct Net {
    pub(super) activation: Activation,
    pub(super) form: Form,
    /// In the order in which [`ConditionerParts`] has them. The one that reads channels sees those of the event, and
    /// behind them the context or nothing of it.
    pub(super) dense: Vec<Dense>,
}

impl Net {
    /// Dense layers with an activation between them.
    pub(super) fn plain(activation: Activation, dense: Vec<Dense>) -> Self {
        Self {
            activation,
            form: Form::Plain,
            dense,
        }
    }

    /// The layer of the parameters.
    pub(super) fn output(&mut self) -> Option<&mut Dense> {
        self.dense.last_mut()
    }

    /// The number of parameters.
    pub(super) fn outputs(&self) -> usize {
        self.dense.last().map_or(0, Dense::rows)
    }

    /// What each dense layer is there for.
    fn roles(&self) -> Vec<Role> {
        let others = 1 + usize::from(self.form.has_start());
        let hidden = match self.form {
            Form::PreActivation(_) => 1,
            _ => self.dense.len().saturating_sub(others),
        };
        let dense = 0..self.dense.len();
        dense.map(|own| self.form.role(hidden, own)).collect()
    }

    /// Whether a dense layer reads channels.
    fn reads_channels(&self, role: Role) -> bool {
        role == Role::Hidden(0) || self.dense.len() == 1
    }

    /// Whether a parameter depends on a channel, for each row and channel.
    pub(super) fn reach(&self, channels: usize) -> Vec<Vec<bool>> {
        let mut units: Vec<Vec<bool>> = Vec::new();
        for (dense, role) in self.dense.iter().zip(self.roles()) {
            let rows = 0..dense.rows();
            if role.sees_context() {
                continue;
            }
            let own: Vec<Vec<bool>> = match self.reads_channels(role) {
                true => rows
                    .map(|row| dense.sees(row)[..channels].to_vec())
                    .collect(),
                false => rows
                    .map(|row| {
                        let seen = dense.sees(row).iter().zip(&units).filter(|own| *own.0);
                        seen.fold(vec![false; channels], |a, (_, b)| either(&a, b))
                    })
                    .collect(),
            };
            // What a block adds to stays in its sum, through both of its layers.
            units = match role {
                Role::Inner(_) | Role::Outer(_) => {
                    own.iter().zip(&units).map(|(a, b)| either(a, b)).collect()
                }
                _ => own,
            };
        }
        units
    }

    /// The conditioner of these channels and parameters: `channels` are places among those that the network reads.
    pub(super) fn conditioner(
        &self,
        channels: &[usize],
        rows: &[usize],
        shape: Shape,
    ) -> ConditionerParts<f64> {
        let pre_activation = matches!(self.form, Form::PreActivation(_));
        let context: Vec<Option<usize>> = (0..shape.context).map(Some).collect();
        let roles = self.roles();
        // What is read before any unit stands in the order of the first units.
        let first = roles.iter().position(|role| *role == Role::Hidden(0));
        let mut units: Vec<usize> = Vec::new();
        if let Some(first) = first {
            let own = &self.dense[first];
            (_, units) = own.ordered(&Self::columns(own, channels, shape), None);
        }
        let mut dense = Vec::new();
        for (own, role) in self.dense.iter().zip(roles) {
            let last = dense.len() + 1 == self.dense.len();
            let columns = match role {
                _ if role.sees_context() => context.clone(),
                _ if self.reads_channels(role) => Self::columns(own, channels, shape),
                _ => units.iter().copied().map(Some).collect(),
            };
            // The units of all layers of a sum stand in one order.
            let wanted = match last {
                true => Some(rows),
                false => (role.sees_context() || pre_activation).then_some(&*units),
            };
            let (parts, order) = own.ordered(&columns, wanted);
            dense.push(parts);
            units = order;
        }
        ConditionerParts {
            activation: self.activation,
            form: self.form,
            dense,
        }
    }

    /// The columns of the layer that reads channels: the context, and the channels in this order.
    fn columns(own: &Dense, channels: &[usize], shape: Shape) -> Vec<Option<usize>> {
        let sees_context = own.inputs > channels.len();
        let context =
            (0..shape.context).map(|column| sees_context.then_some(channels.len() + column));
        context.chain(channels.iter().copied().map(Some)).collect()
    }
}

fn either(a: &[bool], b: &[bool]) -> Vec<bool> {
    a.iter().zip(b).map(|(a, b)| *a || *b).collect()
}
