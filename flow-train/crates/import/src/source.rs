//! What a flow comes as: a state dictionary with what it does not say, and golden rows.

use super::settings::{LayerSettings, Settings};
use super::state::{State, Tensor};
use super::{ImportError, Shape, npz};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A fitted flow of another library.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The flow's name; empty if it has none.
    pub name: String,
    /// The library, in lower case.
    pub library: String,
    /// Its version.
    pub version: String,
    /// What the state does not hold.
    pub settings: Settings,
    /// Likewise, of single layers.
    pub layers: Vec<LayerSettings>,
    /// The tensors.
    pub state: State,
    /// Names of the event's columns; empty for c0, c1 and so on.
    pub columns: Vec<String>,
    /// Those of the context, likewise.
    pub context_columns: Vec<String>,
    /// What was done to the data before the flow saw them.
    pub standardise: Option<Standardise>,
    /// What the flow must reproduce.
    pub golden: Golden,
}

/// `(x − mean) / std` of each column, outside the flow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardise {
    /// Means of the event's columns.
    pub mean: Vec<f64>,
    /// Their standard deviations.
    pub std: Vec<f64>,
    /// Means of the context's columns.
    #[serde(default)]
    pub context_mean: Vec<f64>,
    /// Their standard deviations.
    #[serde(default)]
    pub context_std: Vec<f64>,
}

/// Rows in the units of the raw data, and their log-likelihoods.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Golden {
    /// Events, row-major.
    pub events: Vec<f64>,
    /// Contexts, row-major.
    pub contexts: Vec<f64>,
    /// In nats, in the units of the raw data.
    pub log_probs: Vec<f64>,
}

/// A manifest, with the tensors inside or beside it.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: String,
    library: Option<String>,
    version: Option<String>,
    /// Of the golden files of this project: library and version in one.
    meta: Option<Meta>,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    layers: Vec<Map<String, Value>>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    context_columns: Vec<String>,
    standardise: Option<Standardise>,
    #[serde(default)]
    x: Vec<Vec<f64>>,
    context: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    log_prob: Vec<f64>,
    state: Option<BTreeMap<String, StoredTensor>>,
}

/// What is beside a manifest, or around it.
enum Tensors {
    State(State),
    Archive(Archive),
}

/// An archive of NumPy: `state/KEY` or `KEY` for each tensor; `x`, `context` and `log_prob` for golden rows that are not
/// in the manifest; `manifest`, the bytes of that.
#[derive(Default)]
struct Archive {
    state: State,
    /// Events and log-likelihoods, if there are.
    golden: Option<[Vec<Vec<f64>>; 2]>,
    context: Option<Vec<Vec<f64>>>,
    manifest: Option<Vec<u8>>,
}

impl Archive {
    fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        let mut own = Self::default();
        let (mut x, mut log_prob) = (None, None);
        for (name, tensor) in npz::read(bytes)? {
            match name.as_str() {
                "x" => x = Some(rows(&tensor)),
                "context" => own.context = Some(rows(&tensor)),
                "log_prob" => log_prob = Some(vec![tensor.values]),
                // Latents, which are not needed.
                "z" => {}
                "manifest" => {
                    let bytes = tensor.values.iter().map(|own| *own as u8);
                    own.manifest = Some(bytes.collect());
                }
                _ => {
                    let key = name.strip_prefix("state/").unwrap_or(&name).to_owned();
                    own.state.insert(key, tensor);
                }
            }
        }
        own.golden = x.zip(log_prob).map(|(x, log_prob)| [x, log_prob]);
        Ok(own)
    }
}

/// The rows of a matrix.
fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    let width: usize = tensor.shape.iter().skip(1).product();
    let rows = tensor.values.chunks(width.max(1));
    rows.map(<[f64]>::to_vec).collect()
}

#[derive(Deserialize)]
struct Meta {
    lib: String,
}

#[derive(Deserialize)]
struct StoredTensor {
    shape: Vec<usize>,
    data: Value,
}

impl Source {
    /// Reads a manifest in JSON, and the tensors of a file in the format safetensors, or of an archive of NumPy (`.npz`),
    /// if they are not in the manifest. An archive may hold the manifest instead.
    ///
    /// # Errors
    /// A file is not what it should be, or the tensors are in neither or in both.
    pub fn read(manifest: &[u8], tensors: Option<&[u8]>) -> Result<Self, ImportError> {
        if npz::is_archive(manifest) {
            let mut found = Archive::read(manifest)?;
            let text = found.manifest.take().ok_or_else(|| {
                ImportError::Format("the archive holds no array `manifest`".into())
            })?;
            return Self::put_together(&text, Some(Tensors::Archive(found)));
        }
        let tensors = match tensors {
            Some(bytes) if npz::is_archive(bytes) => Some(Tensors::Archive(Archive::read(bytes)?)),
            Some(bytes) => Some(Tensors::State(of_safetensors(bytes)?)),
            None => None,
        };
        Self::put_together(manifest, tensors)
    }

