//! A flow of each family at two sizes, and some of them compiled otherwise. The weights are random:
//! they change what comes out, and hardly what it costs.
//!
//! The firmware's build script compiles them; so does flow-tests, which has this file too, to state
//! what they cost.

use std::error::Error;

use flow_codegen::{Checked, Interpreter, Optimise, Passes};
use flow_embedded::artefact::{
    Activation, Autoregressive, Base, Channel, Conditioner, Coupling, Direction, Domain, Form,
    Header, Layer, List, Provenance, Quantisation, Transformer, Units, WeightFormat, encode,
    encoded_len,
};
use flow_embedded::math::Backend;

/// Bijections of each flow.
const LAYERS: usize = 3;
/// Units of each of the two hidden layers.
const UNITS: usize = 32;
/// Events that decide the ranges of a quantised flow's activations.
const EVENTS: usize = 500;

const AFFINE: Transformer = Transformer::Affine {
    log_scale_bound: 2.0,
};
const SPLINE: Transformer = Transformer::Spline {
    bins: 8,
    bound: 4.0,
};

/// A family: coupling where there is no direction.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    transformer: Transformer,
    direction: Option<Direction>,
}

const fn family(
    name: &'static str,
    transformer: Transformer,
    direction: Option<Direction>,
) -> Family {
    Family {
        name,
        transformer,
        direction,
    }
}

static FAMILIES: [Family; 6] = [
    family("nice", Transformer::Shift, None),
    family("realnvp", AFFINE, None),
    family("nsf", SPLINE, None),
    family("maf", AFFINE, Some(Direction::Normalizing)),
    family("iaf", AFFINE, Some(Direction::Generative)),
    family("nsf_ar", SPLINE, Some(Direction::Normalizing)),
];

/// Event channels.
const SIZES: [usize; 2] = [4, 16];

/// Flows that are also compiled otherwise: family, channels, weights, layout, and the end of the
/// name.
const VARIANTS: [(&str, usize, Option<WeightFormat>, Optimise, &str); 6] = [
    ("maf", 4, None, Optimise::Size, "_size"),
    ("maf", 4, Some(WeightFormat::I8), Optimise::Speed, "_i8"),
    ("maf", 4, Some(WeightFormat::I8), Optimise::Size, "_i8_size"),
    ("maf", 4, Some(WeightFormat::I16), Optimise::Speed, "_i16"),
    ("nsf_ar", 4, Some(WeightFormat::I8), Optimise::Speed, "_i8"),
    (
        "realnvp",
        16,
        Some(WeightFormat::I8),
        Optimise::Speed,
        "_i8",
    ),
];

/// A flow to compile.
pub(crate) struct Flow {
    /// Its family and its channels, then what is not plain: `maf_4_i8_size`.
    pub(crate) name: String,
    pub(crate) optimise: Optimise,
    /// Event channels.
    pub(crate) event: usize,
    pub(crate) family: &'static Family,
    /// What its weights are compiled to, if not to `f32`.
    pub(crate) weights: Option<WeightFormat>,
}

impl Flow {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        FAMILIES.iter().flat_map(|family| {
            let plain = SIZES.map(|event| (family.name, event, None, Optimise::Speed, ""));
            let own = move |(name, ..): &(&str, _, _, _, _)| *name == family.name;
            let all = plain.into_iter().chain(VARIANTS.into_iter().filter(own));
            all.map(move |(name, event, weights, optimise, end)| Self {
                name: format!("{name}_{event}{end}"),
                optimise,
                family,
                event,
                weights,
            })
        })
    }

    /// Its artefact.
    pub(crate) fn artefact(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        artefact(self.family, self.event, self.weights)
    }
}

/// What the layers of a flow borrow.
struct Lists {
    /// Channels in ascending and in descending order.
    orders: [Vec<u8>; 2],
    /// Even and odd channels.
    halves: [Vec<u8>; 2],
    groups: Vec<u8>,
    units: Vec<u8>,
}

