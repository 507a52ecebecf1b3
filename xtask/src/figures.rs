//! Compares measured figures with the committed ones.
//!
//! The file holds one set per compiler release, since another release generates other code:
//! `{"rustc 1.96": {"cortex-m0": {"log_prob_instructions": 484922, …}, …}, …}`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use flow_measure::version::Version;

/// The change that passes, in percent of the committed figure.
pub const TOLERANCE_PERCENT: f64 = 2.0;

/// Figures of one board, by name; the unit is the name's last word.
pub type Figures = BTreeMap<String, u64>;

/// Figures of every board, by the board's name.
pub type Boards = BTreeMap<String, Figures>;

/// Every set of a file, by compiler release.
type Sets = BTreeMap<String, Boards>;

/// The committed and the measured value of a figure.
type Pair = (Option<u64>, Option<u64>);

/// What came of a comparison.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Every figure is within the tolerance.
    Same,
    /// The file was rewritten, on request.
    Blessed,
    /// The file has no figures of this compiler release; the releases that it has.
    OtherCompiler(Vec<String>),
}

/// The figures that differ.
#[derive(Debug, PartialEq, thiserror::Error)]
pub struct Changed(pub Vec<Change>);

/// One figure that differs.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// The board.
    pub board: String,
    /// The figure.
    pub figure: String,
    /// The committed value, if there is one.
    pub old: Option<u64>,
    /// The measured value, if there is one.
    pub new: Option<u64>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.board, self.figure)?;
        match (self.old, self.new) {
            (Some(0), Some(new)) => write!(f, "0 -> {new}"),
            (Some(old), Some(new)) => {
                write!(f, "{old} -> {new} ({:+.2} %)", percent(old, new))
            }
            (None, Some(new)) => write!(f, "{new}, which is not among the committed figures"),
            (Some(old), None) => write!(f, "{old} is committed and was not measured"),
            (None, None) => write!(f, "neither committed nor measured"),
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "figures differ by more than {TOLERANCE_PERCENT} % from the committed ones:"
        )?;
        for change in &self.0 {
            write!(f, "\n  {change}")?;
        }
        write!(
            f,
            "\nIf the change is wanted, run again with BLESS=1 and commit the new figures."
        )
    }
}

/// Whether the caller asked for committed files to be rewritten (`BLESS=1`).
#[must_use]
pub fn bless_requested() -> bool {
    std::env::var_os("BLESS").is_some_and(|value| value == "1")
}

/// Compares `measured` with the committed figures in `file`, or writes them there when the caller
/// asked for it, and says which.
///
/// # Errors
/// [`Changed`] if figures differ; or if the file cannot be read, parsed or written.
pub fn check(file: &Path, compiler: Version, measured: &Boards) -> Result<()> {
    let name = file.file_name().unwrap_or_default().display();
    match judge(file, compiler, measured, bless_requested())? {
        Outcome::Same => println!("{name}: within {TOLERANCE_PERCENT} % of the committed figures"),
        Outcome::Blessed => println!("{name}: written"),
        Outcome::OtherCompiler(releases) => println!(
            "{name}: NOT compared: this is rustc {}, the committed figures are of {}",
            compiler.release(),
            releases.join(", ")
        ),
    }
    Ok(())
}

