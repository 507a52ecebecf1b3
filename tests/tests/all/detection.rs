//! The bars that the committed page on real recordings has to pass. The recordings are not part of
//! the repository, so the page is made by hand (`cargo run -p flow-tests --bin detection`).

use std::fs;
use xtask::workspace;

fn page() -> Vec<Vec<String>> {
    let path = workspace::root().join("docs/detection.md");
    let text = fs::read_to_string(path).expect("the page");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    let lines = text.lines().filter(|line| line.starts_with('|'));
    lines.map(cells).collect()
}

/// Where a promise was broken, the tool had said beforehand that it would not stand.
#[test]
fn no_promise_is_broken_that_was_said_to_stand() {
    let page = page();
    let is_case = |row: &&Vec<String>| ["stands", "does not stand"].contains(&row[3].as_str());
    let cases: Vec<&Vec<String>> = page
        .iter()
        .filter(|row| row.len() > 6)
        .filter(is_case)
        .collect();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let kept = |cell: &String| cell.contains("kept");
        assert!(
            case[3] != "stands" || case[5..7].iter().all(kept),
            "{case:?}"
        );
        assert!(
            !case.iter().any(|cell| cell.contains("**broken**")),
            "{case:?}"
        );
    }
}

/// Faults are found sooner than by each control chart more often than not, at the promise and at the
/// same rate of false alarms.
#[test]
fn delays_are_below_those_of_control_charts_on_most_faults() {
    let page = page();
    let rows = page
        .iter()
        .filter(|row| row[1] == "as promised" || row[1].starts_with("same rate over"));
    let tallies: Vec<u32> = rows
        .flat_map(|row| &row[2..5])
        .flat_map(|cell| {
            let numbers: Vec<u32> = cell.split(" / ").flat_map(str::parse).collect();
            assert_eq!(numbers.iter().sum::<u32>(), 60, "{cell}");
            assert!(2 * numbers[0] > 60, "{cell}");
            numbers
        })
        .collect();
    assert_eq!(tallies.len(), 27);
}

/// Of single samples; at the alarm of an offset that lasts the page says what it is.
#[test]
fn the_channel_at_fault_is_blamed() {
    let page = page();
    let share = |row: &Vec<String>| -> Option<f64> {
        let (share, _) = row.get(3)?.split_once(" % of ")?;
        share.parse().ok()
    };
    let shares: Vec<f64> = page.iter().filter_map(share).collect();
    assert_eq!(shares.len(), 3);
    assert!(shares.iter().all(|share| *share >= 90.0), "{shares:?}");
}
