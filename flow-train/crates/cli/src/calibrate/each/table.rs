//! Counted scores as a Parquet table: a row for each value and score, ascending in both.

use super::rows::{LEVEL, LOG_PROB, ROWS};
use crate::Error;
use crate::files::Target;
use crate::model_file::DENSITY;
use crate::output::Output;
use flow_calibrate::Sketch;
use flow_data::columnar::{self, ByteArrayType, Columnar, FloatType, Int32Type, Int64Type, Type};
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
    let failed = Error::write(target.path());
    let mut file = Columnar::new(Output::create(target)?, &columns).map_err(&failed)?;
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
        })
        .map_err(&failed)?;
    }
    let output = file.finish(&[(DENSITY, density.to_owned())]);
    output.map_err(&failed)?.commit()
}
