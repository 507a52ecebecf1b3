//! Categorical channels: embeddings of what conditions, and a head for each that is modelled.
//!
//! A head is a conditioner that puts out a logit for each category: the shifts of an argmax flow, whose Gumbel noise
//! makes the probability of a category exact (Hoogeboom et al. 2021; see
//! [`flow_embedded::kernels::category_log_prob`]). Heads see the context and the embeddings of the categorical event
//! channels before them; the layers behind see those of all.

use super::conditioner::{Conditioner, Perceptron, Scratch, Trace};
use super::panel::Panel;
use super::parts::{CategoricalParts, EmbeddingParts, check_finite};
use super::real::Real;
use super::spec::{CategoricalSpec, ConditionerSpec};
use flow_host::random::Random;

/// An embedding table among the flow's parameters, row by row.
#[derive(Clone, Debug, PartialEq)]
struct Vocabulary {
    size: usize,
    width: usize,
    offset: usize,
}

/// A number of a row that is a code.
#[derive(Clone, Debug, PartialEq)]
struct Code {
    vocabulary: usize,
    /// Its place among the numbers of the event, or of the context.
    column: usize,
    /// The first row of its embedding among the features.
    row: usize,
}

/// The categorical channels of a flow; none for most.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Categorical {
    vocabularies: Vec<Vocabulary>,
    context: Vec<Code>,
    event: Vec<Code>,
    heads: Vec<Conditioner>,
    /// Numbers of the context that are no codes, and their rows among the features.
    plain: Vec<(usize, usize)>,
    /// Event channels that are none.
    continuous: Vec<usize>,
    features: usize,
    parameters: usize,
}

/// What a pass leaves of the categorical channels.
#[derive(Debug)]
pub(crate) struct CategoricalTrace<T> {
    /// Codes of the context, then of the event, column by column.
    codes: Vec<Vec<u32>>,
    heads: Vec<HeadTrace<T>>,
}

#[derive(Debug)]
struct HeadTrace<T> {
    /// Its output are the logits.
    trace: Trace<T>,
    /// `ln Σ e^logit` of each column.
    sums: Vec<T>,
    /// The largest logit of each column.
    largest: Vec<T>,
}

/// Sizes and places, without parameters.
struct Layout<'a> {
    vocabularies: Vec<(usize, usize)>,
    event: &'a [(usize, usize)],
    context: &'a [(usize, usize)],
}

impl Categorical {
    /// For rows of so many numbers; parameters from `offset` on.
    pub(crate) fn new(
        spec: &CategoricalSpec,
        event: usize,
        context: usize,
        offset: usize,
    ) -> Result<Self, String> {
        let layout = Layout {
            vocabularies: spec
                .vocabularies
                .iter()
                .map(|own| (own.size, own.embedding))
                .collect(),
            event: &spec.event,
            context: &spec.context,
        };
        let mut own = Self::lay_out(&layout, event, context, offset)?;
        for index in 0..own.event.len() {
            let (inputs, outputs) = own.head_size(index);
            own.push_head(form(&spec.head, inputs, outputs), inputs, outputs, offset);
        }
        Ok(own)
    }

    /// From its parts, with its parameters.
    pub(crate) fn from_parts<T: Real>(
        parts: CategoricalParts<T>,
        event: usize,
        context: usize,
        offset: usize,
    ) -> Result<(Self, Vec<T>), String> {
        let mut values = Vec::new();
        let mut vocabularies = Vec::new();
        for own in parts.vocabularies {
            let size = own.table.len().checked_div(own.width).unwrap_or(0);
            if size * own.width != own.table.len() {
                return Err("an embedding table must hold whole rows".into());
            }
            check_finite(&own.table)?;
            vocabularies.push((size, own.width));
            values.extend(own.table);
        }
        let layout = Layout {
            vocabularies,
            event: &parts.event,
            context: &parts.context,
        };
        let mut own = Self::lay_out(&layout, event, context, offset)?;
        if parts.heads.len() != own.event.len() {
            return Err("each categorical event channel needs a head".into());
        }
        for (index, head) in parts.heads.into_iter().enumerate() {
            let (inputs, outputs) = own.head_size(index);
            if !head.form.is_chain() {
                return Err("a head has plain or residual hidden layers".into());
            }
            head.check(0, columns(inputs), outputs)?;
            own.push_head(head.perceptron(), inputs, outputs, offset);
            let dense = head.dense.into_iter();
            values.extend(dense.flat_map(|own| [own.weights, own.biases]).flatten());
        }
        Ok((own, values))
    }

