//! Texts of an artefact: names, units, the command. Programs print them, so they are one
//! printable line of limited length.

use super::error::invalid;
use super::{Channel, Fault, Header, LoadError, Place, SEPARATOR};

/// The most bytes of a name, of a unit, of the creator or of the promise over a stream.
pub const MAX_NAME_BYTES: usize = 1024;
/// The most bytes of the recorded command line.
pub const MAX_COMMAND_BYTES: usize = 4096;

/// Whether a character breaks a line, commands a terminal, or changes the direction of the
/// text around it.
pub const fn is_unprintable(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Checks every text of a header.
pub(super) fn check(header: &Header<'_>) -> Result<(), LoadError> {
    let refuse = |place| Err(invalid(place, Fault::BadText));
    if !is_line(header.name, MAX_NAME_BYTES) {
        return refuse(Place::Header);
    }
    let channel =
        |own: Channel<'_>| is_line(own.name, MAX_NAME_BYTES) && is_line(own.unit, MAX_NAME_BYTES);
    if let Some(index) = header.event.iter().position(|own| !channel(own)) {
        return refuse(Place::Event(index));
    }
    if let Some(index) = header.context.iter().position(|own| !channel(own)) {
        return refuse(Place::Context(index));
    }
    let mut vocabularies = header.vocabularies.iter();
    if let Some(index) = vocabularies.position(|own| !are_categories(own.names)) {
        return refuse(Place::Vocabulary(index));
    }
    let promise = header.sequential.map_or("", |own| own.promise);
    if !is_line(promise, MAX_NAME_BYTES) {
        return refuse(Place::Sequential);
    }
    let from = &header.provenance;
    match is_line(from.created_by, MAX_NAME_BYTES) && is_line(from.command, MAX_COMMAND_BYTES) {
        true => Ok(()),
        false => refuse(Place::Provenance),
    }
}

fn is_line(text: &str, most: usize) -> bool {
    text.len() <= most && !text.chars().any(is_unprintable)
}

/// Whether each name is one line. The categories of a model of a text are single characters,
/// line breaks among them.
fn are_categories(names: &str) -> bool {
    let (mut bytes, mut characters, mut unprintable) = (0, 0, false);
    for character in names.chars() {
        if character == SEPARATOR {
            (bytes, characters, unprintable) = (0, 0, false);
            continue;
        }
        bytes += character.len_utf8();
        characters += 1;
        unprintable |= is_unprintable(character);
        if bytes > MAX_NAME_BYTES || (unprintable && characters > 1) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn a_text_is_one_printable_line() {
        for text in ["", "acc_x", "m/s²", "`<b>`", "насос", "أ", "👩\u{200d}🚀"] {
            assert!(is_line(text, 64), "{text}");
        }
        for text in [
            "two\nlines",
            "\r",
            "\u{1b}[31mred",
            "\u{9b}31m",
            "a\u{202e}b",
            "\u{2066}",
            "a\u{2028}b",
            "\0",
            "\u{7f}",
        ] {
            assert!(!is_line(text, 64), "{text:?}");
        }
        let long = "ä".repeat(MAX_NAME_BYTES / 2);
        assert!(is_line(&long, MAX_NAME_BYTES) && !is_line(&long, MAX_NAME_BYTES - 1));
    }

    #[test]
    fn a_category_of_one_character_may_be_any() {
        for names in [
            "",
            "\n",
            "\t\u{1f}\n\u{1f}a",
            "idle\u{1f}walking",
            "\u{1b}\u{1f}\u{202e}",
        ] {
            assert!(are_categories(names), "{names:?}");
        }
        for names in ["a\u{1f}b\n", "\u{1b}[31m\u{1f}b", "\n\n", "a\u{202e}"] {
            assert!(!are_categories(names), "{names:?}");
        }
        let names = |bytes: usize| format!("a\u{1f}{}\u{1f}b", "x".repeat(bytes));
        assert!(are_categories(&names(MAX_NAME_BYTES)));
        assert!(!are_categories(&names(MAX_NAME_BYTES + 1)));
    }
}