impl Lists {
    fn new(family: &Family, event: usize) -> Result<Self, Box<dyn Error>> {
        let ascending: Vec<u8> = (0..u8::try_from(event)?).collect();
        let descending = ascending.iter().rev().copied().collect();
        let (even, odd) = ascending.iter().partition(|channel| *channel % 2 == 0);
        // Without context, units of the first degree would be constants.
        let counts: Vec<usize> = match family.direction {
            None => vec![UNITS],
            Some(_) => (0..event)
                .map(|degree| {
                    let degrees = event - 1;
                    match degree {
                        0 => 0,
                        _ => UNITS / degrees + usize::from(degree <= UNITS % degrees),
                    }
                })
                .collect(),
        };
        let units = counts
            .iter()
            .flat_map(|count| (*count as u16).to_le_bytes());
        Ok(Self {
            orders: [ascending, descending],
            halves: [even, odd],
            groups: vec![1; event],
            units: units.collect(),
        })
    }

    fn layer(&self, family: &Family, index: usize) -> Layer<'_> {
        let conditioner = Conditioner {
            activation: Activation::Relu,
            form: Form::Plain,
            hidden: [Units(&self.units); 2].into_iter().collect(),
        };
        let transformer = family.transformer;
        match family.direction {
            None => Layer::Coupling(Coupling {
                transformed: &self.halves[index % 2],
                transformer,
                conditioner,
            }),
            Some(direction) => Layer::Autoregressive(Autoregressive {
                order: &self.orders[index % 2],
                groups: &self.groups,
                direction,
                transformer,
                conditioner,
            }),
        }
    }
}

fn artefact(
    family: &Family,
    event: usize,
    format: Option<WeightFormat>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let names: Vec<String> = (0..event).map(|channel| format!("x{channel}")).collect();
    let lists = Lists::new(family, event)?;
    let channel = |name| Channel {
        name,
        unit: "",
        domain: Domain::Real,
        grid: None,
        mean: 0.0,
        inv_std: 1.0,
    };
    let channels: Vec<Channel<'_>> = names.iter().map(|name| channel(name.as_str())).collect();
    let layers = (0..LAYERS).map(|index| lists.layer(family, index));
    let layers: Vec<Layer<'_>> = layers.collect();
    let header = Header {
        name: family.name,
        event: List::new(&channels),
        context: List::default(),
        layers: List::new(&layers),
        base: Base::Normal,
        math: Backend::Polynomial,
        log_norm: -0.918_938_5 * event as f32,
        calibration: None,
        evaluation: None,
        provenance: Provenance {
            created_by: "flow-firmware",
            command: "",
            data_digest: 0,
            rows: 0,
            seed: 0,
        },
        quantisation: None,
        features: List::default(),
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: List::default(),
        heads: List::default(),
    };
    let weights = weights(&header);
    let plain = encoded(&header, &weights)?;
    let Some(format) = format else {
        return Ok(plain);
    };
    let interpreter = Interpreter::new(&Checked::new(&plain)?, Passes::default())?;
    let fractions = interpreter.fractions(&events(event), &[]);
    let header = Header {
        quantisation: Some(Quantisation {
            weights: format,
            fractions: &fractions,
        }),
        ..header
    };
    encoded(&header, &weights)
}

fn encoded(header: &Header<'_>, weights: &[f32]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut buffer = vec![0; encoded_len(header, weights.len())?];
    Ok(encode(header, weights, &mut buffer)?.to_vec())
}

/// Random numbers within ±1.
fn uniform() -> impl FnMut() -> f32 {
    let mut state = 0x2545_f491_u32;
    move || {
        // Marsaglia's xorshift of 32 bits (2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// Events close to a standard normal distribution's: sums of twelve.
fn events(event: usize) -> Vec<f32> {
    let mut uniform = uniform();
    let sum = |_| (0..12).map(|_| uniform() / 2.0).sum();
    (0..EVENTS * event).map(sum).collect()
}

/// Random weights, smaller where a row sees more inputs.
fn weights(header: &Header<'_>) -> Vec<f32> {
    let shape = header.shape();
    let mut uniform = uniform();
    let mut weights = Vec::new();
    for layer in &header.layers {
        for block in (0..layer.dense_layers()).flat_map(|dense| layer.blocks(dense, &shape)) {
            let size = 1.5 / (block.inputs as f32 + 1.0).sqrt();
            weights.extend((0..block.weights()).map(|_| size * uniform()));
        }
    }
    weights
}
