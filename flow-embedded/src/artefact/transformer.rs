//! What a bijection does to a channel, and which way.

use crate::fixed;
use crate::kernels::{ExponentialScale, Floor, ScaleMap, SigmoidScale, SoftplusScale};
use crate::math::Math;
use serde::Serialize;

/// The largest bound of an affine transformer's log-scales: beyond it scales leave `f32`.
pub const MAX_LOG_SCALE: f32 = 88.0;
/// The largest bound of a spline, in standardised units, and one over the least: within it the squares
/// in a spline's inverse are numbers of `f32`.
pub const MAX_SPLINE_BOUND: f32 = 1e12;

/// What a bijection does to each channel that it transforms, given parameters
/// from its conditioner (Papamakarios et al. 2021, section 3.1: "transformer").
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Transformer {
    /// `x + shift`: one parameter (Dinh, Krueger & Bengio 2015, "NICE").
    Shift,
    /// `x · e^s + shift` with `s = a / (1 + |a| / bound)`: two parameters,
    /// `shift` and `a`.
    Affine {
        /// Log-scales lie within ± this bound, at most [`MAX_LOG_SCALE`].
        log_scale_bound: f32,
    },
    /// Monotone rational-quadratic spline on ±`bound`, the identity outside
    /// (Durkan et al. 2019): `3 · bins − 1` parameters, the unnormalised
    /// widths and heights of the bins, then the derivatives at inner knots.
    ///
    /// On a circular channel the spline's bound is π and its ends meet with
    /// slope 1 (Rezende et al. 2020); a fixed rotation follows.
    Spline {
        /// The bins, 2 or more.
        bins: u8,
        /// The spline covers ± this bound, in standardised units; at most [`MAX_SPLINE_BOUND`],
        /// and at least one over it.
        bound: f32,
    },
    /// `x · scale(a) + shift`: two parameters, `shift` and `a`.
    Scaled {
        /// From the parameter to the scale.
        scale: Scale,
        /// The direction that maps as it stands; the other one is its inverse.
        direction: Direction,
    },
    /// A spline as [`Spline`](Self::Spline) whose bins and slopes have least values.
    FlooredSpline(FlooredSpline),
}

/// From an unbounded parameter `a` to a positive scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Scale {
    /// `e^a + least`.
    Exponential {
        /// Not negative.
        least: f32,
    },
    /// `ln(1 + e^a) + least`.
    Softplus {
        /// Not negative.
        least: f32,
    },
    /// `1 / (1 + e^−a) + least`.
    Sigmoid {
        /// Not negative.
        least: f32,
    },
}

/// For the loader; generated code names the one map that it needs.
impl ScaleMap for Scale {
    fn scale<M: Math>(self, a: f32) -> (f32, f32) {
        match self {
            Self::Exponential { least } => ExponentialScale { least }.scale::<M>(a),
            Self::Softplus { least } => SoftplusScale { least }.scale::<M>(a),
            Self::Sigmoid { least } => SigmoidScale { least }.scale::<M>(a),
        }
    }
}

/// For who interprets a model of integers.
impl fixed::ScaleMap for Scale {
    fn log_scale(self, a: i32) -> i32 {
        match self {
            Self::Exponential { least } => fixed::ExponentialScale::new(least).log_scale(a),
            Self::Softplus { least } => fixed::SoftplusScale::new(least).log_scale(a),
            Self::Sigmoid { least } => fixed::SigmoidScale::new(least).log_scale(a),
        }
    }
}

impl Scale {
    /// The least scale, which is not reached.
    pub const fn least(self) -> f32 {
        match self {
            Self::Exponential { least } | Self::Softplus { least } | Self::Sigmoid { least } => {
                least
            }
        }
    }

    /// The name of the function.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exponential { .. } => "exponential",
            Self::Softplus { .. } => "softplus",
            Self::Sigmoid { .. } => "sigmoid",
        }
    }
}

/// A monotone rational-quadratic spline on ±`bound`, the identity outside, with floors
/// as Durkan et al. 2019 have them: bins are `least_size` and a share of the rest
/// (softmax), slopes `least_slope + ln(1 + e^d)`.
///
/// Parameters: the unnormalised widths and heights of the bins, then the unnormalised
/// slopes at inner knots, or at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FlooredSpline {
    /// The bins, 2 or more.
    pub bins: u8,
    /// The spline covers ± this bound, in standardised units; limited as that of
    /// [`Transformer::Spline`].
    pub bound: f32,
    /// The least width and height of a bin, in standardised units; those of all bins
    /// together are less than the spline's.
    pub least_size: f32,
    /// The least slope at a knot, below 1.
    pub least_slope: f32,
    /// The slopes at both ends.
    pub ends: Ends,
    /// The direction that maps as it stands; the other one is its inverse.
    pub direction: Direction,
}

impl FlooredSpline {
    /// What its kernels take.
    pub const fn floor(self) -> Floor {
        Floor {
            size: self.least_size,
            slope: self.least_slope,
            free_ends: matches!(self.ends, Ends::Free),
        }
    }
}

/// The slopes at both ends of a spline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Ends {
    /// They are 1, as they are outside.
    Smooth,
    /// They are parameters as all others: the density has a step there.
    Free,
}

impl Transformer {
    /// Whether it is of a flow that another library fitted, and none that is trained here.
    pub const fn is_imported(self) -> bool {
        matches!(self, Self::Scaled { .. } | Self::FlooredSpline(_))
    }

    /// Whether it is a spline.
    pub const fn is_spline(self) -> bool {
        matches!(self, Self::Spline { .. } | Self::FlooredSpline(_))
    }

    /// The parameters of one channel.
    pub const fn parameters(self) -> usize {
        match self {
            Self::Shift => 1,
            Self::Affine { .. } | Self::Scaled { .. } => 2,
            Self::Spline { bins, .. }
            | Self::FlooredSpline(FlooredSpline {
                bins,
                ends: Ends::Smooth,
                ..
            }) => (3 * bins as usize).saturating_sub(1),
            Self::FlooredSpline(FlooredSpline { bins, .. }) => 3 * bins as usize + 1,
        }
    }
}

/// The direction that an autoregressive bijection evaluates in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// Its conditioner reads the side of the data, and its transformer maps
    /// data to base (Papamakarios, Pavlakou & Murray 2017, "MAF").
    Normalizing,
    /// Its conditioner reads the side of the base, and its transformer maps
    /// base to data (Kingma et al. 2016, "IAF").
    Generative,
}

impl Direction {
    /// Whether a transformer that maps in this direction as it stands does so on the way
    /// from data to base (`forward`), or on the way back.
    pub const fn as_it_stands(self, forward: bool) -> bool {
        forward == matches!(self, Self::Normalizing)
    }
}
