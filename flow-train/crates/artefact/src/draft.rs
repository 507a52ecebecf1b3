use super::base::log_norm;
use super::categorical::DraftVocabulary;
use super::mondrian::DraftMondrian;
use super::stored::{DraftConditioner, DraftLayer, LayerBytes};
use flow_embedded::artefact::{
    self, Base, Calibration, Channel, Domain, EncodeError, Evaluation, Grid, Header, Judged, List,
    LoadError, LoadedFlow, MAX_CHANNELS, MAX_COMMAND_BYTES, MAX_LAYERS, MAX_VOCABULARIES, Noise,
    Provenance, Quantisation, Sequential, WeightFormat,
};
use flow_embedded::math::Backend;
use flow_embedded::window::Feature;
use flow_host::foreign::{Medium, show};
use heapless::Vec as Bounded;
use std::f64::consts::TAU;

/// A flow that is ready to be written, with everything owned.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The model's name.
    pub name: String,
    /// The event channels.
    pub event: Vec<DraftChannel>,
    /// The context channels.
    pub context: Vec<DraftChannel>,
    /// The bijections in the normalizing direction.
    pub layers: Vec<DraftLayer>,
    /// The base distribution.
    pub base: Base,
    /// Its numbers as the artefact stores them: see
    /// [`mixture`](flow_embedded::base::mixture); none for other bases.
    pub base_weights: Vec<f32>,
    /// The elementary functions that the model runs with.
    pub math: Backend,
    /// The false-alarm promise.
    pub calibration: Option<DraftCalibration>,
    /// The held-out log-likelihood.
    pub evaluation: Option<Evaluation>,
    /// The program and its version.
    pub created_by: String,
    /// The command line.
    pub command: String,
    /// A digest of the training data's values.
    pub data_digest: u64,
    /// The rows trained on.
    pub rows: u32,
    /// The seed of all that was random.
    pub seed: u64,
    /// What the weights are compiled to, if not to `f32`.
    pub quantisation: Option<DraftQuantisation>,
    /// What the first context channels are computed from.
    pub features: Vec<Feature>,
    /// The promise over a stream.
    pub sequential: Option<DraftSequential>,
    /// What generating the noise of a sensor takes.
    pub noise: Option<DraftNoise>,
    /// Calibration tables by context.
    pub mondrian: Option<DraftMondrian>,
    /// The categories of categorical channels, and their embeddings.
    pub vocabularies: Vec<DraftVocabulary>,
    /// The conditioner of each categorical event channel.
    pub heads: Vec<DraftConditioner>,
}

/// What an artefact of a sensor's noise adds to its flow: see [`Noise`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftNoise {
    start: Vec<u8>,
    ranges: Vec<u8>,
}

impl DraftNoise {
    /// The mean of each event channel, and the least and the largest value of each context channel.
    pub fn new(
        start: impl IntoIterator<Item = f32>,
        ranges: impl IntoIterator<Item = [f32; 2]>,
    ) -> Self {
        Self {
            start: start.into_iter().flat_map(f32::to_le_bytes).collect(),
            ranges: ranges
                .into_iter()
                .flatten()
                .flat_map(f32::to_le_bytes)
                .collect(),
        }
    }

    fn schema(&self) -> Noise<'_> {
        Noise {
            start: &self.start,
            ranges: &self.ranges,
        }
    }
}

/// A sequential test over a stream: see [`Sequential`].
#[derive(Clone, Debug, PartialEq)]
pub struct DraftSequential {
    /// Thresholds of each statistic.
    pub edges: u8,
    /// The thresholds of one statistic after another.
    pub thresholds: Vec<f32>,
    /// Rows of scores, each an `i8`.
    pub scores: Vec<u8>,
    /// The bets, as an artefact has them.
    pub bets: Vec<u8>,
    /// Values of each event channel that are common, of one channel after another.
    pub common: Vec<f32>,
    /// False alarms are at least so many samples apart, in the mean.
    pub run_length: f32,
    /// The probability, over calibrations, that they are not.
    pub delta: f32,
    /// The promise, as its author put it.
    pub promise: String,
}

