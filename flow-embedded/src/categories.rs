//! Names of categories, for code that speaks to people.

use crate::kernels;

/// A model with categorical channels, which events and contexts hold as codes: the
/// place of a category among the ascending names of its vocabulary. Generated code
/// implements it; the names take flash only where they are used.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no categorical channels, so it has no names of categories: run `flow train table.csv --categorical COLUMN -o model.flow` or `flow train log.txt --text 8 -o model.flow`, and generate its module",
    label = "no model with categories"
)]
pub trait Categories {
    /// The names of each vocabulary, by code.
    const VOCABULARIES: &'static [&'static [&'static str]];

    /// The name of a code; `None` for a number that is no code, or a vocabulary that is
    /// not there.
    fn name(&self, vocabulary: usize, code: f32) -> Option<&'static str> {
        let names = Self::VOCABULARIES.get(vocabulary)?;
        names.get(kernels::code(code, names.len())?).copied()
    }

    /// The code of a name; `None` for a category that the model does not know.
    fn code(&self, vocabulary: usize, name: &str) -> Option<f32> {
        let names = Self::VOCABULARIES.get(vocabulary)?;
        let code = names.binary_search(&name).ok()?;
        Some(code as f32)
    }
}

impl<F: Categories> Categories for &F {
    const VOCABULARIES: &'static [&'static [&'static str]] = F::VOCABULARIES;
}
