//! Tables of the documentation that state what the tool prints, beside the tool.
//!
//! `tests/peers/quantised.md` has two: a model that the repository carries, whose rows are made again here, and the
//! anomaly sets, which it may not carry: those rows are held to what the page promises of them, and `cargo xtask test
//! peers` makes them again.

use super::flow::Folder;
use serde_json::Value;
use std::path::Path;

const PAGE: &str = include_str!("../../../../tests/peers/quantised.md");

/// The cells of the rows of a table, by how its header begins.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| {
        let line = line.trim_matches('|').split('|');
        line.map(str::trim).collect::<Vec<_>>()
    };
    let lines = PAGE.lines().skip_while(|line| !line.starts_with(header));
    let own = lines.skip(2).take_while(|line| line.starts_with('|'));
    own.map(cells).collect()
}

/// Bytes of the tables before and after.
fn tables(cell: &str) -> [usize; 2] {
    let (before, after) = cell.split_once(" → ").expect("two figures");
    [before, after].map(|own| own.parse().expect("a number"))
}

#[test]
fn carried_models_quantise_as_stated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let rows = rows("| model |");
    assert_eq!(rows.len(), 3, "a model in three formats");
    for row in rows {
        let [model, data, weights, stated @ ..] = &row[..] else {
            panic!("{row:?}");
        };
        let mut data = data.split(' ');
        let path = |own: &str| root.join(own).display().to_string();
        let (model, table) = (path(model), path(data.next().expect("a path")));
        let command = ["quantise", &model, &table, "--weights", weights];
        let command = command.into_iter().chain(data);
        let command = command.chain(["-o", "small.flow", "--json"]);
        let said = Folder::new().run(command).json();
        let number = |key: &str| {
            said[key]
                .as_f64()
                .unwrap_or_else(|| panic!("{key}: {said}"))
        };
        let found = [
            format!("{} → {}", said["table_bytes_before"], said["table_bytes"]),
            format!("{:.4}", number("mean_difference")),
            format!("{:.3}", number("worst_difference")),
            said["lost"].to_string(),
            format!("{} of {}", said["clamped"], said["rows"]),
        ];
        assert_eq!(
            stated, found,
            "{model} as {weights}: quantised.py makes the page again"
        );
        assert!(matches!(said["table_bytes"], Value::Number(_)));
    }
}

/// What the page promises of sets that the repository may not carry, and that formats are as small as they are.
#[test]
fn the_table_of_anomaly_sets_agrees_with_itself() {
    let rows = rows("| set |");
    let number = |cell: &str| cell.parse::<f64>().expect("a number");
    let mut seen = std::collections::BTreeSet::new();
    for row in &rows {
        let [set, seed, _, weights, bytes, mean, worst, auroc, ..] = row[..] else {
            panic!("{row:?}");
        };
        assert!(seen.insert((set, seed, weights)), "{row:?} is there twice");
        let [before, after] = tables(bytes);
        // Calibration tables and what is standardised stay as they are.
        let (least, most) = match weights {
            "f16" | "i16" => (0.5, 0.7),
            _ => (0.25, 0.5),
        };
        let share = after as f64 / before as f64;
        assert!((least..most).contains(&share), "{row:?}: {share}");
        assert!(
            number(mean) <= 0.05 && number(mean) <= number(worst) + 0.005,
            "{row:?}"
        );
        assert!(number(auroc) >= -0.005, "{row:?}");
    }
    let distinct = |of: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        let own: std::collections::BTreeSet<_> = seen.iter().map(of).collect();
        own.len()
    };
    let all = distinct(|own| own.0) * distinct(|own| own.1) * distinct(|own| own.2);
    assert_eq!(rows.len(), all, "a row for each set, seed and format");
    assert!(PAGE.contains("Every bar is reached."));
    // What the page for readers says of them.
    let page = include_str!("../../../../../docs/quantising.md");
    for weights in ["i8", "i16", "f16"] {
        let own = rows.iter().filter(|row| row[3] == weights);
        let most = own.map(|row| number(row[5])).fold(0.0, f64::max);
        let stated = format!("| `{weights}` | {most:.3} |");
        assert!(page.lines().any(|line| line == stated), "{stated}");
    }
    assert!(rows.iter().all(|row| number(row[7]).abs() < 0.001));
}
