//! Monotone rational-quadratic splines (Durkan, Bekasov, Murray & Papamakarios 2019, "Neural Spline Flows"; their
//! inverse after Gregory & Delbourgo 1982; on circles after Rezende et al. 2020).
//!
//! A channel has `3 K - 1` parameters: unnormalised widths and heights of the K bins, then unnormalised
//! derivatives at the inner knots. All are softly clipped, widths and heights go through a softmax, derivatives
//! through an exponential. At both ends the slope is 1, and outside ±bound the spline is the identity.
//!
//! With floors, as other libraries have them, sizes are a least one and a share of the rest by a softmax, slopes a least
//! one and a softplus (Durkan et al. 2019).
//!
//! A pass leaves in the place of each unnormalised size `r` the derivative of its exponential,
//! `e^clip(r) clip'(r)`, and saves the bin that holds the value: no reverse pass sees an exponential.

mod bin;
mod constants;
mod forward;
mod reverse;

use super::decimal;
use crate::panel::{Rows, RowsMut};
use crate::real::Real;
use flow_embedded::artefact::{Direction, Ends, FlooredSpline};
use forward::Pass;
use pulp::Arch;
use reverse::Reverse;
use std::f64::consts::PI;

/// `|ln 1e-3| / 2`: the soft bound of widths and heights before the softmax.
const SIZE_BOUND: f64 = 3.453_877_639_491_069;
/// `|ln 1e-3|`: the soft bound of the logarithm of derivatives.
const DERIVATIVE_BOUND: f64 = 6.907_755_278_982_137;
/// What a circular channel turns by after each spline, in radians: the golden angle.
const ROTATION: f64 = 2.399_963_229_728_653;
/// Beyond so many radians an `f32` no longer tells the angle.
const FAR: f64 = 62_832.0;

/// Rows that a pass leaves to its reverse pass: the fields of a [`Bin`](bin::Bin).
pub(super) const SAVED: usize = 12;

/// The splines of one channel, `FLOORED` or softly bounded.
#[derive(Clone, Copy)]
pub(super) struct Spline<const FLOORED: bool> {
    bins: usize,
    bound: f64,
    circular: bool,
    floor: Floor,
}

/// The least size of a bin and slope of a knot, and whether the slopes at both ends are parameters.
#[derive(Clone, Copy, Default)]
struct Floor {
    size: f64,
    slope: f64,
    free_ends: bool,
}

impl Spline<false> {
    /// On a `circular` channel the bound is π, whatever `bound` is.
    pub(super) fn new(bins: u8, bound: f32, circular: bool) -> Self {
        Self {
            bins: usize::from(bins),
            bound: if circular { PI } else { f64::from(bound) },
            circular,
            floor: Floor::default(),
        }
    }
}

impl Spline<true> {
    pub(super) fn floored(own: FlooredSpline) -> Self {
        Self {
            bins: usize::from(own.bins),
            bound: decimal(own.bound),
            circular: false,
            floor: Floor {
                size: decimal(own.least_size),
                slope: decimal(own.least_slope),
                free_ends: own.ends == Ends::Free,
            },
        }
    }
}

impl<const FLOORED: bool> Spline<FLOORED> {
    /// From the side `axis` to the other one.
    pub(super) fn map<T: Real>(
        self,
        axis: Axis,
        given: &[T],
        parameters: RowsMut<'_, T>,
        saved: RowsMut<'_, T>,
        out: &mut [T],
        log_det: Option<&mut [T]>,
    ) {
        let (stride, saved_stride) = (parameters.stride(), saved.stride());
        let (parameters, saved) = (parameters.into_mut_slice(), saved.into_mut_slice());
        // Room for the knots on the stack; usual splines need little of it.
        macro_rules! pass {
            ($room:literal) => {
                Arch::new().dispatch(Pass::<'_, T, $room, FLOORED> {
                    spline: self,
                    axis,
                    given,
                    parameters,
                    stride,
                    saved,
                    saved_stride,
                    out,
                    log_det,
                })
            };
        }
        match self.bins {
            0..=8 => pass!(8),
            9..=32 => pass!(32),
            _ => pass!(256),
        }
    }

    /// The reverse pass of [`Spline::map`].
    #[allow(clippy::too_many_arguments)]
    pub(super) fn backward<T: Real>(
        self,
        axis: Axis,
        given: &[T],
        parameters: Rows<'_, T>,
        saved: Rows<'_, T>,
        d_log_det: &[T],
        gradient: &mut [T],
        d_parameters: RowsMut<'_, T>,
    ) {
        Arch::new().dispatch(Reverse {
            spline: self,
            axis,
            given,
            parameters,
            saved,
            d_log_det,
            gradient,
            d_parameters,
        });
    }
}

/// Which side of the spline a value is on.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    Input,
    Output,
}

impl Axis {
    /// Where a pass begins that maps in `direction` as it stands, in the normalizing direction.
    pub(super) fn as_it_stands(direction: Direction) -> Self {
        match direction {
            Direction::Normalizing => Self::Input,
            Direction::Generative => Self::Output,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Input => Self::Output,
            Self::Output => Self::Input,
        }
    }
}
