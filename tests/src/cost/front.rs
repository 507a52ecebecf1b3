//! What a model costs on three chips: the table of the front page, from committed figures.

use super::Places;
use anyhow::{Context, Result};
use flow_codegen::Core;
use std::fmt::Write;
use std::fs;
use xtask::workspace;

/// The marks around the table.
const MARKS: [&str; 2] = ["<!-- costs -->\n", "<!-- end of costs -->"];

/// A row: a core, a usual clock in MHz, a model of [`models::held_out`](super::models::held_out), and how it is computed.
struct Row(Core, u32, &'static str, &'static str);

const ROWS: [Row; 3] = [
    Row(Core::CortexM0, 48, "maf_4_i8", "`i8`"),
    Row(Core::CortexM4F, 168, "maf_4", "`f32`"),
    Row(Core::Riscv32imc, 160, "maf_4_i8", "`i8`"),
];

/// The table: figures at `opt-level = 3`, microseconds by the core's timing table.
fn table(places: &Places) -> Result<String> {
    let mut text = String::from(
        "| chip | weights | flash, bytes | stack, bytes | instructions of a log-likelihood | microseconds |\n\
         |---|---|---|---|---|---|\n",
    );
    for Row(core, clock, model, weights) in ROWS {
        let place = places.get(&core.to_string()).context("a core")?;
        let own = place.get(model).context(model)?;
        let (Some(timing), Some(mix)) = (core.timing(), core.mix(weights != "`f32`")) else {
            anyhow::bail!("{core} has no timing table");
        };
        let microseconds = own.log_prob * timing.cycles(&mix) / f64::from(clock);
        writeln!(
            text,
            "| {core}, {clock} MHz | {weights} | {} | {} | {} | {microseconds:.0} |",
            thousands(own.flash),
            thousands(own.log_prob_stack),
            thousands(own.log_prob),
        )?;
    }
    Ok(text)
}

/// A whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The front page as it is, and as it should be by committed figures.
///
/// # Errors
/// The page or a mark is missing, or a model was not measured.
pub fn front_page(places: &Places) -> Result<[String; 2]> {
    let path = workspace::root().join("README.md");
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (before, rest) = page.split_once(MARKS[0]).context(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1]).context(MARKS[1])?;
    let text = format!("{before}{}{}{}{after}", MARKS[0], table(places)?, MARKS[1]);
    Ok([page, text])
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn numbers_have_commas() {
        assert_eq!(thousands(480.0), "480");
        assert_eq!(thousands(27_367.0), "27,367");
        assert_eq!(thousands(1_000_000.4), "1,000,000");
    }
}
