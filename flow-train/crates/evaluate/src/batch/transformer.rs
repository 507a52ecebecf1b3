//! What a conditioner's parameters do to a channel.

use super::lanes::{LaneMath, Lanes, negative, vectors};
use super::spline;
use flow_embedded::artefact::{Scale, Transformer};
use flow_embedded::kernels::wrap;
use flow_model::panel::Panel;
use pulp::{Arch, Simd, WithSimd};
use std::f32::consts::PI;
use std::marker::PhantomData;

/// What a transformer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Forward, with the log-determinant.
    Forward,
    /// Inverse; the log-determinant is not wanted.
    Inverse,
    /// Inverse, with the log-determinant.
    InverseAndLogDet,
}

/// One channel, in place; adds its log-determinant to `log_det` where the way has it. Overwrites the parameters.
pub(super) fn apply<M: LaneMath>(
    transformer: Transformer,
    way: Way,
    circular: bool,
    x: &mut [f32],
    parameters: &mut Panel<f32>,
    log_det: &mut [f32],
) {
    // As in the runtime's kernels: the golden angle.
    const ROTATION: f32 = 2.399_963_2;
    let transformer = match transformer {
        Transformer::Spline { bins, .. } if circular => Transformer::Spline { bins, bound: PI },
        other => other,
    };
    let turns = circular && matches!(transformer, Transformer::Spline { .. });
    if turns && way != Way::Forward {
        x.iter_mut().for_each(|x| *x = wrap(*x - ROTATION));
    }
    Arch::new().dispatch(Apply::<M> {
        transformer,
        way,
        x,
        parameters,
        log_det,
        math: PhantomData,
    });
    if turns && way == Way::Forward {
        x.iter_mut().for_each(|x| *x = wrap(*x + ROTATION));
    }
}

struct Apply<'a, M> {
    transformer: Transformer,
    way: Way,
    x: &'a mut [f32],
    parameters: &'a mut Panel<f32>,
    log_det: &'a mut [f32],
    math: PhantomData<M>,
}

impl<M: LaneMath> WithSimd for Apply<'_, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            transformer,
            way,
            x,
            parameters,
            log_det,
            ..
        } = self;
        let (x, log_det) = (vectors::<S>(x), vectors::<S>(log_det));
        match transformer {
            Transformer::Shift => {
                let shifts = vectors::<S>(parameters.row_mut(0));
                for (x, shift) in x.iter_mut().zip(shifts) {
                    let (own, shift) = (Lanes::new(simd, *x), Lanes::new(simd, *shift));
                    *x = match way {
                        Way::Forward => own + shift,
                        Way::Inverse | Way::InverseAndLogDet => own - shift,
                    }
                    .lanes();
                }
            }
            Transformer::Affine { log_scale_bound } => {
                let (shifts, scales) = parameters.rows_at_mut(0, 2).into_pair();
                let inv_bound = Lanes::splat(simd, 1.0 / log_scale_bound);
                let pairs = vectors::<S>(shifts).iter().zip(&*vectors::<S>(scales));
                for ((x, log_det), (shift, a)) in x.iter_mut().zip(log_det).zip(pairs) {
                    let [own, shift, a] = [*x, *shift, *a].map(|lanes| Lanes::new(simd, lanes));
                    let clipped = soft_clip(simd, a, inv_bound);
                    let (value, log_scale) = match way {
                        Way::Forward => (own * M::exp_lanes(simd, clipped) + shift, clipped),
                        Way::Inverse | Way::InverseAndLogDet => {
                            let log_scale = negative(simd, clipped);
                            ((own - shift) * M::exp_lanes(simd, log_scale), log_scale)
                        }
                    };
                    *x = value.lanes();
                    if way != Way::Inverse {
                        *log_det = (Lanes::new(simd, *log_det) + log_scale).lanes();
                    }
                }
            }
            Transformer::Spline { bins, bound } => {
                let form = spline::SoftBounds;
                splines::<M, S>(simd, way, x, parameters, log_det, bins, bound, form);
            }
            Transformer::Scaled { scale, direction } => {
                let (shifts, scales) = parameters.rows_at_mut(0, 2).into_pair();
                let pairs = vectors::<S>(shifts).iter().zip(&*vectors::<S>(scales));
                for ((x, log_det), (shift, a)) in x.iter_mut().zip(log_det).zip(pairs) {
                    let [own, shift, a] = [*x, *shift, *a].map(|lanes| Lanes::new(simd, lanes));
                    let [scale, log_scale] = scale_of::<M, S>(simd, scale, a);
                    let (value, log_scale) = match direction.as_it_stands(way == Way::Forward) {
                        true => (own * scale + shift, log_scale),
                        false => ((own - shift) / scale, negative(simd, log_scale)),
                    };
                    *x = value.lanes();
                    if way != Way::Inverse {
                        *log_det = (Lanes::new(simd, *log_det) + log_scale).lanes();
                    }
                }
            }
            Transformer::FlooredSpline(own) => {
                let way = match (own.direction.as_it_stands(way == Way::Forward), way) {
                    (true, _) => Way::Forward,
                    (false, Way::Inverse) => Way::Inverse,
                    (false, _) => Way::InverseAndLogDet,
                };
                let floor = own.floor();
                splines::<M, S>(
                    simd, way, x, parameters, log_det, own.bins, own.bound, floor,
                );
            }
        }
    }
}

