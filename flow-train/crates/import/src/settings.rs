//! What a state dictionary does not say: stated by the manifest, or found by the golden rows.

use super::ImportError;
use flow_embedded::artefact::{Activation, NoSuchActivation};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What was stated, of a flow or of one of its layers. What is not said is the library's default, or found by the golden
/// rows.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The non-linearity of networks, by its name, such as `relu` or `leaky-relu:0.2`.
    pub activation: Option<String>,
    /// Whether networks have residual blocks; told by the tensors, too.
    pub residual: Option<bool>,
    /// What is done to channels: `shift`, `affine` or `spline`; told by the tensors, too.
    pub transformer: Option<String>,
    /// From a parameter to a scale: `exp`, `softplus`, `sigmoid`, `sigmoid_inv` or `plain_softplus`, as far as the
    /// layer can have it.
    pub scale_map: Option<String>,
    /// FlowJAX: what an affine transformer adds to its scale.
    pub min_scale: Option<f64>,
    /// FlowJAX: the parameters of a transformer that its network's numbers are added to.
    pub init: Option<Vec<f64>>,
    /// The bins of splines; told by the tensors, too.
    pub bins: Option<usize>,
    /// Splines cover ± this bound.
    pub bound: Option<f64>,
    /// zuko's least slope, 1e-3.
    pub slope: Option<f64>,
    /// nflows, normflows: the least width of a bin, as a fraction of the spline's.
    pub min_bin_width: Option<f64>,
    /// The least height of a bin, the same as the least width.
    pub min_bin_height: Option<f64>,
    /// FlowJAX: the least width and height of a bin, in units of its input.
    pub min_width: Option<f64>,
    /// The least slope of a spline.
    pub min_derivative: Option<f64>,
    /// Beyond the bound: `linear`, the identity.
    pub tails: Option<String>,
    /// What widths and heights of bins are divided by.
    pub divisor: Option<f64>,
    /// Whether nflows' splines begin as the identity, by another softplus.
    pub identity_init: Option<bool>,
    /// What is added to a variance, a scale or a diagonal, so that it is positive.
    pub eps: Option<f64>,
    /// normflows: whether a matrix is held by its factors.
    pub use_lu: Option<bool>,
    /// Ranks of channels; told by the masks, too.
    pub order: Option<Vec<usize>>,
    /// zuko's passes; told by the masks, too.
    pub passes: Option<usize>,
    /// normflows: how channels are split, `channel`, `channel_inv`, `checkerboard` or `checkerboard_inv`.
    pub split: Option<String>,
    /// normflows: how channels are permuted, `swap` or `shuffle`; told by the tensors, too.
    pub mode: Option<String>,
    /// The direction of the layer's formula; told by the library, the class and the keys, too.
    pub direction: Option<String>,
    /// FlowJAX: whether data to base is one pass; told by the keys, too.
    pub invert: Option<bool>,
    /// FlowJAX: the number of layers; told by the tensors, too.
    pub stacked: Option<usize>,
}

/// What was stated of a layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerSettings {
    /// How its tensors' keys begin.
    pub key: String,
    /// The library's name of it.
    pub class: String,
    /// The rest.
    pub settings: Settings,
}

impl LayerSettings {
    /// Reads `key`, `class` and settings.
    pub(super) fn read(mut own: Map<String, Value>) -> Result<Self, String> {
        let mut text = |name: &str| match own.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(format!("a layer has no `{name}`")),
        };
        let (key, class) = (text("key")?, text("class")?);
        let settings = serde_json::from_value(Value::Object(own))
            .map_err(|fault| format!("layer `{key}`: {fault}"))?;
        Ok(Self {
            key,
            class,
            settings,
        })
    }
}

/// What is taken where nothing is stated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess {
    pub(super) activation: Activation,
    /// The library's, if there is none.
    pub(super) bound: Option<f64>,
    /// Likewise.
    pub(super) scale_map: Option<&'static str>,
    /// normflows: whether the last flow is one without tensors.
    pub(super) last_swaps: bool,
}

/// What is tried in this order, as all activations are; the golden rows tell which one is right.
const BOUNDS: [Option<f64>; 10] = [
    None,
    Some(1.0),
    Some(2.0),
    Some(3.0),
    Some(4.0),
    Some(5.0),
    Some(6.0),
    Some(8.0),
    Some(10.0),
    Some(20.0),
];
const SCALE_MAPS: [Option<&str>; 6] = [
    None,
    Some("exp"),
    Some("softplus"),
    Some("sigmoid"),
    Some("sigmoid_inv"),
    Some(PLAIN_SOFTPLUS),
];

