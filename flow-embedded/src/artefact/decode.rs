//! How the items of a header's lists are decoded: by hand, because an evaluation decodes channels and
//! layers for each event, and postcard by way of serde takes three to ten times the instructions.

use super::channel::Standardisation;
use super::{
    Activation, Autoregressive, Channel, Conditioner, ContextTerm, ConvolutionalCoupling,
    Convolutions, Coupling, Direction, Domain, Ends, FlooredSpline, Form, Grid, Layer, Permutation,
    Planes, PreActivation, Scale, Transformer, Units, Vocabulary,
};
use crate::window::Feature;
use heapless::Vec;

/// Bytes that are decoded from the front.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// An unsigned number: 7 bits in each byte, the lowest first; all bytes but the last have the
    /// highest bit set.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<u32> {
        match self.byte()? {
            byte @ 0..0x80 => Some(byte.into()),
            byte => self.long_number(byte),
        }
    }

    #[cold]
    #[inline(never)]
    fn long_number(&mut self, first: u8) -> Option<u32> {
        let mut number = u64::from(first & 0x7f);
        for place in 1..5 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return u32::try_from(number).ok();
            }
        }
        None
    }

    #[inline(always)]
    fn short(&mut self) -> Option<u16> {
        self.number()?.try_into().ok()
    }

    #[inline(always)]
    fn float(&mut self) -> Option<f32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(f32::from_le_bytes(*bytes))
    }

    #[inline(always)]
    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// A length, and so many bytes.
    #[inline(always)]
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }
}

/// What is decoded from the front of bytes.
pub trait Decode<'a>: Sized {
    /// Decodes it; none if the bytes are no such thing.
    fn decode(from: &mut Reader<'a>) -> Option<Self>;
}

impl<'a> Decode<'a> for Channel<'a> {
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        let (name, unit) = (from.text()?, from.text()?);
        let own = numbers(from)?;
        Some(Self {
            name,
            unit,
            domain: own.domain,
            grid: own.grid,
            mean: own.mean,
            inv_std: own.inv_std,
        })
    }
}

impl<'a> Decode<'a> for Standardisation {
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        // The name and the unit are of no use to numbers.
        from.bytes()?;
        from.bytes()?;
        numbers(from)
    }
}

/// What stands behind the texts of a channel.
#[inline(always)]
fn numbers(from: &mut Reader<'_>) -> Option<Standardisation> {
    Some(Standardisation {
        domain: Domain::decode(from)?,
        grid: match from.flag()? {
            true => Some(Grid {
                offset: from.float()?,
                step: from.float()?,
            }),
            false => None,
        },
        mean: from.float()?,
        inv_std: from.float()?,
    })
}

impl<'a> Decode<'a> for Domain {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Real,
            1 => Self::Positive { low: from.float()? },
            2 => Self::SoftPositive {
                low: from.float()?,
                scale: from.float()?,
            },
            3 => Self::Bounded {
                low: from.float()?,
                high: from.float()?,
            },
            4 => Self::Circular,
            5 => Self::HeavyTailed {
                centre: from.float()?,
                scale: from.float()?,
            },
            6 => Self::Categorical {
                vocabulary: from.byte()?,
            },
            _ => return None,
        })
    }
}

impl<'a> Decode<'a> for Vocabulary<'a> {
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            names: from.text()?,
            size: from.short()?,
            embedding: from.byte()?,
        })
    }
}

impl<'a> Decode<'a> for super::categorical::Sizes {
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        from.bytes()?;
        Some(Self {
            size: from.short()?,
            embedding: from.byte()?,
        })
    }
}

impl<'a> Decode<'a> for Feature {
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        let (kind, channel) = (from.byte()?, from.byte()?);
        Some(match kind {
            0 => Self::Lag {
                channel,
                steps: from.short()?,
            },
            1 => Self::Difference {
                channel,
                steps: from.short()?,
            },
            2 => Self::Mean {
                channel,
                steps: from.short()?,
            },
            3 => Self::Deviation {
                channel,
                steps: from.short()?,
            },
            4 => Self::Average {
                channel,
                shift: from.byte()?,
            },
            _ => return None,
        })
    }
}

