//! The models by which the cost model is fitted, and those that hold it to account.

#[path = "../../firmware/build/artefacts.rs"]
mod artefacts;

use crate::drafts::{Bijection, Kind, draft, quantised, rng};
use artefacts::Flow;
use flow_codegen::{Functions, Optimise, Options};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{
    Activation, Base, Direction, Domain, Form, Transformer, WeightFormat,
};
use flow_embedded::math::Backend;
use flow_train::artefact::Draft;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// The most numbers of a model: what the smallest board holds with room to spare.
const MAX_NUMBERS: usize = 24_000;

/// A model to be measured.
#[derive(Debug)]
pub struct Model {
    /// Its name, which names a file too.
    pub name: String,
    /// The family, for tables.
    pub family: &'static str,
    /// The artefact.
    pub artefact: Vec<u8>,
    /// How it is compiled.
    pub options: Options,
    /// Events drawn from it, each with its context.
    pub events: Vec<(Vec<f32>, Vec<f32>)>,
}

/// What a model is computed with.
#[derive(Clone, Copy, Debug)]
enum Arithmetic {
    Float(Optimise),
    Integer(WeightFormat),
    /// Integers, made for size.
    SmallInteger(WeightFormat),
}

use Arithmetic::{Float, Integer, SmallInteger};

/// How many models of each arithmetic, with what they do.
const TRAINING: [(usize, Arithmetic, Functions); 10] = [
    (44, Float(Optimise::Speed), Functions::All),
    (22, Float(Optimise::Size), Functions::All),
    (6, Float(Optimise::Speed), Functions::Score),
    (5, Float(Optimise::Speed), Functions::Sample),
    (4, Float(Optimise::Size), Functions::Score),
    (4, Float(Optimise::Size), Functions::Sample),
    (56, Integer(WeightFormat::I8), Functions::All),
    (18, Integer(WeightFormat::I16), Functions::All),
    (24, SmallInteger(WeightFormat::I8), Functions::All),
    (8, SmallInteger(WeightFormat::I16), Functions::All),
];
const HELD_OUT: [(usize, Arithmetic, Functions); 6] = [
    (10, Float(Optimise::Speed), Functions::All),
    (6, Float(Optimise::Size), Functions::All),
    (7, Integer(WeightFormat::I8), Functions::All),
    (3, Integer(WeightFormat::I16), Functions::All),
    (4, SmallInteger(WeightFormat::I8), Functions::All),
    (2, SmallInteger(WeightFormat::I16), Functions::All),
];

/// The models that the coefficients are fitted to.
#[must_use]
pub fn training() -> Vec<Model> {
    spread("t", &TRAINING, 1)
}

/// Models that no coefficient was fitted to: random ones, the test case, and flows of the test
/// firmware.
#[must_use]
pub fn held_out() -> Vec<Model> {
    let mut models = spread("h", &HELD_OUT, 2);
    let all = Functions::All;
    for (suffix, optimise) in [("", Optimise::Speed), ("_size", Optimise::Size)] {
        let case = encoded(crate::cost::CASE.to_vec());
        let name = format!("case{suffix}");
        models.push(model(name, "maf", case, Float(optimise), all));
    }
    // As the test firmware has it, which looks up no p-value.
    for (name, optimise) in UNCALIBRATED {
        let case = encoded(uncalibrated(crate::cost::CASE));
        models.push(model(name.into(), "maf", case, Float(optimise), all));
    }
    models.extend(ALONE.into_iter().map(alone));
    models
}

/// Flows of the test firmware that binaries of their own hold, `alone_maf_4` and so on.
pub const ALONE: [&str; 11] = [
    "maf_4",
    "maf_4_size",
    "maf_4_i8",
    "maf_4_i8_size",
    "maf_4_i16",
    "nsf_4",
    "nsf_ar_4",
    "nsf_ar_4_i8",
    "realnvp_4",
    "realnvp_16_i8",
    "iaf_4",
];

fn alone(name: &str) -> Model {
    let flow = Flow::all().find(|flow| flow.name == name);
    let flow = flow.expect("a flow of the test firmware");
    let artefact = flow.artefact().expect("a valid artefact");
    let arithmetic = match (flow.weights, flow.optimise) {
        (None, optimise) => Float(optimise),
        (Some(weights), Optimise::Size) => SmallInteger(weights),
        (Some(weights), _) => Integer(weights),
    };
    let all = Functions::All;
    model(
        name.into(),
        flow.family.name,
        encoded(artefact),
        arithmetic,
        all,
    )
}

/// The test case without its calibration table, made for speed and for size.
pub const UNCALIBRATED: [(&str, Optimise); 2] = [
    ("case_uncalibrated", Optimise::Speed),
    ("case_uncalibrated_size", Optimise::Size),
];

fn uncalibrated(artefact: &[u8]) -> Vec<u8> {
    let flow = LoadedFlow::from_bytes(artefact).expect("a valid artefact");
    let draft = Draft {
        calibration: None,
        ..Draft::from_loaded(&flow)
    };
    draft.encode().expect("a valid draft")
}

