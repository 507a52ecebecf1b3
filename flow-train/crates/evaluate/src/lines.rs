//! Lines of a text, scored as the chip does.

use super::Scorer;
use flow_embedded::artefact::{Header, Judged};
use flow_embedded::detect::LineScore;
use std::borrow::Cow;
use std::collections::HashMap;

/// Scores a text line by line with the bits of a [`LineDetector`](flow_embedded::LineDetector).
pub struct Lines<'s, 'f, 'a> {
    scorer: &'s Scorer<'f, 'a>,
    codes: HashMap<char, f32>,
    /// The newest first.
    past: Vec<f32>,
    /// Characters that the past lacks.
    lacking: usize,
}

impl<'s, 'f, 'a> Lines<'s, 'f, 'a> {
    /// At the start of a text; `None` if the model is none of a text with lines, or its calibration judges something
    /// else.
    pub fn new(scorer: &'s Scorer<'f, 'a>) -> Option<Self> {
        let header = scorer.flow().header();
        let judges = header.calibration.map_or(Judged::Lines, |own| own.judges);
        header.line_break().filter(|_| judges == Judged::Lines)?;
        let names = header.vocabulary_of(&header.event.first()?)?.names();
        let code = |(code, name): (usize, &str)| {
            let mut characters = name.chars();
            let only = characters.next().filter(|_| characters.next().is_none());
            only.map(|character| (character, code as f32))
        };
        Some(Self {
            scorer,
            codes: names.enumerate().filter_map(code).collect(),
            past: vec![0.0; header.context.len()],
            lacking: header.context.len(),
        })
    }

    /// Scores the next lines, but for those that begin without a past. One that breaks off at the end of `text` is
    /// scored as if it ended there.
    pub fn score(&mut self, text: &str) -> Vec<Option<LineScore>> {
        let (mut events, mut contexts) = (Vec::new(), Vec::new());
        // Whether a line has a past, and the model knows each of its characters.
        let mut lines: Vec<(bool, Vec<bool>)> = Vec::new();
        for line in text.split_terminator('\n') {
            let primed = self.lacking == 0;
            let known = line.chars().chain(['\n']).map(|character| {
                let code = self.codes.get(&character).copied();
                if let Some(code) = code {
                    events.push(code);
                    contexts.extend_from_slice(&self.past);
                    let mut newest = code;
                    for own in &mut self.past {
                        newest = std::mem::replace(own, newest);
                    }
                    self.lacking = self.lacking.saturating_sub(1);
                }
                code.is_some()
            });
            lines.push((primed, known.collect()));
        }
        let mut log_probs = self.scorer.log_probs_of(&events, &contexts).into_iter();
        let mut log_prob = |known: &bool| match known {
            true => log_probs.next().unwrap_or(f32::NAN),
            false => f32::NEG_INFINITY,
        };
        let lines = lines.iter();
        lines
            .map(|(primed, line)| {
                let score = sum(line.iter().map(&mut log_prob));
                primed.then_some(score)
            })
            .collect()
    }
}

/// Adds up a line in the order of the chip.
fn sum(characters: impl Iterator<Item = f32>) -> LineScore {
    let mut line = LineScore::new();
    characters.for_each(|log_prob| line.push(log_prob));
    line
}

/// What a calibration table of rows with these events and log-likelihoods is of, and what it judges: of a text with
/// lines the whole lines. What stands before the first line break is left out, since its line may have begun
/// earlier, and so is what stands behind the last.
pub fn judged<'r>(
    header: &Header<'_>,
    events: &[f32],
    log_probs: &'r [f32],
) -> (Cow<'r, [f32]>, Judged) {
    let Some(line_break) = header.line_break() else {
        return (log_probs.into(), Judged::Events);
    };
    let rows: Vec<(f32, f32)> = events
        .iter()
        .copied()
        .zip(log_probs.iter().copied())
        .collect();
    let ends = |(code, _): &(f32, f32)| *code == line_break as f32;
    let begin = rows.iter().position(ends).map_or(0, |end| end + 1);
    let end = rows.iter().rposition(ends).map_or(0, |end| end + 1);
    let lines = rows[begin.min(end)..end].split_inclusive(ends);
    let score = |line: &[(f32, f32)]| sum(line.iter().map(|(_, own)| *own)).log_prob();
    (lines.map(score).collect(), Judged::Lines)
}