impl<'a> Decode<'a> for Layer<'a> {
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Coupling(Coupling {
                transformed: from.bytes()?,
                transformer: Transformer::decode(from)?,
                conditioner: Conditioner::decode(from)?,
            }),
            1 => Self::Autoregressive(Autoregressive {
                order: from.bytes()?,
                groups: from.bytes()?,
                direction: Direction::decode(from)?,
                transformer: Transformer::decode(from)?,
                conditioner: Conditioner::decode(from)?,
            }),
            2 => Self::Linear(Permutation(from.bytes()?)),
            3 => Self::ElementWise,
            4 => Self::Permutation(Permutation(from.bytes()?)),
            5 => Self::Convolutional(ConvolutionalCoupling {
                given: Planes::decode(from)?,
                transformed: Planes::decode(from)?,
                transformer: Transformer::decode(from)?,
                conditioner: Convolutions::decode(from)?,
            }),
            6 => Self::Pointwise(Planes::decode(from)?),
            _ => return None,
        })
    }
}

impl<'a> Decode<'a> for Direction {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        match from.byte()? {
            0 => Some(Self::Normalizing),
            1 => Some(Self::Generative),
            _ => None,
        }
    }
}

impl<'a> Decode<'a> for Transformer {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Shift,
            1 => Self::Affine {
                log_scale_bound: from.float()?,
            },
            2 => Self::Spline {
                bins: from.byte()?,
                bound: from.float()?,
            },
            3 => Self::Scaled {
                scale: Scale::decode(from)?,
                direction: Direction::decode(from)?,
            },
            4 => Self::FlooredSpline(FlooredSpline {
                bins: from.byte()?,
                bound: from.float()?,
                least_size: from.float()?,
                least_slope: from.float()?,
                ends: match from.byte()? {
                    0 => Ends::Smooth,
                    1 => Ends::Free,
                    _ => return None,
                },
                direction: Direction::decode(from)?,
            }),
            _ => return None,
        })
    }
}

impl<'a> Decode<'a> for Scale {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        let (kind, least) = (from.byte()?, from.float()?);
        match kind {
            0 => Some(Self::Exponential { least }),
            1 => Some(Self::Softplus { least }),
            2 => Some(Self::Sigmoid { least }),
            _ => None,
        }
    }
}

impl<'a> Decode<'a> for Conditioner<'a> {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        let activation = Activation::decode(from)?;
        let form = Form::decode(from)?;
        let mut hidden = Vec::new();
        for _ in 0..from.number()? {
            hidden.push(Units(from.bytes()?)).ok()?;
        }
        Some(Self {
            activation,
            form,
            hidden,
        })
    }
}

impl<'a> Decode<'a> for Activation {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        match from.byte()? {
            0 => Some(Self::Relu),
            1 => Some(Self::Tanh),
            2 => Some(Self::Silu),
            3 => Some(Self::LeakyRelu {
                slope: from.float()?,
            }),
            4 => Some(Self::Gelu),
            5 => Some(Self::GeluTanh),
            6 => Some(Self::Elu {
                alpha: from.float()?,
            }),
            _ => None,
        }
    }
}

impl<'a> Decode<'a> for Form {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Plain,
            1 => Self::Residual,
            2 => Self::PreActivation(PreActivation {
                blocks: from.byte()?,
                activated: from.flag()?,
                context: match from.byte()? {
                    0 => ContextTerm::Input,
                    1 => ContextTerm::Added,
                    2 => ContextTerm::Gated,
                    _ => return None,
                },
            }),
            3 => Self::ContextFirst,
            _ => return None,
        })
    }
}

impl<'a> Decode<'a> for Planes<'a> {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            width: from.byte()?,
            height: from.byte()?,
            places: from.bytes()?,
        })
    }
}

impl<'a> Decode<'a> for Convolutions<'a> {
    #[inline(always)]
    fn decode(from: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            activation: Activation::decode(from)?,
            residual: from.flag()?,
            by_position: from.flag()?,
            hidden: from.bytes()?,
            output_kernel: from.byte()?,
        })
    }
}
