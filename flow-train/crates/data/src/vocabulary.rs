//! The categories of columns, and their codes.

use super::error::shortened;
use super::table::fault_of_text;
use super::{Columns, DataError, FaultKind, Place, RowReader, Table, feature_name};
use flow_embedded::artefact::{
    Header, MAX_CATEGORIES, MAX_NAME_BYTES, MAX_VOCABULARIES, SEPARATOR, Vocabulary,
};
use flow_embedded::window::Feature;
use flow_host::shown::line;
use std::collections::BTreeSet;

/// The categorical columns of a table, and the names of their categories.
///
/// A category's code is its place among the names, which are sorted. A lag of a column has the
/// column's own vocabulary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabularies {
    /// The names of each vocabulary.
    pub names: Vec<Vec<String>>,
    /// The columns of the table that have one, and which.
    pub(super) columns: Vec<(usize, usize)>,
}

impl Vocabularies {
    /// The vocabulary of a column of the table.
    pub(super) fn of(&self, column: usize) -> Option<usize> {
        let own = self.columns.iter().find(|own| own.0 == column);
        own.map(|own| own.1)
    }

    /// The code of a cell.
    pub(super) fn code(&self, vocabulary: usize, cell: &[u8]) -> Option<f32> {
        let names = &self.names[vocabulary];
        let found = names.binary_search_by(|name| name.as_bytes().cmp(cell));
        found.ok().map(|code| code as f32)
    }
}

impl Columns {
    /// The same columns, those with these names as categories: what the table's rows hold there.
    ///
    /// # Errors
    /// A column is not among those of the model, a table can't be read, or a column holds one
    /// category, too many, or one that no model can name.
    pub fn with_categories(self, file: &Table, asked: &[String]) -> Result<Self, DataError> {
        let mut columns = Vec::new();
        for name in asked {
            let found = self.numbers().find(|index| file.names()[*index] == *name);
            let Some(column) = found else {
                return Err(DataError::NoSuchColumn {
                    name: name.clone(),
                    nearest: None,
                    available: self.names(file).concat(),
                });
            };
            columns.push(column);
        }
        if columns.len() > MAX_VOCABULARIES {
            return Err(DataError::TooManyCategorical {
                found: columns.len(),
                limit: MAX_VOCABULARIES,
            });
        }
        let mut found: Vec<BTreeSet<String>> = vec![BTreeSet::new(); columns.len()];
        let mut reader = RowReader::new(file, &self)?;
        while let Some(cells) = reader.next_cells(&columns)? {
            for (found, cell) in found.iter_mut().zip(cells) {
                if !cell.is_empty() && !found.contains(&cell) {
                    found.insert(cell);
                }
            }
        }
        drop(reader);
        let mut names: Vec<Vec<String>> = Vec::new();
        for (column, found) in columns.iter().zip(found) {
            let column = || file.names()[*column].clone();
            if found.len() < 2 || found.len() > MAX_CATEGORIES {
                return Err(DataError::Categories {
                    column: column(),
                    found: found.len(),
                    limit: MAX_CATEGORIES,
                });
            }
            for name in &found {
                if let Some(why) = fault_of_category(name) {
                    let (column, text) = (column(), shortened(name, 40));
                    return Err(DataError::BadCategory { column, text, why });
                }
            }
            names.push(found.into_iter().collect());
        }
        let columns = columns.into_iter().enumerate();
        let columns = columns.map(|(index, column)| (column, index)).collect();
        Ok(Self {
            vocabularies: Vocabularies { names, columns },
            ..self
        })
    }

    /// The same columns with the categories of a model, whose channels they are.
    #[must_use]
    pub fn with_vocabularies(self, header: &Header<'_>) -> Self {
        let names = header.vocabularies.iter();
        let names = names.map(|own: Vocabulary<'_>| own.names().map(str::to_owned).collect());
        let given = header.context.iter().skip(header.features.len());
        let channels = header.event.iter().chain(given);
        let columns = self.numbers().zip(channels);
        let columns = columns.filter_map(|(column, own)| Some((column, own.vocabulary()?)));
        let vocabularies = Vocabularies {
            columns: columns.collect(),
            names: names.collect(),
        };
        Self {
            vocabularies,
            ..self
        }
    }

    /// The categories of the columns.
    pub fn vocabularies(&self) -> &Vocabularies {
        &self.vocabularies
    }

    /// The channels that hold codes, by name, and the vocabulary of each.
    pub fn codes(&self, file: &Table) -> Vec<(String, usize)> {
        let [events, context] = self.names(file);
        let vocabulary = |column: &usize| self.vocabularies.of(*column);
        let own = self.events.iter().zip(&events);
        let own = own.filter_map(|(column, name)| Some((name.clone(), vocabulary(column)?)));
        let past = self.features.iter().filter_map(|feature| {
            let column = &self.events[usize::from(feature.channel())];
            let lag = matches!(feature, Feature::Lag { .. });
            let own = vocabulary(column).filter(|_| lag)?;
            Some((feature_name(*feature, &events), own))
        });
        let given = self.context.iter().zip(&context[self.features.len()..]);
        let given = given.filter_map(|(column, name)| Some((name.clone(), vocabulary(column)?)));
        own.chain(past).chain(given).collect()
    }

    /// Whether an event holds categories.
    pub fn is_categorical(&self, event: usize) -> bool {
        self.vocabularies.of(self.events[event]).is_some()
    }
}

/// What is wrong with a category. Those of a text are single characters, which may be any but the
/// separator.
fn fault_of_category(name: &str) -> Option<String> {
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (Some(own), None) if own != SEPARATOR => None,
        _ => fault_of_text(name, MAX_NAME_BYTES),
    }
}

/// A cell of a column of categories: its code, or what is wrong.
pub(super) enum Code {
    Known(f32),
    Fault(FaultKind),
    Unknown,
}

impl Vocabularies {
    pub(super) fn read(&self, vocabulary: usize, cell: &[u8]) -> Code {
        if cell.is_empty() {
            return Code::Fault(FaultKind::Missing);
        }
        match self.code(vocabulary, cell) {
            Some(code) => Code::Known(code),
            None => Code::Unknown,
        }
    }

    /// The sentence on a category that is not among the names.
    pub(super) fn unknown(
        &self,
        vocabulary: usize,
        place: Place,
        column: String,
        text: String,
    ) -> DataError {
        /// Names that a sentence lists.
        const LISTED: usize = 12;
        let names = &self.names[vocabulary];
        let listed: Vec<String> = names.iter().take(LISTED).map(line).collect();
        let mut known = listed.join(", ");
        if names.len() > LISTED {
            known += &format!(" and {} more", names.len() - LISTED);
        }
        DataError::UnknownCategory {
            place,
            column,
            text,
            known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_printable_or_one_character() {
        for name in ["\n", "\u{1b}", "idle", "`<b>`", &"x".repeat(MAX_NAME_BYTES)] {
            assert_eq!(fault_of_category(name), None, "{name:?}");
        }
        for (name, why) in [
            ("\u{1f}", "holds the unprintable character U+001F"),
            ("a\nb", "holds a line break"),
            ("a\u{202e}", "holds the unprintable character U+202E"),
            (
                &"x".repeat(1025),
                "has 1025 bytes, and at most 1024 are allowed",
            ),
        ] {
            assert_eq!(fault_of_category(name).as_deref(), Some(why));
        }
    }
}
