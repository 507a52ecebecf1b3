//! Dense products over a batch, for weight matrices whose rows see a prefix of the input.
//!
//! Activations are feature-major ([`Panel`]), so that a vector register holds one feature of several events, and
//! no operand has to be packed. Weights are row-major `[outputs x inputs]`; `prefix[row]` inputs are visible to a
//! row, non-decreasing over the rows, and the weights beyond are exactly zero. Tiles of the product that lie
//! beyond the prefix are skipped, which saves nearly half of an autoregressive conditioner.
//!
//! Nothing here allocates. The instruction set is chosen at run time.

use super::panel::Panel;
use super::real::Real;
use pulp::{Arch, Simd, WithSimd};

/// Vectors of one feature that a tile covers.
const SPAN: usize = 2;
/// Rows that a tile covers: with `SPAN` vectors it fills the registers of AVX2 without spilling.
const ROWS: usize = 6;

/// A weight matrix with its staircase of visible inputs.
#[derive(Clone, Copy)]
pub(crate) struct Staircase<'a, T> {
    pub(crate) weights: &'a [T],
    pub(crate) prefix: &'a [usize],
    pub(crate) inputs: usize,
}

/// `y = W x + bias`.
pub(crate) fn forward<T: Real>(w: Staircase<'_, T>, bias: &[T], x: &Panel<T>, y: &mut Panel<T>) {
    Arch::new().dispatch(Forward { w, bias, x, y });
}

/// `dx[row] = (W^T dy)[row]` for the rows `from..`; earlier rows of `dx` keep what they held.
pub(crate) fn backward_input<T: Real>(
    w: Staircase<'_, T>,
    dy: &Panel<T>,
    dx: &mut Panel<T>,
    from: usize,
) {
    Arch::new().dispatch(BackwardInput { w, dy, dx, from });
}

/// `dw = dy x^T` on the visible entries (the others keep what they held), `db = sum of dy over events`.
pub(crate) fn backward_weights<T: Real>(
    prefix: &[usize],
    dy: &Panel<T>,
    x: &Panel<T>,
    dw: &mut [T],
    db: &mut [T],
) {
    Arch::new().dispatch(BackwardWeights {
        prefix,
        dy,
        x,
        dw,
        db,
    });
}

struct Forward<'a, T> {
    w: Staircase<'a, T>,
    bias: &'a [T],
    x: &'a Panel<T>,
    y: &'a mut Panel<T>,
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { w, bias, x, y } = self;
        let outputs = w.prefix.len();
        let vectors = T::lanes::<S>(x.row(0)).len();
        let mut column = 0;
        while column < vectors {
            let wide = vectors - column >= SPAN;
            let mut row = 0;
            while row < outputs {
                let rows = ROWS.min(outputs - row);
                match (rows, wide) {
                    (6, true) => forward_tile::<T, S, 6, SPAN>(simd, w, bias, x, y, row, column),
                    (6, false) => forward_tile::<T, S, 6, 1>(simd, w, bias, x, y, row, column),
                    (4.., true) => forward_tile::<T, S, 4, SPAN>(simd, w, bias, x, y, row, column),
                    (4.., false) => forward_tile::<T, S, 4, 1>(simd, w, bias, x, y, row, column),
                    (2.., true) => forward_tile::<T, S, 2, SPAN>(simd, w, bias, x, y, row, column),
                    (2.., false) => forward_tile::<T, S, 2, 1>(simd, w, bias, x, y, row, column),
                    (_, true) => forward_tile::<T, S, 1, SPAN>(simd, w, bias, x, y, row, column),
                    (_, false) => forward_tile::<T, S, 1, 1>(simd, w, bias, x, y, row, column),
                }
                row += tile_rows(rows);
            }
            column += if wide { SPAN } else { 1 };
        }
    }
}

