//! `flow noise-report`: what it writes, and what it says to tables that can't be used.

use super::flow::Folder;
use std::fmt::Write as _;

/// White noise of deviation `scale` in two columns, with a column that names the half.
fn table(rows: u64, scale: f64, seed: u64) -> String {
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut normal = || scale * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0);
    let mut text = "x,y,half\n".to_owned();
    for row in 0..rows {
        let _ = writeln!(text, "{},{},{}", normal(), normal(), row * 2 / rows);
    }
    text
}

#[test]
fn a_page_and_its_numbers() {
    let folder = Folder::new()
        .with("real.csv", table(4000, 1.0, 1))
        .with("generated.csv", table(4000, 2.0, 2));
    let command = "noise-report real.csv generated.csv --rate 100Hz --columns x,y --units x=m/s² \
                   -o report.html --json";
    let report = folder.flow(command).json();
    assert_eq!(report["channels"].as_array().map(Vec::len), Some(2));
    for channel in report["channels"].as_array().expect("channels") {
        // σ / √100 Hz; a per cent or two is chance.
        let white = |index: usize| {
            let own = &channel["noise"][index]["coefficients"]["white"];
            own.as_f64().expect("white noise")
        };
        assert!((white(0) / 0.1 - 1.0).abs() < 0.1 && (white(1) / 0.2 - 1.0).abs() < 0.1);
        let error = channel["allan_error"].as_f64().expect("two recordings");
        assert!((error - 2f64.log10()).abs() < 0.05, "{error}");
    }
    let page = folder.read("report.html");
    assert_eq!(
        page.matches("<svg").count(),
        8,
        "four plots for each channel"
    );
    assert!(page.contains("x (m/s²)"));
    assert!(page.contains("deviation, m/s²") && page.ends_with("</body></html>\n"));
    // It needs nothing else: no script, no address to fetch from.
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
    assert_eq!(folder.names(), ["generated.csv", "real.csv", "report.html"]);
}

#[test]
fn one_table_alone_and_groups() {
    let folder = Folder::new().with("real.csv", table(400, 1.0, 3));
    let command = "noise-report real.csv --rate 50Hz --group half -o report.html --json";
    let report = folder.flow(command).json();
    assert_eq!(report["recordings"][0]["rows"], 400);
    assert_eq!(report["recordings"][0]["longest"], 200);
    assert!(report["channels"][0]["allan_error"].is_null());
    let whole = "noise-report real.csv --rate 50Hz --columns x -o report.html --json";
    assert_eq!(folder.flow(whole).json()["recordings"][0]["longest"], 400);
}

#[test]
fn a_row_that_cannot_be_used_interrupts_the_recording() {
    let text = table(400, 1.0, 4);
    let mut lines: Vec<&str> = text.lines().collect();
    lines[101] = ",1,0";
    let folder = Folder::new().with("real.csv", lines.join("\n"));
    let command = "noise-report real.csv --rate 50Hz --columns x,y -o report.html --json";
    let report = folder.flow(command).json();
    assert_eq!(report["recordings"][0]["rows"], 399);
    assert_eq!(report["recordings"][0]["longest"], 299);
    let filtered =
        "noise-report real.csv --rate 50Hz --columns x,y --only half=0 -o report.html --json";
    assert_eq!(
        folder.flow(filtered).json()["recordings"][0]["longest"],
        100
    );
}

#[test]
fn bad_tables_get_sentences() {
    let stuck = "x,y\n".to_owned() + &"1.5,2\n".repeat(50);
    let folder = Folder::new()
        .with("short.csv", table(10, 1.0, 5))
        .with("stuck.csv", stuck)
        .with("real.csv", table(100, 1.0, 6))
        .with("other.csv", "x\n1\n2\n")
        .with("report.html", "kept");
    let fails = |arguments: &str, code, parts: &[&str]| {
        let command = format!("noise-report {arguments} -o report.html");
        folder.flow(&command).fails(code, parts);
        assert_eq!(folder.read("report.html"), "kept", "{arguments}");
    };
    fails(
        "short.csv --rate 9Hz",
        1,
        &["short.csv: column `x`", "10 samples, and 16 are needed"],
    );
    fails(
        "stuck.csv --rate 9Hz",
        1,
        &[
            "stuck.csv: column `x`",
            "never changes from 1.5",
            "--columns",
        ],
    );
    fails(
        "real.csv stuck.csv --columns y --rate 9Hz",
        1,
        &["stuck.csv: column `y`", "never changes"],
    );
    fails(
        "real.csv other.csv --columns x,y --rate 9Hz",
        1,
        &["other.csv", "lacks", "y"],
    );
    fails(
        "real.csv --columns x --units z=m --rate 9Hz",
        2,
        &["--units z", "channels are x"],
    );
    folder
        .flow("noise-report real.csv --rate 0Hz -o report.html")
        .fails_in_usage("a sample rate of \"0Hz\" is not understood");
}
