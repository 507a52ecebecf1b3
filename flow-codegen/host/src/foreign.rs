//! Foreign strings on their way to a reader: names of models, channels and categories, units,
//! commands, cells, paths.
//!
//! Whoever wrote a recording or an artefact chose these strings. Printed as they are, they can
//! command a terminal, become markup of a page, or become a doctest of generated code.
//! [`show`] is the one function that every such string goes through. Data keep their names
//! exactly: scores, samples and `Categories` don't use it.

/// The most characters of a foreign string that a reader sees.
pub const LONGEST: usize = 4096;

/// Where a foreign string is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Plain text of one line: a terminal, an error, a comment, a log, a label of a plot.
    Line,
    /// A whole message of several lines: line breaks stay, and nothing is cut off.
    Message,
    /// Markdown, within a line: a documentation comment.
    Markdown,
    /// A code span of Markdown.
    Code,
    /// Text or an attribute of HTML.
    Html,
    /// A whole JSON text on a terminal: nothing is cut off, and what must not be printed becomes a
    /// `\u` escape, so that all values stay the same.
    Json,
}

/// A foreign string as it may be printed in `medium`.
///
/// White space becomes a space. Other control characters, characters that change the direction
/// of text and characters that are invisible become `U+FFFD`. What has a meaning in the medium
/// is escaped. What is longer than [`LONGEST`] characters ends with `…`.
///
/// ```
/// use flow_host::foreign::{Medium, show};
///
/// assert_eq!(show("acc_x", Medium::Markdown), "acc_x");
/// assert_eq!(show("\u{1b}[2J", Medium::Line), "\u{fffd}[2J");
/// assert_eq!(show("<b>", Medium::Markdown), r"\<b\>");
/// assert_eq!(show("<b>", Medium::Html), "&lt;b&gt;");
/// ```
pub fn show(text: &str, medium: Medium) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    let mut before = None;
    let mut rest = text.chars();
    for _ in 0..LONGEST {
        let Some(own) = rest.next() else {
            return shown;
        };
        push(&mut shown, before, own, rest.as_str(), medium);
        before = Some(own);
    }
    match medium {
        Medium::Message | Medium::Json => {
            rest.for_each(|own| push(&mut shown, None, own, "", medium));
        }
        _ if rest.next().is_some() => shown.push('…'),
        _ => {}
    }
    shown
}

/// Appends a character that stands between `before` and `behind`.
fn push(shown: &mut String, before: Option<char>, own: char, behind: &str, medium: Medium) {
    if medium == Medium::Json {
        return push_json(shown, own);
    }
    let own = visible(own, medium);
    let escaped = match medium {
        Medium::Line | Medium::Message | Medium::Json => None,
        Medium::Markdown => {
            if means(before, own, behind) {
                shown.push('\\');
            }
            None
        }
        Medium::Code => (own == '`').then_some("'"),
        Medium::Html => match own {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '"' => Some("&quot;"),
            '\'' => Some("&#39;"),
            _ => None,
        },
    };
    match escaped {
        Some(escaped) => shown.push_str(escaped),
        None => shown.push(own),
    }
}

/// Appends a character of a JSON text. What is escaped here stands in strings alone.
fn push_json(shown: &mut String, own: char) {
    let breaks = matches!(own, '\t' | '\n' | '\r');
    let separates = matches!(own, '\u{2028}' | '\u{2029}');
    if breaks || !(own.is_control() || separates || is_hidden(own)) {
        return shown.push(own);
    }
    for unit in own.encode_utf16(&mut [0; 2]) {
        shown.push_str(&format!("\\u{unit:04x}"));
    }
}

/// What stands in the place of a character that must not be printed.
fn visible(own: char, medium: Medium) -> char {
    match own {
        '\n' if medium == Medium::Message => own,
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        own if own.is_control() || is_hidden(own) => char::REPLACEMENT_CHARACTER,
        own => own,
    }
}

