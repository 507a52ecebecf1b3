//! Foreign strings in sentences, all by [`show`].

use crate::foreign::{Medium, show};
use std::path::Path;

/// The most names that a sentence lists.
const LISTED: usize = 100;

/// A name, a cell or another foreign string within a sentence.
pub fn line(text: impl AsRef<str>) -> String {
    show(text.as_ref(), Medium::Line)
}

/// A path within a sentence.
pub fn path(path: &Path) -> String {
    line(path.to_string_lossy())
}

/// Names within a sentence.
pub fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(LISTED).map(line).collect();
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_an_end_and_no_control_characters() {
        let names: Vec<String> = (0..3_000_000).map(|i| format!("\u{1b}[3{i}m")).collect();
        let text = list(&names);
        assert!(text.starts_with("\u{fffd}[30m, \u{fffd}[31m, "));
        assert!(text.ends_with("\u{fffd}[399m and 2999900 more"), "{text}");
        assert_eq!(list(&names[..1]), "\u{fffd}[30m");
        assert_eq!(path(Path::new("a\nb\u{202e}.csv")), "a b\u{fffd}.csv");
    }
}