/// Compares `measured` with the figures of the same compiler release in `file`, or writes them
/// there when `bless` says so.
fn judge(file: &Path, compiler: Version, measured: &Boards, bless: bool) -> Result<Outcome> {
    let name = format!("rustc {}", compiler.release());
    let mut sets: Sets = match std::fs::read_to_string(file) {
        Ok(text) => {
            serde_json::from_str(&text).with_context(|| format!("figures in {}", file.display()))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && bless => Sets::new(),
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    };
    if bless {
        sets.insert(name, measured.clone());
        let text = serde_json::to_string_pretty(&sets)? + "\n";
        std::fs::write(file, text).with_context(|| file.display().to_string())?;
        return Ok(Outcome::Blessed);
    }
    let Some(committed) = sets.get(&name) else {
        return Ok(Outcome::OtherCompiler(sets.into_keys().collect()));
    };
    let changes = compare(committed, measured);
    if changes.is_empty() {
        Ok(Outcome::Same)
    } else {
        Err(Changed(changes).into())
    }
}

fn compare(committed: &Boards, measured: &Boards) -> Vec<Change> {
    let mut pairs: BTreeMap<(&str, &str), Pair> = BTreeMap::new();
    for (board, figures) in committed {
        for (figure, &value) in figures {
            pairs.entry((board, figure)).or_default().0 = Some(value);
        }
    }
    for (board, figures) in measured {
        for (figure, &value) in figures {
            pairs.entry((board, figure)).or_default().1 = Some(value);
        }
    }
    pairs
        .into_iter()
        .filter(|&(_, (old, new))| match (old, new) {
            (Some(old), Some(new)) => percent(old, new).abs() > TOLERANCE_PERCENT,
            _ => true,
        })
        .map(|((board, figure), (old, new))| Change {
            board: board.to_owned(),
            figure: figure.to_owned(),
            old,
            new,
        })
        .collect()
}

/// The change in percent of the old value; infinite when a zero grew.
#[allow(clippy::cast_precision_loss)] // Figures are far below 2^52.
fn percent(old: u64, new: u64) -> f64 {
    match (old, new) {
        (0, 0) => 0.0,
        (old, new) => (new as f64 - old as f64) / old as f64 * 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Boards, Changed, Figures, Outcome, compare, judge};
    use flow_measure::version::Version;

    const COMPILER: Version = Version {
        major: 1,
        minor: 96,
        patch: 0,
    };

    fn boards(figures: &[(&str, u64)]) -> Boards {
        let figures: Figures = figures.iter().map(|&(n, v)| (n.to_owned(), v)).collect();
        Boards::from([("cortex-m0".to_owned(), figures)])
    }

    #[test]
    fn two_percent_pass_and_more_fails_with_old_new_and_percent() {
        let committed = boards(&[("log_prob_instructions", 10_000), ("bss_bytes", 0)]);
        let within = boards(&[("log_prob_instructions", 10_200), ("bss_bytes", 0)]);
        assert_eq!(compare(&committed, &within), []);
        let beyond = boards(&[("log_prob_instructions", 9_799), ("bss_bytes", 4)]);
        let message = Changed(compare(&committed, &beyond)).to_string();
        assert!(
            message.contains("log_prob_instructions: 10000 -> 9799 (-2.01 %)"),
            "{message}"
        );
        assert!(message.contains("bss_bytes: 0 -> 4"), "{message}");
    }

    #[test]
    fn figures_that_appear_or_vanish_are_changes() {
        let message = Changed(compare(&boards(&[("a", 1)]), &boards(&[("b", 2)]))).to_string();
        assert!(
            message.contains("a: 1 is committed and was not measured"),
            "{message}"
        );
        assert!(message.contains("b: 2, which is not among"), "{message}");
    }

    #[test]
    fn a_failing_comparison_leaves_the_file_alone_and_bless_rewrites_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("figures.json");
        let old = boards(&[("text_bytes", 1000)]);
        let new = boards(&[("text_bytes", 2000)]);
        assert!(judge(&file, COMPILER, &old, false).is_err(), "no file yet");
        assert_eq!(
            judge(&file, COMPILER, &old, true).unwrap(),
            Outcome::Blessed
        );
        let before = std::fs::read(&file).unwrap();
        let error = judge(&file, COMPILER, &new, false).unwrap_err();
        assert!(error.downcast_ref::<Changed>().is_some(), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
        assert_eq!(
            judge(&file, COMPILER, &new, true).unwrap(),
            Outcome::Blessed
        );
        assert_eq!(judge(&file, COMPILER, &new, false).unwrap(), Outcome::Same);
    }

    #[test]
    fn another_compiler_release_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("figures.json");
        let figures = boards(&[("text_bytes", 1000)]);
        judge(&file, COMPILER, &figures, true).unwrap();
        let other = Version {
            minor: 97,
            ..COMPILER
        };
        assert_eq!(
            judge(&file, other, &figures, false).unwrap(),
            Outcome::OtherCompiler(vec!["rustc 1.96".to_owned()])
        );
    }
}