/// Whether a character has no shape of its own: marks of direction, spaces without width, tags.
/// The joiners U+200C and U+200D stay: several scripts and emoji need them.
const fn is_hidden(own: char) -> bool {
    matches!(
        own,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Whether Markdown, as rustdoc reads it, gives a character within a line a meaning.
/// An underscore within a word has none.
fn means(before: Option<char>, own: char, behind: &str) -> bool {
    let in_word = |other: Option<char>| other.is_some_and(char::is_alphanumeric);
    match own {
        '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' | '|' => true,
        '_' => !in_word(before) || !in_word(behind.chars().next()),
        // rustdoc warns of an address that is no link.
        ':' => behind.starts_with("//"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Medium; 6] = [
        Medium::Line,
        Medium::Message,
        Medium::Markdown,
        Medium::Code,
        Medium::Html,
        Medium::Json,
    ];

    #[test]
    fn ordinary_names_stay() {
        for name in [
            "acc_x",
            "x0",
            "m/s²",
            "T (°C)",
            "насос",
            "a-b",
            "x[t-1]",
            "50 %",
            "#1",
        ] {
            assert_eq!(show(name, Medium::Line), name);
            assert_eq!(show(name, Medium::Message), name);
            assert_eq!(show(name, Medium::Code), name);
            assert_eq!(show(name, Medium::Html), name);
        }
        for name in [
            "acc_x",
            "x0",
            "m/s²",
            "T (°C)",
            "flow-train 0.1.0",
            "1 per day",
            "a: b",
        ] {
            assert_eq!(show(name, Medium::Markdown), name);
        }
    }

    #[test]
    fn each_medium_has_its_escapes() {
        for (text, medium, expected) in [
            ("[a](b) *c* `d`", Medium::Markdown, r"\[a\](b) \*c\* \`d\`"),
            ("<script> &lt; \\", Medium::Markdown, r"\<script\> \&lt; \\"),
            ("_a_ b_c __", Medium::Markdown, r"\_a\_ b_c \_\_"),
            (
                "http://a.b ~~c~~ | d",
                Medium::Markdown,
                r"http\://a.b \~\~c\~\~ \| d",
            ),
            ("a`b\\*c", Medium::Code, "a'b\\*c"),
            (
                "<a b='c' d=\"e\">&",
                Medium::Html,
                "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;",
            ),
            ("pump\n\n```\nfn", Medium::Markdown, r"pump  \`\`\` fn"),
            ("a\r\nb\tc", Medium::Line, "a  b c"),
            ("a\nb\tc\u{1b}", Medium::Message, "a\nb c\u{fffd}"),
            (
                "\u{1b}]0;\u{7}\u{9b}31m",
                Medium::Line,
                "\u{fffd}]0;\u{fffd}\u{fffd}31m",
            ),
            (
                "a\u{202e}b\u{2067}c\u{200f}",
                Medium::Line,
                "a\u{fffd}b\u{fffd}c\u{fffd}",
            ),
            (
                "{\n\"a\": \"<\u{9b}\u{202e}\u{2028}\u{7f}\u{e0041}\"}",
                Medium::Json,
                "{\n\"a\": \"<\\u009b\\u202e\\u2028\\u007f\\udb40\\udc41\"}",
            ),
            ("👩\u{200d}🚀", Medium::Html, "👩\u{200d}🚀"),
        ] {
            assert_eq!(show(text, medium), expected, "{text:?} {medium:?}");
        }
    }

    #[test]
    fn long_strings_are_cut() {
        let long = "ä".repeat(3_000_000);
        for medium in ALL {
            let shown = show(&long, medium).chars().count();
            let expected = match medium {
                Medium::Message | Medium::Json => 3_000_000,
                _ => LONGEST + 1,
            };
            assert_eq!(shown, expected, "{medium:?}");
        }
        let fits = "*".repeat(LONGEST);
        assert_eq!(show(&fits, Medium::Markdown), "\\*".repeat(LONGEST));
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            for medium in ALL {
                let shown = show(&text, medium);
                let hidden = |c: char| c.is_control() || is_hidden(c);
                let breaks = |c: char| match medium {
                    Medium::Message => c == '\n',
                    Medium::Json => matches!(c, '\t' | '\n' | '\r'),
                    _ => false,
                };
                prop_assert!(!shown.contains(|c| hidden(c) && !breaks(c)), "{shown:?}");
                prop_assert!(medium != Medium::Html || !shown.contains(['<', '>', '"', '\'']));
                prop_assert!(medium != Medium::Code || !shown.contains('`'));
            }
        }
    }
}
