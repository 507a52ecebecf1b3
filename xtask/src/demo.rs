//! `cargo xtask demo`: from a recording to a chip, and a table of what came out.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::firmware::{self, Printed};
use crate::workspace;
use flow_measure::board::CORTEX_M4F;
use flow_measure::process;
use flow_measure::toolchain::Toolchain;

/// Rows of the test table that the chip scores, at most.
const ROWS: usize = 1000;
/// Columns of the test table that are the model's channels.
const CHANNELS: std::ops::Range<usize> = 3..9;

/// Trains, calibrates, evaluates and compiles with `flow demo`, runs the result on the emulated
/// chip, and compares its bits with the desk's.
///
/// # Errors
/// If a step fails, or a single bit differs.
pub fn run(toolchain: &Toolchain) -> Result<()> {
    let shown = Path::new("target").join("demo");
    let folder = workspace::root().join(&shown);
    // Nothing that an earlier run left shall pass for this one's.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // As the commands show it, relative to the root that they run in.
    let file = |name: &str| shown.join(name);

    heading("Train, calibrate, evaluate, compile");
    let build = ["build", "--release", "--quiet", "--package", "flow-cli"];
    process::run(workspace::cargo().args(build)).context("building the command `flow`")?;
    // The commands and remarks go to the terminal as they come, the figures to the table below.
    let demo = flow()?
        .arg("demo")
        .arg("--json")
        .arg("--output")
        .arg(&shown)
        .stderr(Stdio::inherit())
        .output()
        .context("starting `flow demo`")?;
    if !demo.status.success() {
        bail!("`flow demo` failed ({})", demo.status);
    }
    let demo = String::from_utf8(demo.stdout).context("what `flow demo --json` printed")?;
    let Steps {
        calibrated,
        evaluated,
        divisions,
    } = Steps::read(&demo)?;
    let (model, test) = (file("model.flow"), file("test.csv"));

    heading("Score the rows on the host");
    let (rows, scores) = (file("rows.csv"), file("scores.csv"));
    let table =
        fs::read_to_string(folder.join("test.csv")).with_context(|| test.display().to_string())?;
    fs::write(folder.join("rows.csv"), channels(&table)?)
        .with_context(|| rows.display().to_string())?;
    let mut score = flow()?;
    process::run(
        score
            .arg("score")
            .arg(&model)
            .arg(&rows)
            .arg("-o")
            .arg(&scores),
    )?;
    let desk = log_probs(&fs::read_to_string(folder.join("scores.csv"))?)
        .context("what `flow score` wrote")?;

    heading("Link the generated module into firmware and run it on an emulated Cortex-M4F");
    firmware::build_case(toolchain, &CORTEX_M4F, &folder)?;
    let chip = firmware::print(&CORTEX_M4F)?;
    let figures = firmware::measure(&CORTEX_M4F, &chip)?;
    let equal = equal_bits(&desk, &chip)?;

    heading("Result");
    let number = |name: &str| number(&evaluated, name);
    let percent = |from: &Value, name: &str| -> Result<String> {
        Ok(format!("{:.2} %", 100.0 * self::number(from, name)?))
    };
    let figure = |name: &str| figures.get(name).copied().unwrap_or_default();
    let lines = [
        ("rows tested", (table.lines().count() - 1).to_string()),
        (
            "test log-likelihood",
            format!(
                "{:.3} ± {:.3} nats per normal row ({:+.3} over a Gaussian)",
                number("log_prob_mean")?,
                number("log_prob_stderr")?,
                number("gain_over_gaussian")?
            ),
        ),
        ("AUROC", format!("{:.4}", number("auroc")?)),
        (
            "false alarms promised",
            format!(
                "{} ({})",
                percent(&evaluated, "alpha")?,
                standing(&calibrated)?
            ),
        ),
        (
            "false alarms measured",
            format!(
                "{} on one division of the recordings",
                percent(&evaluated, "false_alarm_rate")?
            ),
        ),
        (
            "on all divisions",
            format!(
                "{} in the mean of {}, {} to {}",
                percent(&divisions, "false_alarm_rate_mean")?,
                divisions["divisions"],
                percent(&divisions, "false_alarm_rate_least")?,
                percent(&divisions, "false_alarm_rate_most")?
            ),
        ),
        (
            "faults detected",
            format!("{:.2} %", 100.0 * number("detection_rate")?),
        ),
        (
            "flash",
            format!("{} bytes, weights included", figure("model_flash_bytes")),
        ),
        ("RAM", format!("{} bytes static", figure("model_ram_bytes"))),
        (
            "stack",
            format!(
                "{} bytes",
                figure("log_prob_stack_bytes").max(figure("sample_stack_bytes"))
            ),
        ),
        (
            "instructions",
            format!(
                "{} per log-likelihood, {} per sample",
                figure("log_prob_instructions"),
                figure("sample_instructions")
            ),
        ),
        (
            "bits equal",
            format!("yes: {equal} log-likelihoods, chip against host"),
        ),
        ("files", shown.display().to_string()),
    ];
    for (name, value) in lines {
        println!("  {name:24}{value}");
    }
    Ok(())
}

/// What the steps of `flow demo --json` printed.
#[derive(Debug)]
struct Steps {
    calibrated: Value,
    evaluated: Value,
    divisions: Value,
}

