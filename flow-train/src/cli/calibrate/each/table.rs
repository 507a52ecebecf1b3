//! Counted scores as a Parquet table: a row for each value and score, ascending in both.

use super::rows::{LEVEL, LOG_PROB, ROWS};
use crate::Error;
use crate::calibrate::Sketch;
use crate::cli::columnar::{self, Columnar};
use crate::cli::files::Target;
use crate::cli::model_file::DENSITY;
use parquet::basic::Type;
use parquet::data_type::{ByteArrayType, FloatType, Int32Type, Int64Type};
use std::collections::BTreeMap;

/// Rows to a row group.
const GROUP: usize = 1 << 17;

/// Writes the table; the same sketches give the same bytes.
pub(super) fn write(
    target: &Target,
    column: &str,
    sketches: &BTreeMap<Vec<u8>, Sketch>,
    density: &str,
) -> Result<(), Error> {
    let columns = [
        (column, Type::BYTE_ARRAY),
        (LOG_PROB, Type::FLOAT),
        (ROWS, Type::INT64),
        (LEVEL, Type::INT32),
    ];
    let mut file = Columnar::create(target, &columns)?;
    let rows = sketches.iter().flat_map(|(value, own)| {
        own.scores()
            .map(move |(score, rows)| (value, score, rows, own.level()))
    });
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let (mut values, mut scores, mut counts, mut levels) = (vec![], vec![], vec![], vec![]);
        let mut present = vec![];
        for (value, score, rows, level) in rows.by_ref().take(GROUP) {
            columnar::push_text(&mut values, &mut present, value);
            scores.push(score);
            counts.push(rows.cast_signed());
            levels.push(level.cast_signed());
        }
        file.group(|group| {
            group.column::<ByteArrayType>(&values, &present)?;
            group.column::<FloatType>(&scores, &present)?;
            group.column::<Int64Type>(&counts, &present)?;
            group.column::<Int32Type>(&levels, &present)
        })?;
    }
    file.commit(&[(DENSITY, density.to_owned())])
}
