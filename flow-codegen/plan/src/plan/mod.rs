//! What will be emitted: shapes and tables, free of the artefact's encoding.

mod base;
mod categorical;
mod channels;
mod golden;
mod image;
mod integer;
mod layer;
mod table;

pub use base::BasePlan;
pub use categorical::{CategoricalPlan, HeadPlan, VocabularyPlan};
pub use channels::{ChannelPlan, Channels};
pub use golden::{Golden, GoldenSample, vectors};
pub use image::{Convolutional, Filters};
pub use integer::Constants;
pub use layer::{Array, Bijection, Conditional, LayerPlan};
pub use table::{IntegerRow, Layout, Table};

use crate::{Checked, Functions};
use flow_embedded::artefact::{Channel, Judged, WeightFormat};
use flow_embedded::detect::evidence::Bet;
use flow_embedded::math::Backend;
use flow_embedded::window::Feature;
use layer::Planner;

/// A flow as the emitter sees it.
pub struct Plan {
    /// The functions that a module of it holds.
    pub functions: Functions,
    /// Facts for the model card.
    pub card: Card,
    /// All channels of the event.
    pub all: Channels,
    /// Those that bijections act on: all but the categorical ones.
    pub event: Channels,
    /// All channels of the context.
    pub context: Channels,
    /// Vocabularies, and the heads of categorical event channels.
    pub categorical: CategoricalPlan,
    /// What the first context channels are computed from.
    pub features: Vec<Feature>,
    /// The bijections, data to base.
    pub layers: Vec<LayerPlan>,
    /// The base distribution.
    pub base: BasePlan,
    /// The elementary functions that the code calls.
    pub math: Backend,
    /// What conditioners' weights are stored as, if not as `f32`.
    pub weights: Option<WeightFormat>,
    /// The constant part of the log-likelihood in nats.
    pub log_norm: f32,
    /// The conformal calibration, if there is one.
    pub calibration: Option<CalibrationPlan>,
    /// The sequential test, if there is one.
    pub sequential: Option<SequentialPlan>,
    /// What a model of noise starts from, if it is one.
    pub noise: Option<NoisePlan>,
    /// The calibration by context, if there is one.
    pub mondrian: Option<MondrianPlan>,
    /// Events and the log-likelihoods that they must get.
    pub golden: Vec<Golden>,
    /// Seeds and the samples that they must give.
    pub golden_samples: Vec<GoldenSample>,
}

/// Facts for the model card.
pub struct Card {
    /// The model's name.
    pub name: String,
    /// The elementary functions that the artefact names.
    pub math: Backend,
    /// CRC-32 of the artefact.
    pub checksum: u32,
    /// The artefact's size in bytes.
    pub artefact_bytes: usize,
    /// The event's channels, with their units.
    pub channels: Vec<String>,
    /// The context's channels, with their units.
    pub context: Vec<String>,
    /// Of the held-out rows: how many, their mean log-likelihood in nats, and its standard error.
    pub evaluation: Option<(u32, f64, f64)>,
    /// The program and its version.
    pub created_by: String,
    /// The command line.
    pub command: String,
    /// The rows trained on.
    pub rows: u32,
    /// The seed of all that was random.
    pub seed: u64,
    /// A digest of the training data's values.
    pub data_digest: u64,
}

/// Split-conformal calibration.
pub struct CalibrationPlan {
    /// Alarm when the p-value is at most this.
    pub alpha: f32,
    /// The calibration rows.
    pub rows: u32,
    /// What the rows are.
    pub judges: Judged,
    /// Pairs of log-likelihood and p-value, ascending in both.
    pub table: Vec<(f32, f32)>,
}

/// Calibration tables by context.
pub struct MondrianPlan {
    /// The context channel, from 0.
    pub channel: usize,
    /// Its name.
    pub column: String,
    /// Its listed values.
    pub categories: Vec<CategoryPlan>,
}

/// A listed value of the context channel.
pub struct CategoryPlan {
    /// The value.
    pub value: f32,
    /// The calibration rows with this value.
    pub rows: u32,
    /// As [`CalibrationPlan::table`], of these rows.
    pub table: Vec<(f32, f32)>,
}

/// A sequential test over a stream.
pub struct SequentialPlan {
    /// Thresholds of each statistic.
    pub edges: usize,
    /// Those of one statistic after another.
    pub thresholds: Vec<f32>,
    /// Rows of scores: see [`EvidenceTable`](flow_embedded::detect::EvidenceTable).
    pub scores: Vec<i8>,
    /// The bets.
    pub bets: Vec<Bet>,
    /// Common values of one event channel after another.
    pub common: Vec<f32>,
    /// False alarms are at least so many samples apart, in the mean.
    pub run_length: f32,
    /// The probability, over calibrations, that they are not.
    pub delta: f32,
    /// The promise, as its author put it.
    pub promise: String,
}

/// Where the noise of a sensor starts, and the ranges of the context.
pub struct NoisePlan {
    /// The mean of each event channel in the training data.
    pub start: Vec<f32>,
    /// The least and the largest value of each context channel there.
    pub ranges: Vec<[f32; 2]>,
}