/// FlowJAX's `Affine`, whose scale has no least value.
pub(super) const PLAIN_SOFTPLUS: &str = "plain_softplus";

/// All guesses, the libraries' defaults first.
pub(super) fn guesses() -> impl Iterator<Item = Guess> {
    let ways = [false, true].into_iter();
    let ways = ways.flat_map(|last_swaps| SCALE_MAPS.map(|scale_map| (last_swaps, scale_map)));
    ways.flat_map(|(last_swaps, scale_map)| {
        BOUNDS.into_iter().flat_map(move |bound| {
            Activation::ALL.into_iter().map(move |activation| Guess {
                activation,
                bound,
                scale_map,
                last_swaps,
            })
        })
    })
}

/// What is stated of a layer, over what is of the flow, over a guess.
pub(super) struct Choice<'a> {
    key: &'a str,
    own: Option<&'a Settings>,
    all: &'a Settings,
    guess: Guess,
}

impl<'a> Choice<'a> {
    pub(super) fn new(
        all: &'a Settings,
        layers: &'a [LayerSettings],
        key: &'a str,
        guess: Guess,
    ) -> Result<Self, ImportError> {
        let own = layers.iter().find(|layer| layer.key == key);
        let own = Self {
            key,
            own: own.map(|layer| &layer.settings),
            all,
            guess,
        };
        own.check()?;
        Ok(own)
    }

    /// What no layer can be.
    fn check(&self) -> Result<(), ImportError> {
        let refuse = |setting: &str, reason: &str| {
            Err(ImportError::unsupported(
                &format!("{}: {setting}", self.key),
                reason,
            ))
        };
        if self.stated(|own| own.identity_init) == Some(true) {
            return refuse(
                "identity_init",
                "the softplus of such splines is another one",
            );
        }
        match self.stated(|own| own.tails.clone()) {
            Some(tails) if tails != "linear" => refuse("tails", &format!("{tails}, not linear")),
            _ => Ok(()),
        }
    }

    /// What is stated of the layer, or else of the flow.
    pub(super) fn stated<T>(&self, of: impl Fn(&Settings) -> Option<T>) -> Option<T> {
        self.own.and_then(&of).or_else(|| of(self.all))
    }

    pub(super) fn activation(&self) -> Result<Activation, ImportError> {
        let Some(name) = self.stated(|own| own.activation.clone()) else {
            return Ok(self.guess.activation);
        };
        // As classes and functions are called: `LeakyReLU`, `leaky_relu`.
        let known = name.to_lowercase().replace('_', "-");
        let activation = known.replace("leakyrelu", "leaky-relu").parse();
        activation.map_err(|fault: NoSuchActivation| {
            ImportError::unsupported("activation", &format!("{name} is {fault}"))
        })
    }

    pub(super) fn bound(&self, default: f64) -> f64 {
        let stated = self.stated(|own| own.bound);
        stated.or(self.guess.bound).unwrap_or(default)
    }

    /// The place of the scale map among those that a layer can have, the default first.
    pub(super) fn scale_map(&self, known: &[&str]) -> Result<usize, ImportError> {
        let place = |name: &str| known.iter().position(|own| *own == name);
        let Some(stated) = self.stated(|own| own.scale_map.clone()) else {
            return Ok(self.guess.scale_map.and_then(place).unwrap_or(0));
        };
        place(&stated).ok_or_else(|| {
            ImportError::unsupported(
                &format!("{}: scale_map", self.key),
                &format!("{stated} is none of {}", known.join(", ")),
            )
        })
    }

    /// The least size of a bin as the library has it, the same for widths and heights.
    pub(super) fn least_size(&self) -> Result<f64, ImportError> {
        let width = self.stated(|own| own.min_bin_width).unwrap_or(1e-3);
        match self.stated(|own| own.min_bin_height) {
            Some(height) if height != width => Err(ImportError::unsupported(
                &format!("{}: min_bin_height", self.key),
                "is not the least width of a bin",
            )),
            _ => Ok(width),
        }
    }

    /// What is added so that a number is positive.
    pub(super) fn eps(&self, default: f64) -> f64 {
        self.stated(|own| own.eps).unwrap_or(default)
    }

    pub(super) fn least_slope(&self) -> f64 {
        self.stated(|own| own.min_derivative).unwrap_or(1e-3)
    }
}