impl DraftSequential {
    /// As the artefact has it.
    fn schema(&self) -> Sequential<'_> {
        Sequential {
            edges: self.edges,
            scores: &self.scores,
            bets: &self.bets,
            run_length: self.run_length,
            delta: self.delta,
            promise: &self.promise,
        }
    }
}

/// How a model is compiled to smaller weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftQuantisation {
    /// The weights.
    pub weights: WeightFormat,
    /// As [`Quantisation::fractions`].
    pub fractions: Vec<u8>,
}

/// A split-conformal calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftCalibration {
    /// The false-alarm rate promised.
    pub alpha: f32,
    /// The calibration rows.
    pub rows: u32,
    /// What they are.
    pub judges: Judged,
    /// Pairs `(log_prob, p_value)`, ascending in both.
    pub table: Vec<(f32, f32)>,
}

/// One channel: the map of its domain, then `(x − mean) · inv_std`.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftChannel {
    /// The column's name.
    pub name: String,
    /// The unit of the raw data, or nothing.
    pub unit: String,
    /// Where its values live.
    pub domain: Domain,
    /// The values that it is rounded to, if it is.
    pub grid: Option<Grid>,
    /// Mean of the training rows after the map of the domain; the centre of the
    /// turn for a circular channel.
    pub mean: f32,
    /// One over their standard deviation; 2 π over the period for a circular
    /// channel.
    pub inv_std: f32,
}

/// Why a draft could not become an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A list exceeds a limit of the artefact's schema.
    #[error("the model has {found} {what}; an artefact holds at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A category whose name would end the names in an artefact.
    #[error("the name of a category holds the control character U+001F; take it out of the data")]
    Separator,
    /// It could not be encoded.
    #[error("the model could not be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// What was encoded is no valid artefact, so it was not kept.
    #[error("the model could not be exported: {0}")]
    Invalid(#[from] LoadError),
}

impl Draft {
    /// The bytes of `model.flow`. The same draft gives the same bytes.
    ///
    /// # Errors
    /// A limit of the schema is exceeded, or the flow is not valid: above all,
    /// a weight is not finite.
    pub fn encode(&self) -> Result<Vec<u8>, ExportError> {
        let layers = self.layers.iter().map(DraftLayer::bytes);
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let heads: Vec<LayerBytes> = self.heads.iter().map(LayerBytes::of).collect();
        let vocabularies = self.vocabularies.iter().map(DraftVocabulary::names);
        let vocabularies = vocabularies.collect::<Result<Vec<_>, _>>()?;
        let categories = self
            .mondrian
            .as_ref()
            .map(DraftMondrian::bytes)
            .transpose()?;
        let event: Vec<Channel<'_>> = self.event.iter().map(DraftChannel::schema).collect();
        let context: Vec<Channel<'_>> = self.context.iter().map(DraftChannel::schema).collect();
        let layers = self.layers.iter().zip(&layers);
        let layers = layers.map(|(layer, bytes)| layer.schema(bytes));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let vocabularies = self.vocabularies.iter().zip(&vocabularies);
        let vocabularies = vocabularies.map(|(own, names)| own.schema(names));
        let vocabularies = vocabularies.collect::<Result<Vec<_>, _>>()?;
        let heads = self.heads.iter().zip(&heads);
        let heads = heads.map(|(own, bytes)| own.schema(bytes));
        let heads = heads.collect::<Result<Vec<_>, _>>()?;
        let mut header = self.header()?;
        header.event = limited("event channels", &event, MAX_CHANNELS)?;
        header.context = limited("context channels", &context, MAX_CHANNELS)?;
        header.layers = limited("layers", &layers, MAX_LAYERS)?;
        header.features = limited("features of the past", &self.features, MAX_CHANNELS)?;
        header.vocabularies = limited("vocabularies", &vocabularies, MAX_VOCABULARIES)?;
        header.heads = limited("categorical event channels", &heads, MAX_VOCABULARIES)?;
        header.mondrian = self
            .mondrian
            .as_ref()
            .zip(categories.as_ref())
            .map(|(own, bytes)| own.schema(bytes));
        let tables = self.vocabularies.iter().flat_map(|own| &own.embeddings);
        let mut weights: Vec<f32> = tables.copied().collect();
        weights.extend(self.heads.iter().flat_map(DraftConditioner::weights));
        weights.extend(self.layers.iter().flat_map(DraftLayer::weights));
        weights.extend(&self.base_weights);
        if let Some(calibration) = &self.calibration {
            weights.extend(
                calibration
                    .table
                    .iter()
                    .flat_map(|(score, p_value)| [*score, *p_value]),
            );
        }
        if let Some(test) = &self.sequential {
            weights.extend(test.thresholds.iter().chain(&test.common));
        }
        if let Some(own) = &self.mondrian {
            weights.extend(own.weights());
        }
        let mut buffer = vec![0; artefact::encoded_len(&header, weights.len())?];
        let length = artefact::encode(&header, &weights, &mut buffer)?.len();
        buffer.truncate(length);
        LoadedFlow::from_bytes(&buffer)?;
        Ok(buffer)
    }