    fn put_together(manifest: &[u8], tensors: Option<Tensors>) -> Result<Self, ImportError> {
        let mut own: Manifest = serde_json::from_slice(manifest)
            .map_err(|fault| ImportError::Manifest(fault.to_string()))?;
        let state = match (own.state, tensors) {
            (Some(tensors), None) => of_json(tensors)?,
            (None, Some(Tensors::State(state))) => state,
            (None, Some(Tensors::Archive(found))) => {
                if let Some([x, log_prob]) = found.golden {
                    own.x = x;
                    own.log_prob = log_prob.concat();
                    own.context = found.context;
                }
                found.state
            }
            (None, None) => return Err(ImportError::Format("there are no tensors".into())),
            (Some(_), Some(_)) => {
                return Err(ImportError::Format(
                    "there are tensors in the manifest and beside it".into(),
                ));
            }
        };
        let (library, version) = match (own.library, own.version, own.meta) {
            (Some(library), version, _) => (library, version.unwrap_or_default()),
            (None, _, Some(meta)) => {
                let (library, version) = meta.lib.split_once(' ').unwrap_or((&meta.lib, ""));
                (library.to_owned(), version.to_owned())
            }
            (None, _, None) => {
                return Err(ImportError::Format("the manifest names no library".into()));
            }
        };
        let layers = own.layers.into_iter().map(LayerSettings::read);
        let layers = layers
            .collect::<Result<_, _>>()
            .map_err(|fault| ImportError::Manifest(fault.to_string()))?;
        Ok(Self {
            name: own.name,
            library: library.to_lowercase(),
            version,
            settings: own.settings,
            layers,
            state,
            columns: own.columns,
            context_columns: own.context_columns,
            standardise: own.standardise,
            golden: Golden::of(&own.x, own.context.as_deref(), own.log_prob)?,
        })
    }

    /// The numbers of channels, by the golden rows.
    pub(crate) fn shape(&self) -> Shape {
        let rows = self.golden.log_probs.len().max(1);
        Shape {
            event: self.golden.events.len() / rows,
            context: self.golden.contexts.len() / rows,
        }
    }
}

impl Golden {
    fn of(
        events: &[Vec<f64>],
        contexts: Option<&[Vec<f64>]>,
        log_probs: Vec<f64>,
    ) -> Result<Self, ImportError> {
        let contexts = contexts.unwrap_or_default();
        let even = |rows: &[Vec<f64>]| rows.windows(2).all(|pair| pair[0].len() == pair[1].len());
        let counted = events.len() == log_probs.len()
            && (contexts.is_empty() || contexts.len() == log_probs.len());
        if !counted || !even(events) || !even(contexts) {
            return Err(ImportError::Format(
                "the golden rows' x, context and log_prob are of different lengths".into(),
            ));
        }
        Ok(Self {
            events: events.concat(),
            contexts: contexts.concat(),
            log_probs,
        })
    }
}

fn of_json(tensors: BTreeMap<String, StoredTensor>) -> Result<State, ImportError> {
    let mut state = State::default();
    for (key, own) in tensors {
        let mut values = Vec::new();
        flatten(&own.data, &mut values)
            .filter(|()| values.len() == own.shape.iter().product::<usize>())
            .ok_or_else(|| {
                ImportError::Format(format!("`{key}` does not hold the numbers of its shape"))
            })?;
        let shape = own.shape;
        state.insert(key, Tensor { shape, values });
    }
    Ok(state)
}

/// Numbers and truth values, however nested.
fn flatten(value: &Value, to: &mut Vec<f64>) -> Option<()> {
    let number = match value {
        Value::Array(values) => return values.iter().try_for_each(|own| flatten(own, to)),
        Value::Bool(own) => f64::from(u8::from(*own)),
        Value::Number(own) => own.as_f64()?,
        _ => return None,
    };
    to.push(number);
    Some(())
}

fn of_safetensors(bytes: &[u8]) -> Result<State, ImportError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|fault| ImportError::Format(format!("the tensors can't be read: {fault}")))?;
    let mut state = State::default();
    for (key, view) in file.iter() {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F64 => numbers(data, f64::from_le_bytes),
            Dtype::F32 => numbers(data, |own| f32::from_le_bytes(own).into()),
            Dtype::F16 => numbers(data, |own| f16::from_le_bytes(own).into()),
            Dtype::BF16 => numbers(data, |own| bf16::from_le_bytes(own).into()),
            Dtype::I64 => numbers(data, |own| i64::from_le_bytes(own) as f64),
            Dtype::I32 => numbers(data, |own| i32::from_le_bytes(own).into()),
            Dtype::BOOL | Dtype::U8 => numbers(data, |[own]: [u8; 1]| own.into()),
            other => {
                return Err(ImportError::unsupported(
                    key,
                    &format!("numbers of the type {other:?}"),
                ));
            }
        };
        let shape = view.shape().to_vec();
        state.insert(key.to_owned(), Tensor { shape, values });
    }
    Ok(state)
}

fn numbers<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|word| read(*word)).collect()
}
