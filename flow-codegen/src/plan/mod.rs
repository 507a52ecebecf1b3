//! What will be emitted: shapes and tables, free of the artefact's encoding.

mod categorical;
mod channels;
mod golden;
mod image;
mod integer;
mod layer;

pub(crate) use categorical::{CategoricalPlan, HeadPlan};
pub(crate) use channels::{ChannelPlan, Channels};
pub(crate) use golden::{Golden, GoldenSample, vectors};
pub(crate) use image::{Convolutional, Filters};
pub(crate) use integer::{Constants, IntegerRow};
pub(crate) use layer::{Array, Bijection, Conditional, LayerPlan, Layout, Table};

use crate::{Checked, Error, Functions, name};
use flow_embedded::artefact::{Base, Channel, Judged, WeightFormat};
use flow_embedded::detect::evidence::Bet;
use flow_embedded::math::Backend;
use flow_embedded::window::Feature;
use layer::Planner;

/// A flow as the emitter sees it.
pub struct Plan {
    pub(crate) type_name: String,
    pub(crate) functions: Functions,
    pub(crate) card: Card,
    /// All channels of the event.
    pub(crate) all: Channels,
    /// Those that bijections act on: all but the categorical ones.
    pub(crate) event: Channels,
    pub(crate) context: Channels,
    pub(crate) categorical: CategoricalPlan,
    /// What the first context channels are computed from.
    pub(crate) features: Vec<Feature>,
    pub(crate) layers: Vec<LayerPlan>,
    pub(crate) base: BasePlan,
    pub(crate) math: Backend,
    /// What conditioners' weights are stored as, if not as `f32`.
    pub(crate) weights: Option<WeightFormat>,
    pub(crate) log_norm: f32,
    pub(crate) calibration: Option<CalibrationPlan>,
    pub(crate) sequential: Option<SequentialPlan>,
    pub(crate) noise: Option<NoisePlan>,
    pub(crate) mondrian: Option<MondrianPlan>,
    pub(crate) golden: Vec<Golden>,
    pub(crate) golden_samples: Vec<GoldenSample>,
}

/// The base distribution.
pub(crate) struct BasePlan {
    pub(crate) distribution: Base,
    /// The components of a mixture.
    pub(crate) weights: Vec<f32>,
    /// `places[i]` is the place of the event's array where channel `i` of the
    /// base lies.
    pub(crate) places: Vec<usize>,
}

/// Facts for the model card.
pub(crate) struct Card {
    pub(crate) name: String,
    /// The elementary functions that the artefact names.
    pub(crate) math: Backend,
    pub(crate) checksum: u32,
    pub(crate) artefact_bytes: usize,
    pub(crate) channels: Vec<String>,
    pub(crate) context: Vec<String>,
    pub(crate) evaluation: Option<(u32, f64, f64)>,
    pub(crate) created_by: String,
    pub(crate) command: String,
    pub(crate) rows: u32,
    pub(crate) seed: u64,
    pub(crate) data_digest: u64,
}

pub(crate) struct CalibrationPlan {
    pub(crate) alpha: f32,
    pub(crate) rows: u32,
    pub(crate) judges: Judged,
    pub(crate) table: Vec<(f32, f32)>,
}

/// Calibration tables by context.
pub(crate) struct MondrianPlan {
    pub(crate) channel: usize,
    /// Its name.
    pub(crate) column: String,
    pub(crate) categories: Vec<CategoryPlan>,
}

/// A listed value of the context channel.
pub(crate) struct CategoryPlan {
    pub(crate) value: f32,
    pub(crate) rows: u32,
    pub(crate) table: Vec<(f32, f32)>,
}

/// A sequential test over a stream.
pub(crate) struct SequentialPlan {
    pub(crate) edges: usize,
    pub(crate) thresholds: Vec<f32>,
    pub(crate) scores: Vec<i8>,
    pub(crate) bets: Vec<Bet>,
    /// Of one channel after another.
    pub(crate) common: Vec<f32>,
    pub(crate) run_length: f32,
    pub(crate) delta: f32,
    pub(crate) promise: String,
}

/// Where the noise of a sensor starts, and the ranges of the context.
pub(crate) struct NoisePlan {
    pub(crate) start: Vec<f32>,
    pub(crate) ranges: Vec<[f32; 2]>,
}

impl Plan {
    /// Plans the code for an artefact as it stands; the passes make it fast.
    /// `type_name` defaults to the model's
    /// name in camel case.
    ///
    /// # Errors
    /// `type_name` is no identifier, or the module needs it for something else.
    pub fn new(checked: &Checked<'_>, type_name: Option<&str>) -> Result<Self, Error> {
        let header = checked.flow.header();
        let type_name = name::of_type(type_name, header.name)?;
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
        Ok(Self {
            type_name,
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
        })
    }

    /// The conditioners of heads and layers, to be changed.
    pub(crate) fn conditionals_mut(&mut self) -> impl Iterator<Item = &mut Conditional> {
        let bijections = self.layers.iter_mut().map(|layer| &mut layer.bijection);
        let heads = self.categorical.heads.iter_mut();
        let heads = heads.map(|head| &mut head.conditioner);
        heads.chain(bijections.filter_map(Bijection::conditional_mut))
    }

    /// Whether anything is conditioned: a layer without a conditioner reads nothing.
    pub(crate) fn conditions(&self) -> bool {
        let mut bijections = self.layers.iter().map(|layer| &layer.bijection);
        let conditional = bijections.any(Bijection::reads_context);
        self.given() > 0 && (conditional || !self.categorical.heads.is_empty())
    }

    /// Whether anything reads the embeddings of a vocabulary.
    pub(crate) fn embeds(&self, vocabulary: usize) -> bool {
        let own = &self.categorical;
        let mut context = self.context.0.iter();
        let mut heads = own.heads.iter().enumerate();
        (self.conditions() && context.any(|channel| channel.vocabulary() == Some(vocabulary)))
            || heads.any(|(index, head)| head.vocabulary == vocabulary && own.conditions(index))
    }

    /// The numbers that condition: the features of the context, then the embeddings of
    /// the event's categories.
    pub(crate) fn given(&self) -> usize {
        self.context.features() + self.categorical.embeddings()
    }

    /// Whether the model is computed with integers.
    pub(crate) fn is_integer(&self) -> bool {
        self.weights.is_some_and(WeightFormat::is_integer)
    }

    /// The layers that have code, with their places in the artefact.
    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = (usize, &LayerPlan)> {
        self.layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| !matches!(layer.bijection, Bijection::FoldedPermutation(_)))
    }
}
