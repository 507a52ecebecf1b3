//! Scores as a Parquet file.

use super::scores::Score;
use crate::Error;
use crate::files::Target;
use crate::output::Output;
use flow_data::columnar::{self, BoolType, ByteArray, ByteArrayType, Columnar, FloatType, Type};
use std::path::PathBuf;

/// A table of scores that is being written: `log_prob` and `p_value` as `float`, `alarm` as
/// `boolean`, then what is handed on, as text; all of them without a value where there is none.
pub(super) struct Scores {
    path: PathBuf,
    file: Columnar<Output>,
    log_probs: Vec<f32>,
    scored: Vec<i16>,
    p_values: Vec<f32>,
    alarms: Vec<bool>,
    judged: Vec<i16>,
    kept: Vec<(Vec<ByteArray>, Vec<i16>)>,
}

impl Scores {
    /// Rows to a row group: a few MiB.
    const ROWS: usize = 1 << 17;

    pub(super) fn create(target: &Target, kept: &[String]) -> Result<Self, Error> {
        let scores = [
            ("log_prob", Type::FLOAT),
            ("p_value", Type::FLOAT),
            ("alarm", Type::BOOLEAN),
        ];
        let kept = kept.iter().map(|name| (name.as_str(), Type::BYTE_ARRAY));
        let columns: Vec<_> = scores.into_iter().chain(kept).collect();
        let file = Columnar::new(Output::create(target)?, &columns);
        Ok(Self {
            path: target.path().to_owned(),
            file: file.map_err(Error::write(target.path()))?,
            log_probs: vec![],
            scored: vec![],
            p_values: vec![],
            alarms: vec![],
            judged: vec![],
            kept: vec![Default::default(); columns.len() - 3],
        })
    }

    /// Adds a row.
    pub(super) fn push<'c>(
        &mut self,
        score: Option<Score>,
        kept: impl Iterator<Item = &'c [u8]>,
    ) -> Result<(), Error> {
        self.log_probs.extend(score.map(|own| own.log_prob));
        self.scored.push(score.is_some().into());
        let judged = score.and_then(|own| own.judged);
        self.p_values.extend(judged.map(|own| own.0));
        self.alarms.extend(judged.map(|own| own.1));
        self.judged.push(judged.is_some().into());
        for ((values, levels), cell) in self.kept.iter_mut().zip(kept) {
            columnar::push_text(values, levels, cell);
        }
        if self.scored.len() >= Self::ROWS {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the rows so far as a row group.
    fn flush(&mut self) -> Result<(), Error> {
        if self.scored.is_empty() {
            return Ok(());
        }
        let written = self.file.group(|group| {
            group.column::<FloatType>(&self.log_probs, &self.scored)?;
            group.column::<FloatType>(&self.p_values, &self.judged)?;
            group.column::<BoolType>(&self.alarms, &self.judged)?;
            let mut kept = self.kept.iter();
            kept.try_for_each(|(values, levels)| group.column::<ByteArrayType>(values, levels))
        });
        written.map_err(Error::write(&self.path))?;
        self.log_probs.clear();
        self.scored.clear();
        self.p_values.clear();
        self.alarms.clear();
        self.judged.clear();
        for (values, levels) in &mut self.kept {
            values.clear();
            levels.clear();
        }
        Ok(())
    }

    /// Puts the file in its place, with notes in its footer.
    pub(super) fn commit(mut self, notes: &[(&str, String)]) -> Result<(), Error> {
        self.flush()?;
        let output = self.file.finish(notes);
        output.map_err(Error::write(&self.path))?.commit()
    }
}
