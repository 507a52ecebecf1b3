//! A text as a table: a row for each character, in one column.

use super::{DataError, Readable};
use std::sync::Arc;

/// Which characters are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// The 26 letters without their case, and a space for everything else.
    Letters,
    /// Every character as it stands.
    All,
}

impl Alphabet {
    /// The name of the column of a text: that of the channel of a model of one.
    pub const COLUMN: &'static str = "text";

    /// The unit of the channel, by which a model of a text is known again.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Letters => "letter",
            Self::All => "character",
        }
    }

    /// What is modelled by a channel of so much a name and a unit, if it is a text.
    pub fn of(name: &str, unit: &str) -> Option<Self> {
        let all = [Self::Letters, Self::All];
        let own = all.into_iter().find(|own| own.unit() == unit);
        own.filter(|_| name == Self::COLUMN)
    }

    fn map(self, character: char) -> char {
        match self {
            Self::All => character,
            Self::Letters if character.is_ascii_alphabetic() => character.to_ascii_lowercase(),
            Self::Letters => ' ',
        }
    }
}

/// A text that has been read.
#[derive(Debug, Clone)]
pub(super) struct TextFile {
    characters: Arc<[char]>,
    names: [String; 1],
}

impl TextFile {
    /// Reads a text in UTF-8.
    pub(super) fn open(file: &Readable, alphabet: Alphabet) -> Result<Self, DataError> {
        let bytes = file.bytes()?;
        let text = String::from_utf8(bytes).map_err(|fault| DataError::NotUtf8 {
            byte: fault.utf8_error().valid_up_to(),
        })?;
        if text.is_empty() {
            return Err(DataError::NoText);
        }
        Ok(Self {
            characters: text.chars().map(|own| alphabet.map(own)).collect(),
            names: [Alphabet::COLUMN.to_owned()],
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn cursor(&self) -> TextCursor {
        TextCursor {
            characters: Arc::clone(&self.characters),
            next: 0,
            present: String::new(),
        }
    }
}

/// The present character of a text.
#[derive(Debug)]
pub(super) struct TextCursor {
    characters: Arc<[char]>,
    next: usize,
    present: String,
}

impl TextCursor {
    pub(super) fn advance(&mut self) -> bool {
        let Some(character) = self.characters.get(self.next) else {
            return false;
        };
        self.present.clear();
        self.present.push(*character);
        self.next += 1;
        true
    }

    /// The place of the present character, from 1.
    pub(super) fn row(&self) -> u64 {
        self.next as u64
    }

    pub(super) fn text(&self) -> &[u8] {
        self.present.as_bytes()
    }
}
