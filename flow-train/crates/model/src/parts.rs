//! A flow taken apart: what an exporter reads, and what a loaded artefact is put together from.

use super::conditioner::Perceptron;
use super::image::ConvolutionsParts;
use super::real::Real;
use flow_artefact::{Layer, Weights};
use flow_embedded::artefact::{Activation, Form, Role};
use std::marker::PhantomData;

/// A flow over standardised events.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowParts<T: Real> {
    /// Number of event channels.
    pub event: usize,
    /// Numbers of the context: one for each channel, two for an angle.
    pub context: usize,
    /// The event channels that are angles, ascending.
    pub circular: Vec<usize>,
    /// The categorical channels.
    pub categorical: CategoricalParts<T>,
    /// The layers, data's side first; they count event channels without the categorical ones.
    pub layers: Vec<LayerParts<T>>,
    /// The base distribution.
    pub base: BaseParts<T>,
}

/// The categorical channels of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoricalParts<T> {
    /// The embedding tables.
    pub vocabularies: Vec<EmbeddingParts<T>>,
    /// The event channels that hold codes, ascending, and the vocabulary of each.
    pub event: Vec<(usize, usize)>,
    /// The numbers of the context that are codes, likewise.
    pub context: Vec<(usize, usize)>,
    /// The conditioner of each of these event channels: sees the context, codes as embeddings, then the embeddings of
    /// the categorical event channels before; puts out a logit for each category.
    pub heads: Vec<ConditionerParts<T>>,
}

impl<T> Default for CategoricalParts<T> {
    /// No categorical channels.
    fn default() -> Self {
        Self {
            vocabularies: Vec::new(),
            event: Vec::new(),
            context: Vec::new(),
            heads: Vec::new(),
        }
    }
}

/// The embeddings of a vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingParts<T> {
    /// Numbers of each.
    pub width: usize,
    /// Row-major `[categories x width]`.
    pub table: Vec<T>,
}

/// Weights as dense matrices of numbers `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense<T>(PhantomData<T>);

impl<T: Real> Weights for Dense<T> {
    type Conditioner = ConditionerParts<T>;
    type Convolutions = ConvolutionsParts<T>;
    type Factors = FactorsParts<T>;
    type Scales = ScalesParts<T>;
}

/// One layer of a flow, in the normalizing direction.
pub type LayerParts<T> = Layer<Dense<T>>;

/// The factors of a matrix, and a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorsParts<T> {
    /// L, row-major and square: unit lower triangular; what isn't below the diagonal isn't read.
    pub lower: Vec<T>,
    /// U, row-major and square: upper triangular with a positive diagonal; what is below isn't read.
    pub upper: Vec<T>,
    /// One for each row.
    pub bias: Vec<T>,
}

/// Scales and shifts.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalesParts<T> {
    /// Positive, one for each channel.
    pub scale: Vec<T>,
    /// One for each channel.
    pub shift: Vec<T>,
}

/// The multilayer perceptron of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionerParts<T> {
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// How the dense layers follow one another.
    pub form: Form,
    /// The dense layers in the order of their [`Role`]s, the linear one last.
    pub dense: Vec<DenseParts<T>>,
}

/// One dense layer of a conditioner.
///
/// Input columns of the first one: the context, then the event channels that condition, a circular one as its cosine
/// and its sine. Those of a dense layer of the context: the context, all seen by every row. Output rows of the last one:
/// the transformer's parameters, channel by channel.
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

/// The base distribution.
#[derive(Clone, Debug, PartialEq)]
pub enum BaseParts<T> {
    /// Independent standard normals.
    Normal,
    /// Independent logistic distributions of scale 1.
    Logistic,
    /// Independent Laplace distributions of scale 1.
    Laplace,
    /// Independent Student's t distributions.
    StudentT {
        /// Positive.
        degrees_of_freedom: T,
    },
    /// A mixture of normals with diagonal covariance.
    Mixture {
        /// `ln` of the weight of each component.
        log_weights: Vec<T>,
        /// Means, `[components x event]`.
        mean: Vec<T>,
        /// Standard deviations, `[components x event]`.
        std: Vec<T>,
    },
}

