//! A flow of each family at two sizes, compiled to Rust. The weights are random: they change what
//! comes out, and hardly what it costs.

use std::error::Error;
use std::fs;
use std::path::Path;

use flow_codegen::{Options, compile};
use flow_embedded::artefact::{
    Activation, Autoregressive, Base, Channel, Conditioner, Coupling, Direction, Domain, Header,
    Layer, Provenance, Transformer, Units, encode, encoded_len,
};
use flow_embedded::math::Backend;

/// Bijections of each flow.
const LAYERS: usize = 3;
/// Units of each of the two hidden layers.
const UNITS: usize = 32;
/// Event channels.
const SIZES: [usize; 2] = [4, 16];

const AFFINE: Transformer = Transformer::Affine {
    log_scale_bound: 2.0,
};
const SPLINE: Transformer = Transformer::Spline {
    bins: 8,
    bound: 4.0,
};

/// A family: coupling where there is no direction.
struct Family {
    name: &'static str,
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

const FAMILIES: [Family; 6] = [
    family("nice", Transformer::Shift, None),
    family("realnvp", AFFINE, None),
    family("nsf", SPLINE, None),
    family("maf", AFFINE, Some(Direction::Normalizing)),
    family("iaf", AFFINE, Some(Direction::Generative)),
    family("nsf_ar", SPLINE, Some(Direction::Normalizing)),
];

/// Writes `NAME_SIZE.rs` to a folder for every family and size.
pub(crate) fn generate(folder: &Path) -> Result<(), Box<dyn Error>> {
    for family in &FAMILIES {
        for event in SIZES {
            let name = format!("{}_{event}", family.name);
            let options = Options {
                type_name: Some("Model".to_owned()),
                ..Options::default()
            };
            let source = format!("{name}.flow");
            let (text, _) = compile(&artefact(family, event)?, Path::new(&source), &options)?;
            fs::write(folder.join(&name).with_extension("rs"), text)?;
        }
    }
    Ok(())
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
            residual: false,
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

fn artefact(family: &Family, event: usize) -> Result<Vec<u8>, Box<dyn Error>> {
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
    let header = Header {
        name: family.name,
        event: names.iter().map(|name| channel(name.as_str())).collect(),
        context: [].into_iter().collect(),
        layers: (0..LAYERS)
            .map(|index| lists.layer(family, index))
            .collect(),
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
    };
    let weights = weights(&header);
    let mut buffer = vec![0; encoded_len(&header, weights.len())?];
    Ok(encode(&header, &weights, &mut buffer)?.to_vec())
}

/// Random weights, smaller where a row sees more inputs.
fn weights(header: &Header<'_>) -> Vec<f32> {
    let shape = header.shape();
    let mut state = 0x2545_f491_u32;
    let mut uniform = || {
        // Marsaglia's xorshift of 32 bits (2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    };
    let mut weights = Vec::new();
    for layer in &header.layers {
        for block in (0..layer.dense_layers()).flat_map(|dense| layer.blocks(dense, shape)) {
            let size = 1.5 / (block.inputs as f32 + 1.0).sqrt();
            weights.extend((0..block.weights()).map(|_| size * uniform()));
        }
    }
    weights
}
