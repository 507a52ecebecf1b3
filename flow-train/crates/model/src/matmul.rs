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
use std::ops::Range;

/// Rows that a tile covers. With two vectors of events it fills the 16 registers of AVX2, with four the 32 of AVX-512.
const ROWS: usize = 6;

/// A weight matrix with its staircase of visible inputs.
#[derive(Clone, Copy)]
pub struct Staircase<'a, T> {
    pub weights: &'a [T],
    pub prefix: &'a [usize],
    pub inputs: usize,
}

/// What happens to a product before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// `max(y, 0)`; NaN becomes 0.
    Relu,
    /// The same as the runtime has it: NaN and −0 stay what they are.
    ReluOfChip,
}

/// `y[row] = (W x + bias)[row]` for the given rows; the others keep what they held.
pub fn forward<T: Real>(
    w: Staircase<'_, T>,
    bias: &[T],
    x: &Panel<T>,
    y: &mut Panel<T>,
    rows: Range<usize>,
    then: Then,
) {
    Arch::new().dispatch(Forward::<T, true> {
        w,
        bias,
        x,
        y,
        rows,
        then,
    });
}

/// As [`forward`] with the bits of the runtime: each product is rounded, and added in ascending order.
///
/// The rows must see the same inputs: a tile multiplies all that its last row sees, and a zero times an infinity
/// would count.
pub fn forward_rounded<T: Real>(
    w: Staircase<'_, T>,
    bias: &[T],
    x: &Panel<T>,
    y: &mut Panel<T>,
    rows: Range<usize>,
    then: Then,
) {
    debug_assert!(w.prefix[rows.clone()].is_sorted_by(|a, b| a == b));
    Arch::new().dispatch(Forward::<T, false> {
        w,
        bias,
        x,
        y,
        rows,
        then,
    });
}

/// Whether a product replaces what was there or is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    Replace,
    Add,
}

/// `dx[row] = (W^T dy)[row]` for the given rows; the others keep what they held. Where `x`, the result of ReLUs, is
/// given and not positive, the result is 0.
pub fn backward_input<T: Real>(
    w: Staircase<'_, T>,
    dy: &Panel<T>,
    dx: &mut Panel<T>,
    rows: Range<usize>,
    update: Update,
    x: Option<&Panel<T>>,
) {
    Arch::new().dispatch(BackwardInput {
        w,
        dy,
        dx,
        rows,
        update,
        x,
    });
}

/// `dw = dy x^T` on the visible entries (the others keep what they held), `db = sum of dy over events`.
pub fn backward_weights<T: Real>(
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

/// The product that [`forward`] and [`forward_rounded`] have in common.
struct Forward<'a, T, const FUSED: bool> {
    w: Staircase<'a, T>,
    bias: &'a [T],
    x: &'a Panel<T>,
    y: &'a mut Panel<T>,
    rows: Range<usize>,
    then: Then,
}

impl<T: Real, const FUSED: bool> WithSimd for Forward<'_, T, FUSED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            w,
            bias,
            x,
            y,
            rows,
            then,
        } = self;
        let vectors = T::lanes::<S>(x.row(0)).len();
        let mut column = 0;
        while column < vectors {
            column += match vectors - column {
                4.. if S::REGISTER_COUNT >= 32 => {
                    forward_tiles::<T, S, 4, FUSED>(simd, w, bias, x, y, &rows, then, column)
                }
                2.. => forward_tiles::<T, S, 2, FUSED>(simd, w, bias, x, y, &rows, then, column),
                _ => forward_tiles::<T, S, 1, FUSED>(simd, w, bias, x, y, &rows, then, column),
            };
        }
    }
}

