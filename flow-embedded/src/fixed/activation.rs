//! Activations and their relatives: a table of few hundred bytes each, and a
//! parabola through three of its points.

use super::number::{ONE, round};

/// The non-linearity after a dense layer.
pub trait Activation {
    /// Whether it is [`Relu`], which needs no sum that is not positive.
    const IS_RELU: bool = false;

    /// Applies it to one requantised sum. The result is in the unit of the
    /// layer's activations and not yet clamped to them.
    fn apply(x: i32) -> i32;
}

/// The sum itself, in any unit.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

/// `max(x, 0)`, in any unit.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

/// Hyperbolic tangent of a sum in Q16, with `FRACTION` bits behind the point,
/// up to 16. With 15, the ends ±1 saturate.
#[derive(Clone, Copy, Debug)]
pub struct Tanh<const FRACTION: u32>;

/// `x / (1 + e^−x)`, also called swish, of a sum in Q16, with `FRACTION` bits
/// behind the point, up to 16.
#[derive(Clone, Copy, Debug)]
pub struct Silu<const FRACTION: u32>;

/// [`leaky_relu`] of a slope in Q31, in any unit.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu<const SLOPE: u32>;

impl<const SLOPE: u32> Activation for LeakyRelu<SLOPE> {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        leaky_relu(x, SLOPE)
    }
}

/// `x` from zero on, `slope · x` below, for a slope in Q31 of at most 1: in any unit, exact but for
/// one rounding to the nearest.
#[inline(always)]
pub const fn leaky_relu(x: i32, slope: u32) -> i32 {
    if x >= 0 {
        return x;
    }
    // The product is −2^62 or more.
    ((x as i64 * slope as i64 + (1 << 30)) >> 31) as i32
}

/// A number within 0 and 1 in Q31, rounded.
pub const fn q31(x: f32) -> u32 {
    (x * 2_147_483_648.0 + 0.5) as u32
}

/// GELU, `x Φ(x)`, of a sum in Q16, with `FRACTION` bits behind the point, up to 16.
#[derive(Clone, Copy, Debug)]
pub struct Gelu<const FRACTION: u32>;

/// The tanh form of [`Gelu`], likewise.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh<const FRACTION: u32>;

/// [`elu`] of a sum in Q16 and an alpha in Q16, with `FRACTION` bits behind the point, up to 16.
#[derive(Clone, Copy, Debug)]
pub struct Elu<const ALPHA: u32, const FRACTION: u32>;

impl<const FRACTION: u32> Activation for Gelu<FRACTION> {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        narrow::<FRACTION>(gelu(x))
    }
}

impl<const FRACTION: u32> Activation for GeluTanh<FRACTION> {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        narrow::<FRACTION>(gelu_tanh(x))
    }
}

impl<const ALPHA: u32, const FRACTION: u32> Activation for Elu<ALPHA, FRACTION> {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        narrow::<FRACTION>(elu(x, ALPHA))
    }
}

/// `x Φ(x)`, from Q16 to Q16, where Φ is the standard normal's distribution function.
#[inline(never)]
pub fn gelu(x: i32) -> i32 {
    let below = interpolate::<11>(&GELU, x.unsigned_abs()).map_or(0, |y| round(y, 13));
    x.max(0) - below
}

/// The tanh form of [`gelu`], likewise.
#[inline(never)]
pub fn gelu_tanh(x: i32) -> i32 {
    let below = interpolate::<11>(&GELU_TANH, x.unsigned_abs()).map_or(0, |y| round(y, 13));
    x.max(0) - below
}

/// The exponential linear unit, `x` from zero on and `alpha · (e^x − 1)` below, from Q16 to Q16 by an
/// alpha in Q16 of at most 8.
#[inline(never)]
pub fn elu(x: i32, alpha: u32) -> i32 {
    if x >= 0 {
        return x;
    }
    let size = interpolate::<11>(&EXPM1, x.unsigned_abs()).map_or(ONE, |y| round(y, 11));
    -((i64::from(size) * i64::from(alpha) + (1 << 15)) >> 16) as i32
}