/// Rows that the tile chosen for `rows` remaining rows covers.
#[inline(always)]
fn tile_rows(rows: usize) -> usize {
    match rows {
        6.. => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

#[inline(always)]
fn forward_tile<T: Real, S: Simd, const R: usize, const V: usize>(
    simd: S,
    w: Staircase<'_, T>,
    bias: &[T],
    x: &Panel<T>,
    y: &mut Panel<T>,
    row: usize,
    column: usize,
) {
    let depth = w.prefix[row + R - 1];
    let weights: [&[T]; R] = std::array::from_fn(|r| &w.weights[(row + r) * w.inputs..][..depth]);
    let mut sums: [[T::Lanes<S>; V]; R] = std::array::from_fn(|r| [bias[row + r].splat(simd); V]);
    let x_lanes = T::lanes::<S>(x.as_slice());
    let x_stride = x_lanes.len() / x.rows();
    for (k, x_row) in x_lanes.chunks_exact(x_stride).take(depth).enumerate() {
        let x: [T::Lanes<S>; V] = std::array::from_fn(|v| x_row[column + v]);
        for r in 0..R {
            let weight = weights[r][k].splat(simd);
            for v in 0..V {
                sums[r][v] = T::mul_add(simd, weight, x[v], sums[r][v]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        T::lanes_mut::<S>(y.row_mut(row + r))[column..column + V].copy_from_slice(sums);
    }
}

struct BackwardInput<'a, T> {
    w: Staircase<'a, T>,
    dy: &'a Panel<T>,
    dx: &'a mut Panel<T>,
    from: usize,
}

impl<T: Real> WithSimd for BackwardInput<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { w, dy, dx, from } = self;
        let vectors = T::lanes::<S>(dx.row(0)).len();
        let mut column = 0;
        while column < vectors {
            let wide = vectors - column >= SPAN;
            let mut row = from;
            while row < w.inputs {
                let rows = ROWS.min(w.inputs - row);
                match (rows, wide) {
                    (6, true) => backward_tile::<T, S, 6, SPAN>(simd, w, dy, dx, row, column),
                    (6, false) => backward_tile::<T, S, 6, 1>(simd, w, dy, dx, row, column),
                    (4.., true) => backward_tile::<T, S, 4, SPAN>(simd, w, dy, dx, row, column),
                    (4.., false) => backward_tile::<T, S, 4, 1>(simd, w, dy, dx, row, column),
                    (2.., true) => backward_tile::<T, S, 2, SPAN>(simd, w, dy, dx, row, column),
                    (2.., false) => backward_tile::<T, S, 2, 1>(simd, w, dy, dx, row, column),
                    (_, true) => backward_tile::<T, S, 1, SPAN>(simd, w, dy, dx, row, column),
                    (_, false) => backward_tile::<T, S, 1, 1>(simd, w, dy, dx, row, column),
                }
                row += tile_rows(rows);
            }
            column += if wide { SPAN } else { 1 };
        }
    }
}

#[inline(always)]
fn backward_tile<T: Real, S: Simd, const R: usize, const V: usize>(
    simd: S,
    w: Staircase<'_, T>,
    dy: &Panel<T>,
    dx: &mut Panel<T>,
    row: usize,
    column: usize,
) {
    // The outputs that see any of these inputs are a suffix: prefixes don't decrease.
    let first = w.prefix.partition_point(|&prefix| prefix <= row);
    let mut sums = [[T::ZERO.splat(simd); V]; R];
    let dy_lanes = T::lanes::<S>(dy.as_slice());
    let dy_stride = dy_lanes.len() / dy.rows();
    let outputs = dy_lanes
        .chunks_exact(dy_stride)
        .zip(w.weights.chunks_exact(w.inputs));
    for (dy_row, weights) in outputs.take(w.prefix.len()).skip(first) {
        let dy: [T::Lanes<S>; V] = std::array::from_fn(|v| dy_row[column + v]);
        let weights = &weights[row..row + R];
        for r in 0..R {
            let weight = weights[r].splat(simd);
            for v in 0..V {
                sums[r][v] = T::mul_add(simd, weight, dy[v], sums[r][v]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        T::lanes_mut::<S>(dx.row_mut(row + r))[column..column + V].copy_from_slice(sums);
    }
}

struct BackwardWeights<'a, T> {
    prefix: &'a [usize],
    dy: &'a Panel<T>,
    x: &'a Panel<T>,
    dw: &'a mut [T],
    db: &'a mut [T],
}

impl<T: Real> WithSimd for BackwardWeights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            prefix,
            dy,
            x,
            dw,
            db,
        } = self;
        let inputs = x.rows();
        let mut row = 0;
        while row < prefix.len() {
            let rows = 4.min(prefix.len() - row);
            let depth = prefix[row + rows - 1];
            let mut column = 0;
            while column < depth {
                match (rows, depth - column) {
                    (4, 3..) => weights_tile::<T, S, 4, 3>(simd, prefix, dy, x, dw, row, column),
                    (4, _) => weights_tile::<T, S, 4, 1>(simd, prefix, dy, x, dw, row, column),
                    (2.., 3..) => weights_tile::<T, S, 2, 3>(simd, prefix, dy, x, dw, row, column),
                    (2.., _) => weights_tile::<T, S, 2, 1>(simd, prefix, dy, x, dw, row, column),
                    (_, 3..) => weights_tile::<T, S, 1, 3>(simd, prefix, dy, x, dw, row, column),
                    (_, _) => weights_tile::<T, S, 1, 1>(simd, prefix, dy, x, dw, row, column),
                }
                column += if depth - column >= 3 { 3 } else { 1 };
            }
            row += match rows {
                4 => 4,
                2.. => 2,
                _ => 1,
            };
        }
        debug_assert_eq!(dw.len(), inputs * prefix.len());
        for (row, db) in db.iter_mut().enumerate() {
            let mut sums = [T::ZERO.splat(simd); 4];
            for (v, &dy) in T::lanes::<S>(dy.row(row)).iter().enumerate() {
                sums[v % 4] = T::add_lanes(simd, sums[v % 4], dy);
            }
            let [a, b, c, d] = sums;
            *db = T::reduce(
                simd,
                T::add_lanes(simd, T::add_lanes(simd, a, b), T::add_lanes(simd, c, d)),
            );
        }
    }
}

#[inline(always)]
fn weights_tile<T: Real, S: Simd, const R: usize, const C: usize>(
    simd: S,
    prefix: &[usize],
    dy: &Panel<T>,
    x: &Panel<T>,
    dw: &mut [T],
    row: usize,
    column: usize,
) {
    let dy: [&[T::Lanes<S>]; R] = std::array::from_fn(|r| T::lanes::<S>(dy.row(row + r)));
    let x_rows: [&[T::Lanes<S>]; C] = std::array::from_fn(|c| T::lanes::<S>(x.row(column + c)));
    let mut sums = [[T::ZERO.splat(simd); C]; R];
    for v in 0..dy[0].len() {
        let x: [T::Lanes<S>; C] = std::array::from_fn(|c| x_rows[c][v]);
        for r in 0..R {
            let dy = dy[r][v];
            for c in 0..C {
                sums[r][c] = T::mul_add(simd, dy, x[c], sums[r][c]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let visible = prefix[row + r].saturating_sub(column);
        let dw = &mut dw[(row + r) * x.rows() + column..][..C];
        for (dw, &sum) in dw.iter_mut().zip(sums).take(visible) {
            *dw = T::reduce(simd, sum);
        }
    }
}
