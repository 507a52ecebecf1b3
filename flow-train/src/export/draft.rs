use flow_embedded::artefact::{
    self, Activation, Base, Calibration, Channel, Conditioner, Coupling, EncodeError, Evaluation,
    Header, Layer, LoadError, LoadedFlow, MAX_CHANNELS, MAX_HIDDEN_LAYERS, MAX_LAYERS,
    MaskedAutoregressive, Provenance, Units,
};
use flow_embedded::math::Backend;
use heapless::Vec as Bounded;

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
}

/// A split-conformal calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftCalibration {
    /// The false-alarm rate promised.
    pub alpha: f32,
    /// The calibration rows.
    pub rows: u32,
    /// Pairs `(log_prob, p_value)`, ascending in both.
    pub table: Vec<(f32, f32)>,
}

/// One channel and its standardisation `(x − mean) · inv_std`.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftChannel {
    /// The column's name.
    pub name: String,
    /// The unit of the raw data, or nothing.
    pub unit: String,
    /// Mean of the training rows.
    pub mean: f32,
    /// One over the standard deviation of the training rows.
    pub inv_std: f32,
}

/// One bijection with its conditioner's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftLayer {
    /// What kind, over which channels.
    pub transform: DraftTransform,
    /// Log-scales lie within ± this bound.
    pub log_scale_bound: f32,
    /// The non-linearity of the hidden layers.
    pub activation: Activation,
    /// The units of each hidden layer by block: one block for a coupling, one
    /// for each degree for a masked autoregressive layer.
    pub hidden: Vec<Vec<u16>>,
    /// The rows of all dense layers in the order of the artefact.
    pub rows: Vec<MaskedRow>,
}

/// The kind of a bijection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftTransform {
    /// Affine coupling that transforms these channels, ascending.
    Coupling(Vec<u8>),
    /// Masked affine autoregressive; `order[rank]` is a channel.
    MaskedAutoregressive(Vec<u8>),
}

/// A row of a dense layer without its masked weights.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedRow {
    /// The bias.
    pub bias: f32,
    /// The weights of the leading inputs that the row sees.
    pub weights: Vec<f32>,
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
        let units: Vec<Vec<Vec<u8>>> = self
            .layers
            .iter()
            .map(|layer| {
                layer
                    .hidden
                    .iter()
                    .map(|blocks| little_endian(blocks))
                    .collect()
            })
            .collect();
        let header = self.header(&units)?;
        let rows = self.layers.iter().flat_map(|layer| &layer.rows);
        let mut weights: Vec<f32> = rows
            .flat_map(|row| std::iter::once(row.bias).chain(row.weights.iter().copied()))
            .collect();
        if let Some(calibration) = &self.calibration {
            weights.extend(
                calibration
                    .table
                    .iter()
                    .flat_map(|(score, p_value)| [*score, *p_value]),
            );
        }
        let mut buffer = vec![0; artefact::encoded_len(&header, weights.len())?];
        let length = artefact::encode(&header, &weights, &mut buffer)?.len();
        buffer.truncate(length);
        LoadedFlow::from_bytes(&buffer)?;
        Ok(buffer)
    }

    fn header<'a>(&'a self, units: &'a [Vec<Vec<u8>>]) -> Result<Header<'a>, ExportError> {
        let layers = self
            .layers
            .iter()
            .zip(units)
            .map(|(layer, units)| layer.schema(units));
        let inv_std = self
            .event
            .iter()
            .map(|channel| f64::from(channel.inv_std).ln());
        let base = self.event.len() as f64 * flow_embedded::base::NORMAL_LOG_NORM;
        Ok(Header {
            name: &self.name,
            event: bounded(
                "event channels",
                self.event.iter().map(DraftChannel::schema),
            )?,
            context: bounded(
                "context channels",
                self.context.iter().map(DraftChannel::schema),
            )?,
            layers: {
                let layers = layers.collect::<Result<Vec<_>, _>>()?;
                bounded::<_, MAX_LAYERS>("layers", layers.into_iter())?
            },
            base: Base::Normal,
            math: self.math,
            log_norm: (inv_std.sum::<f64>() - base) as f32,
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
        })
    }

    /// Reads a validated artefact back.
    pub fn from_loaded(flow: &LoadedFlow<'_>) -> Self {
        let header = flow.header();
        let layers = header
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| DraftLayer::from_loaded(flow, index, layer));
        Self {
            name: header.name.to_owned(),
            event: header.event.iter().map(DraftChannel::from_schema).collect(),
            context: header
                .context
                .iter()
                .map(DraftChannel::from_schema)
                .collect(),
            layers: layers.collect(),
            math: header.math,
            calibration: header
                .calibration
                .zip(flow.calibration())
                .map(|(calibration, table)| DraftCalibration {
                    alpha: calibration.alpha,
                    rows: calibration.rows,
                    table: table.entries().collect(),
                }),
            evaluation: header.evaluation,
            created_by: header.provenance.created_by.to_owned(),
            command: header.provenance.command.to_owned(),
            data_digest: header.provenance.data_digest,
            rows: header.provenance.rows,
            seed: header.provenance.seed,
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
        })
    }
}