/// A number within 0 and 8 in Q16, rounded.
pub const fn q16(x: f32) -> u32 {
    (x * 65_536.0 + 0.5) as u32
}

impl Activation for Identity {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        x
    }
}

impl Activation for Relu {
    const IS_RELU: bool = true;

    #[inline(always)]
    fn apply(x: i32) -> i32 {
        x.max(0)
    }
}

impl<const FRACTION: u32> Activation for Tanh<FRACTION> {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        narrow::<FRACTION>(tanh(x))
    }
}

impl<const FRACTION: u32> Activation for Silu<FRACTION> {
    #[inline(always)]
    fn apply(x: i32) -> i32 {
        narrow::<FRACTION>(silu(x))
    }
}

/// From Q16 to fewer bits behind the point, rounded.
#[inline(always)]
fn narrow<const FRACTION: u32>(x: i32) -> i32 {
    const {
        assert!(FRACTION <= 16);
    }
    round(x, 16 - FRACTION)
}

/// Hyperbolic tangent, from Q16 to Q16.
#[inline(never)]
pub fn tanh(x: i32) -> i32 {
    // Past the table it is closer to one than half an ulp.
    let size = interpolate::<11>(&TANH, x.unsigned_abs()).map_or(ONE, |y| round(y, 11));
    if x < 0 { -size } else { size }
}

/// `x / (1 + e^−x)`, from Q16 to Q16.
#[inline(never)]
pub fn silu(x: i32) -> i32 {
    let below = interpolate::<12>(&SILU, x.unsigned_abs()).map_or(0, |y| round(y, 13));
    x.max(0) - below
}

/// `ln(1 + e^x)`, from Q16 to Q16, saturating.
#[inline]
pub fn softplus(x: i32) -> i32 {
    x.max(0)
        .saturating_add(softplus_of_negative(x.unsigned_abs()))
}

/// `ln(1 + e^−x)` for a size in Q16: what stands above the larger of two
/// numbers `x` apart in the logarithm of the sum of their exponentials.
#[inline(never)]
pub(super) fn softplus_of_negative(x: u32) -> i32 {
    interpolate::<12>(&SOFTPLUS, x).map_or(0, |y| round(y, 12))
}

/// The parabola through three neighbouring points of a table whose steps are
/// `2^BITS` (Newton's forward differences), with `BITS` more bits than the
/// table's; none past the table.
#[inline(always)]
fn interpolate<const BITS: u32>(table: &[u16], at: u32) -> Option<i32> {
    let Some([y0, y1, y2, ..]) = table.get((at >> BITS) as usize..) else {
        return None;
    };
    let [y0, y1, y2] = [*y0, *y1, *y2].map(i32::from);
    let first = y1 - y0;
    let second = (y2 - y1) - first;
    let t = (at & ((1 << BITS) - 1)) as i32;
    let both = (t * (t - (1 << BITS))) >> (BITS + 1);
    Some((y0 << BITS) + t * first + both * second)
}

