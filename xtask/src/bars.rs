//! Figures that may not pass a limit, whatever is committed: what the project promises of its small
//! reference flow (4 channels, 3 layers of 32×32; `maf_4` of the test firmware).

use anyhow::{Context, Result, bail};

use crate::figures::Boards;

/// The most that a figure may be.
enum Most {
    Number(u64),
    /// In percent of another figure of the same board.
    Percent(u64, &'static str),
}

/// A board's key among the figures, the figure, and its limit.
struct Bar(&'static str, &'static str, Most);

const BARS: [Bar; 7] = [
    Bar(
        "cortex-m4f-asm",
        "maf_4_log_prob_instructions",
        Most::Number(7_000),
    ),
    Bar(
        "cortex-m4f-asm",
        "maf_4_sample_instructions",
        Most::Percent(110, "maf_4_log_prob_instructions"),
    ),
    Bar(
        "cortex-m0",
        "maf_4_i8_log_prob_instructions",
        Most::Number(40_000),
    ),
    Bar(
        "cortex-m3",
        "maf_4_i8_log_prob_instructions",
        Most::Number(40_000),
    ),
    Bar(
        "cortex-m0-s",
        "maf_4_i8_size_code_bytes",
        Most::Number(4096),
    ),
    Bar(
        "cortex-m3-s",
        "maf_4_i8_size_code_bytes",
        Most::Number(4096),
    ),
    Bar(
        "cortex-m4f-s",
        "maf_4_i8_size_code_bytes",
        Most::Number(4096),
    ),
];

/// Prints how the figures stand, and checks that none passes its limit.
///
/// # Errors
/// If one does, or was not measured.
pub fn check(measured: &Boards) -> Result<()> {
    let mut failed = Vec::new();
    for Bar(board, figure, most) in &BARS {
        let find = |figure: &str| {
            let found = measured.get(*board).and_then(|own| own.get(figure));
            found
                .copied()
                .with_context(|| format!("{board} {figure}: not measured"))
        };
        let value = find(figure)?;
        let limit = match most {
            Most::Number(limit) => *limit,
            Most::Percent(percent, other) => find(other)? * percent / 100,
        };
        let stands = format!("{board} {figure}: {value}, limit {limit}");
        println!("  {stands}");
        if value > limit {
            failed.push(stands);
        }
    }
    if !failed.is_empty() {
        bail!("figures pass their limits:\n  {}", failed.join("\n  "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BARS, Bar, Most, check};
    use crate::figures::Boards;

    /// Every figure at the limit; the one that is a share of another below it.
    fn at_the_limits() -> Boards {
        let mut boards = Boards::new();
        for Bar(board, figure, most) in &BARS {
            let own = boards.entry((*board).to_owned()).or_default();
            let value = match most {
                Most::Number(limit) => *limit,
                Most::Percent(..) => 7_000,
            };
            own.insert((*figure).to_owned(), value);
        }
        boards
    }

    #[test]
    fn limits_may_be_reached_and_not_passed() {
        assert!(check(&at_the_limits()).is_ok());
        for Bar(board, figure, _) in &BARS {
            let mut boards = at_the_limits();
            *boards.get_mut(*board).unwrap().get_mut(*figure).unwrap() += 701;
            let error = check(&boards).unwrap_err().to_string();
            assert!(error.contains(figure), "{error}");
        }
    }

    #[test]
    fn a_figure_that_is_missing_is_an_error() {
        assert!(check(&Boards::new()).is_err());
    }
}
