//! Scores and the values that they are of, from raw rows or from tables of scores.

use crate::Error;
use crate::input::Source;
use crate::model_file::DENSITY;
use crate::options::TableOptions;
use crate::score::for_each_piece;
use flow_data::{ColumnRequest, Columns, FaultKind, Row, RowReader, Table};
use flow_evaluate::Scorer;

/// How the rows of an input give scores.
pub(super) enum Rows<'a, 's, 'f, 'm> {
    /// By the model.
    Raw {
        scorer: &'a Scorer<'f, 'm>,
        request: ColumnRequest,
    },
    /// They hold them.
    Scored { column: &'s str, density: &'s str },
}

/// Rows of one score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored {
    pub(super) log_prob: f32,
    pub(super) rows: u64,
    /// Of the sketch that they come from.
    pub(super) level: u32,
}

/// The columns of counted scores, beside that of the value.
pub(super) const LOG_PROB: &str = "log_prob";
pub(super) const ROWS: &str = "rows";
pub(super) const LEVEL: &str = "level";

impl<'a, 's, 'f, 'm> Rows<'a, 's, 'f, 'm> {
    /// Rows that the model scores.
    pub(super) fn raw(scorer: &'a Scorer<'f, 'm>, column: &str, table: &TableOptions) -> Self {
        let request = ColumnRequest {
            keep: vec![column.to_owned()],
            filter: table.only.clone(),
            ..ColumnRequest::default()
        };
        Self::Raw { scorer, request }
    }

    /// Rows that have been scored by a model of this density.
    pub(super) fn scored(column: &'s str, density: &'s str) -> Self {
        Self::Scored { column, density }
    }

    /// Finds out whether a table has the columns.
    pub(super) fn check(&self, source: Source<'_>) -> Result<(), Error> {
        match self {
            Self::Raw { scorer, request } => {
                let found = source.open_for(scorer.flow().header(), request);
                found.map(drop)
            }
            Self::Scored { column, density } => open(source, column, density).map(drop),
        }
    }

    /// Hands on the value and the score of each row, none where it can't be scored.
    pub(super) fn for_each(
        &self,
        source: Source<'_>,
        mut each: impl FnMut(&[u8], Option<Scored>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Raw { scorer, request } => {
                let (table, columns) = source.open_for(scorer.flow().header(), request)?;
                for_each_piece(scorer, source, (&table, &columns), |piece| {
                    let mut scores = piece.log_probs().enumerate();
                    scores.try_for_each(|(row, score)| {
                        let value = piece.kept(row).next().unwrap_or_default();
                        each(value, score.map(|(log_prob, _)| Scored::one(log_prob)))
                    })
                })
            }
            Self::Scored { column, density } => {
                let (table, columns) = open(source, column, density)?;
                let in_table = Error::data(source.path());
                let mut reader = RowReader::new(&table, &columns).map_err(&in_table)?;
                loop {
                    let row = match reader.next_row() {
                        Ok(Some(row)) => row,
                        Ok(None) => return Ok(()),
                        Err(fault) if source.may_lack(&fault) => return Ok(()),
                        Err(fault) => return Err(in_table(fault)),
                    };
                    let value = row.kept().next().unwrap_or_default();
                    each(&value, scored(&row, source)?)?;
                }
            }
        }
    }
}

impl Scored {
    fn one(log_prob: f32) -> Self {
        Self {
            log_prob,
            rows: 1,
            level: 0,
        }
    }
}

/// Opens a table of scores, and checks whose they are.
fn open(source: Source<'_>, column: &str, density: &str) -> Result<(Table, Columns), Error> {
    let table = source.open()?;
    if table.note(DENSITY).is_some_and(|own| own != density) {
        return Err(Error::OtherModel {
            path: source.path().to_owned(),
        });
    }
    let names = table.names();
    let counted = [ROWS, LEVEL];
    let counted = counted.map(str::to_owned).into_iter();
    let counted: Vec<String> = counted.filter(|name| names.contains(name)).collect();
    let keep = [column, LOG_PROB].map(str::to_owned).to_vec();
    let request = ColumnRequest {
        events: Some(vec![LOG_PROB.to_owned()]),
        // A table that happens to have a column of one of these names is none of counts.
        keep: [keep, if counted.len() == 2 { counted } else { vec![] }].concat(),
        ..ColumnRequest::default()
    };
    let columns = Columns::find(&table, &request).map_err(Error::data(source.path()))?;
    Ok((table, columns))
}

/// The score in a row of a table of scores.
fn scored(row: &Row<'_>, source: Source<'_>) -> Result<Option<Scored>, Error> {
    let mut cells = row.kept().skip(1);
    let written = cells.next().unwrap_or_default();
    let log_prob = match row.fault.map(|fault| fault.kind) {
        None => row.values[0],
        Some(FaultKind::Missing) => return Ok(None),
        // Infinities have a place among the scores.
        Some(FaultKind::NonFinite) => {
            let text = str::from_utf8(&written).ok();
            text.and_then(|text| text.parse().ok()).unwrap_or(f32::NAN)
        }
    };
    let Some((rows, level)) = cells.next().zip(cells.next()) else {
        return Ok(Some(Scored::one(log_prob)));
    };
    let number = |cell: &[u8]| str::from_utf8(cell).ok()?.parse::<u64>().ok();
    let counted = number(&rows).zip(number(&level).and_then(|own| u32::try_from(own).ok()));
    let Some((rows, level)) = counted else {
        return Err(Error::BadCount {
            path: source.path().to_owned(),
            place: row.place,
        });
    };
    Ok(Some(Scored {
        log_prob,
        rows,
        level,
    }))
}
