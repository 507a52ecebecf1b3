//! Layers over images: channels as planes, and the convolutions between them.

use super::{Activation, Transformer};
use crate::kernels::Convolution;
use serde::Serialize;

/// Channels of the event as the planes of an image.
///
/// Any channel may lie anywhere: an image is squeezed, which makes four planes of
/// a quarter of the size from each (Dinh, Sohl-Dickstein & Bengio 2017), by the
/// order of the places alone, and a plane is factored out by not being among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Planes<'a> {
    /// Positions of a row of the image.
    pub width: u8,
    /// Rows of the image.
    pub height: u8,
    /// The channel of each plane at each position: position by position, row by
    /// row, at each the planes.
    pub places: &'a [u8],
}

impl Planes<'_> {
    /// The positions of the image.
    pub const fn positions(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// The number of planes.
    pub const fn count(&self) -> usize {
        match self.places.len().checked_div(self.positions()) {
            Some(planes) => planes,
            None => 0,
        }
    }
}

/// A coupling layer over an image: some planes are transformed given others,
/// which convolutions read (Dinh, Sohl-Dickstein & Bengio 2017, "RealNVP").
/// Channels that are in neither stay as they are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConvolutionalCoupling<'a> {
    /// The planes that condition.
    pub given: Planes<'a>,
    /// The planes that are transformed, of the same size; none is given.
    pub transformed: Planes<'a>,
    /// What happens to each of their channels.
    pub transformer: Transformer,
    /// Gives the transformer's parameters at each position, plane by plane.
    pub conditioner: Convolutions<'a>,
}

/// The convolutions that parametrise a bijection over an image; what they are
/// exactly is [`Convolution`](crate::kernels::Convolution).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Convolutions<'a> {
    /// The non-linearity after each hidden layer.
    pub activation: Activation,
    /// Whether each hidden layer but the first adds its input to its output (He et
    /// al. 2016); all have then the same number of features.
    pub residual: bool,
    /// Whether the first layer has a head for each position, and not one for all:
    /// a bias and the weights of the context.
    pub by_position: bool,
    /// The hidden layers, one or more: features and the kernel's side, two bytes
    /// each.
    pub hidden: &'a [u8],
    /// The side of the linear output layer's kernel.
    pub output_kernel: u8,
}

impl<'a> ConvolutionalCoupling<'a> {
    /// The sizes of each layer, and how many rows it has: the hidden ones, then the
    /// output. `context` is the numbers that the context feeds to a conditioner.
    pub fn convolutions(
        &self,
        context: usize,
    ) -> impl ExactSizeIterator<Item = (Convolution, usize)> + Clone + use<'a> {
        let Self { given, .. } = *self;
        let own = self.conditioner;
        let (hidden, _) = own.hidden.as_chunks::<2>();
        let output = self.transformer.parameters() * self.transformed.count();
        (0..hidden.len() + 1).map(move |layer| {
            let before = layer.checked_sub(1).and_then(|before| hidden.get(before));
            let (rows, kernel) = hidden
                .get(layer)
                .map_or((output, own.output_kernel), |[features, kernel]| {
                    (usize::from(*features), *kernel)
                });
            let sizes = Convolution {
                width: given.width.into(),
                height: given.height.into(),
                kernel: kernel.into(),
                inputs: before.map_or(given.count(), |[features, _]| usize::from(*features)),
                heads: match before {
                    None if own.by_position => given.positions(),
                    _ => 1,
                },
                context: if before.is_none() { context } else { 0 },
            };
            (sizes, rows)
        })
    }
}
