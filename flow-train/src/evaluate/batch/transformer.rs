//! What a conditioner's parameters do to a channel.

use super::lanes::{LaneMath, Lanes, negative, vectors};
use super::spline;
use crate::model::panel::Panel;
use flow_embedded::artefact::Transformer;
use flow_embedded::kernels::wrap;
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
                let bins = usize::from(bins);
                for (column, (x, log_det)) in x.iter_mut().zip(log_det).enumerate() {
                    let parameters = spline::Parameters::<S>::new(parameters, bins, column);
                    let own = Lanes::new(simd, *x);
                    let (value, own) = spline::apply::<M, S>(simd, way, own, parameters, bound);
                    *x = value.lanes();
                    if way != Way::Inverse {
                        *log_det = (Lanes::new(simd, *log_det) + own).lanes();
                    }
                }
            }
        }
    }
}

/// Keeps a number within ±bound, smoothly: `a / (1 + |a| / bound)`.
#[inline(always)]
pub(super) fn soft_clip<S: Simd>(simd: S, a: Lanes<S>, inv_bound: Lanes<S>) -> Lanes<S> {
    a / (Lanes::splat(simd, 1.0) + a.abs() * inv_bound)
}
