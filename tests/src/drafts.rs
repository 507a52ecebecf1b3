//! Random flows of every kind that the artefact can hold.

use flow_codegen::{Checked, Interpreter, Passes};
use flow_embedded::artefact::{
    self, Activation, Autoregressive, Base, Conditioner, ContextTerm, Coupling, Direction, Domain,
    Ends, FlooredSpline, Form, Grid, Judged, Layer, PreActivation, Scale, Shape, Transformer,
    Units, WeightFormat,
};
use flow_embedded::math::Backend;
use flow_embedded::window::Feature;
use flow_train::artefact::{
    Draft, DraftCalibration, DraftCategory, DraftChannel, DraftConditioner, DraftConvolutions,
    DraftFactors, DraftLayer, DraftMondrian, DraftNoise, DraftQuantisation, DraftSequential,
    DraftVocabulary, MaskedRow, Planes,
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
    /// The bijections.
    pub layers: Vec<Bijection>,
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// The non-linearity.
    pub activation: Activation,
    /// How the dense layers of conditioners follow one another; heads and convolutions are plain
    /// if they can't be so.
    pub form: Form,
    /// The domains of the first event channels; the others are real. Codes are of the
    /// vocabularies of [`VOCABULARIES`].
    pub domains: Vec<Domain>,
    /// The domains of the first context channels; the others are real.
    pub context_domains: Vec<Domain>,
    /// What the first context channels are computed from.
    pub features: Vec<Feature>,
    /// Whether the last context channel is a category, with calibration tables of its values.
    pub categories: bool,
    /// Whether it is a text of letters and line breaks, whose lines are judged.
    pub lines: bool,
    /// The base distribution.
    pub base: Base,
    /// The elementary functions.
    pub math: Backend,
}

/// Categories and numbers of an embedding, of the vocabularies that there are in a draft with a
/// categorical channel.
pub const VOCABULARIES: [(usize, usize); 2] = [(5, 3), (3, 2)];

/// Channels of codes of a vocabulary.
const fn codes(vocabulary: u8) -> Domain {
    Domain::Categorical { vocabulary }
}

fn vocabulary(domain: Domain) -> Option<usize> {
    match domain {
        Domain::Categorical { vocabulary } => Some(usize::from(vocabulary)),
        _ => None,
    }
}

/// One bijection.
#[derive(Clone, Copy, Debug)]
pub enum Bijection {
    /// Every second channel, by turns.
    Coupling(Transformer),
    /// In ascending and descending order by turns, so many channels a group.
    Autoregressive(Transformer, Direction, usize),
    /// A factored matrix behind a rotation of the channels.
    Linear,
    /// Scales and shifts.
    ElementWise,
    /// A rotation of the channels.
    Permutation,
    /// Every second plane of an image of this width and height, by turns, with one
    /// head of the first convolution for all positions or one for each.
    Convolutional(Transformer, [u8; 2], Heads),
    /// A factored matrix over the planes of an image of this width and height.
    Pointwise([u8; 2]),
}

/// What the first convolution adds before what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// The same everywhere.
    One,
    /// Something else at each position.
    ByPosition,
}

const AFFINE: Transformer = Transformer::Affine {
    log_scale_bound: 3.0,
};
const SPLINE: Transformer = Transformer::Spline {
    bins: 8,
    bound: 4.0,
};
const FEW_BINS: Transformer = Transformer::Spline {
    bins: 3,
    bound: 3.0,
};
/// Pre-activation blocks.
const fn blocks(blocks: u8, activated: bool, context: ContextTerm) -> Form {
    Form::PreActivation(PreActivation {
        blocks,
        activated,
        context,
    })
}

/// As FlowJAX has it; the affine maps below are those of nflows and normflows.
const FREE_ENDS: Transformer = Transformer::FlooredSpline(FlooredSpline {
    bins: 5,
    bound: 3.0,
    least_size: 1e-3,
    least_slope: 1e-3,
    ends: Ends::Free,
    direction: Direction::Normalizing,
});
/// As nflows has it, inverted.
const INVERTED: Transformer = Transformer::FlooredSpline(FlooredSpline {
    bins: 4,
    bound: 3.0,
    least_size: 6e-3,
    least_slope: 1e-3,
    ends: Ends::Smooth,
    direction: Direction::Generative,
});
const SOFTPLUS: Transformer = Transformer::Scaled {
    scale: Scale::Softplus { least: 1e-3 },
    direction: Direction::Normalizing,
};
const SIGMOID: Transformer = Transformer::Scaled {
    scale: Scale::Sigmoid { least: 1e-3 },
    direction: Direction::Generative,
};
const EXPONENTIAL: Transformer = Transformer::Scaled {
    scale: Scale::Exponential { least: 0.0 },
    direction: Direction::Generative,
};
const ABOVE_ONE: Transformer = Transformer::Scaled {
    scale: Scale::Exponential { least: 1.0 },
    direction: Direction::Normalizing,
};
const MAF: Bijection = Bijection::Autoregressive(AFFINE, Direction::Normalizing, 1);
const IAF: Bijection = Bijection::Autoregressive(AFFINE, Direction::Generative, 1);
const NSF_AR: Bijection = Bijection::Autoregressive(SPLINE, Direction::Normalizing, 1);
const REAL_NVP: Bijection = Bijection::Coupling(AFFINE);