impl Plan {
    /// Plans the code for an artefact as it stands; the passes make it fast.
    pub fn new(checked: &Checked<'_>) -> Self {
        let header = checked.flow.header();
        let describe = |channel: Channel<'_>| match channel.unit {
            "" => channel.name.to_owned(),
            unit => format!("{} ({unit})", channel.name),
        };
        let provenance = header.provenance;
        let mut scratch = vec![0.0; checked.flow.scratch_len()];
        // A model of integers has its vectors from the integers.
        let score = |event: &[f32], context: &[f32]| {
            let log_prob = checked.flow.log_prob(event, context, &mut scratch);
            log_prob.unwrap_or(f32::NAN)
        };
        let planner = Planner(checked);
        let layers = (0..header.layers.len()).map(|index| planner.layer(index));
        Self {
            functions: Functions::default(),
            card: Card {
                name: header.name.to_owned(),
                math: checked.math,
                checksum: checked.checksum,
                artefact_bytes: checked.bytes,
                channels: header.event.iter().map(describe).collect(),
                context: header.context.iter().map(describe).collect(),
                evaluation: header
                    .evaluation
                    .map(|e| (e.rows, e.log_prob_mean, e.log_prob_stderr)),
                created_by: provenance.created_by.to_owned(),
                command: provenance.command.to_owned(),
                rows: provenance.rows,
                seed: provenance.seed,
                data_digest: provenance.data_digest,
            },
            all: Channels::new(header, header.event),
            event: Channels::new(header, header.continuous()),
            context: Channels::new(header, header.context),
            categorical: CategoricalPlan::new(checked),
            features: header.features.iter().collect(),
            layers: layers.collect(),
            base: BasePlan {
                distribution: header.base,
                weights: checked.flow.base_weights().collect(),
                places: (0..header.continuous().count()).collect(),
            },
            math: header.math,
            weights: None,
            log_norm: header.log_norm,
            calibration: header.calibration.zip(checked.flow.calibration()).map(
                |(calibration, table)| CalibrationPlan {
                    alpha: calibration.alpha,
                    rows: calibration.rows,
                    judges: calibration.judges,
                    table: table.entries().collect(),
                },
            ),
            sequential: header.sequential.map(|own| SequentialPlan {
                edges: usize::from(own.edges),
                thresholds: checked.flow.test_thresholds().collect(),
                scores: own.scores().collect(),
                bets: own.bets().collect(),
                common: checked.flow.common_values().collect(),
                run_length: own.run_length,
                delta: own.delta,
                promise: own.promise.to_owned(),
            }),
            noise: header.noise.map(|own| NoisePlan {
                start: own.start().collect(),
                ranges: own.ranges().collect(),
            }),
            mondrian: header.mondrian.map(|own| MondrianPlan {
                channel: usize::from(own.channel),
                column: header
                    .context
                    .get(usize::from(own.channel))
                    .map_or_else(String::new, |channel| channel.name.to_owned()),
                categories: checked
                    .flow
                    .calibrations_by_context()
                    .map(|(category, table)| CategoryPlan {
                        value: category.value,
                        rows: category.rows,
                        table: table.entries().collect(),
                    })
                    .collect(),
            }),
            golden: vectors(header, score),
            golden_samples: golden::samples(checked),
        }
    }

    /// The conditioners of heads and layers, to be changed.
    pub fn conditionals_mut(&mut self) -> impl Iterator<Item = &mut Conditional> {
        let bijections = self.layers.iter_mut().map(|layer| &mut layer.bijection);
        let heads = self.categorical.heads.iter_mut();
        let heads = heads.map(|head| &mut head.conditioner);
        heads.chain(bijections.filter_map(Bijection::conditional_mut))
    }

    /// Whether anything is conditioned: a layer without a conditioner reads nothing.
    pub fn conditions(&self) -> bool {
        let mut bijections = self.layers.iter().map(|layer| &layer.bijection);
        let conditional = bijections.any(Bijection::reads_context);
        self.given() > 0 && (conditional || !self.categorical.heads.is_empty())
    }

    /// Whether anything reads the embeddings of a vocabulary.
    pub fn embeds(&self, vocabulary: usize) -> bool {
        let own = &self.categorical;
        let mut context = self.context.0.iter();
        let mut heads = own.heads.iter().enumerate();
        (self.conditions() && context.any(|channel| channel.vocabulary() == Some(vocabulary)))
            || heads.any(|(index, head)| head.vocabulary == vocabulary && own.conditions(index))
    }

    /// The numbers that condition: the features of the context, then the embeddings of
    /// the event's categories.
    pub fn given(&self) -> usize {
        self.context.features() + self.categorical.embeddings()
    }

    /// Whether the model is computed with integers.
    pub fn is_integer(&self) -> bool {
        self.weights.is_some_and(WeightFormat::is_integer)
    }

    /// The layers that have code, with their places in the artefact.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = (usize, &LayerPlan)> {
        self.layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| !matches!(layer.bijection, Bijection::FoldedPermutation(_)))
    }
}