fn spread(prefix: &str, counts: &[(usize, Arithmetic, Functions)], seed: u64) -> Vec<Model> {
    let mut rng = rng(seed);
    let mut models = Vec::new();
    for (count, arithmetic, functions) in counts {
        for turn in 0..*count {
            let (family, kind) = random(&mut rng, turn);
            let own = compiled(&draft(&kind, u64::from(rng.next_u32())), *arithmetic);
            let name = format!("{prefix}{:03}", models.len());
            models.push(model(name, family, own, *arithmetic, *functions));
        }
    }
    models
}

const FAMILIES: [&str; 6] = ["maf", "realnvp", "nsf", "iaf", "nsf_ar", "nice"];
const SPLINE: Transformer = Transformer::Spline {
    bins: 8,
    bound: 4.0,
};

fn kind(
    family: &str,
    layers: usize,
    event: usize,
    hidden: &[usize],
    activation: Activation,
) -> Kind {
    let affine = Transformer::Affine {
        log_scale_bound: 2.0,
    };
    let layer = match family {
        "nice" => Bijection::Coupling(Transformer::Shift),
        "realnvp" => Bijection::Coupling(affine),
        "nsf" => Bijection::Coupling(SPLINE),
        "maf" => Bijection::Autoregressive(affine, Direction::Normalizing, 1),
        "iaf" => Bijection::Autoregressive(affine, Direction::Generative, 1),
        _ => Bijection::Autoregressive(SPLINE, Direction::Normalizing, 1),
    };
    Kind {
        event,
        context: 0,
        layers: vec![layer; layers],
        hidden: hidden.to_vec(),
        activation,
        form: Form::Plain,
        domains: Vec::new(),
        context_domains: Vec::new(),
        features: Vec::new(),
        categories: false,
        lines: false,
        base: Base::Normal,
        math: Backend::Polynomial,
    }
}

/// A random model of the families by turns, now and then with what families share: a context,
/// domains, linear layers, other bases.
fn random(rng: &mut ChaCha8Rng, turn: usize) -> (&'static str, Kind) {
    loop {
        let mut below = |most: usize| rng.next_u32() as usize % most;
        let family = FAMILIES[turn % FAMILIES.len()];
        let activation = [
            Activation::Relu,
            Activation::Relu,
            Activation::Tanh,
            Activation::Silu,
        ][below(4)];
        let width = [8, 12, 16, 24, 32, 48, 64];
        let first = width[below(width.len())];
        let same = below(2) == 0;
        let hidden: Vec<usize> = (0..1 + below(3))
            .map(|_| {
                if same {
                    first
                } else {
                    width[below(width.len())]
                }
            })
            .collect();
        let event = [2, 3, 4, 5, 6, 8, 10, 12, 16][below(9)];
        let mut kind = kind(family, 1 + below(5), event, &hidden, activation);
        if same && below(6) == 0 {
            kind.form = Form::Residual;
        }
        if below(4) == 0 {
            kind.context = 1 + below(2);
        }
        if below(4) == 0 {
            let domains = [
                Domain::Positive { low: -0.5 },
                Domain::Bounded {
                    low: 10.0,
                    high: 30.0,
                },
                Domain::SoftPositive {
                    low: 1.0,
                    scale: 2.5,
                },
                Domain::HeavyTailed {
                    centre: 3.0,
                    scale: 0.5,
                },
            ];
            kind.domains = (0..1 + below(2)).map(|_| domains[below(4)]).collect();
        }
        kind.base = match below(12) {
            0 => Base::Logistic,
            1 => Base::Laplace,
            2 => Base::StudentT {
                degrees_of_freedom: 7.0,
            },
            3 => Base::Mixture {
                components: 2 + below(4) as u8,
            },
            _ => Base::Normal,
        };
        match below(8) {
            0 => kind.layers.insert(0, Bijection::ElementWise),
            1 => kind.layers.insert(0, Bijection::Linear),
            2 => kind.layers.push(Bijection::Linear),
            3 => kind.layers.insert(1, Bijection::Permutation),
            _ => {}
        }
        if numbers(&kind) <= MAX_NUMBERS {
            return (family, kind);
        }
    }
}

/// The numbers of a model, about.
fn numbers(kind: &Kind) -> usize {
    let encoded = draft(kind, 0).encode().expect("a valid draft");
    encoded.len() / 4
}

/// An artefact, and events that the model of `f32` draws.
type Encoded = (Vec<u8>, Vec<(Vec<f32>, Vec<f32>)>);

/// What is compiled for an arithmetic.
fn compiled(draft: &Draft, arithmetic: Arithmetic) -> Encoded {
    let (plain, events) = encoded(draft.encode().expect("a valid draft"));
    match arithmetic {
        Float(_) => (plain, events),
        Integer(weights) | SmallInteger(weights) => {
            let integers = quantised(draft, weights);
            (integers.encode().expect("a valid draft"), events)
        }
    }
}

fn encoded(artefact: Vec<u8>) -> Encoded {
    let events = flow_measure::events(&artefact).expect("a valid artefact");
    (artefact, events)
}

fn model(
    name: String,
    family: &'static str,
    (artefact, events): Encoded,
    arithmetic: Arithmetic,
    functions: Functions,
) -> Model {
    Model {
        name,
        family,
        artefact,
        options: Options {
            type_name: Some("Model".to_owned()),
            functions,
            optimise: match arithmetic {
                Float(optimise) => optimise,
                Integer(_) => Optimise::Speed,
                SmallInteger(_) => Optimise::Size,
            },
            ..Options::default()
        },
        events,
    }
}