/// `tanh(i / 32)` in Q16, up to 6.28.
#[rustfmt::skip]
const TANH: [u16; 202] = [
    0, 2047, 4091, 6126, 8150, 10157, 12146, 14112,
    16051, 17961, 19838, 21681, 23485, 25250, 26973, 28652,
    30285, 31873, 33412, 34904, 36346, 37740, 39084, 40379,
    41625, 42823, 43972, 45075, 46131, 47142, 48108, 49031,
    49912, 50752, 51552, 52314, 53038, 53727, 54382, 55003,
    55593, 56152, 56683, 57185, 57660, 58110, 58536, 58939,
    59320, 59680, 60019, 60340, 60643, 60929, 61199, 61454,
    61694, 61920, 62134, 62335, 62524, 62703, 62871, 63029,
    63179, 63319, 63451, 63576, 63693, 63803, 63907, 64004,
    64096, 64182, 64263, 64340, 64412, 64479, 64543, 64603,
    64659, 64712, 64761, 64808, 64852, 64893, 64932, 64968,
    65003, 65035, 65065, 65093, 65120, 65145, 65169, 65191,
    65212, 65231, 65250, 65267, 65283, 65299, 65313, 65327,
    65339, 65351, 65362, 65373, 65383, 65392, 65401, 65409,
    65417, 65424, 65431, 65437, 65443, 65449, 65454, 65459,
    65464, 65468, 65472, 65476, 65480, 65483, 65486, 65489,
    65492, 65495, 65497, 65500, 65502, 65504, 65506, 65508,
    65509, 65511, 65512, 65514, 65515, 65516, 65518, 65519,
    65520, 65521, 65522, 65523, 65523, 65524, 65525, 65526,
    65526, 65527, 65527, 65528, 65528, 65529, 65529, 65530,
    65530, 65530, 65531, 65531, 65531, 65532, 65532, 65532,
    65532, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535,
];

/// `x / (1 + e^x)` at `x = i / 16` in Q17, up to 14.56: how far SiLU stays
/// below `max(x, 0)`.
#[rustfmt::skip]
const SILU: [u16; 234] = [
    0, 3968, 7681, 11139, 14347, 17306, 20021, 22498,
    24743, 26761, 28561, 30151, 31538, 32732, 33743, 34579,
    35251, 35767, 36139, 36376, 36487, 36483, 36372, 36163,
    35866, 35489, 35041, 34528, 33958, 33339, 32677, 31978,
    31248, 30493, 29716, 28924, 28120, 27308, 26491, 25673,
    24857, 24045, 23240, 22444, 21658, 20884, 20124, 19379,
    18649, 17935, 17239, 16561, 15901, 15259, 14636, 14032,
    13447, 12881, 12333, 11804, 11294, 10801, 10327, 9870,
    9430, 9007, 8600, 8209, 7834, 7474, 7129, 6798,
    6480, 6176, 5885, 5607, 5340, 5085, 4842, 4609,
    4386, 4174, 3971, 3777, 3592, 3416, 3247, 3087,
    2934, 2788, 2649, 2517, 2391, 2271, 2157, 2048,
    1945, 1846, 1752, 1663, 1578, 1498, 1421, 1348,
    1279, 1213, 1151, 1091, 1035, 981, 930, 882,
    836, 792, 751, 712, 674, 639, 605, 574,
    543, 515, 488, 462, 437, 414, 392, 371,
    352, 333, 315, 298, 282, 267, 253, 239,
    227, 214, 203, 192, 182, 172, 163, 154,
    146, 138, 130, 123, 117, 110, 104, 99,
    93, 88, 83, 79, 74, 70, 67, 63,
    60, 56, 53, 50, 48, 45, 42, 40,
    38, 36, 34, 32, 30, 29, 27, 25,
    24, 23, 21, 20, 19, 18, 17, 16,
    15, 14, 14, 13, 12, 11, 11, 10,
    10, 9, 9, 8, 8, 7, 7, 6,
    6, 6, 5, 5, 5, 5, 4, 4,
    4, 4, 3, 3, 3, 3, 3, 3,
    2, 2, 2, 2, 2, 2, 2, 2,
    2, 1, 1, 1, 1, 1, 1, 1,
    1, 1,
];