    fn lay_out(
        layout: &Layout<'_>,
        event: usize,
        context: usize,
        offset: usize,
    ) -> Result<Self, String> {
        let ascending = |codes: &[(usize, usize)], columns: usize| {
            codes.is_sorted_by(|a, b| a.0 < b.0) && codes.last().is_none_or(|own| own.0 < columns)
        };
        if !ascending(layout.event, event) || !ascending(layout.context, context) {
            return Err("categorical channels must be ascending channel numbers".into());
        }
        let mut own = Self::default();
        for &(size, width) in &layout.vocabularies {
            if size < 2 || width == 0 {
                return Err("a vocabulary needs two categories and an embedding".into());
            }
            own.vocabularies.push(Vocabulary {
                size,
                width,
                offset: offset + own.parameters,
            });
            own.parameters += size * width;
        }
        let vocabulary = |codes: &[(usize, usize)], column: usize| {
            let found = codes.iter().find(|own| own.0 == column);
            found.map(|own| own.1)
        };
        for column in 0..context {
            let row = own.features;
            let Some(vocabulary) = vocabulary(layout.context, column) else {
                own.plain.push((column, row));
                own.features += 1;
                continue;
            };
            own.features += own.width(vocabulary)?;
            own.context.push(Code {
                vocabulary,
                column,
                row,
            });
        }
        for column in 0..event {
            let Some(vocabulary) = vocabulary(layout.event, column) else {
                own.continuous.push(column);
                continue;
            };
            let row = own.features;
            own.features += own.width(vocabulary)?;
            own.event.push(Code {
                vocabulary,
                column,
                row,
            });
        }
        Ok(own)
    }

    fn width(&self, vocabulary: usize) -> Result<usize, String> {
        let own = self.vocabularies.get(vocabulary);
        own.map(|own| own.width)
            .ok_or_else(|| "a categorical channel without a vocabulary".into())
    }

    /// The features that a head sees, and its logits.
    fn head_size(&self, index: usize) -> (usize, usize) {
        let own = &self.event[index];
        (own.row, self.vocabularies[own.vocabulary].size)
    }

    fn push_head(&mut self, form: Perceptron, inputs: usize, outputs: usize, offset: usize) {
        let place = offset + self.parameters;
        let head = Conditioner::new(form, columns(inputs), vec![inputs], &[outputs], place);
        self.parameters += head.parameters();
        self.heads.push(head);
    }

    /// Numbers that condition: the context's, then the embeddings of the event's codes.
    pub(crate) fn features(&self) -> usize {
        self.features
    }

    /// The event channels that layers act on.
    pub(crate) fn continuous(&self) -> &[usize] {
        &self.continuous
    }

    /// Whether there is a categorical channel.
    pub(crate) fn is_empty(&self) -> bool {
        self.context.is_empty() && self.event.is_empty()
    }

    pub(crate) fn parameters(&self) -> usize {
        self.parameters
    }

    /// Multiply-accumulates of the heads for one event.
    pub(crate) fn macs(&self) -> usize {
        self.heads.iter().map(Conditioner::macs).sum()
    }

    /// Numbers that an artefact stores.
    pub(crate) fn stored(&self) -> usize {
        let tables = self.vocabularies.iter().map(|own| own.size * own.width);
        let heads = self.heads.iter().map(Conditioner::stored);
        tables.chain(heads).sum()
    }

    pub(crate) fn heads(&self) -> &[Conditioner] {
        &self.heads
    }

