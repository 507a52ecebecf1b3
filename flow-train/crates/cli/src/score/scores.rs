//! What is said of each row, and where it is written to.

use super::parquet::Scores;
use super::piece::Piece;
use crate::Error;
use crate::files::Target;
use crate::number;
use crate::output::Output;
use flow_embedded::artefact::LoadedFlow;
use std::io::Write as _;
use std::path::Path;

/// What is said of a row that can be scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    pub(super) log_prob: f32,
    /// The p-value, and whether it is an alarm, of a calibrated model.
    pub(super) judged: Option<(f32, bool)>,
}

/// How many rows there were, could be scored, and gave an alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) scored: u64,
    pub(super) alarms: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.scored += other.scored;
        self.alarms += other.alarms;
    }
}

/// A table of scores that is being written.
pub(super) enum Sink {
    Csv { output: Output, text: Vec<u8> },
    Parquet(Box<Scores>),
}

impl Sink {
    /// Begins a table: the form is Parquet if the name ends so, else CSV. Behind the scores come
    /// columns that are handed on.
    pub(super) fn create(target: &Target, kept: &[String]) -> Result<Self, Error> {
        if is_parquet(target.path()) {
            return Ok(Self::Parquet(Box::new(Scores::create(target, kept)?)));
        }
        let mut text = b"log_prob,p_value,alarm".to_vec();
        kept.iter()
            .for_each(|name| cell(&mut text, name.as_bytes()));
        text.push(b'\n');
        let output = Output::create(target)?;
        Ok(Self::Csv { output, text })
    }

    /// Whether this is the standard output, which then has no room for a report.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Csv { output, .. } if output.is_stdout())
    }

    /// Scores some rows, and adds a row for each.
    pub(super) fn push(
        &mut self,
        flow: &LoadedFlow<'_>,
        piece: &Piece<'_, '_, '_>,
        path: &Path,
    ) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        for (row, scored) in piece.log_probs().enumerate() {
            let score = scored.map(|(log_prob, context)| {
                let table = flow.calibration_given(context);
                let judged = table.map(|table| {
                    let p_value = table.p_value(log_prob);
                    (p_value, p_value <= table.alpha())
                });
                Score { log_prob, judged }
            });
            counts.rows += 1;
            counts.scored += u64::from(score.is_some());
            let alarm = score.and_then(|own| own.judged).is_some_and(|own| own.1);
            counts.alarms += u64::from(alarm);
            match self {
                Self::Csv { text, .. } => {
                    line(text, score);
                    piece.kept(row).for_each(|own| cell(text, own));
                    text.push(b'\n');
                }
                Self::Parquet(scores) => scores.push(score, piece.kept(row))?,
            }
        }
        if let Self::Csv { output, text } = self {
            output.write_all(text).map_err(Error::write(path))?;
            text.clear();
        }
        Ok(counts)
    }

    /// Puts the table in its place, with notes on it where the form has room for them.
    pub(super) fn commit(self, notes: &[(&str, String)], path: &Path) -> Result<(), Error> {
        match self {
            Self::Csv { mut output, text } => {
                output.write_all(&text).map_err(Error::write(path))?;
                output.commit()
            }
            Self::Parquet(scores) => scores.commit(notes),
        }
    }
}

/// Whether a name says that the file is Parquet.
pub(super) fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|own| own == "parquet")
}

/// The three cells of a row.
fn line(text: &mut Vec<u8>, score: Option<Score>) {
    let Some(Score { log_prob, judged }) = score else {
        return text.extend_from_slice(b",,");
    };
    number::push(text, log_prob);
    let Some((p_value, alarm)) = judged else {
        return text.extend_from_slice(b",,");
    };
    text.push(b',');
    number::push(text, p_value);
    text.extend_from_slice(if alarm { b",1" } else { b",0" });
}

/// One more cell, in quotes where it needs them.
fn cell(text: &mut Vec<u8>, own: &[u8]) {
    text.push(b',');
    if !own.iter().any(|byte| b",\"\r\n".contains(byte)) {
        return text.extend_from_slice(own);
    }
    text.push(b'"');
    for byte in own {
        text.extend(std::iter::repeat_n(
            *byte,
            if *byte == b'"' { 2 } else { 1 },
        ));
    }
    text.push(b'"');
}
