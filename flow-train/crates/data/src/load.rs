//! Reads a whole table into memory, and cleans it.

use super::clean::{CleanRow, Cleaner};
use super::dataset::Digest;
use super::{CleaningReport, ColumnRequest, Columns, CsvFormat, DataError, Dataset, Table};
use std::path::Path;

/// A table that has been read and cleaned.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The usable rows, in the order of the file.
    pub data: Dataset,
    /// For each row, whether it is an anomaly, if the table has labels.
    pub anomalies: Option<Vec<bool>>,
    /// For each row, the number of its group in order of appearance, if the table has groups.
    pub groups: Option<Vec<u32>>,
    /// For each row, how much it counts, if the table has weights: finite and not negative, and
    /// positive for some.
    pub weights: Option<Vec<f32>>,
    /// What was dropped.
    pub report: CleaningReport,
    /// Whether the first line named the columns.
    pub has_header: bool,
}

/// Reads the requested columns of a table.
///
/// # Errors
/// See [`DataError`]: every kind but too few rows or groups, which the split says, and constant
/// columns, which the standardisation says.
pub fn load(
    path: &Path,
    format: CsvFormat,
    request: &ColumnRequest,
) -> Result<Recording, DataError> {
    let file = Table::open(path, format)?;
    let columns = Columns::find(&file, request)?;
    load_columns(&file, &columns)
}

/// Reads columns that have been found already.
///
/// # Errors
/// As [`load`].
pub fn load_columns(file: &Table, columns: &Columns) -> Result<Recording, DataError> {
    let mut cleaner = Cleaner::new(file, columns)?;
    let mut rows = Rows::new(file, columns);
    while let Some(row) = cleaner.next_row()? {
        rows.push(&row);
    }
    Ok(rows.into_recording(cleaner.finish()?, file.has_header()))
}

/// The [digest](Dataset::digest) of the rows that [`load_columns`] would give, one row at a time in
/// constant memory.
///
/// # Errors
/// As [`load`].
pub fn digest(file: &Table, columns: &Columns) -> Result<u64, DataError> {
    let mut cleaner = Cleaner::new(file, columns)?;
    let [events, context] = columns.names(file);
    let mut digest = Digest::new(&events, &context);
    while let Some(row) = cleaner.next_row()? {
        digest.row(row.event, row.context);
    }
    cleaner.finish()?;
    Ok(digest.value())
}

/// The rows of a recording as they come.
#[derive(Debug)]
pub(super) struct Rows {
    data: Dataset,
    anomalies: Option<Vec<bool>>,
    groups: Option<Vec<u32>>,
    weights: Option<Vec<f32>>,
}