impl<T: Real> DenseParts<T> {
    /// Checks sizes, masks and values; `inputs` is the number of rows of the layer before.
    pub(crate) fn check(&self, inputs: usize) -> Result<(), String> {
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
        check_finite(self.weights.iter().chain(&self.biases))?;
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

impl<T> ConditionerParts<T> {
    /// What each dense layer is there for; none if there are more or fewer than the form has.
    pub fn roles(&self) -> Option<Vec<Role>> {
        let hidden = self.dense.len().checked_sub(self.form.dense_layers(0))?;
        let fits = match self.form {
            Form::Plain | Form::Residual => true,
            Form::PreActivation(own) => hidden == 1 && own.blocks > 0,
            Form::ContextFirst => hidden > 0,
        };
        let roles = (0..self.dense.len()).map(|dense| self.form.role(hidden, dense));
        fits.then(|| roles.collect())
    }
}

impl<T: Real> ConditionerParts<T> {
    pub(crate) fn perceptron(&self) -> Perceptron {
        Perceptron {
            activation: self.activation,
            form: self.form,
            staircases: self
                .dense
                .iter()
                .map(|dense| dense.prefix.clone())
                .collect(),
        }
    }

    /// Checks that the dense layers follow each other from `inputs` columns, of which `context` lead, to `outputs`
    /// rows, and that what is added unit by unit has as many of them.
    pub(crate) fn check(
        &self,
        context: usize,
        inputs: usize,
        outputs: usize,
    ) -> Result<(), String> {
        if self.form.needs_context() && context == 0 {
            return Err("the conditioner has dense layers of a context that isn't there".into());
        }
        let ends = |own: &&DenseParts<T>| own.prefix.len() == outputs;
        if self.dense.last().filter(ends).is_none() {
            return Err(format!("the conditioner must end in {outputs} rows"));
        }
        let roles = self
            .roles()
            .ok_or("the conditioner has too few dense layers, or too many for its form")?;
        let first = usize::from(self.form.has_start());
        let units = &self.dense[first].prefix;
        let mut before = inputs;
        for (index, (dense, role)) in self.dense.iter().zip(&roles).enumerate() {
            let fault = |fault: String| format!("dense layer {index}: {fault}");
            let rows = dense.prefix.len();
            let expected = if role.sees_context() { context } else { before };
            dense.check(expected).map_err(fault)?;
            let of_units = !matches!(role, Role::Hidden(_) | Role::Output);
            if of_units && rows != units.len() {
                return Err(fault(format!(
                    "expected a row for each of {} units",
                    units.len()
                )));
            }
            let ahead = |row: usize| match role {
                Role::Start | Role::Term(_) | Role::Gate(_) => dense.prefix[row] != context,
                // As many units as see no more than this one does.
                Role::Inner(_) | Role::Outer(_) => {
                    dense.prefix[row] > units.partition_point(|seen| *seen <= units[row])
                }
                Role::Hidden(_) | Role::Output => false,
            };
            if let Some(row) = (0..rows).find(|row| ahead(*row)) {
                let whole = match role.sees_context() {
                    true => "must see the whole context",
                    false => "sees units that see more than its own",
                };
                return Err(fault(format!("row {row} {whole}")));
            }
            if !role.sees_context() {
                before = rows;
            }
        }
        let hidden = &self.dense[..self.dense.len() - 1];
        let even = hidden
            .windows(2)
            .all(|pair| pair[0].prefix.len() == pair[1].prefix.len());
        if self.form == Form::Residual && !even {
            return Err("the hidden layers of a residual conditioner must be of one width".into());
        }
        Ok(())
    }

    /// For each output row, the largest number among the `reach` of the inputs that it depends on.
    pub(crate) fn reach(&self, inputs: &[usize]) -> Vec<usize> {
        let seen = |dense: &DenseParts<T>, reach: &[usize]| -> Vec<usize> {
            let rows = dense.prefix.iter();
            rows.map(|&prefix| reach[..prefix].iter().copied().max().unwrap_or(0))
                .collect()
        };
        let most = |reach: &mut Vec<usize>, others: &[usize]| {
            let pairs = reach.iter_mut().zip(others);
            pairs.for_each(|(own, &other)| *own = other.max(*own));
        };
        // Of the units, of what waits to be added to the next ones, and of a block's middle.
        let mut units = inputs.to_vec();
        let (mut term, mut middle) = (Vec::new(), Vec::new());
        for (dense, role) in self.dense.iter().zip(self.roles().unwrap_or_default()) {
            match role {
                Role::Start | Role::Term(_) => term = seen(dense, inputs),
                Role::Hidden(index) => {
                    let mut own = seen(dense, &units);
                    most(&mut own, &std::mem::take(&mut term));
                    if self.form == Form::Residual && index > 0 {
                        most(&mut own, &units);
                    }
                    units = own;
                }
                Role::Inner(_) => {
                    middle = seen(dense, &units);
                    most(&mut middle, &std::mem::take(&mut term));
                }
                Role::Outer(_) => most(&mut units, &seen(dense, &middle)),
                Role::Gate(_) => most(&mut units, &seen(dense, inputs)),
                Role::Output => units = seen(dense, &units),
            }
        }
        units
    }
}

/// Names the first value that isn't finite.
pub(crate) fn check_finite<'a, T: Real>(
    values: impl IntoIterator<Item = &'a T>,
) -> Result<(), String> {
    match values
        .into_iter()
        .position(|value| !value.to_f64().is_finite())
    {
        Some(index) => Err(format!("parameter {index} is not finite")),
        None => Ok(()),
    }
}

/// Checks that `order` names each of the channels once.
pub(crate) fn check_permutation(order: &[usize], channels: usize) -> Result<(), String> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    match sorted.into_iter().eq(0..channels) {
        true => Ok(()),
        false => Err(format!(
            "the order must be a permutation of {channels} channels"
        )),
    }
}
