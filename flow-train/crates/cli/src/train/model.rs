//! Options that shape the model.

use crate::names::{FamilyChoice, MathName, OrderName};
use crate::options::{self, Size};
use clap::builder::RangedU64ValueParser;
use flow_embedded::artefact::Activation;
use flow_model::{BaseSpec, ConditionerSpec, Family, ImageSpec, Spec};

fn activation_help() -> String {
    let names = Activation::ALL.map(|own| own.to_string()).join(", ");
    format!("Non-linearity of the hidden layers: {names} [default: relu; of a text silu]")
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model")]
pub(super) struct ModelOptions {
    /// Kind of flow
    #[arg(long, value_enum, default_value_t = FamilyChoice::Auto)]
    pub(super) family: FamilyChoice,
    /// Layers of that kind [default: 5]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..), value_name = "N")]
    pub(super) layers: Option<usize>,
    /// Units of the hidden layers in each [default: 64,64]
    #[arg(long, value_delimiter = ',', value_parser = RangedU64ValueParser::<usize>::new().range(1..=65_535), value_name = "N,…")]
    pub(super) hidden: Option<Vec<usize>>,
    // Its help names all of them.
    #[arg(long, value_parser = options::activation, value_name = "ACTIVATION", help = activation_help())]
    pub(super) activation: Option<Activation>,
    /// Add the input of each hidden layer but the first to its output; they must be of one width
    #[arg(long)]
    pub(super) residual: bool,
    /// In which order the layers take the channels
    #[arg(long, value_enum, default_value_t = OrderName::Alternate)]
    pub(super) order: OrderName,
    /// Groups of channels in an autoregressive layer, from 2 to the number of channels [default:
    /// that number]
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(2..), value_name = "N")]
    pub(super) passes: Option<usize>,
    /// Bins of each spline (nsf, nsf-ar) [default: 8]
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..), value_name = "N")]
    pub(super) bins: Option<u8>,
    /// Splines cover ± this many standard deviations, and are the identity outside [default: 5]
    #[arg(long, value_name = "X")]
    pub(super) bound: Option<f64>,
    /// Put a linear layer (LU-factored, with ActNorm) before each layer but the first
    #[arg(long)]
    pub(super) linear: bool,
    /// The columns are the pixels of an image of this size, row by row: couplings by convolutions, at
    /// several scales (nice, realnvp, nsf); --layers counts the couplings of each scale and --hidden the
    /// features of the convolutions
    #[arg(long, conflicts_with = "noise", value_name = "WxH")]
    pub(super) image: Option<Size>,
    /// How often the image is halved, four planes for each [default: 2, or as often as its sides allow]
    #[arg(long, requires = "image", value_parser = RangedU64ValueParser::<usize>::new().range(1..), value_name = "N")]
    pub(super) scales: Option<usize>,
    /// Side of the convolutions' kernels, odd [default: 3]
    #[arg(long, requires = "image", value_parser = RangedU64ValueParser::<usize>::new().range(1..), value_name = "N")]
    pub(super) kernel: Option<usize>,
    /// Half of the planes are done after each scale but the last: fewer weights and less work
    #[arg(long, requires = "image")]
    pub(super) factor_out: bool,
    /// Let biases and the context's weights be the same at all positions of the image: for what may stand
    /// anywhere in it
    #[arg(long, requires = "image")]
    pub(super) stationary: bool,
    /// Base distribution: normal, logistic, laplace, student-t:DEGREES, mixture:COMPONENTS or
    /// contaminated:SHARE:SCALE [default: normal]
    #[arg(long, value_parser = options::base, value_name = "BASE")]
    pub(super) base: Option<BaseSpec>,
    /// Elementary functions that the chip will use
    #[arg(long, value_enum, default_value_t = MathName::Polynomial)]
    pub(super) math: MathName,
}

impl ModelOptions {
    /// The family that was named.
    pub(super) fn family(&self) -> Option<Family> {
        match self.family {
            FamilyChoice::Auto => None,
            FamilyChoice::Named(family) => Some(family),
        }
    }

    /// An option that was given and that a comparison decides.
    pub(super) fn decided_by_auto(&self) -> Option<&'static str> {
        let given = [
            ("--layers", self.layers.is_some()),
            ("--hidden", self.hidden.is_some()),
            ("--passes", self.passes.is_some()),
            ("--bins", self.bins.is_some()),
            ("--bound", self.bound.is_some()),
            ("--linear", self.linear),
            ("--image", self.image.is_some()),
            ("--base", self.base.is_some()),
        ];
        given
            .into_iter()
            .find(|(_, given)| *given)
            .map(|(name, _)| name)
    }

    /// The image that the columns are.
    fn image(&self) -> Option<ImageSpec> {
        let Size { width, height } = self.image?;
        let plain = ImageSpec::new(width, height);
        Some(ImageSpec {
            scales: self.scales.unwrap_or(plain.scales),
            kernel: self.kernel.unwrap_or(plain.kernel),
            by_position: !self.stationary,
            factor_out: self.factor_out,
            ..plain
        })
    }

    /// The model of a family, but for its channels.
    pub(super) fn spec(&self, family: Family) -> Spec {
        self.spec_from(Spec::new(family, 1, 0))
    }

    /// A model with what was said in place of its own.
    pub(super) fn spec_from(&self, plain: Spec) -> Spec {
        Spec {
            layers: self.layers.unwrap_or(plain.layers),
            conditioner: ConditionerSpec {
                hidden: self
                    .hidden
                    .clone()
                    .unwrap_or_else(|| plain.conditioner.hidden.clone()),
                activation: self.activation.unwrap_or(Activation::Relu),
                residual: self.residual,
            },
            order: self.order.into(),
            passes: self.passes,
            bins: self.bins.unwrap_or(plain.bins),
            spline_bound: self.bound.unwrap_or(plain.spline_bound),
            linear: self.linear,
            base: self.base.unwrap_or(plain.base),
            image: self.image(),
            ..plain
        }
    }
}