impl Steps {
    /// Finds each by a field that it alone has.
    fn read(printed: &str) -> Result<Self> {
        let values = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
        let values: Vec<Value> = values
            .collect::<Result<_, _>>()
            .context("what `flow demo --json` printed")?;
        let find = |field: &str| {
            let found = values.iter().find(|own| own.get(field).is_some());
            found
                .cloned()
                .with_context(|| format!("flow demo --json: no value has {field}"))
        };
        Ok(Self {
            calibrated: find("by_context")?,
            evaluated: find("auroc")?,
            divisions: find("divisions")?,
        })
    }
}

fn number(from: &Value, name: &str) -> Result<f64> {
    from[name]
        .as_f64()
        .with_context(|| format!("flow demo --json: no {name}"))
}

/// A few words to stand beside the promise.
fn standing(calibrated: &Value) -> Result<&'static str> {
    match calibrated["promise_stands"].as_bool() {
        Some(true) => Ok("the promise stands"),
        Some(false) => Ok("the promise does not stand"),
        None => bail!("flow demo --json: no promise_stands"),
    }
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// The command `flow` as it was just built.
fn flow() -> Result<std::process::Command> {
    let path = workspace::host_target().join("release").join("flow");
    if !path.is_file() {
        bail!("{} was not built", path.display());
    }
    let mut command = std::process::Command::new(path);
    command.current_dir(workspace::root());
    Ok(command)
}

/// The model's columns of at most [`ROWS`] rows, spread over the table.
fn channels(table: &str) -> Result<String> {
    let lines: Vec<&str> = table.lines().collect();
    let (header, rows) = lines.split_first().context("the test table is empty")?;
    let cut = |line: &str| -> Result<String> {
        let cells: Vec<&str> = line.split(',').collect();
        let own = cells
            .get(CHANNELS)
            .with_context(|| format!("too few columns: {line}"))?;
        Ok(own.join(",") + "\n")
    };
    let every = rows.len().div_ceil(ROWS).max(1);
    let mut text = cut(header)?;
    for row in rows.iter().step_by(every) {
        text += &cut(row)?;
    }
    Ok(text)
}

/// The column `log_prob` of a score table. Its decimal numbers give their bits back.
fn log_probs(scores: &str) -> Result<Vec<f32>> {
    let mut lines = scores.lines();
    let mut header = lines.next().unwrap_or_default().split(',');
    let column = header
        .position(|name| name == "log_prob")
        .context("no column log_prob")?;
    lines
        .map(|line| {
            let cell = line.split(',').nth(column).unwrap_or_default();
            cell.parse()
                .with_context(|| format!("not a number: {line}"))
        })
        .collect()
}

/// Compares the recorded rows; those that the firmware appends itself have no score on the desk.
fn equal_bits(desk: &[f32], chip: &Printed) -> Result<usize> {
    if desk.is_empty() || chip.log_probs.len() < desk.len() {
        bail!(
            "{} rows on the desk, {} on the chip",
            desk.len(),
            chip.log_probs.len()
        );
    }
    for (row, (desk, chip)) in desk.iter().zip(&chip.log_probs).enumerate() {
        if desk.to_bits() != *chip {
            bail!(
                "row {row}: the desk says {desk}, the chip {}",
                f32::from_bits(*chip)
            );
        }
    }
    Ok(desk.len())
}

#[cfg(test)]
mod tests {
    use super::{Steps, channels, equal_bits, log_probs, number, standing};
    use crate::firmware::Printed;

    #[test]
    fn takes_the_channels_of_spread_rows() {
        let mut table = String::from("set,recording,activity,a,b,c,d,e,f,label\n");
        for row in 0..2500 {
            table += &format!("test,1,walking,{row},1,2,3,4,5,0\n");
        }
        let cut = channels(&table).unwrap();
        let lines: Vec<&str> = cut.lines().collect();
        assert_eq!(lines[..3], ["a,b,c,d,e,f", "0,1,2,3,4,5", "3,1,2,3,4,5"]);
        assert_eq!(lines.len(), 1 + 834);
        assert!(channels("a,b\n").is_err());
    }

    #[test]
    fn steps_are_told_apart() {
        let printed = r#"{"alpha": 0.01, "promise_stands": true}
            {"by_context": null, "promise_stands": false}
            {"auroc": 0.9} {"divisions": 40}"#;
        let steps = Steps::read(printed).unwrap();
        assert_eq!(
            standing(&steps.calibrated).unwrap(),
            "the promise does not stand"
        );
        assert_eq!(number(&steps.divisions, "divisions").unwrap(), 40.0);
        assert!(Steps::read(r#"{"auroc": 0.9}"#).is_err());
        assert!(standing(&steps.evaluated).is_err());
    }

    #[test]
    fn one_different_bit_is_refused() {
        let desk = log_probs("log_prob,p_value,alarm\n-1.5,0.2,0\n-2.25,0.1,0\n").unwrap();
        let bits = |values: &[f32]| Printed {
            log_probs: values.iter().map(|value| value.to_bits()).collect(),
            ..Printed::default()
        };
        assert_eq!(equal_bits(&desk, &bits(&[-1.5, -2.25, 0.0])).unwrap(), 2);
        assert!(equal_bits(&desk, &bits(&[-1.5, -2.250_000_2])).is_err());
        assert!(equal_bits(&desk, &bits(&[-1.5])).is_err());
    }
}
