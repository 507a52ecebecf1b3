//! Random flows of every kind that the artefact can hold.

use flow_embedded::artefact::Activation;
use flow_embedded::math::Backend;
use flow_train::export::{
    Draft, DraftCalibration, DraftChannel, DraftLayer, DraftTransform, MaskedRow,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What a random flow is to be like.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Event channels.
    pub event: usize,
    /// Context channels.
    pub context: usize,
    /// One entry a layer: coupling, else masked autoregressive.
    pub coupling: Vec<bool>,
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// The non-linearity.
    pub activation: Activation,
    /// The elementary functions.
    pub math: Backend,
}

/// One row for each combination that runs through different code.
pub fn table() -> Vec<(&'static str, Kind)> {
    let kind = |event, context, coupling: &[bool], hidden: &[usize], activation, math| Kind {
        event,
        context,
        coupling: coupling.to_vec(),
        hidden: hidden.to_vec(),
        activation,
        math,
    };
    use Activation::{Relu, Tanh};
    use Backend::{Libm, Micromath, Polynomial};
    vec![
        ("maf", kind(6, 0, &[false; 3], &[24, 24], Relu, Polynomial)),
        (
            "maf_context",
            kind(4, 2, &[false; 2], &[16, 12], Tanh, Polynomial),
        ),
        (
            "maf_one_channel",
            kind(1, 1, &[false; 2], &[8], Relu, Polynomial),
        ),
        ("maf_no_hidden", kind(3, 0, &[false; 2], &[], Relu, Libm)),
        (
            "maf_few_units",
            kind(8, 0, &[false; 2], &[3, 5], Tanh, Micromath),
        ),
        (
            "realnvp",
            kind(6, 0, &[true; 4], &[16, 16], Relu, Polynomial),
        ),
        ("realnvp_context", kind(3, 2, &[true; 3], &[10], Tanh, Libm)),
        (
            "realnvp_no_hidden",
            kind(2, 0, &[true; 2], &[], Relu, Micromath),
        ),
        (
            "mixed",
            kind(5, 1, &[true, false, true], &[12, 8, 6], Relu, Polynomial),
        ),
    ]
}

/// A generator for tests.
pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform in −1 .. 1.
pub fn uniform(rng: &mut impl Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1u32 << 23) as f32 - 1.0
}

/// A random flow with a calibration table.
pub fn draft(kind: &Kind, seed: u64) -> Draft {
    let rng = &mut rng(seed);
    let channel = |prefix: &str, index: usize, rng: &mut ChaCha8Rng| DraftChannel {
        name: format!("{prefix}{index}"),
        unit: if index == 0 {
            "m/s²".into()
        } else {
            String::new()
        },
        mean: 10.0 * uniform(rng),
        inv_std: (2.0 * uniform(rng)).exp(),
    };
    let event = (0..kind.event).map(|i| channel("event", i, rng)).collect();
    let context = (0..kind.context)
        .map(|i| channel("context", i, rng))
        .collect();
    let layers = (0..kind.coupling.len())
        .map(|index| layer(kind, index, rng))
        .collect();
    let table = (1..=40)
        .map(|i| (i as f32 - 60.0, i as f32 / 100.0))
        .collect();
    Draft {
        name: "random".into(),
        event,
        context,
        layers,
        math: kind.math,
        calibration: Some(DraftCalibration {
            alpha: 0.05,
            rows: 99,
            table,
        }),
        evaluation: None,
        created_by: "tests".into(),
        command: "tests".into(),
        data_digest: seed,
        rows: 1,
        seed,
    }
}

fn layer(kind: &Kind, index: usize, rng: &mut ChaCha8Rng) -> DraftLayer {
    let channels = || 0..u8::try_from(kind.event).expect("few channels");
    let (transform, first_inputs, outputs, blocks) = if kind.coupling[index] {
        let transformed: Vec<u8> = channels()
            .filter(|c| usize::from(*c) % 2 != index % 2)
            .collect();
        let (inputs, rows) = (
            kind.context + kind.event - transformed.len(),
            2 * transformed.len(),
        );
        (DraftTransform::Coupling(transformed), inputs, rows, 1)
    } else {
        let order = if index.is_multiple_of(2) {
            channels().collect()
        } else {
            channels().rev().collect()
        };
        (
            DraftTransform::MaskedAutoregressive(order),
            kind.context,
            2,
            kind.event,
        )
    };
    // Uneven on purpose: some degrees may have no unit.
    let hidden: Vec<Vec<u16>> = kind
        .hidden
        .iter()
        .map(|units| {
            let mut counts = vec![0; blocks];
            for unit in 0..*units {
                counts[unit * 7 % blocks] += 1;
            }
            counts
        })
        .collect();
    let mut rows = Vec::new();
    for dense in 0..=hidden.len() {
        let mut inputs = first_inputs;
        for block in 0..blocks {
            if dense > 0 {
                inputs = hidden[dense - 1][..=block]
                    .iter()
                    .map(|n| usize::from(*n))
                    .sum();
            } else if block > 0 {
                inputs += 1;
            }
            let count = hidden
                .get(dense)
                .map_or(outputs, |counts| usize::from(counts[block]));
            for _ in 0..count {
                let size = 1.5 / (inputs as f32 + 1.0).sqrt();
                rows.push(MaskedRow {
                    bias: 0.5 * uniform(rng),
                    weights: (0..inputs).map(|_| size * uniform(rng)).collect(),
                });
            }
        }
    }
    DraftLayer {
        transform,
        log_scale_bound: 3.0,
        activation: kind.activation,
        hidden,
        rows,
    }
}
