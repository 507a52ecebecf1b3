//! `flow score --stream`: the sequential test over the rows, and what came of its promise.

use super::piece::Piece;
use crate::Error;
use crate::number;
use flow_calibrate::clopper_pearson;
use flow_embedded::artefact::{Header, Sequential};
use flow_embedded::detect::Change;
use flow_evaluate::{Scorer, Stream};
use serde::Serialize;
use std::path::Path;

/// The columns behind those of every score.
pub(super) const COLUMNS: &[u8] = b",evidence,statistic,change,channel";

/// The line of a row that doesn't enter the stream.
const EMPTY: &[u8] = b",,,,,,\n";

/// The test on its way through a table.
pub(super) struct Run<'s, 'f, 'a> {
    stream: Stream<'s, 'f, 'a>,
    header: &'f Header<'a>,
    own: Sequential<'a>,
    samples: u64,
    alarms: u64,
    recordings: u64,
}

/// What came of the promise.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    /// What was promised, as its author put it.
    false_alarms: &'a str,
    /// Samples between false alarms, in the mean, at least.
    run_length: f32,
    /// Recordings that the test started anew with.
    recordings: u64,
    #[serde(skip)]
    pub(super) samples: u64,
    #[serde(skip)]
    pub(super) alarms: u64,
    /// Alarms a sample.
    rate: f64,
    /// The 95 % interval of the rate for independent samples (Clopper & Pearson 1934).
    rate_interval: (f64, f64),
}

impl<'s, 'f, 'a> Run<'s, 'f, 'a> {
    /// Nothing seen yet.
    pub(super) fn new(model: &Path, scorer: &'s Scorer<'f, 'a>) -> Result<Self, Error> {
        let in_model = |fault| Error::Stream {
            path: model.to_owned(),
            fault,
        };
        let stream = Stream::new(scorer).map_err(in_model)?;
        let header = scorer.flow().header();
        let own = header.sequential;
        Ok(Self {
            stream,
            header,
            own: own.ok_or_else(|| in_model(flow_evaluate::StreamError::NoTest))?,
            samples: 0,
            alarms: 0,
            recordings: 0,
        })
    }

    /// Weighs some rows, and adds their lines to a table.
    pub(super) fn push(&mut self, piece: &Piece<'_, '_, '_>, text: &mut Vec<u8>) {
        let (log_probs, latents) = piece.statistics();
        let latents = latents.chunks_exact(self.header.event.len());
        let mut scored = piece.usable().zip(log_probs).zip(latents);
        for row in piece.places() {
            if row.begins || self.recordings == 0 {
                self.stream.reset();
                self.recordings += 1;
            }
            let scored = if row.usable { scored.next() } else { None };
            let Some((((event, context), log_prob), latents)) = scored else {
                text.extend_from_slice(EMPTY);
                continue;
            };
            let verdict = self.stream.observe(event, context, log_prob, latents);
            self.samples += 1;
            self.alarms += u64::from(verdict.alarm);
            number::push(text, log_prob);
            text.push(b',');
            number::push(text, verdict.p_value);
            text.extend_from_slice(if verdict.alarm { b",1," } else { b",0," });
            number::push(text, verdict.evidence);
            let statistic = match verdict.statistic {
                None => String::new(),
                Some(0) => "log_prob".to_owned(),
                // A permutation or a linear map gives latents no channel's name.
                Some(latent) => format!("latent_{}", latent - 1),
            };
            text.push(b',');
            text.extend_from_slice(statistic.as_bytes());
            text.push(b',');
            text.extend_from_slice(match verdict.change {
                Some(Change::Fault) => b"fault",
                Some(Change::Drift) => b"drift",
                _ => b"",
            });
            text.push(b',');
            let channel = verdict.channel;
            let channel = channel.and_then(|channel| self.header.event.get(channel));
            let Some(channel) = channel.map(|own| own.name) else {
                text.push(b'\n');
                continue;
            };
            // In quotation marks if it needs them. Writing to memory does not fail.
            let _ = csv::Writer::from_writer(&mut *text).write_record([channel]);
        }
    }

    /// What came of the promise.
    pub(super) fn summary(&self) -> Summary<'a> {
        let samples = self.samples.max(1);
        Summary {
            false_alarms: self.own.promise,
            run_length: self.own.run_length,
            recordings: self.recordings,
            samples: self.samples,
            alarms: self.alarms,
            rate: self.alarms as f64 / samples as f64,
            rate_interval: clopper_pearson(self.alarms, samples, 0.95),
        }
    }
}

impl Summary<'_> {
    /// As people say it.
    pub(super) fn sentence(&self) -> String {
        let (low, high) = self.rate_interval;
        let found = match self.alarms {
            0 => format!(
                "no alarm in {} samples (95 % interval if samples are independent: at most one in {:.0})",
                self.samples,
                high.recip()
            ),
            alarms => format!(
                "{alarms} alarm{} in {} samples (95 % interval if samples are independent: one in {:.0} to one in {:.0})",
                if alarms == 1 { "" } else { "s" },
                self.samples,
                high.recip(),
                low.recip()
            ),
        };
        format!(
            "{found}; promised of normal rows: at most one in {:.0} in the mean ({}; not examined)",
            self.run_length, self.false_alarms
        )
    }
}