/// The splines of one channel.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn splines<M: LaneMath, S: Simd>(
    simd: S,
    way: Way,
    x: &mut [S::f32s],
    parameters: &mut Panel<f32>,
    log_det: &mut [S::f32s],
    bins: u8,
    bound: f32,
    form: impl spline::Parametrisation,
) {
    for (column, (x, log_det)) in x.iter_mut().zip(log_det).enumerate() {
        let parameters = spline::Parameters::<S>::new(parameters, bins.into(), column);
        let own = Lanes::new(simd, *x);
        let (value, own) = spline::apply::<M, S>(simd, way, own, parameters, bound, form);
        *x = value.lanes();
        if way != Way::Inverse {
            *log_det = (Lanes::new(simd, *log_det) + own).lanes();
        }
    }
}

/// A scale and its logarithm: the runtime's [`ScaleMap`](flow_embedded::kernels::ScaleMap), operation by operation.
#[inline(always)]
fn scale_of<M: LaneMath, S: Simd>(simd: S, scale: Scale, a: Lanes<S>) -> [Lanes<S>; 2] {
    let number = |value| Lanes::splat(simd, value);
    let scale = match scale {
        Scale::Exponential { least: 0.0 } => return [M::exp_lanes(simd, a), a],
        Scale::Exponential { least } => M::exp_lanes(simd, a) + number(least),
        Scale::Softplus { least } => softplus::<M, S>(simd, a) + number(least),
        Scale::Sigmoid { least } => {
            let e = M::exp_lanes(simd, negative(simd, a));
            number(1.0) / (number(1.0) + e) + number(least)
        }
    };
    [scale, M::ln_lanes(simd, scale)]
}

/// `ln(1 + e^a)`.
#[inline(always)]
pub(super) fn softplus<M: LaneMath, S: Simd>(simd: S, a: Lanes<S>) -> Lanes<S> {
    let number = |value| Lanes::splat(simd, value);
    let e = M::exp_lanes(simd, negative(simd, a.abs()));
    let sum = number(1.0) + e;
    let rounded = sum - number(1.0);
    let log = M::ln_lanes(simd, sum) * (e / rounded);
    // True for NaN as well, which is in e, too.
    let log = number(0.0).less(rounded).select(log, e);
    // Zero for NaN, as `f32::max` has it.
    number(0.0).less(a).select(a, number(0.0)) + log
}

/// Keeps a number within ±bound, smoothly: `a / (1 + |a| / bound)`.
#[inline(always)]
pub(super) fn soft_clip<S: Simd>(simd: S, a: Lanes<S>, inv_bound: Lanes<S>) -> Lanes<S> {
    a / (Lanes::splat(simd, 1.0) + a.abs() * inv_bound)
}