    /// The header without its lists.
    fn header(&self) -> Result<Header<'_>, ExportError> {
        Ok(Header {
            name: &self.name,
            event: List::default(),
            context: List::default(),
            layers: List::default(),
            base: self.base,
            math: self.math,
            log_norm: self.log_norm() as f32,
            calibration: self
                .calibration
                .as_ref()
                .map(DraftCalibration::schema)
                .transpose()?,
            evaluation: self.evaluation,
            provenance: Provenance {
                created_by: &self.created_by,
                command: &self.command,
                data_digest: self.data_digest,
                rows: self.rows,
                seed: self.seed,
            },
            quantisation: self.quantisation.as_ref().map(DraftQuantisation::schema),
            features: List::default(),
            sequential: self.sequential.as_ref().map(DraftSequential::schema),
            noise: self.noise.as_ref().map(DraftNoise::schema),
            mondrian: None,
            vocabularies: List::default(),
            heads: List::default(),
        })
    }

    /// The constant part of `log_prob`, in nats.
    fn log_norm(&self) -> f64 {
        let channels = self.event.iter().map(|channel| {
            let base = match channel.domain {
                Domain::Categorical { .. } => return 0.0,
                Domain::Circular => -TAU.ln(),
                _ => log_norm(self.base),
            };
            base + channel.log_scale()
        });
        let layers = self.layers.iter().map(DraftLayer::log_det);
        channels.sum::<f64>() + layers.sum::<f64>()
    }

    /// Reads a validated artefact back.
    pub fn from_loaded(flow: &LoadedFlow<'_>) -> Self {
        let header = flow.header();
        let layers = header
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| DraftLayer::from_loaded(flow, index, &layer));
        Self {
            name: header.name.to_owned(),
            event: header.event.iter().map(DraftChannel::from_schema).collect(),
            context: header
                .context
                .iter()
                .map(DraftChannel::from_schema)
                .collect(),
            layers: layers.collect(),
            base: header.base,
            base_weights: flow.base_weights().collect(),
            math: header.math,
            calibration: header
                .calibration
                .zip(flow.calibration())
                .map(|(calibration, table)| DraftCalibration {
                    alpha: calibration.alpha,
                    rows: calibration.rows,
                    judges: calibration.judges,
                    table: table.entries().collect(),
                }),
            evaluation: header.evaluation,
            created_by: header.provenance.created_by.to_owned(),
            command: header.provenance.command.to_owned(),
            data_digest: header.provenance.data_digest,
            rows: header.provenance.rows,
            seed: header.provenance.seed,
            quantisation: header.quantisation.map(|own| DraftQuantisation {
                weights: own.weights,
                fractions: own.fractions.to_vec(),
            }),
            features: header.features.iter().collect(),
            sequential: header.sequential.map(|own| DraftSequential {
                edges: own.edges,
                thresholds: flow.test_thresholds().collect(),
                scores: own.scores.to_vec(),
                bets: own.bets.to_vec(),
                common: flow.common_values().collect(),
                run_length: own.run_length,
                delta: own.delta,
                promise: own.promise.to_owned(),
            }),
            noise: header
                .noise
                .map(|own| DraftNoise::new(own.start(), own.ranges())),
            mondrian: DraftMondrian::from_loaded(flow),
            vocabularies: DraftVocabulary::all(flow),
            heads: header
                .categorical()
                .enumerate()
                .map(|(index, head)| {
                    let blocks = (0..head.dense_layers()).flat_map(|dense| head.blocks(dense));
                    DraftConditioner::of(&head.conditioner, blocks, flow.head_weights(index))
                })
                .collect(),
        }
    }
}