impl Rows {
    /// None yet.
    pub(super) fn new(file: &Table, columns: &Columns) -> Self {
        let [events, context] = columns.names(file);
        Self {
            data: Dataset::new(events, context),
            anomalies: columns.label.map(|_| Vec::new()),
            groups: columns.group.map(|_| Vec::new()),
            weights: columns.weights.map(|_| Vec::new()),
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &CleanRow<'_>) {
        fn push<T>(values: &mut Option<Vec<T>>, value: Option<T>) {
            if let Some((values, value)) = values.as_mut().zip(value) {
                values.push(value);
            }
        }
        self.data.push(row.event, row.context);
        push(&mut self.anomalies, row.anomaly);
        push(&mut self.groups, row.group);
        push(&mut self.weights, row.weight);
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.data.rows()
    }

    /// The rows, with the report of the cleaner that they come from.
    pub(super) fn into_recording(self, report: CleaningReport, has_header: bool) -> Recording {
        Recording {
            data: self.data,
            anomalies: self.anomalies,
            groups: self.groups,
            weights: self.weights,
            report,
            has_header,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{file, names};
    use crate::{ColumnFaults, Place, RowFilter};

    fn read(text: &str, request: &ColumnRequest) -> Result<Recording, DataError> {
        let file = file(text);
        load(file.path(), CsvFormat::default(), request)
    }

    #[test]
    fn rows_with_gaps_are_dropped_counted_and_reported() {
        let recording = read(
            "a,b\n1,2\n,3\n4,nan\n5,\n5,6\n5,6\n",
            &ColumnRequest::default(),
        )
        .expect("readable");
        assert_eq!(recording.data.events(), [1.0, 2.0, 5.0, 6.0, 5.0, 6.0]);
        let faults = |column: &str, missing, non_finite, first_line| ColumnFaults {
            column: column.into(),
            missing,
            non_finite,
            first: Place::Line(first_line),
        };
        assert_eq!(
            recording.report.dropped,
            [faults("a", 1, 0, 3), faults("b", 1, 1, 4)]
        );
        assert_eq!(
            recording.report.to_string(),
            "6 rows read, 3 dropped (`a`: 1 missing, first in line 3; `b`: 1 missing, 1 not \
             finite, first in line 4), 3 used"
        );
        assert_eq!(recording.report.rows_repeated, 1);
    }

    #[test]
    fn labels_groups_and_filters_are_read() {
        let request = ColumnRequest {
            label: Some("kind".into()),
            normal: Some(names(&["ok", "fine"])),
            group: Some("run".into()),
            filter: Some(RowFilter {
                column: "set".into(),
                values: names(&["x"]),
            }),
            ..ColumnRequest::default()
        };
        let text = "set,run,kind,v\nx,r7,ok,1\ny,r7,ok,2\nx,r3,bad,3\nx,r7,fine,4\nx,,ok,5\n";
        let recording = read(text, &request).expect("readable");
        assert_eq!(recording.data.event_names(), ["v"]);
        assert_eq!(recording.data.events(), [1.0, 3.0, 4.0]);
        assert_eq!(recording.anomalies, Some(vec![false, true, false]));
        assert_eq!(recording.groups, Some(vec![0, 1, 0]));
        assert_eq!(
            (recording.report.rows_left_out, recording.report.rows_read),
            (1, 4)
        );
    }

    #[test]
    fn weights_are_read_and_play_no_other_part() {
        let request = ColumnRequest {
            weights: Some("w".into()),
            ..ColumnRequest::default()
        };
        let recording = read("a,w\n1,2\n,1\n3,0\n", &request).expect("readable");
        assert_eq!(recording.data.events(), [1.0, 3.0]);
        assert_eq!(recording.weights, Some(vec![2.0, 0.0]));
        for (cell, shown) in [("-1", "-1"), ("nan", "nan"), ("", ""), ("much", "much")] {
            assert_eq!(
                read(&format!("a,w\n1,2\n3,{cell}\n"), &request)
                    .expect_err("no weight")
                    .to_string(),
                format!(
                    "line 3, column `w`: the weight \"{shown}\" is not a finite number of at least \
                     0; mend it, or give rows that shall not count the weight 0"
                )
            );
        }
        assert_eq!(
            read("a,w\n1,0\n2,0\n", &request)
                .expect_err("none counts")
                .to_string(),
            "column `w`: each usable row has the weight 0; give some rows a positive weight"
        );
    }

    #[test]
    fn each_fault_has_its_sentence() {
        let all = ColumnRequest::default();
        let label = ColumnRequest {
            label: Some("l".into()),
            ..ColumnRequest::default()
        };
        for (text, request, sentence) in [
            ("a,b\n", &all, "holds a header and no rows below it"),
            (
                "a,b\n1,2\n1,2,3\n",
                &all,
                "line 3 has 3 cells where the first line has 2; mend the line or remove it",
            ),
            (
                "a,b\n1,2\n1,x\n1,3\n",
                &all,
                "line 3, column `b`: \"x\" is not a number; mend the cell, or empty it to have the \
                 row dropped",
            ),
            (
                "a,who,b\n1,me,2\n1,you,3\n",
                &all,
                "line 2, column `who`: \"me\" is not a number; the column holds text: leave it out \
                 with --columns a,b (all columns are used when none is named)",
            ),
            (
                "a,b\n1,2\n1,\"2,5\"\n1,2\n",
                &all,
                "line 3, column `b`: \"2,5\" is not a number; write decimals with a point",
            ),
            (
                "a\nnan\ninf\n",
                &all,
                "has no usable row: each of its 2 rows has a missing or non-finite cell (`a`: 2 not \
                 finite, first in line 2); mend them, or leave the column out with --columns",
            ),
            (
                "a,l\n1,2\n",
                &label,
                "line 2, column `l`: the label \"2\" is neither 0 (normal) nor 1 (anomaly); if its \
                 values have other names, list the normal ones with --normal",
            ),
        ] {
            assert_eq!(read(text, request).expect_err(text).to_string(), sentence);
        }
    }
}