/// `ln(1 + e^−x)` at `x = i / 16` in Q16, up to 12.06.
#[rustfmt::skip]
const SOFTPLUS: [u16; 194] = [
    45426, 43410, 41458, 39570, 37745, 35983, 34283, 32646,
    31069, 29553, 28095, 26696, 25354, 24068, 22836, 21657,
    20530, 19453, 18425, 17445, 16510, 15620, 14773, 13966,
    13200, 12471, 11780, 11123, 10500, 9910, 9350, 8820,
    8318, 7843, 7394, 6969, 6567, 6187, 5829, 5490,
    5170, 4868, 4583, 4315, 4061, 3822, 3597, 3384,
    3184, 2996, 2818, 2651, 2493, 2345, 2205, 2074,
    1950, 1833, 1724, 1620, 1523, 1432, 1346, 1265,
    1189, 1118, 1051, 988, 928, 872, 820, 770,
    724, 680, 639, 601, 565, 530, 498, 468,
    440, 414, 389, 365, 343, 322, 303, 284,
    267, 251, 236, 222, 208, 196, 184, 173,
    162, 152, 143, 135, 126, 119, 112, 105,
    98, 92, 87, 82, 77, 72, 68, 64,
    60, 56, 53, 50, 47, 44, 41, 39,
    36, 34, 32, 30, 28, 27, 25, 23,
    22, 21, 19, 18, 17, 16, 15, 14,
    13, 13, 12, 11, 10, 10, 9, 9,
    8, 8, 7, 7, 6, 6, 6, 5,
    5, 5, 4, 4, 4, 4, 3, 3,
    3, 3, 3, 2, 2, 2, 2, 2,
    2, 2, 2, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 0, 0, 0,
    0, 0,
];

/// `x Φ(−x)` at `x = i / 32` in Q18, up to 4.97: how far GELU stays below `max(x, 0)`.
#[rustfmt::skip]
const GELU: [u16; 160] = [
    0, 3994, 7784, 11370, 14754, 17937, 20921, 23707,
    26299, 28699, 30911, 32937, 34783, 36451, 37947, 39275,
    40441, 41448, 42303, 43012, 43579, 44011, 44314, 44494,
    44557, 44509, 44356, 44105, 43762, 43333, 42824, 42241,
    41591, 40878, 40109, 39290, 38425, 37521, 36582, 35613,
    34619, 33605, 32575, 31532, 30482, 29427, 28371, 27318,
    26270, 25230, 24201, 23186, 22186, 21203, 20240, 19297,
    18377, 17480, 16608, 15761, 14940, 14146, 13379, 12640,
    11928, 11243, 10586, 9957, 9355, 8779, 8231, 7708,
    7210, 6738, 6289, 5865, 5463, 5083, 4725, 4387,
    4070, 3771, 3490, 3228, 2981, 2751, 2536, 2335,
    2148, 1974, 1812, 1662, 1523, 1393, 1274, 1164,
    1062, 968, 881, 801, 728, 661, 600, 543,
    492, 444, 401, 362, 327, 294, 265, 238,
    213, 191, 172, 154, 137, 123, 109, 98,
    87, 77, 69, 61, 54, 48, 42, 38,
    33, 29, 26, 23, 20, 18, 15, 14,
    12, 10, 9, 8, 7, 6, 5, 5,
    4, 3, 3, 3, 2, 2, 2, 1,
    1, 1, 1, 1, 1, 1, 1, 0,
];

/// The same of the tanh form of GELU, up to 4.56.
#[rustfmt::skip]
const GELU_TANH: [u16; 147] = [
    0, 3994, 7784, 11370, 14754, 17937, 20921, 23707,
    26300, 28700, 30912, 32939, 34784, 36453, 37950, 39279,
    40445, 41454, 42310, 43020, 43589, 44023, 44328, 44510,
    44575, 44529, 44379, 44131, 43790, 43364, 42858, 42278,
    41631, 40921, 40155, 39338, 38476, 37574, 36637, 35670,
    34678, 33665, 32635, 31593, 30543, 29488, 28431, 27376,
    26327, 25285, 24253, 23235, 22231, 21245, 20277, 19329,
    18404, 17501, 16623, 15770, 14942, 14142, 13368, 12621,
    11902, 11210, 10547, 9910, 9301, 8719, 8163, 7634,
    7131, 6652, 6199, 5769, 5362, 4978, 4616, 4275,
    3954, 3653, 3370, 3106, 2858, 2627, 2412, 2211,
    2025, 1851, 1691, 1542, 1404, 1277, 1160, 1053,
    954, 863, 779, 703, 633, 570, 512, 459,
    411, 368, 328, 293, 261, 232, 206, 183,
    162, 143, 126, 111, 98, 86, 75, 66,
    57, 50, 44, 38, 33, 29, 25, 21,
    18, 16, 14, 12, 10, 9, 7, 6,
    5, 4, 4, 3, 3, 2, 2, 2,
    1, 1, 1,
];