impl DraftQuantisation {
    fn schema(&self) -> Quantisation<'_> {
        Quantisation {
            weights: self.weights,
            fractions: &self.fractions,
        }
    }
}

impl DraftCalibration {
    fn schema(&self) -> Result<Calibration, ExportError> {
        let found = self.table.len();
        let limit = usize::from(u16::MAX);
        let entries = u16::try_from(found).map_err(|_| ExportError::TooMany {
            what: "calibration entries",
            found,
            limit,
        })?;
        Ok(Calibration {
            alpha: self.alpha,
            rows: self.rows,
            entries,
            judges: self.judges,
        })
    }
}

impl DraftChannel {
    fn schema(&self) -> Channel<'_> {
        Channel {
            name: &self.name,
            unit: &self.unit,
            domain: self.domain,
            grid: self.grid,
            mean: self.mean,
            inv_std: self.inv_std,
        }
    }

    /// `ln |dx/d raw|` in nats, as far as it is the same for all values.
    pub fn log_scale(&self) -> f64 {
        let map = match self.domain {
            Domain::Real
            | Domain::Circular
            | Domain::Positive { .. }
            | Domain::Categorical { .. } => 1.0,
            Domain::SoftPositive { scale, .. } | Domain::HeavyTailed { scale, .. } => scale,
            // As the runtime, in f32.
            Domain::Bounded { low, high } => high - low,
        };
        f64::from(self.inv_std).ln() - f64::from(map).ln()
    }

    fn from_schema(channel: Channel<'_>) -> Self {
        Self {
            name: channel.name.to_owned(),
            unit: channel.unit.to_owned(),
            domain: channel.domain,
            grid: channel.grid,
            mean: channel.mean,
            inv_std: channel.inv_std,
        }
    }
}

/// A command as an artefact may hold it: one printable line, cut where it is too long. It is a
/// note for people, and no reason to refuse a model.
pub fn noted(command: &str) -> String {
    let mut command = show(command, Medium::Line);
    command.truncate(command.floor_char_boundary(MAX_COMMAND_BYTES));
    command
}

/// A list of the header, of so many items at most.
fn limited<'a, T>(
    what: &'static str,
    items: &'a [T],
    limit: usize,
) -> Result<List<'a, T>, ExportError> {
    let found = items.len();
    match found <= limit {
        true => Ok(List::new(items)),
        false => Err(ExportError::TooMany { what, found, limit }),
    }
}

pub(super) fn bounded<T, const N: usize>(
    what: &'static str,
    items: impl ExactSizeIterator<Item = T>,
) -> Result<Bounded<T, N>, ExportError> {
    let found = items.len();
    if found > N {
        return Err(ExportError::TooMany {
            what,
            found,
            limit: N,
        });
    }
    Ok(items.collect())
}

const _: () = assert!(MAX_CHANNELS <= 256, "channels are counted in bytes");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_fit_an_artefact() {
        let ordinary = "flow train data.csv --columns a,b";
        assert_eq!(noted(ordinary), ordinary);
        assert_eq!(noted("a\nb\u{1b}\u{202e}"), "a b\u{fffd}\u{fffd}");
        let long = noted(&"ä".repeat(10_000));
        assert_eq!(long, "ä".repeat(MAX_COMMAND_BYTES / 2));
    }
}
