//! A feature-major matrix: one row per feature, one column per event.

use super::real::Real;

/// Columns are padded to a multiple of this many values, the widest vector register in `f32`.
const LANES: usize = 16;
/// Rows start at multiples of this many bytes, a cache line.
const ALIGN: usize = 64;

/// A matrix `[rows x width]` whose rows are aligned, so that element-wise code vectorises across events.
///
/// `width` is a multiple of 16; the columns beyond the batch are padding. The stride between rows is an odd
/// number of cache lines, so that a column walk does not meet the same few cache sets.
#[derive(Debug)]
pub(crate) struct Panel<T> {
    data: Vec<T>,
    offset: usize,
    rows: usize,
    width: usize,
    stride: usize,
}

/// `columns` rounded up to whole vectors.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

impl<T: Real> Panel<T> {
    /// A zero matrix for `columns` events.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
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
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// All rows, `stride` values apart.
    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.data[self.offset..][..self.rows * self.stride]
    }

    /// All rows, `stride` values apart.
    #[inline(always)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data[self.offset..][..self.rows * self.stride]
    }

    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &[T] {
        &self.as_slice()[row * self.stride..][..self.width]
    }

    #[inline(always)]
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [T] {
        let (stride, width) = (self.stride, self.width);
        &mut self.as_mut_slice()[row * stride..][..width]
    }
}