/// `1 − e^−x` at `x = i / 32` in Q16, up to 12.
#[rustfmt::skip]
const EXPM1: [u16; 386] = [
    0, 2016, 3971, 5865, 7701, 9480, 11205, 12876,
    14497, 16067, 17589, 19064, 20494, 21880, 23223, 24525,
    25786, 27009, 28195, 29344, 30457, 31536, 32582, 33596,
    34579, 35531, 36455, 37349, 38217, 39057, 39872, 40661,
    41427, 42168, 42887, 43584, 44260, 44914, 45549, 46164,
    46760, 47337, 47897, 48440, 48966, 49476, 49970, 50449,
    50913, 51363, 51799, 52222, 52631, 53028, 53413, 53786,
    54148, 54498, 54838, 55167, 55486, 55795, 56095, 56385,
    56667, 56940, 57204, 57460, 57709, 57950, 58183, 58409,
    58629, 58841, 59047, 59247, 59440, 59628, 59810, 59986,
    60156, 60322, 60482, 60638, 60789, 60935, 61076, 61213,
    61346, 61475, 61600, 61721, 61839, 61952, 62063, 62170,
    62273, 62374, 62471, 62565, 62657, 62745, 62831, 62914,
    62995, 63073, 63149, 63222, 63293, 63362, 63429, 63494,
    63557, 63618, 63677, 63734, 63790, 63843, 63895, 63946,
    63995, 64042, 64088, 64133, 64176, 64218, 64258, 64298,
    64336, 64373, 64408, 64443, 64477, 64509, 64541, 64572,
    64601, 64630, 64658, 64685, 64711, 64736, 64761, 64785,
    64808, 64830, 64852, 64873, 64894, 64913, 64932, 64951,
    64969, 64986, 65003, 65020, 65036, 65051, 65066, 65080,
    65094, 65108, 65121, 65134, 65146, 65158, 65170, 65181,
    65192, 65203, 65213, 65223, 65233, 65242, 65251, 65260,
    65268, 65276, 65284, 65292, 65300, 65307, 65314, 65321,
    65327, 65334, 65340, 65346, 65352, 65358, 65363, 65368,
    65374, 65379, 65383, 65388, 65393, 65397, 65401, 65405,
    65409, 65413, 65417, 65421, 65424, 65428, 65431, 65434,
    65437, 65441, 65443, 65446, 65449, 65452, 65454, 65457,
    65459, 65462, 65464, 65466, 65468, 65470, 65472, 65474,
    65476, 65478, 65480, 65482, 65483, 65485, 65486, 65488,
    65489, 65491, 65492, 65494, 65495, 65496, 65497, 65499,
    65500, 65501, 65502, 65503, 65504, 65505, 65506, 65507,
    65508, 65509, 65509, 65510, 65511, 65512, 65513, 65513,
    65514, 65515, 65515, 65516, 65517, 65517, 65518, 65518,
    65519, 65519, 65520, 65520, 65521, 65521, 65522, 65522,
    65523, 65523, 65523, 65524, 65524, 65525, 65525, 65525,
    65526, 65526, 65526, 65527, 65527, 65527, 65527, 65528,
    65528, 65528, 65528, 65529, 65529, 65529, 65529, 65530,
    65530, 65530, 65530, 65530, 65530, 65531, 65531, 65531,
    65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532,
    65532, 65532, 65532, 65533, 65533, 65533, 65533, 65533,
    65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535, 65535, 65535,
    65535, 65535,
];