impl Kind {
    /// The same with two event channels, an image being one pixel.
    pub fn of_two_channels(self) -> Self {
        let pixel = |layer: &Bijection| match *layer {
            Bijection::Convolutional(transformer, _, heads) => {
                Bijection::Convolutional(transformer, [1, 1], heads)
            }
            Bijection::Pointwise(_) => Bijection::Pointwise([1, 1]),
            other => other,
        };
        Self {
            event: 2,
            layers: self.layers.iter().map(pixel).collect(),
            ..self
        }
    }

    /// Whether there are layers over images, which are not computed with integers.
    pub fn is_image(&self) -> bool {
        let over_images =
            |own: &Bijection| matches!(own, Bijection::Convolutional(..) | Bijection::Pointwise(_));
        self.layers.iter().any(over_images)
    }

    /// Whether it has transformers as other libraries have them.
    pub fn is_imported(&self) -> bool {
        self.layers.iter().any(|own| match own {
            Bijection::Coupling(own) | Bijection::Autoregressive(own, ..) => own.is_imported(),
            _ => false,
        })
    }

    /// Whether it has a form in integers: images and categories have none.
    pub fn has_integers(&self) -> bool {
        !self.is_image() && !self.is_categorical()
    }

    /// Six channels, two hidden layers, the usual choices for the rest.
    fn plain(layers: &[Bijection]) -> Self {
        Self {
            event: 6,
            context: 0,
            layers: layers.to_vec(),
            hidden: vec![16, 16],
            activation: Activation::Relu,
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

    /// Whether a channel is categorical.
    pub fn is_categorical(&self) -> bool {
        let mut domains = self.domains.iter().chain(&self.context_domains);
        domains.any(|domain| vocabulary(*domain).is_some())
    }

    /// The same without its categorical event channels: what bijections act on.
    fn continuous(&self) -> Self {
        let codes = self.domains.iter().take(self.event);
        let codes = codes.filter(|domain| vocabulary(**domain).is_some());
        Self {
            event: self.event - codes.count(),
            ..self.clone()
        }
    }

    fn shaped(self, event: usize, context: usize, hidden: &[usize]) -> Self {
        Self {
            event,
            context,
            hidden: hidden.to_vec(),
            ..self
        }
    }

    fn with(self, activation: Activation, math: Backend) -> Self {
        Self {
            activation,
            math,
            ..self
        }
    }
}

/// One row for each combination that runs through different code.
pub fn table() -> Vec<(&'static str, Kind)> {
    use Activation::{Elu, Gelu, GeluTanh, LeakyRelu, Relu, Silu, Tanh};
    use Backend::{Libm, Micromath, Polynomial};
    let plain = Kind::plain;
    vec![
        ("maf", plain(&[MAF; 3]).shaped(6, 0, &[24, 24])),
        (
            "maf_context",
            plain(&[MAF; 2])
                .shaped(4, 2, &[16, 12])
                .with(Tanh, Polynomial),
        ),
        ("maf_one_channel", plain(&[MAF; 2]).shaped(1, 1, &[8])),
        (
            "maf_no_hidden",
            plain(&[MAF; 2]).shaped(3, 0, &[]).with(Relu, Libm),
        ),
        (
            "maf_few_units",
            plain(&[MAF; 2]).shaped(8, 0, &[3, 5]).with(Tanh, Micromath),
        ),
        ("realnvp", plain(&[REAL_NVP; 4])),
        (
            "realnvp_context",
            Kind {
                categories: true,
                ..plain(&[REAL_NVP; 3]).shaped(3, 2, &[10]).with(Tanh, Libm)
            },
        ),
        (
            "realnvp_no_hidden",
            plain(&[REAL_NVP; 2])
                .shaped(2, 0, &[])
                .with(Relu, Micromath),
        ),
        (
            "mixed",
            plain(&[REAL_NVP, MAF, REAL_NVP]).shaped(5, 1, &[12, 8, 6]),
        ),
        (
            "nice",
            Kind {
                base: Base::Logistic,
                ..plain(&[
                    Bijection::Coupling(Transformer::Shift),
                    Bijection::ElementWise,
                    Bijection::Coupling(Transformer::Shift),
                ])
                .with(Silu, Polynomial)
            },
        ),
        (
            "nsf",
            Kind {
                form: Form::Residual,
                ..plain(&[Bijection::Coupling(SPLINE); 2]).shaped(4, 1, &[12, 12])
            },
        ),
        ("nsf_ar", plain(&[NSF_AR; 2]).shaped(4, 0, &[12, 12])),
        (
            "nsf_ar_one_channel",
            Kind {
                base: Base::Laplace,
                ..plain(&[Bijection::Autoregressive(FEW_BINS, Direction::Normalizing, 1); 2])
                    .shaped(1, 2, &[6])
                    .with(Silu, Libm)
            },
        ),
        (
            "iaf",
            Kind {
                form: Form::Residual,
                ..plain(&[IAF; 2])
                    .shaped(4, 1, &[12, 12, 12])
                    .with(Silu, Polynomial)
            },
        ),
        (
            "iaf_spline_groups",
            plain(&[
                Bijection::Autoregressive(FEW_BINS, Direction::Generative, 2),
                Bijection::Autoregressive(Transformer::Shift, Direction::Generative, 3),
                Bijection::Autoregressive(AFFINE, Direction::Normalizing, 2),
            ])
            .shaped(5, 0, &[10]),
        ),
        (
            "glow",
            Kind {
                base: Base::Mixture { components: 3 },
                ..plain(&[
                    Bijection::ElementWise,
                    Bijection::Linear,
                    REAL_NVP,
                    Bijection::Permutation,
                    Bijection::Linear,
                    MAF,
                ])
                .shaped(4, 1, &[8])
            },
        ),
        (
            "imported_scales",
            plain(&[
                Bijection::Coupling(SIGMOID),
                Bijection::Autoregressive(SOFTPLUS, Direction::Normalizing, 1),
                Bijection::Coupling(EXPONENTIAL),
                Bijection::Autoregressive(ABOVE_ONE, Direction::Generative, 2),
            ])
            .shaped(4, 1, &[8, 8]),
        ),
        (
            "imported_splines",
            plain(&[
                Bijection::Coupling(FREE_ENDS),
                Bijection::Coupling(INVERTED),
                Bijection::Autoregressive(FREE_ENDS, Direction::Generative, 1),
                Bijection::Autoregressive(INVERTED, Direction::Normalizing, 2),
            ])
            .shaped(4, 1, &[8])
            .with(Tanh, Libm),
        ),
        (
            "domains",
            Kind {
                domains: vec![
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
                ],
                context_domains: vec![Domain::Positive { low: 0.0 }],
                base: Base::StudentT {
                    degrees_of_freedom: 7.0,
                },
                ..plain(&[MAF; 2]).shaped(4, 1, &[8])
            },
        ),
        (
            "circular",
            Kind {
                domains: vec![Domain::Circular, Domain::Real, Domain::Circular],
                context_domains: vec![Domain::Circular],
                base: Base::StudentT {
                    degrees_of_freedom: 12.0,
                },
                ..plain(&[
                    NSF_AR,
                    Bijection::Coupling(FEW_BINS),
                    Bijection::Autoregressive(FEW_BINS, Direction::Normalizing, 2),
                ])
                .shaped(4, 1, &[10])
            },
        ),
        (
            "torus",
            Kind {
                domains: vec![Domain::Circular; 2],
                ..plain(&[
                    Bijection::Autoregressive(FEW_BINS, Direction::Normalizing, 1),
                    Bijection::Coupling(FEW_BINS),
                ])
                .shaped(2, 0, &[6])
                .with(Tanh, Libm)
            },
        ),
        (
            "maf_residual",
            Kind {
                form: Form::Residual,
                base: Base::Laplace,
                ..plain(&[MAF; 2])
                    .shaped(3, 1, &[8, 8])
                    .with(Tanh, Polynomial)
            },
        ),
        (
            "maf_lags",
            Kind {
                features: vec![
                    Feature::Lag {
                        channel: 0,
                        steps: 1,
                    },
                    Feature::Difference {
                        channel: 1,
                        steps: 2,
                    },
                    Feature::Average {
                        channel: 0,
                        shift: 3,
                    },
                    Feature::Deviation {
                        channel: 1,
                        steps: 4,
                    },
                ],
                ..plain(&[MAF; 2]).shaped(2, 5, &[8])
            },
        ),
        ("one_channel", plain(&[NSF_AR]).shaped(1, 0, &[])),
        (
            "permuted",
            Kind {
                base: Base::Logistic,
                ..plain(&[
                    REAL_NVP,
                    Bijection::Permutation,
                    MAF,
                    Bijection::ElementWise,
                    Bijection::Permutation,
                ])
                .shaped(3, 0, &[6])
            },
        ),
        (
            // Many channels with domains of one kind.
            "image",
            Kind {
                domains: (0..16)
                    .map(|channel| Domain::HeavyTailed {
                        centre: channel as f32,
                        scale: 0.5,
                    })
                    .collect(),
                ..plain(&[
                    Bijection::Pointwise([2, 2]),
                    Bijection::Convolutional(FEW_BINS, [2, 2], Heads::ByPosition),
                    Bijection::Permutation,
                    Bijection::Convolutional(AFFINE, [2, 2], Heads::One),
                    Bijection::Convolutional(Transformer::Shift, [2, 2], Heads::One),
                    REAL_NVP,
                ])
                .shaped(16, 2, &[14, 5])
            },
        ),
        (
            // One channel is in no plane.
            "image_residual",
            Kind {
                form: Form::Residual,
                base: Base::Logistic,
                ..plain(&[
                    Bijection::Convolutional(FEW_BINS, [3, 2], Heads::One),
                    Bijection::Pointwise([2, 3]),
                    Bijection::Convolutional(AFFINE, [2, 3], Heads::ByPosition),
                ])
                .shaped(13, 0, &[6, 6, 6])
                .with(Silu, Libm)
            },
        ),
        (
            "permuted_mixture",
            Kind {
                base: Base::Mixture { components: 2 },
                ..plain(&[Bijection::Permutation, IAF, Bijection::Permutation])
                    .shaped(3, 0, &[6])
                    .with(Silu, Libm)
            },
        ),
        (
            "text",
            Kind {
                domains: vec![codes(0)],
                context_domains: vec![codes(0); 3],
                features: (1..=3)
                    .map(|steps| Feature::Lag { channel: 0, steps })
                    .collect(),
                ..plain(&[]).shaped(1, 3, &[14, 6])
            },
        ),
        (
            "lines",
            Kind {
                domains: vec![codes(0)],
                context_domains: vec![codes(0); 2],
                features: (1..=2)
                    .map(|steps| Feature::Lag { channel: 0, steps })
                    .collect(),
                lines: true,
                ..plain(&[]).shaped(1, 2, &[6]).with(Silu, Polynomial)
            },
        ),
        (
            "categories",
            Kind {
                domains: vec![
                    Domain::Real,
                    codes(0),
                    Domain::Positive { low: -0.5 },
                    codes(1),
                    Domain::Circular,
                ],
                context_domains: vec![codes(0), Domain::Circular, codes(1), Domain::Real],
                form: Form::Residual,
                ..plain(&[NSF_AR, Bijection::Coupling(FEW_BINS)])
                    .shaped(5, 4, &[10, 10])
                    .with(Tanh, Libm)
            },
        ),
        (
            // As nflows has it.
            "blocks_added",
            Kind {
                form: blocks(2, true, ContextTerm::Added),
                ..plain(&[MAF, IAF]).shaped(4, 2, &[10])
            },
        ),
        (
            "blocks_gated",
            Kind {
                form: blocks(2, true, ContextTerm::Gated),
                context_domains: vec![Domain::Circular],
                ..plain(&[
                    Bijection::Coupling(SPLINE),
                    Bijection::Coupling(AFFINE),
                    Bijection::Autoregressive(FEW_BINS, Direction::Generative, 2),
                ])
                .shaped(5, 1, &[9])
                .with(Silu, Polynomial)
            },
        ),
        (
            // As zuko has it.
            "blocks_linear",
            Kind {
                form: blocks(3, false, ContextTerm::Input),
                ..plain(&[MAF, Bijection::Coupling(Transformer::Shift)])
                    .shaped(3, 1, &[7])
                    .with(Tanh, Libm)
            },
        ),
        (
            "context_first",
            Kind {
                form: Form::ContextFirst,
                ..plain(&[MAF, REAL_NVP, IAF])
                    .shaped(3, 2, &[8, 6])
                    .with(Tanh, Micromath)
            },
        ),
        (
            "mixed_permuted",
            Kind {
                domains: vec![codes(1)],
                base: Base::Mixture { components: 2 },
                ..plain(&[Bijection::Permutation, IAF, REAL_NVP])
                    .shaped(3, 0, &[6])
                    .with(Silu, Polynomial)
            },
        ),
        (
            "category",
            Kind {
                domains: vec![codes(1)],
                ..plain(&[]).shaped(1, 0, &[]).with(Relu, Micromath)
            },
        ),
        (
            "leaky_relu",
            Kind {
                form: Form::Residual,
                ..plain(&[MAF, Bijection::Coupling(SPLINE), IAF])
                    .shaped(4, 1, &[10, 10])
                    .with(LeakyRelu { slope: 0.2 }, Polynomial)
            },
        ),
        (
            "gelu",
            plain(&[MAF, Bijection::Coupling(SPLINE), IAF])
                .shaped(4, 1, &[10, 7])
                .with(Gelu, Polynomial),
        ),
        (
            "gelu_tanh",
            plain(&[REAL_NVP, IAF])
                .shaped(3, 0, &[9])
                .with(GeluTanh, Libm),
        ),
        (
            "elu",
            Kind {
                form: Form::Residual,
                ..plain(&[MAF, REAL_NVP])
                    .shaped(3, 1, &[8, 8])
                    .with(Elu { alpha: 1.5 }, Polynomial)
            },
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

/// A value of the domain for `u` in −1 .. 1: of the size `scale` where the
/// domain has no end.
pub fn within(domain: Domain, u: f32, scale: f32) -> f32 {
    match domain {
        Domain::Real | Domain::Circular => scale * u,
        Domain::HeavyTailed { centre, .. } => centre + scale * u,
        Domain::Positive { low } | Domain::SoftPositive { low, .. } => low + scale * u.abs(),
        Domain::Bounded { low, high } => low + (high - low) * (0.5 + 0.499 * u),
        Domain::Categorical { vocabulary } => {
            let (size, _) = VOCABULARIES[usize::from(vocabulary)];
            (size as f32 * (0.5 + 0.499 * u)).floor()
        }
    }
}

/// Values at the ends of the domain and beyond.
pub fn outside(domain: Domain) -> Vec<f32> {
    match domain {
        Domain::Real | Domain::Circular | Domain::HeavyTailed { .. } => Vec::new(),
        Domain::Positive { low } | Domain::SoftPositive { low, .. } => vec![low, low - 1.0, -1e30],
        Domain::Bounded { low, high } => vec![low, high, low - 1.0, high + 1.0, -1e30, 1e30],
        Domain::Categorical { vocabulary } => {
            let (size, _) = VOCABULARIES[usize::from(vocabulary)];
            vec![-1.0, 0.5, size as f32, 1e30, -1e30]
        }
    }
}

/// A random flow with a calibration table.
pub fn draft(kind: &Kind, seed: u64) -> Draft {
    let rng = &mut rng(seed);
    let event = channels("event", kind.event, &kind.domains, rng);
    let context = channels("context", kind.context, &kind.context_domains, rng);
    let turns = |channels: &[DraftChannel]| {
        let circular = channels.iter().map(|c| c.domain == Domain::Circular);
        circular
            .enumerate()
            .filter(|(_, circular)| *circular)
            .map(|(index, _)| index)
            .collect::<Vec<_>>()
    };
    let is_code = |own: &&DraftChannel| vocabulary(own.domain).is_some();
    let width = |own: &DraftChannel| VOCABULARIES[vocabulary(own.domain).expect("codes")].1;
    let given: usize = context.iter().filter(is_code).map(width).sum();
    let straight = context.iter().filter(|own| !is_code(own)).count();
    let given = given + straight + turns(&context).len();
    let embedded: usize = event.iter().filter(is_code).map(width).sum();
    let continuous: Vec<DraftChannel> = event.iter().filter(|own| !is_code(own)).cloned().collect();
    let shape = Shape {
        event: continuous.len(),
        context: given + embedded,
        circular: turns(&continuous).into_iter().collect(),
    };
    let inner = kind.continuous();
    let layers = (0..kind.layers.len())
        .map(|index| layer(&inner, index, &shape, rng))
        .collect();
    let base_weights = base_weights(&inner, rng);
    let mut heads = Vec::new();
    let mut inputs = given;
    for own in event.iter().filter(is_code) {
        let size = VOCABULARIES[vocabulary(own.domain).expect("codes")].0;
        heads.push(head(kind, inputs, size, rng));
        inputs += width(own);
    }
    let mut vocabularies = match kind.is_categorical() {
        true => VOCABULARIES.map(|own| draft_vocabulary(own, rng)).to_vec(),
        false => Vec::new(),
    };
    if kind.lines {
        let characters = "\nabcd".chars().map(String::from);
        vocabularies[0].names = characters.collect();
    }
    let table = (1..=12)
        .map(|i| (3.0 * i as f32 - 60.0, i as f32 / 40.0))
        .collect();
    Draft {
        name: "random".into(),
        event,
        context,
        layers,
        base: kind.base,
        base_weights,
        math: kind.math,
        calibration: Some(DraftCalibration {
            alpha: 0.05,
            rows: 99,
            judges: match kind.lines {
                true => Judged::Lines,
                false => Judged::Events,
            },
            table,
        }),
        evaluation: None,
        created_by: "tests".into(),
        command: "tests".into(),
        data_digest: seed,
        rows: 1,
        seed,
        quantisation: None,
        features: kind.features.clone(),
        sequential: (!kind.features.is_empty() && !kind.lines).then(|| sequential(kind.event)),
        noise: (!kind.features.is_empty() && !kind.is_categorical())
            .then(|| noise(kind.event, kind.context)),
        mondrian: (kind.categories && kind.context > 0).then(|| mondrian(kind.context)),
        vocabularies,
        heads,
    }
}

/// Names that sort as their codes do, and random embeddings.
fn draft_vocabulary((size, width): (usize, usize), rng: &mut ChaCha8Rng) -> DraftVocabulary {
    DraftVocabulary {
        names: (0..size).map(|code| format!("k{code}")).collect(),
        width,
        embeddings: (0..size * width).map(|_| uniform(rng)).collect(),
    }
}

/// A head that sees all of so many inputs.
fn head(kind: &Kind, mut inputs: usize, size: usize, rng: &mut ChaCha8Rng) -> DraftConditioner {
    let mut rows = Vec::new();
    for width in kind.hidden.iter().copied().chain([size]) {
        let scale = 2.0 / (inputs as f32 + 1.0).sqrt();
        rows.extend((0..width).map(|_| MaskedRow {
            bias: 0.5 * uniform(rng),
            weights: (0..inputs).map(|_| scale * uniform(rng)).collect(),
        }));
        inputs = width;
    }
    DraftConditioner {
        activation: kind.activation,
        form: match kind.form {
            Form::Residual => Form::Residual,
            _ => Form::Plain,
        },
        hidden: kind
            .hidden
            .iter()
            .map(|units| vec![*units as u16])
            .collect(),
        rows,
    }
}

/// Tables for three values of the last context channel. They promise nothing.
fn mondrian(context: usize) -> DraftMondrian {
    let category = |(index, value): (usize, f32)| DraftCategory {
        value,
        rows: 20 + index as u32,
        table: (1..=3 + index)
            .map(|i| (9.0 * i as f32 - 50.0, i as f32 / 20.0))
            .collect(),
    };
    let values = [-1.0, 0.0, 2.5].into_iter().enumerate();
    DraftMondrian {
        channel: context as u8 - 1,
        categories: values.map(category).collect(),
    }
}

/// A sequential test with a bet on the level of each statistic and one on its repeats. Its tables are
/// of the right form and promise nothing.
fn sequential(channels: usize) -> DraftSequential {
    let latents = (0..channels).flat_map(|_| [-1.5, 0.0, 1.5]);
    let bet = |statistic: u8| [statistic, 0, 0, 0, 20, statistic, 1, 1, 0, 30];
    let scores: [i8; 10] = [-3, -1, 1, 5, 0, 4, 3, 3, 4, -5];
    DraftSequential {
        edges: 3,
        thresholds: [f32::NEG_INFINITY, -8.0, -5.0]
            .into_iter()
            .chain(latents)
            .collect(),
        scores: scores.map(|score| score as u8).to_vec(),
        bets: (0..=u8::MAX).take(1 + channels).flat_map(bet).collect(),
        common: (0..channels)
            .flat_map(|_| [-4.0, -2.0, 0.0, 2.0, 4.0])
            .collect(),
        run_length: 1000.0,
        delta: 0.05,
        promise: "1 per 1000 samples".into(),
    }
}

/// A start apart from 0, and ranges that confine what a random flow feeds back.
fn noise(event: usize, context: usize) -> DraftNoise {
    let start = (0..event).map(|channel| 0.5 - channel as f32);
    let range = |channel: usize| [-2.0 - channel as f32, 3.0 + 0.5 * channel as f32];
    DraftNoise::new(start, (0..context).map(range))
}

fn channels(
    prefix: &str,
    count: usize,
    domains: &[Domain],
    rng: &mut ChaCha8Rng,
) -> Vec<DraftChannel> {
    let channel = |index: usize| {
        let domain = domains.get(index).copied().unwrap_or(Domain::Real);
        let (mean, inv_std) = (10.0 * uniform(rng), (2.0 * uniform(rng)).exp());
        // A hyperbolic sine that stays within f32 for samples far out.
        let inv_std = match domain {
            Domain::HeavyTailed { .. } => 1.0 + inv_std,
            _ => inv_std,
        };
        let coded = vocabulary(domain).is_some();
        DraftChannel {
            name: format!("{prefix}{index}"),
            unit: match index {
                0 => "m/s²".into(),
                _ => String::new(),
            },
            domain,
            grid: (index == 1 && !coded).then_some(Grid {
                offset: 0.25,
                step: 0.5,
            }),
            // Behind a logarithm or a logit, numbers that come back from it.
            mean: if coded {
                0.0
            } else if domain == Domain::Real {
                mean
            } else {
                0.1 * mean
            },
            inv_std: match domain {
                Domain::Circular => std::f32::consts::TAU / 360.0,
                _ if coded => 1.0,
                _ => inv_std,
            },
        }
    };
    (0..count).map(channel).collect()
}

fn layer(kind: &Kind, index: usize, shape: &Shape, rng: &mut ChaCha8Rng) -> DraftLayer {
    let channels: Vec<u8> = (0..=u8::MAX).take(kind.event).collect();
    let planes = |size| planes(u8::try_from(kind.event).expect("few channels"), size, index);
    let rotated = || (0..kind.event).map(|c| (c + 1) % kind.event).collect();
    match kind.layers[index] {
        Bijection::Coupling(transformer) => {
            let every_second = |c: &u8| usize::from(*c) % 2 != index % 2;
            let transformed: Vec<u8> = channels.into_iter().filter(every_second).collect();
            let conditioner = conditioner(kind, 1, rng, shape, |conditioner| {
                Layer::Coupling(Coupling {
                    transformed: &transformed,
                    transformer,
                    conditioner,
                })
            });
            DraftLayer::Coupling {
                transformed: wide(&transformed),
                transformer,
                conditioner,
            }
        }
        Bijection::Autoregressive(transformer, direction, per_group) => {
            let mut order = channels;
            if !index.is_multiple_of(2) {
                order.reverse();
            }
            let groups: Vec<u8> = order
                .chunks(per_group)
                .map(|group| u8::try_from(group.len()).expect("few channels"))
                .collect();
            let conditioner = conditioner(kind, groups.len(), rng, shape, |conditioner| {
                Layer::Autoregressive(Autoregressive {
                    order: &order,
                    groups: &groups,
                    direction,
                    transformer,
                    conditioner,
                })
            });
            DraftLayer::Autoregressive {
                order: wide(&order),
                groups: wide(&groups),
                direction,
                transformer,
                conditioner,
            }
        }
        Bijection::Linear => {
            let [upper, lower] = factors(kind.event, rng);
            DraftLayer::Linear {
                permutation: rotated(),
                factors: DraftFactors { upper, lower },
            }
        }
        Bijection::Convolutional(transformer, size, heads) => {
            let all = planes(size);
            let turn = |first: usize| -> Vec<usize> {
                let places = all.places.iter().copied().enumerate();
                let count = all.count();
                places
                    .filter(|(place, _)| (place % count) % 2 == first)
                    .map(|(_, channel)| channel)
                    .collect()
            };
            let (given, transformed) = (turn(index % 2), turn(1 - index % 2));
            let [given, transformed] = [given, transformed].map(|places| Planes {
                places,
                ..all.clone()
            });
            let conditioner = convolutions(kind, transformer, &given, &transformed, heads, rng);
            DraftLayer::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            }
        }
        Bijection::Pointwise(size) => {
            let planes = planes(size);
            let [upper, lower] = factors(planes.count(), rng);
            DraftLayer::Pointwise {
                planes,
                factors: DraftFactors { upper, lower },
            }
        }
        Bijection::ElementWise => DraftLayer::ElementWise(
            (0..kind.event)
                .map(|_| [uniform(rng).exp(), uniform(rng)])
                .collect(),
        ),
        Bijection::Permutation => DraftLayer::Permutation(rotated()),
    }
}

fn wide(channels: &[u8]) -> Vec<usize> {
    channels.iter().map(|own| usize::from(*own)).collect()
}

/// U from the diagonal on, and L, each row its bias and what is left of the diagonal.
fn factors(channels: usize, rng: &mut ChaCha8Rng) -> [Vec<f32>; 2] {
    let mut triangle = |diagonal: fn(f32) -> f32, first: bool| -> Vec<f32> {
        let rows = (0..channels).flat_map(|row| match first {
            true => (0..channels - row)
                .map(|column| column == 0)
                .collect::<Vec<_>>(),
            false => (0..=row).map(|column| column == 0).collect(),
        });
        rows.map(|leading| match leading {
            true => diagonal(uniform(rng)),
            false => 0.5 * uniform(rng),
        })
        .collect()
    };
    [triangle(f32::exp, true), triangle(|bias| bias, false)]
}

/// As many channels as fit an image of this width and height, in no order.
fn planes(event: u8, [width, height]: [u8; 2], index: usize) -> Planes {
    let count = event - event % (width * height);
    // A step that comes by every channel.
    let steps = [5, 7, 11].into_iter().cycle().skip(index % 3);
    let step = steps.into_iter().find(|step| !event.is_multiple_of(*step));
    let step = step.expect("few channels");
    Planes {
        width: width.into(),
        height: height.into(),
        places: (0..count)
            .map(|place| usize::from(place * step % event))
            .collect(),
    }
}

/// Convolutions with kernels of 3 and 1 by turns.
fn convolutions(
    kind: &Kind,
    transformer: Transformer,
    given: &Planes,
    transformed: &Planes,
    heads: Heads,
    rng: &mut ChaCha8Rng,
) -> DraftConvolutions {
    let hidden = kind.hidden.iter().zip([3, 1].into_iter().cycle());
    let hidden = hidden.flat_map(|(features, kernel)| [*features as u8, kernel]);
    let mut own = DraftConvolutions {
        activation: kind.activation,
        residual: kind.form == Form::Residual,
        by_position: heads == Heads::ByPosition,
        hidden: hidden.collect(),
        output_kernel: 3,
        weights: Vec::new(),
    };
    let byte = |number: usize| u8::try_from(number).expect("a small image");
    let planes = |own: &Planes| artefact::Planes {
        width: byte(own.width),
        height: byte(own.height),
        // The schema borrows; a test may leak a few bytes.
        places: own
            .places
            .iter()
            .map(|place| byte(*place))
            .collect::<Vec<_>>()
            .leak(),
    };
    let layer = artefact::ConvolutionalCoupling {
        given: planes(given),
        transformed: planes(transformed),
        transformer,
        conditioner: artefact::Convolutions {
            activation: own.activation,
            residual: own.residual,
            by_position: own.by_position,
            hidden: own.hidden.clone().leak(),
            output_kernel: own.output_kernel,
        },
    };
    let turns = kind.context_domains.iter();
    let turns = turns.filter(|domain| **domain == Domain::Circular).count();
    for (sizes, rows) in layer.convolutions(kind.context + turns) {
        let seen = (sizes.row() - sizes.head() + sizes.context + 1) as f32;
        let size = 1.5 / seen.sqrt();
        let numbers = (0..rows * sizes.row()).map(|_| size * uniform(rng));
        own.weights.extend(numbers);
    }
    own
}

/// A conditioner for the layer that `complete` makes of it.
fn conditioner<'a>(
    kind: &Kind,
    blocks: usize,
    rng: &mut ChaCha8Rng,
    shape: &Shape,
    complete: impl Fn(Conditioner<'static>) -> Layer<'a>,
) -> DraftConditioner {
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
    let units = hidden.iter().map(|counts| {
        let bytes: Vec<u8> = counts.iter().flat_map(|n| n.to_le_bytes()).collect();
        // The schema borrows; a test may leak a few bytes.
        Units(bytes.leak())
    });
    let layer = complete(Conditioner {
        activation: kind.activation,
        form: kind.form,
        hidden: units.collect(),
    });
    let blocks = (0..layer.dense_layers()).flat_map(|dense| layer.blocks(dense, shape));
    let mut rows = Vec::new();
    for artefact::Block {
        rows: count,
        inputs,
    } in blocks
    {
        for _ in 0..count {
            let size = 1.5 / (inputs as f32 + 1.0).sqrt();
            rows.push(MaskedRow {
                bias: 0.5 * uniform(rng),
                weights: (0..inputs).map(|_| size * uniform(rng)).collect(),
            });
        }
    }
    DraftConditioner {
        activation: kind.activation,
        form: kind.form,
        hidden,
        rows,
    }
}

/// Components of a mixture: weights 1 : 2 : 3 …, random places and sizes.
fn base_weights(kind: &Kind, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let Base::Mixture { components } = kind.base else {
        return Vec::new();
    };
    let all: f32 = (1..=components).map(f32::from).sum();
    let mut cumulated = 0.0;
    let component = |index: u8| {
        let weight = f32::from(index) / all;
        cumulated += weight;
        let scales: Vec<[f32; 2]> = (0..kind.event)
            .map(|_| [2.0 * uniform(rng), uniform(rng).exp()])
            .collect();
        let log_inv_std: f32 = scales.iter().map(|[_, inv_std]| inv_std.ln()).sum();
        let head = [weight.ln() + log_inv_std, cumulated];
        [&head, scales.as_flattened()].concat()
    };
    (1..=components).flat_map(component).collect()
}

/// The same flow with weights that half precision holds.
pub fn halved(draft: &Draft) -> Draft {
    let mut own = Draft {
        quantisation: Some(DraftQuantisation {
            weights: WeightFormat::F16,
            fractions: Vec::new(),
        }),
        ..draft.clone()
    };
    flow_train::quantise::round_to_f16(&mut own).expect("small weights");
    own
}

/// The same flow, quantised to suit events around the centre of its data.
pub fn quantised(draft: &Draft, weights: WeightFormat) -> Draft {
    let bytes = draft.encode().expect("a valid draft");
    let checked = Checked::new(&bytes).expect("a valid artefact");
    let interpreter = Interpreter::new(&checked, Passes::default()).expect("a plan");
    let rng = &mut rng(draft.seed);
    let (mut events, mut contexts) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let near = |channel: &DraftChannel, rng: &mut ChaCha8Rng| {
            let standard = f64::from(2.5 * uniform(rng));
            crate::channels::destandardise(channel, standard).0 as f32
        };
        events.extend(draft.event.iter().map(|channel| near(channel, rng)));
        contexts.extend(draft.context.iter().map(|channel| near(channel, rng)));
    }
    Draft {
        quantisation: Some(DraftQuantisation {
            weights,
            fractions: interpreter.fractions(&events, &contexts),
        }),
        ..draft.clone()
    }
}

/// A small flow of any kind: the rows of [`table`] with other sizes, layers and
/// choices.
pub fn random_kind(rng: &mut ChaCha8Rng) -> Kind {
    let mut below = |most: usize| rng.next_u32() as usize % most;
    // What features are computed from is no matter of the flow itself.
    let rows = table().into_iter();
    let rows: Vec<_> = rows.filter(|(_, kind)| kind.features.is_empty()).collect();
    let mut kind = rows[below(rows.len())].1.clone();
    if kind.domains.contains(&Domain::Circular) || kind.is_categorical() {
        // Circular channels allow few layers, and codes stay where they are: only the sizes change.
        kind.hidden = vec![1 + below(9); kind.hidden.len()];
        return kind;
    }
    let affine = Transformer::Affine {
        log_scale_bound: [0.5, 2.0, 5.0][below(3)],
    };
    let own = [Transformer::Shift, affine, FEW_BINS, SPLINE];
    let imported = [
        FREE_ENDS,
        INVERTED,
        SOFTPLUS,
        SIGMOID,
        EXPONENTIAL,
        ABOVE_ONE,
    ];
    let is_imported = below(4) == 0;
    kind.event = 1 + below(6);
    kind.context = below(3);
    kind.domains.truncate(kind.event);
    kind.context_domains.truncate(kind.context);
    let units = 1 + below(9);
    kind.hidden = (0..below(4)).map(|_| 1 + below(9)).collect();
    kind.form = match below(6) {
        0 | 1 => {
            kind.hidden.fill(units);
            Form::Residual
        }
        2 => {
            kind.hidden = vec![units];
            let context = match kind.context {
                0 => ContextTerm::Input,
                _ => [ContextTerm::Input, ContextTerm::Added, ContextTerm::Gated][below(3)],
            };
            Form::PreActivation(PreActivation {
                blocks: 1 + below(3) as u8,
                activated: below(2) == 0,
                context,
            })
        }
        3 if kind.context > 0 && !kind.hidden.is_empty() => Form::ContextFirst,
        _ => Form::Plain,
    };
    let is_image = kind.event > 3 && !kind.hidden.is_empty();
    let layers = 1 + below(4);
    kind.layers = (0..layers)
        .map(|_| {
            let transformer = match is_imported {
                true => imported[below(imported.len())],
                false => own[below(own.len())],
            };
            let direction = [Direction::Normalizing, Direction::Generative][below(2)];
            let heads = [Heads::One, Heads::ByPosition][below(2)];
            match below(10) {
                0 | 1 if kind.event > 1 => Bijection::Coupling(transformer),
                2 => Bijection::Linear,
                3 => Bijection::ElementWise,
                4 => Bijection::Permutation,
                5 if is_image && !is_imported => {
                    Bijection::Convolutional(transformer, [2, 1], heads)
                }
                6 if is_image => Bijection::Pointwise([1, 2]),
                _ => Bijection::Autoregressive(transformer, direction, 1 + below(kind.event)),
            }
        })
        .collect();
    kind.activation = Activation::ALL[below(Activation::ALL.len())];
    kind.math = [Backend::Polynomial, Backend::Libm, Backend::Micromath][below(3)];
    kind
}
