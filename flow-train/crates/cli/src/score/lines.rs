//! `flow score` of a text: a row for each of its lines.

use crate::Error;
use crate::files::Given;
use crate::number;
use flow_embedded::artefact::CalibrationTable;
use flow_evaluate::Lines;
use std::io::Write;

/// The columns.
const COLUMNS: &[u8] = b"log_prob,p_value,alarm,least_likely\n";

/// What came of the lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summary {
    pub(super) lines: u64,
    pub(super) scored: u64,
    pub(super) alarms: u64,
}

/// Scores the lines of a text, and writes a table of them.
pub(super) fn score(
    mut lines: Lines<'_, '_, '_>,
    table: Option<CalibrationTable<'_>>,
    data: &Given,
    output: &mut impl Write,
    written: impl Fn(std::io::Error) -> Error,
) -> Result<Summary, Error> {
    let mut text = data.lines()?;
    let mut summary = Summary::default();
    let mut rows = COLUMNS.to_vec();
    while let Some(piece) = text.next_piece().map_err(Error::data(data.path()))? {
        for line in lines.score(piece) {
            summary.lines += 1;
            let Some(line) = line else {
                rows.extend_from_slice(b",,,\n");
                continue;
            };
            summary.scored += 1;
            number::push(&mut rows, line.log_prob());
            summary.alarms += u64::from(judge(&mut rows, table, line.log_prob()));
            // From 1, as editors count columns. Writing to memory does not fail.
            let _ = writeln!(rows, ",{}", line.least_likely() + 1);
        }
        output.write_all(&rows).map_err(&written)?;
        rows.clear();
    }
    output.write_all(&rows).map_err(&written)?;
    Ok(summary)
}

/// Adds p-value and alarm; both cells are empty without a table.
fn judge(rows: &mut Vec<u8>, table: Option<CalibrationTable<'_>>, log_prob: f32) -> bool {
    let Some(table) = table else {
        rows.extend_from_slice(b",,");
        return false;
    };
    let p_value = table.p_value(log_prob);
    let alarm = p_value <= table.alpha();
    rows.push(b',');
    number::push(rows, p_value);
    rows.extend_from_slice(if alarm { b",1" } else { b",0" });
    alarm
}