impl DraftChannel {
    fn schema(&self) -> Channel<'_> {
        Channel {
            name: &self.name,
            unit: &self.unit,
            mean: self.mean,
            inv_std: self.inv_std,
        }
    }

    fn from_schema(channel: &Channel<'_>) -> Self {
        Self {
            name: channel.name.to_owned(),
            unit: channel.unit.to_owned(),
            mean: channel.mean,
            inv_std: channel.inv_std,
        }
    }
}

impl DraftLayer {
    fn schema<'a>(&'a self, units: &'a [Vec<u8>]) -> Result<Layer<'a>, ExportError> {
        let units = units.iter().map(|bytes| Units(bytes));
        let conditioner = Conditioner {
            activation: self.activation,
            hidden: bounded::<_, MAX_HIDDEN_LAYERS>("hidden layers", units)?,
        };
        let log_scale_bound = self.log_scale_bound;
        Ok(match &self.transform {
            DraftTransform::Coupling(transformed) => Layer::Coupling(Coupling {
                transformed,
                log_scale_bound,
                conditioner,
            }),
            DraftTransform::MaskedAutoregressive(order) => {
                Layer::MaskedAutoregressive(MaskedAutoregressive {
                    order,
                    log_scale_bound,
                    conditioner,
                })
            }
        })
    }

    fn from_loaded(flow: &LoadedFlow<'_>, index: usize, layer: &Layer<'_>) -> Self {
        let header = flow.header();
        let mut weights = flow.layer_weights(index);
        let blocks = (0..layer.dense_layers())
            .flat_map(|dense| layer.blocks(dense, header.event.len(), header.context.len()));
        let mut rows = Vec::new();
        for block in blocks {
            for _ in 0..block.rows {
                let bias = weights.next().unwrap_or_default();
                let weights = weights.by_ref().take(block.inputs).collect();
                rows.push(MaskedRow { bias, weights });
            }
        }
        let (transform, log_scale_bound) = match layer {
            Layer::Coupling(layer) => (
                DraftTransform::Coupling(layer.transformed.to_vec()),
                layer.log_scale_bound,
            ),
            Layer::MaskedAutoregressive(layer) => (
                DraftTransform::MaskedAutoregressive(layer.order.to_vec()),
                layer.log_scale_bound,
            ),
        };
        let narrow = |units: usize| u16::try_from(units).unwrap_or(u16::MAX);
        let hidden = layer.conditioner().hidden.iter();
        Self {
            transform,
            log_scale_bound,
            activation: layer.conditioner().activation,
            hidden: hidden
                .map(|units| units.blocks().map(narrow).collect())
                .collect(),
            rows,
        }
    }
}

fn little_endian(blocks: &[u16]) -> Vec<u8> {
    blocks
        .iter()
        .flat_map(|units| units.to_le_bytes())
        .collect()
}

fn bounded<T, const N: usize>(
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