/// All rows of `V` vectors of events, from `column` on; returns `V`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn forward_tiles<T: Real, S: Simd, const V: usize, const FUSED: bool>(
    simd: S,
    w: Staircase<'_, T>,
    bias: &[T],
    x: &Panel<T>,
    y: &mut Panel<T>,
    rows: &Range<usize>,
    then: Then,
    column: usize,
) -> usize {
    let mut row = rows.start;
    while row < rows.end {
        row += match rows.end - row {
            ROWS.. => forward_tile::<T, S, ROWS, V, FUSED>(simd, w, bias, x, y, row, then, column),
            4.. => forward_tile::<T, S, 4, V, FUSED>(simd, w, bias, x, y, row, then, column),
            2.. => forward_tile::<T, S, 2, V, FUSED>(simd, w, bias, x, y, row, then, column),
            _ => forward_tile::<T, S, 1, V, FUSED>(simd, w, bias, x, y, row, then, column),
        };
    }
    V
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn forward_tile<T: Real, S: Simd, const R: usize, const V: usize, const FUSED: bool>(
    simd: S,
    w: Staircase<'_, T>,
    bias: &[T],
    x: &Panel<T>,
    y: &mut Panel<T>,
    row: usize,
    then: Then,
    column: usize,
) -> usize {
    let depth = w.prefix[row + R - 1];
    let mut weights = [&[][..]; R];
    let mut sums = [[T::ZERO.splat(simd); V]; R];
    for r in 0..R {
        weights[r] = &w.weights[(row + r) * w.inputs..][..depth];
        sums[r] = [bias[row + r].splat(simd); V];
    }
    let x_lanes = T::lanes::<S>(x.as_slice());
    let x_stride = x_lanes.len() / x.rows();
    for (k, x_row) in x_lanes.chunks_exact(x_stride).take(depth).enumerate() {
        let x = &x_row[column..column + V];
        for r in 0..R {
            let weight = weights[r][k].splat(simd);
            for v in 0..V {
                sums[r][v] = if FUSED {
                    T::mul_add(simd, weight, x[v], sums[r][v])
                } else {
                    T::add_lanes(simd, sums[r][v], T::mul_lanes(simd, weight, x[v]))
                };
            }
        }
    }
    let zero = T::ZERO.splat(simd);
    for sum in sums.as_flattened_mut() {
        match then {
            Then::Nothing => {}
            Then::Relu => {
                *sum = T::select_lanes(simd, T::less_lanes(simd, zero, *sum), *sum, zero);
            }
            Then::ReluOfChip => {
                *sum = T::select_lanes(simd, T::less_lanes(simd, *sum, zero), zero, *sum);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        T::lanes_mut::<S>(y.row_mut(row + r))[column..column + V].copy_from_slice(sums);
    }
    R
}

struct BackwardInput<'a, T> {
    w: Staircase<'a, T>,
    dy: &'a Panel<T>,
    dx: &'a mut Panel<T>,
    rows: Range<usize>,
    update: Update,
    x: Option<&'a Panel<T>>,
}

impl<T: Real> WithSimd for BackwardInput<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            w,
            dy,
            dx,
            rows,
            update,
            x,
        } = self;
        let vectors = T::lanes::<S>(dx.row(0)).len();
        let mut column = 0;
        while column < vectors {
            column += match vectors - column {
                4.. if S::REGISTER_COUNT >= 32 => {
                    backward_tiles::<T, S, 4>(simd, w, dy, dx, &rows, update, x, column)
                }
                2.. => backward_tiles::<T, S, 2>(simd, w, dy, dx, &rows, update, x, column),
                _ => backward_tiles::<T, S, 1>(simd, w, dy, dx, &rows, update, x, column),
            };
        }
    }
}

