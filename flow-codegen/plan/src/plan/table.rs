//! The numbers of a dense layer, and how they lie in flash.

use flow_embedded::kernels::PANEL_ROWS;

/// The rows of a block.
pub struct Table {
    /// The leading inputs that the rows see.
    pub inputs: usize,
    /// The weights of a row that are stored and multiplied: zeros beyond those
    /// that it sees.
    pub stored: usize,
    /// How the rows lie in flash.
    pub layout: Layout,
    /// Each its bias, and then the weight of each input that it sees.
    pub rows: Vec<Vec<f32>>,
    /// The rows as integers, where the model is computed with them.
    pub integers: Vec<IntegerRow>,
}

/// How the rows of a table lie side by side in panels, column by column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Few panels of up to [`PANEL_ROWS`] rows, for the kernel `dense`.
    Wide,
    /// Panels of 4 rows, then 2 and 1, one behind the other, for the kernel
    /// `dense_small`.
    Small,
}

impl Layout {
    /// The sizes of the panels of so many rows.
    pub fn panels(self, rows: usize) -> Vec<usize> {
        match self {
            Self::Wide => {
                let panels = rows.div_ceil(PANEL_ROWS);
                let size = |panel| rows / panels + usize::from(panel < rows % panels);
                (0..panels).map(size).collect()
            }
            Self::Small => {
                let fours = std::iter::repeat_n(4, rows / 4);
                let rest = [2, 1].into_iter().filter(|size| rows & size != 0);
                fours.chain(rest).collect()
            }
        }
    }
}

/// A row as `flow_embedded::fixed::Row` holds it.
pub struct IntegerRow {
    /// In the unit of the sum of products.
    pub bias: i32,
    /// `multiplier / 2^(16 + shift)` turns the sum into the unit of the output.
    pub multiplier: i16,
    /// −8 ..= 15.
    pub shift: i8,
    /// One for each input that the row sees.
    pub weights: Vec<i16>,
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn panels_hold_all_rows_in_few_sizes() {
        assert_eq!(Layout::Wide.panels(0), []);
        assert_eq!(Layout::Wide.panels(2), [2]);
        assert_eq!(Layout::Wide.panels(12), [12]);
        assert_eq!(Layout::Wide.panels(13), [7, 6]);
        assert_eq!(Layout::Wide.panels(32), [11, 11, 10]);
        assert_eq!(Layout::Small.panels(0), []);
        assert_eq!(Layout::Small.panels(11), [4, 4, 2, 1]);
        assert_eq!(Layout::Small.panels(2), [2]);
    }
}
