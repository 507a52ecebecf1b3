//! Reads a whole table into memory, and cleans it.

use super::{
    CleaningReport, ColumnRequest, Columns, CsvFile, CsvFormat, DataError, Dataset, RowReader,
};
use std::collections::HashMap;
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
    let file = CsvFile::open(path, format)?;
    let columns = Columns::find(&file, request)?;
    load_columns(&file, &columns)
}

/// Reads columns that have been found already.
///
/// # Errors
/// As [`load`].
pub fn load_columns(file: &CsvFile, columns: &Columns) -> Result<Recording, DataError> {
    let names = |indices: &[usize]| -> Vec<String> {
        indices
            .iter()
            .map(|index| file.names()[*index].clone())
            .collect()
    };
    let mut data = Dataset::new(names(&columns.events), names(&columns.context));
    let mut report = CleaningReport::default();
    let mut anomalies = columns.label.map(|_| Vec::new());
    let mut groups = columns.group.map(|_| Vec::new());
    let mut group_numbers: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut reader = RowReader::new(file, columns)?;
    while let Some(row) = reader.next_row()? {
        report.rows_read += 1;
        if let Some(fault) = row.fault {
            report.drop_row(row.line, fault, file.names());
            continue;
        }
        let (event, context) = row.values.split_at(columns.events.len());
        if data.rows() > 0 && data.event(data.rows() - 1) == event {
            report.rows_repeated += 1;
        }
        data.push(event, context);
        if let (Some(anomalies), Some(anomaly)) = (&mut anomalies, row.anomaly) {
            anomalies.push(anomaly);
        }
        if let (Some(groups), Some(group)) = (&mut groups, row.group) {
            let next = u32::try_from(group_numbers.len()).unwrap_or(u32::MAX);
            groups.push(*group_numbers.entry(group.to_vec()).or_insert(next));
        }
    }
    report.rows_left_out = reader.left_out();
    report.rows_used = data.rows() as u64;
    if data.rows() == 0 {
        return Err(DataError::NoUsableRows {
            rows: report.rows_read,
            faults: report.faults(),
        });
    }
    Ok(Recording {
        data,
        anomalies,
        groups,
        report,
        has_header: file.has_header(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{file, names};
    use crate::data::{ColumnFaults, RowFilter};

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
            first_line,
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