/// All rows of `V` vectors of events, from `column` on; returns `V`.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_tiles<T: Real, S: Simd, const V: usize>(
    simd: S,
    w: Staircase<'_, T>,
    dy: &Panel<T>,
    dx: &mut Panel<T>,
    rows: &Range<usize>,
    update: Update,
    x: Option<&Panel<T>>,
    column: usize,
) -> usize {
    let mut row = rows.start;
    while row < rows.end {
        row += match rows.end - row {
            ROWS.. => backward_tile::<T, S, ROWS, V>(simd, w, dy, dx, row, update, x, column),
            4.. => backward_tile::<T, S, 4, V>(simd, w, dy, dx, row, update, x, column),
            2.. => backward_tile::<T, S, 2, V>(simd, w, dy, dx, row, update, x, column),
            _ => backward_tile::<T, S, 1, V>(simd, w, dy, dx, row, update, x, column),
        };
    }
    V
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn backward_tile<T: Real, S: Simd, const R: usize, const V: usize>(
    simd: S,
    w: Staircase<'_, T>,
    dy: &Panel<T>,
    dx: &mut Panel<T>,
    row: usize,
    update: Update,
    x: Option<&Panel<T>>,
    column: usize,
) -> usize {
    // The outputs that see any of these inputs are a suffix: prefixes don't decrease.
    let first = w.prefix.partition_point(|&prefix| prefix <= row);
    let mut sums = [[T::ZERO.splat(simd); V]; R];
    if update == Update::Add {
        for (r, sums) in sums.iter_mut().enumerate() {
            sums.copy_from_slice(&T::lanes::<S>(dx.row(row + r))[column..column + V]);
        }
    }
    let dy_lanes = T::lanes::<S>(dy.as_slice());
    let dy_stride = dy_lanes.len() / dy.rows();
    let outputs = dy_lanes
        .chunks_exact(dy_stride)
        .zip(w.weights.chunks_exact(w.inputs));
    for (dy_row, weights) in outputs.take(w.prefix.len()).skip(first) {
        let dy = &dy_row[column..column + V];
        let weights = &weights[row..row + R];
        for r in 0..R {
            let weight = weights[r].splat(simd);
            for v in 0..V {
                sums[r][v] = T::mul_add(simd, weight, dy[v], sums[r][v]);
            }
        }
    }
    if let Some(x) = x {
        let zero = T::ZERO.splat(simd);
        for (r, sums) in sums.iter_mut().enumerate() {
            let x = &T::lanes::<S>(x.row(row + r))[column..column + V];
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = T::select_lanes(simd, T::less_lanes(simd, zero, *x), *sum, zero);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        T::lanes_mut::<S>(dx.row_mut(row + r))[column..column + V].copy_from_slice(sums);
    }
    R
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
        // No more than the rows of `x`: a dense layer of the context sees the first of them.
        let inputs = dw.len() / prefix.len();
        debug_assert!(inputs <= x.rows() && dw.len() == inputs * prefix.len());
        let mut row = 0;
        while row < prefix.len() {
            row += match prefix.len() - row {
                4.. => weights_tiles::<T, S, 4>(simd, prefix, dy, x, dw, inputs, row),
                2.. => weights_tiles::<T, S, 2>(simd, prefix, dy, x, dw, inputs, row),
                _ => weights_tiles::<T, S, 1>(simd, prefix, dy, x, dw, inputs, row),
            };
        }
        for (row, db) in db.iter_mut().enumerate() {
            let mut sums = [T::ZERO.splat(simd); 4];
            // Four at a time and by number, so that the sums stay in registers.
            let (fours, rest) = T::lanes::<S>(dy.row(row)).as_chunks::<4>();
            for four in fours {
                for (sum, &dy) in sums.iter_mut().zip(four) {
                    *sum = T::add_lanes(simd, *sum, dy);
                }
            }
            for &dy in rest {
                sums[0] = T::add_lanes(simd, sums[0], dy);
            }
            let [a, b, c, d] = sums;
            *db = T::reduce(
                simd,
                T::add_lanes(simd, T::add_lanes(simd, a, b), T::add_lanes(simd, c, d)),
            );
        }
    }
}

/// The visible columns of `R` rows of so many inputs, from `row` on; returns `R`.
#[inline(always)]
fn weights_tiles<T: Real, S: Simd, const R: usize>(
    simd: S,
    prefix: &[usize],
    dy: &Panel<T>,
    x: &Panel<T>,
    dw: &mut [T],
    inputs: usize,
    row: usize,
) -> usize {
    let depth = prefix[row + R - 1];
    let mut column = 0;
    while column < depth {
        column += match depth - column {
            6.. if S::REGISTER_COUNT >= 32 => {
                weights_tile::<T, S, R, 6>(simd, prefix, dy, x, dw, inputs, row, column)
            }
            3.. => weights_tile::<T, S, R, 3>(simd, prefix, dy, x, dw, inputs, row, column),
            _ => weights_tile::<T, S, R, 1>(simd, prefix, dy, x, dw, inputs, row, column),
        };
    }
    R
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn weights_tile<T: Real, S: Simd, const R: usize, const C: usize>(
    simd: S,
    prefix: &[usize],
    dy: &Panel<T>,
    x: &Panel<T>,
    dw: &mut [T],
    inputs: usize,
    row: usize,
    column: usize,
) -> usize {
    let vectors = T::lanes::<S>(dy.row(row)).len();
    let mut dy_rows = [&[][..]; R];
    let mut x_rows = [&[][..]; C];
    for (r, lanes) in dy_rows.iter_mut().enumerate() {
        *lanes = &T::lanes::<S>(dy.row(row + r))[..vectors];
    }
    for (c, lanes) in x_rows.iter_mut().enumerate() {
        *lanes = &T::lanes::<S>(x.row(column + c))[..vectors];
    }
    let mut sums = [[T::ZERO.splat(simd); C]; R];
    for v in 0..vectors {
        for r in 0..R {
            let dy = dy_rows[r][v];
            for c in 0..C {
                sums[r][c] = T::mul_add(simd, dy, x_rows[c][v], sums[r][c]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let visible = prefix[row + r].saturating_sub(column);
        let dw = &mut dw[(row + r) * inputs + column..][..C];
        for (dw, &sum) in dw.iter_mut().zip(sums).take(visible) {
            *dw = T::reduce(simd, sum);
        }
    }
    C
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A product by its definition, `[m x n]` row-major, of row-major `a` `[m x k]` and `b` `[k x n]`.
    fn reference(a: &[f64], b: &[f64], (m, n, k): (usize, usize, usize)) -> Vec<f64> {
        assert!(a.len() == m * k && b.len() == k * n);
        let sum = |row: usize, column: usize| -> f64 {
            (0..k).map(|i| a[row * k + i] * b[i * n + column]).sum()
        };
        (0..m)
            .flat_map(|row| (0..n).map(move |column| sum(row, column)))
            .collect()
    }

    fn transposed(a: &[f64], columns: usize) -> Vec<f64> {
        (0..columns)
            .flat_map(|column| a[column..].iter().step_by(columns).copied())
            .collect()
    }

    fn panel(values: &[f64], columns: usize) -> Panel<f64> {
        let mut panel = Panel::new(values.len() / columns, columns);
        for (row, values) in values.chunks_exact(columns).enumerate() {
            panel.row_mut(row)[..columns].copy_from_slice(values);
        }
        panel
    }

    fn assert_rows(panel: &Panel<f64>, from: usize, expected: &[f64], columns: usize) {
        for (row, expected) in expected.chunks_exact(columns).enumerate().skip(from) {
            for (got, expected) in panel.row(row).iter().zip(expected) {
                assert!(
                    (got - expected).abs() < 1e-12,
                    "row {row}: {got} against {expected}"
                );
            }
        }
    }

    #[test]
    fn products_are_those_of_the_definition_for_all_shapes_of_tiles() {
        let wave = |count: usize, pace: f64| {
            (0..count)
                .map(|i| (i as f64 * pace).sin())
                .collect::<Vec<f64>>()
        };
        for (outputs, inputs, columns) in [
            (1, 1, 1),
            (6, 4, 16),
            (7, 9, 40),
            (13, 12, 150),
            (16, 64, 256),
            (23, 5, 33),
        ] {
            let prefix: Vec<usize> = (0..outputs)
                .map(|row| (row * (inputs + 1) / outputs).min(inputs))
                .collect();
            let mut weights = wave(outputs * inputs, 0.7);
            for (row, &prefix) in prefix.iter().enumerate() {
                weights[row * inputs + prefix..(row + 1) * inputs].fill(0.0);
            }
            let (x, dy, bias) = (
                wave(inputs * columns, 0.3),
                wave(outputs * columns, 0.9),
                wave(outputs, 0.5),
            );
            let w = Staircase {
                weights: &weights,
                prefix: &prefix,
                inputs,
            };

            let (x_panel, dy_panel) = (panel(&x, columns), panel(&dy, columns));
            let mut y = Panel::new(outputs, columns);
            forward(w, &bias, &x_panel, &mut y, 0..outputs, Then::Nothing);
            let mut expected = reference(&weights, &x, (outputs, columns, inputs));
            expected
                .chunks_exact_mut(columns)
                .zip(&bias)
                .for_each(|(row, bias)| row.iter_mut().for_each(|y| *y += bias));
            assert_rows(&y, 0, &expected, columns);
            forward(w, &bias, &x_panel, &mut y, 0..outputs, Then::Relu);
            let positive: Vec<f64> = expected.iter().map(|y| y.max(0.0)).collect();
            assert_rows(&y, 0, &positive, columns);

            let (mut dx, from) = (Panel::new(inputs, columns), inputs / 3);
            let rows = from..inputs;
            backward_input(w, &dy_panel, &mut dx, rows.clone(), Update::Replace, None);
            let expected = reference(
                &transposed(&weights, inputs),
                &dy,
                (inputs, columns, outputs),
            );
            assert_rows(&dx, from, &expected, columns);
            assert!((0..from).all(|row| dx.row(row).iter().all(|&value| value == 0.0)));
            // Twice, and only where `x` is positive.
            let through = Some(&x_panel);
            backward_input(w, &dy_panel, &mut dx, rows, Update::Add, through);
            let twice: Vec<f64> = expected
                .iter()
                .zip(&x)
                .map(|(dx, x)| if *x > 0.0 { 2.0 * dx } else { 0.0 })
                .collect();
            assert_rows(&dx, from, &twice, columns);

            let (mut dw, mut db) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
            backward_weights(&prefix, &dy_panel, &x_panel, &mut dw, &mut db);
            let expected = reference(&dy, &transposed(&x, columns), (outputs, inputs, columns));
            for (index, (got, expected)) in dw.iter().zip(&expected).enumerate() {
                let expected = if index % inputs < prefix[index / inputs] {
                    *expected
                } else {
                    0.0
                };
                assert!(
                    (got - expected).abs() < 1e-11,
                    "{index}: {got} against {expected}"
                );
            }
            for (db, dy) in db.iter().zip(dy.chunks_exact(columns)) {
                assert!((db - dy.iter().sum::<f64>()).abs() < 1e-11);
            }
        }
    }
}
