//! Version numbers as compilers and packages print them.

use std::fmt;

/// `major.minor.patch`, ordered as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number, 0 where the text has none.
    pub minor: u32,
    /// Third number, 0 where the text has none.
    pub patch: u32,
}

impl Version {
    /// The first `N.N[.N]` in a text such as `rustc 1.96.0 (ac68faa20 2026-05-25)`,
    /// `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)` or `1.95`; a package's epoch (`1:`) is
    /// passed over.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .find_map(|word| {
                let mut numbers = word.split('.').map(str::parse::<u32>);
                let major = numbers.next()?.ok()?;
                let minor = numbers.next()?.ok()?;
                let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
                Some(Self {
                    major,
                    minor,
                    patch,
                })
            })
    }

    /// `major.minor`, which names a compiler's release.
    #[must_use]
    pub fn release(&self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn finds_the_version_in_what_tools_print() {
        let cases = [
            ("rustc 1.96.0 (ac68faa20 2026-05-25)", Some("1.96.0")),
            (
                "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)",
                Some("7.2.22"),
            ),
            ("1.95", Some("1.95.0")),
            ("1:7.2+dfsg-7+deb12u18", Some("7.2.0")),
            ("1.96.0+dfsg1-1~deb12u2", Some("1.96.0")),
            ("(none)", None),
            ("...", None),
        ];
        for (text, expected) in cases {
            let found = Version::find(text).map(|v| v.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn orders_as_numbers() {
        assert!(Version::find("1.100.0") > Version::find("1.96.9"));
    }
}
