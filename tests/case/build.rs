//! Compiles the flow and writes the table of input rows.
//!
//! The flow is compiled for size where the crate is. `FLOW_CASE` names another folder with a
//! `model.flow` and a `rows.csv` to compare.

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use flow_codegen::{Builder, Optimise};

/// Inputs that no recording holds: zeros of both signs, the smallest and largest numbers, far
/// outliers, and values that are not finite.
const EXTREMES: [&str; 12] = [
    "0.0",
    "-0.0",
    "f32::from_bits(1)",
    "f32::MIN_POSITIVE",
    "1.0e-20",
    "-1.0e6",
    "1.0e12",
    "-1.0e30",
    "f32::MAX",
    "f32::INFINITY",
    "f32::NEG_INFINITY",
    "f32::NAN",
];

/// The rows of a CSV with a header as the literal of a `[[f32; D]; N]`, the extremes appended:
/// each in all channels at once, and each in one channel of an ordinary row.
fn rows(csv: &str) -> Result<String, String> {
    let mut lines = csv.lines();
    let channels = lines.next().ok_or("no header")?.split(',').count();
    let mut table: Vec<Vec<String>> = Vec::new();
    for (number, line) in lines.enumerate() {
        let row: Result<Vec<String>, _> = line
            .split(',')
            .map(|cell| cell.parse::<f32>().map(|value| format!("{value:?}")))
            .collect();
        let row = row.map_err(|error| format!("row {}: {error}", number + 1))?;
        if row.len() != channels {
            return Err(format!("row {}: {} cells", number + 1, row.len()));
        }
        table.push(row);
    }
    let ordinary = table.first().ok_or("no rows")?.clone();
    for (i, extreme) in EXTREMES.iter().enumerate() {
        table.push(vec![(*extreme).to_owned(); channels]);
        let mut row = ordinary.clone();
        row[i % channels] = (*extreme).to_owned();
        table.push(row);
    }
    let mut source = format!(
        "/// Input rows: a recording's, then extremes.\npub static ROWS: [[f32; {channels}]; {}] = [\n",
        table.len()
    );
    for row in &table {
        writeln!(source, "    [{}],", row.join(", ")).map_err(|e| e.to_string())?;
    }
    Ok(source + "];\n")
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let case = env::var_os("FLOW_CASE").map_or(env::current_dir()?, PathBuf::from);
    println!("cargo::rerun-if-env-changed=FLOW_CASE");
    println!("cargo::rerun-if-changed=build.rs");

    let artefact = case.join("model.flow");
    let optimise = match env::var("OPT_LEVEL")?.as_str() {
        "s" | "z" => Optimise::Size,
        _ => Optimise::Speed,
    };
    Builder::new(&artefact)
        .type_name("Model")
        .optimise(optimise)
        .generate()?;
    fs::copy(&artefact, out.join("model.flow"))?;

    let table = case.join("rows.csv");
    println!("cargo::rerun-if-changed={}", table.display());
    let csv = fs::read_to_string(&table).map_err(|e| format!("{}: {e}", table.display()))?;
    let source = rows(&csv).map_err(|e| format!("{}: {e}", table.display()))?;
    fs::write(out.join("rows.rs"), source)?;
    Ok(())
}
