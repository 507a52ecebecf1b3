//! A flow taken apart: what an exporter reads, and what a loaded artefact is put together from.

use super::real::Real;
use super::spec::Activation;

/// Which channels a layer transforms, and on which others each of them depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// Affine coupling: `transformed` (ascending channel numbers) given all others.
    Coupling {
        /// The channels that change.
        transformed: Vec<usize>,
    },
    /// Masked autoregressive: the channel of rank `r`, `order[r]`, given those of lower rank.
    Autoregressive {
        /// A permutation of the channels.
        order: Vec<usize>,
    },
}

/// One dense layer of a conditioner.
///
/// Input columns of the first one: the context channels, then the event channels that condition (coupling: those
/// that don't change, ascending; autoregressive: all, in rank order). Output rows of the last one: for each
/// transformed channel (coupling: ascending; autoregressive: in rank order) the shift, then `a`, from which
/// `log_scale = a / (1 + |a| / bound)`.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseParts<T> {
    /// Number of input columns.
    pub inputs: usize,
    /// For each row, the number of leading inputs that it sees; non-decreasing.
    pub prefix: Vec<usize>,
    /// Row-major `[prefix.len() x inputs]`, exactly 0 beyond each row's prefix.
    pub weights: Vec<T>,
    /// One per row.
    pub biases: Vec<T>,
}

/// One layer of a flow, in the normalizing direction.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerParts<T> {
    /// The bijection.
    pub kind: LayerKind,
    /// Nonlinearity of the conditioner's hidden layers.
    pub activation: Activation,
    /// Bound of the log-scale, in nats.
    pub log_scale_bound: f64,
    /// The conditioner's dense layers, the linear one last.
    pub dense: Vec<DenseParts<T>>,
}

impl<T: Real> LayerParts<T> {
    /// Checks that the parts fit together and that the masks keep the promise of the kind.
    pub(crate) fn check(&self, event: usize, context: usize) -> Result<(), String> {
        let (given, outputs) = match &self.kind {
            LayerKind::Coupling { transformed } => {
                let ascending = transformed.windows(2).all(|pair| pair[0] < pair[1]);
                if transformed.is_empty()
                    || !ascending
                    || transformed.last().is_some_and(|&last| last >= event)
                {
                    return Err("the transformed channels must be ascending channel numbers".into());
                }
                if transformed.len() == event {
                    return Err("a coupling layer must leave a channel as it is".into());
                }
                (event - transformed.len(), 2 * transformed.len())
            }
            LayerKind::Autoregressive { order } => {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..event) {
                    return Err(format!(
                        "the order must be a permutation of {event} channels"
                    ));
                }
                (event, 2 * event)
            }
        };
        let mut inputs = context + given;
        // For each input of a dense layer, the number of leading event inputs that it depends on.
        let mut reach: Vec<usize> = (0..inputs)
            .map(|column| (column + 1).saturating_sub(context))
            .collect();
        for (index, dense) in self.dense.iter().enumerate() {
            dense
                .check(inputs)
                .map_err(|fault| format!("dense layer {index}: {fault}"))?;
            inputs = dense.prefix.len();
            reach = dense
                .prefix
                .iter()
                .map(|&p| reach[..p].iter().copied().max().unwrap_or(0))
                .collect();
        }
        if self.dense.is_empty() || inputs != outputs {
            return Err(format!("the conditioner must end in {outputs} rows"));
        }
        let autoregressive = matches!(self.kind, LayerKind::Autoregressive { .. });
        match reach
            .iter()
            .enumerate()
            .find(|&(row, &reach)| autoregressive && reach > row / 2)
        {
            Some((row, _)) => Err(format!(
                "output row {row} sees a channel that doesn't come before its own"
            )),
            None => Ok(()),
        }
    }
}

impl<T: Real> DenseParts<T> {
    fn check(&self, inputs: usize) -> Result<(), String> {
        let rows = self.prefix.len();
        if self.inputs != inputs
            || rows == 0
            || self.weights.len() != rows * inputs
            || self.biases.len() != rows
        {
            return Err(format!(
                "expected {inputs} inputs, and weights and biases for {rows} rows"
            ));
        }
        if self.prefix.windows(2).any(|pair| pair[0] > pair[1]) || self.prefix[rows - 1] > inputs {
            return Err("the visible prefixes must not decrease, nor exceed the inputs".into());
        }
        let finite = |value: &T| value.to_f64().is_finite();
        if let Some(index) = self
            .weights
            .iter()
            .chain(&self.biases)
            .position(|value| !finite(value))
        {
            return Err(format!("parameter {index} is not finite"));
        }
        let masked =
            |row: usize| &self.weights[row * inputs + self.prefix[row]..(row + 1) * inputs];
        match (0..rows).find(|&row| masked(row).iter().any(|&weight| weight != T::ZERO)) {
            Some(row) => Err(format!(
                "row {row} has a weight that isn't 0 beyond its prefix"
            )),
            None => Ok(()),
        }
    }
}
