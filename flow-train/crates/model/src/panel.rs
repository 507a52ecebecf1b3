//! A feature-major matrix: one row per feature, one column per event.

use super::real::Real;
use std::ops::Range;

/// Columns are padded to a multiple of this many values, the widest vector register in `f32`.
const LANES: usize = 16;
/// Rows start at multiples of this many bytes, a cache line.
const ALIGN: usize = 64;

/// A matrix `[rows x width]` whose rows are aligned, so that element-wise code vectorises across events.
///
/// `width` is a multiple of 16; the columns beyond the batch are padding. The stride between rows is an odd
/// number of cache lines, so that a column walk does not meet the same few cache sets.
#[derive(Debug)]
pub struct Panel<T> {
    data: Vec<T>,
    offset: usize,
    rows: usize,
    width: usize,
    stride: usize,
}

/// `columns` rounded up to whole vectors.
pub fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

impl<T: Real> Panel<T> {
    /// A zero matrix for `columns` events.
    pub fn new(rows: usize, columns: usize) -> Self {
        let width = padded(columns);
        let stride = if (width / LANES).is_multiple_of(2) {
            width + LANES
        } else {
            width
        };
        let data = vec![T::ZERO; rows * stride + ALIGN / size_of::<T>()];
        let offset = data
            .as_ptr()
            .align_offset(ALIGN)
            .min(ALIGN / size_of::<T>());
        Self {
            data,
            offset,
            rows,
            width,
            stride,
        }
    }

    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows, `stride` values apart.
    #[inline(always)]
    pub fn as_slice(&self) -> &[T] {
        &self.data[self.offset..][..self.rows * self.stride]
    }

    /// All rows, `stride` values apart.
    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data[self.offset..][..self.rows * self.stride]
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &[T] {
        &self.as_slice()[row * self.stride..][..self.width]
    }

    /// Some rows, `stride` values apart.
    #[inline(always)]
    pub fn rows_of(&self, rows: Range<usize>) -> &[T] {
        &self.as_slice()[rows.start * self.stride..rows.end * self.stride]
    }

    /// Some rows, `stride` values apart.
    #[inline(always)]
    pub fn rows_mut(&mut self, rows: Range<usize>) -> &mut [T] {
        let stride = self.stride;
        &mut self.as_mut_slice()[rows.start * stride..rows.end * stride]
    }

    #[inline(always)]
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        let (stride, width) = (self.stride, self.width);
        &mut self.as_mut_slice()[row * stride..][..width]
    }

    /// Exchanges two rows.
    pub fn swap_rows(&mut self, a: usize, b: usize) {
        let (low, high) = (a.min(b), a.max(b));
        if low < high {
            let (stride, width) = (self.stride, self.width);
            let (first, second) = self.as_mut_slice().split_at_mut(high * stride);
            first[low * stride..][..width].swap_with_slice(&mut second[..width]);
        }
    }

    /// Adds `factor` times another row to a row.
    pub fn add_row(&mut self, row: usize, factor: T, other: usize) {
        let (stride, width) = (self.stride, self.width);
        let values = self.as_mut_slice();
        for column in 0..width {
            let product = factor * values[other * stride + column];
            values[row * stride + column] += product;
        }
    }

    /// The `count` rows from `first` on.
    #[inline(always)]
    pub fn rows_at(&self, first: usize, count: usize) -> Rows<'_, T> {
        Rows {
            data: &self.as_slice()[first * self.stride..][..count * self.stride],
            stride: self.stride,
            width: self.width,
        }
    }

    /// The `count` rows from `first` on.
    #[inline(always)]
    pub fn rows_at_mut(&mut self, first: usize, count: usize) -> RowsMut<'_, T> {
        let (stride, width) = (self.stride, self.width);
        RowsMut {
            data: &mut self.as_mut_slice()[first * stride..][..count * stride],
            stride,
            width,
        }
    }
}

/// Some neighbouring rows of a [`Panel`].
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    data: &'a [T],
    stride: usize,
    width: usize,
}

impl<'a, T: Real> Rows<'a, T> {
    /// Values from one row to the next, a multiple of 16.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// All rows, [`stride`](Self::stride) values apart.
    #[inline(always)]
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [T] {
        &self.data[row * self.stride..][..self.width]
    }
}

/// Some neighbouring rows of a [`Panel`], to be written.
#[derive(Debug)]
pub struct RowsMut<'a, T> {
    data: &'a mut [T],
    stride: usize,
    width: usize,
}

impl<'a, T: Real> RowsMut<'a, T> {
    /// Values from one row to the next, a multiple of 16.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// All rows, [`stride`](Self::stride) values apart.
    #[inline(always)]
    pub fn into_mut_slice(self) -> &'a mut [T] {
        self.data
    }

    /// The first row.
    #[inline(always)]
    pub fn into_row(self) -> &'a mut [T] {
        &mut self.data[..self.width]
    }

    /// The first two rows.
    #[inline(always)]
    pub fn into_pair(self) -> (&'a mut [T], &'a mut [T]) {
        let (first, second) = self.data.split_at_mut(self.stride);
        (&mut first[..self.width], &mut second[..self.width])
    }
}
