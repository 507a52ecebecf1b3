use crate::Words;

/// What values a channel has, in raw units: enough to draw ordinary and extreme ones.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "file", derive(serde::Serialize, serde::Deserialize))]
pub enum Channel {
    /// Any number.
    Real {
        /// Where the mass is.
        centre: f32,
        /// About one standard deviation.
        spread: f32,
    },
    /// Numbers above an end.
    Above {
        /// The end; it is outside.
        low: f32,
        /// About the median's distance from the end.
        spread: f32,
    },
    /// Numbers between two ends.
    Between {
        /// The lower end; it is outside.
        low: f32,
        /// The upper end; it is outside.
        high: f32,
    },
    /// The integers from 0 to `count` − 1.
    Codes {
        /// How many there are.
        count: u8,
    },
}

/// Numbers where arithmetic has its corners. Products, squares and sums of some of them overflow or
/// become subnormal.
const EXTREMES: [f32; 32] = [
    0.0,
    -0.0,
    // The smallest and the largest subnormal numbers.
    f32::from_bits(0x0000_0001),
    f32::from_bits(0x8000_0001),
    f32::from_bits(0x007f_ffff),
    f32::from_bits(0x807f_ffff),
    1e-40,
    -1e-40,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-20,
    -1e-20,
    f32::EPSILON,
    0.5,
    1.0,
    -1.0,
    180.0,
    -360.0,
    1e4,
    -1e6,
    8_388_608.0,
    -2_147_483_648.0,
    1e10,
    -1e10,
    1.9e19,
    1e30,
    -1e30,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Powers of ten over the whole range of `f32`.
const POWERS: [f32; 20] = [
    1e-45, 1e-42, 1e-39, 1e-37, 1e-30, 1e-24, 1e-18, 1e-12, 1e-6, 1e-3, 1e2, 1e3, 1e5, 1e7, 1e9,
    1e12, 1e18, 1e24, 1e30, 1e38,
];

/// A power of two with an exponent within −126 ..= 127.
const fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((127 + exponent) as u32) << 23)
}

impl Channel {
    /// A value where the mass is.
    pub(crate) fn ordinary(self, words: &mut Words) -> f32 {
        match self {
            Self::Real { centre, spread } => centre + spread * bell(words),
            Self::Above { low, spread } => {
                let octave = power_of_two(words.below(5) as i32 - 2);
                low + spread * ((0.0625 + words.unit()) * octave)
            }
            Self::Between { low, high } => low + (high - low) * words.unit(),
            Self::Codes { count } => words.below(count.into()) as f32,
        }
    }

    /// A value in the tails: by 3 to 20 powers of two farther out, or nearer to an end.
    pub(crate) fn tail(self, words: &mut Words) -> f32 {
        let octaves = 3 + words.below(18) as i32;
        match self {
            Self::Real { centre, spread } => {
                centre + spread * (bell(words) * power_of_two(octaves))
            }
            Self::Above { low, spread } => {
                let octaves = if words.coin() { octaves } else { -octaves };
                low + spread * (words.unit() * power_of_two(octaves))
            }
            Self::Between { low, high } => {
                let from_end = (high - low) * (words.unit() * power_of_two(-octaves));
                if words.coin() {
                    low + from_end
                } else {
                    high - from_end
                }
            }
            Self::Codes { .. } => self.ordinary(words),
        }
    }

    /// A power of ten with either sign, inside the channel's domain or outside; an ordinary code.
    pub(crate) fn power(self, words: &mut Words) -> f32 {
        if let Self::Codes { .. } = self {
            return self.ordinary(words);
        }
        let power = pick(&POWERS, words);
        if words.coin() { power } else { -power }
    }

    /// One of the extremes, or a value at, beside or beyond an end.
    pub(crate) fn extreme(self, words: &mut Words) -> f32 {
        if words.coin() {
            match self {
                Self::Real { .. } => {}
                Self::Above { low, .. } => return pick(&around(low, -1.0), words),
                Self::Between { low, high } => {
                    let (end, beyond) = if words.coin() {
                        (low, -1.0)
                    } else {
                        (high, 1.0)
                    };
                    return pick(&around(end, beyond), words);
                }
                Self::Codes { count } => {
                    let count = f32::from(count);
                    let around = [
                        -1.0,
                        -0.0,
                        0.5,
                        count - 1.0,
                        count - 0.5,
                        count,
                        255.0,
                        256.0,
                        1e30,
                    ];
                    return pick(&around, words);
                }
            }
        }
        pick(&EXTREMES, words)
    }
}

/// A number about as a standard normal one: a sum of three uniform ones.
fn bell(words: &mut Words) -> f32 {
    words.signed() + words.signed() + words.signed()
}

/// An end, its neighbours, and values beyond it.
fn around(end: f32, beyond: f32) -> [f32; 5] {
    [
        end,
        end.next_up(),
        end.next_down(),
        end + beyond,
        end + 1e30 * beyond,
    ]
}

fn pick(values: &[f32], words: &mut Words) -> f32 {
    let place = words.below(values.len());
    values.get(place).copied().unwrap_or_default()
}