    pub(crate) fn initialise<T: Real>(&self, parameters: &mut [T], random: &mut Random) {
        for own in &self.vocabularies {
            let table = &mut parameters[own.offset..][..own.size * own.width];
            table.fill_with(|| T::from_f64(2.0 * random.uniform() - 1.0));
        }
        for head in &self.heads {
            head.initialise(parameters, random);
        }
    }

    pub(crate) fn to_parts<T: Real>(&self, parameters: &[T]) -> CategoricalParts<T> {
        let codes = |codes: &[Code]| {
            let own = codes.iter();
            own.map(|own| (own.column, own.vocabulary)).collect()
        };
        CategoricalParts {
            vocabularies: self
                .vocabularies
                .iter()
                .map(|own| EmbeddingParts {
                    width: own.width,
                    table: parameters[own.offset..][..own.size * own.width].to_vec(),
                })
                .collect(),
            event: codes(&self.event),
            context: codes(&self.context),
            heads: self
                .heads
                .iter()
                .map(|head| head.to_parts(parameters))
                .collect(),
        }
    }

    pub(crate) fn trace<T: Real>(&self, columns: usize) -> CategoricalTrace<T> {
        let width = super::panel::padded(columns);
        CategoricalTrace {
            codes: vec![vec![0; width]; self.context.len() + self.event.len()],
            heads: self
                .heads
                .iter()
                .map(|head| HeadTrace {
                    trace: head.trace(columns),
                    sums: vec![T::ZERO; width],
                    largest: vec![T::ZERO; width],
                })
                .collect(),
        }
    }

    /// Takes the codes of row-major events and contexts, and the plain numbers of the contexts as features.
    ///
    /// # Panics
    /// If a code is none of its vocabulary.
    pub(crate) fn load<T: Real>(
        &self,
        events: (&[T], usize),
        contexts: (&[T], usize),
        rows: usize,
        trace: &mut CategoricalTrace<T>,
        features: &mut Panel<T>,
    ) {
        let (values, width) = contexts;
        for &(column, row) in &self.plain {
            let (own, padding) = features.row_mut(row).split_at_mut(rows);
            let from = values.iter().skip(column).step_by(width);
            own.iter_mut().zip(from).for_each(|(to, &x)| *to = x);
            padding.fill(T::ZERO);
        }
        let context = self.context.iter().map(|own| (own, contexts));
        let all = context.chain(self.event.iter().map(|own| (own, events)));
        for ((own, (values, width)), codes) in all.zip(&mut trace.codes) {
            let size = self.vocabularies[own.vocabulary].size;
            let (codes, padding) = codes.split_at_mut(rows);
            let from = values.iter().skip(own.column).step_by(width);
            for (code, x) in codes.iter_mut().zip(from) {
                *code = x.to_f64() as u32;
                assert!((*code as usize) < size, "a code of the vocabulary");
            }
            padding.fill(0);
        }
    }

    /// Fills the embeddings among the features, and takes what the heads say off `energies`.
    pub(crate) fn forward<T: Real>(
        &self,
        parameters: &[T],
        trace: &mut CategoricalTrace<T>,
        features: &mut Panel<T>,
        energies: &mut [T],
    ) {
        for (own, codes) in self.context.iter().chain(&self.event).zip(&trace.codes) {
            let table = &self.vocabularies[own.vocabulary];
            let rows = &parameters[table.offset..][..table.size * table.width];
            for place in 0..table.width {
                let to = features.row_mut(own.row + place).iter_mut();
                for (x, &code) in to.zip(codes) {
                    *x = rows[code as usize * table.width + place];
                }
            }
        }
        let codes = &trace.codes[self.context.len()..];
        for (index, head) in self.heads.iter().enumerate() {
            let (inputs, _) = self.head_size(index);
            let HeadTrace {
                trace,
                sums,
                largest,
            } = &mut trace.heads[index];
            for row in 0..inputs {
                let to = trace.input.row_mut(row);
                to.copy_from_slice(features.row(row));
            }
            head.forward(parameters, trace, 0..1);
            let logits = &trace.output;
            log_sum_exp(logits, largest, sums);
            let columns = energies.iter_mut().zip(&codes[index]).zip(&*sums);
            for (column, ((energy, &code), &sum)) in columns.enumerate() {
                *energy += sum - logits.row(code as usize)[column];
            }
        }
    }

