//! Pages whose counts are possible.

use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// Passes pages on, unless a page claims more values than it can hold: the decoder would reserve
/// memory for them first, and so end the process.
pub(super) struct Plausible {
    pages: Box<dyn PageReader>,
    rows_left: u64,
}

impl Plausible {
    /// Wraps the pages of a column chunk of so many rows.
    pub(super) fn new(pages: Box<dyn PageReader>, rows: u64) -> Self {
        Self {
            pages,
            rows_left: rows,
        }
    }

    fn check(&mut self, page: &Page) -> Result<()> {
        let values = u64::from(page.num_values());
        let most = match page {
            // A bit is the least that a value takes; all others take more.
            Page::DictionaryPage { buf, .. } => 8 * buf.len() as u64,
            _ => self.rows_left,
        };
        if values > most {
            let why = format!("a page of {values} values where {most} are possible");
            return Err(ParquetError::General(why));
        }
        if !matches!(page, Page::DictionaryPage { .. }) {
            self.rows_left -= values;
        }
        Ok(())
    }
}

impl Iterator for Plausible {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Plausible {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.as_ref().map_or(Ok(()), |page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}