    /// The reverse pass of [`Categorical::forward`]: adds to the gradient by the features in `scratch`, which the
    /// layers have been through, and writes that of its parameters at their places.
    pub(crate) fn backward<T: Real>(
        &self,
        parameters: &[T],
        trace: &CategoricalTrace<T>,
        d_energy: &[T],
        scratch: &mut Scratch<T>,
        d_parameters: &mut [T],
    ) {
        let codes = &trace.codes[self.context.len()..];
        for (index, head) in self.heads.iter().enumerate().rev() {
            let own = &trace.heads[index];
            let (inputs, outputs) = self.head_size(index);
            let d_output = head.d_output(scratch);
            for category in 0..outputs {
                let columns = own.trace.output.row(category).iter().zip(&own.sums);
                let columns = columns.zip(d_energy).zip(&codes[index]);
                let to = d_output.row_mut(category).iter_mut();
                for (to, (((&logit, &sum), &d), &code)) in to.zip(columns) {
                    let hit = code as usize == category;
                    *to = d * ((logit - sum).exp() - if hit { T::ONE } else { T::ZERO });
                }
            }
            head.backward(parameters, &own.trace, scratch, 0..1, 0..inputs);
            head.backward_parameters(&own.trace, scratch, d_parameters);
            scratch.keep_context(inputs);
        }
        for own in &self.vocabularies {
            d_parameters[own.offset..][..own.size * own.width].fill(T::ZERO);
        }
        let gradient = scratch.context();
        for (own, codes) in self.context.iter().chain(&self.event).zip(&trace.codes) {
            let table = &self.vocabularies[own.vocabulary];
            let d_table = &mut d_parameters[table.offset..][..table.size * table.width];
            for place in 0..table.width {
                let row = gradient.row(own.row + place);
                for (&d, &code) in row.iter().zip(codes) {
                    d_table[code as usize * table.width + place] += d;
                }
            }
        }
    }

    /// Writes the codes of the event back to row-major events.
    pub(crate) fn copy_codes<T: Real>(
        &self,
        trace: &CategoricalTrace<T>,
        width: usize,
        events: &mut [T],
    ) {
        let codes = &trace.codes[self.context.len()..];
        for (own, codes) in self.event.iter().zip(codes) {
            let to = events.iter_mut().skip(own.column).step_by(width);
            to.zip(codes)
                .for_each(|(x, &code)| *x = T::from_f64(f64::from(code)));
        }
    }
}

/// Columns of a head's input: a panel has one where there is nothing to see, which no row does see.
fn columns(inputs: usize) -> usize {
    inputs.max(1)
}

/// A perceptron whose rows see everything.
fn form(spec: &ConditionerSpec, mut inputs: usize, outputs: usize) -> Perceptron {
    let widths = spec.hidden.iter().copied().chain([outputs]);
    let staircase = |width: usize| {
        let prefix = vec![inputs; width];
        inputs = width;
        prefix
    };
    Perceptron {
        activation: spec.activation,
        form: spec.form(),
        staircases: widths.map(staircase).collect(),
    }
}

/// `ln Σ e^x` of each column.
fn log_sum_exp<T: Real>(logits: &Panel<T>, largest: &mut [T], sums: &mut [T]) {
    largest.copy_from_slice(logits.row(0));
    for category in 1..logits.rows() {
        let row = logits.row(category).iter();
        for (largest, &x) in largest.iter_mut().zip(row) {
            *largest = if x > *largest { x } else { *largest };
        }
    }
    sums.fill(T::ZERO);
    for category in 0..logits.rows() {
        let row = logits.row(category).iter().zip(&*largest);
        for (sum, (&x, &largest)) in sums.iter_mut().zip(row) {
            *sum += (x - largest).exp();
        }
    }
    for (sum, &largest) in sums.iter_mut().zip(&*largest) {
        *sum = sum.ln() + largest;
    }
}
