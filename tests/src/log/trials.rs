//! How often lines with faults are found by a model of the log, beside a list of the messages that it has seen.

use super::{FRESH, Fault, TRAINING, faulty, normal};
use anyhow::{Context, Result};
use flow_embedded::LoadedFlow;
use flow_train::calibrate::Rate;
use flow_train::evaluate::{Lines, Scorer};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Lines with each fault, and their seed.
const FAULTY: (usize, u64) = (5000, 7);

/// How often each finds lines unusual.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// The model's alarms.
    pub model: Rate,
    /// Lines whose message, all its digits alike, was not seen in training.
    pub messages: Rate,
}

/// How a model fares.
#[derive(Debug, Clone)]
pub struct Trials {
    /// On lines that are normal.
    pub normal: Found,
    /// On those with a fault.
    pub faults: Vec<(Fault, Found)>,
}

impl Trials {
    /// Judges fresh lines and those with faults.
    ///
    /// # Errors
    /// The artefact is none of a text whose lines are judged.
    pub fn of(artefact: &[u8]) -> Result<Self> {
        let flow = LoadedFlow::from_bytes(artefact)?;
        let scorer = Scorer::new(&flow)?;
        let table = flow.calibration().context("not calibrated")?;
        let seen: HashSet<String> = normal(TRAINING.0, TRAINING.1)
            .iter()
            .map(|line| message(line))
            .collect();
        let found = |lines: &[String]| -> Result<Found> {
            let mut desk = Lines::new(&scorer).context("no model of lines")?;
            let scores = desk.score(&lines.join("\n"));
            let alarms = scores
                .iter()
                .flatten()
                .filter(|score| table.p_value(score.log_prob()) <= table.alpha());
            let unseen = lines.iter().filter(|line| !seen.contains(&message(line)));
            let rate = |hits: usize| Rate::new(hits as u64, lines.len() as u64);
            Ok(Found {
                model: rate(alarms.count()),
                messages: rate(unseen.count()),
            })
        };
        let faults = Fault::ALL.into_iter().map(|fault| {
            let lines = faulty(fault, FAULTY.0, FAULTY.1);
            Ok((fault, found(&lines)?))
        });
        Ok(Self {
            normal: found(&normal(FRESH.0, FRESH.1))?,
            faults: faults.collect::<Result<_>>()?,
        })
    }

    /// The table in the README.
    pub fn table(&self) -> String {
        let mut text = String::from("| | model | messages seen |\n|---|---|---|\n");
        let mut row = |name: &str, found: &Found| {
            let [model, messages] = [found.model, found.messages].map(|own| 100.0 * own.rate);
            // Writing to a string can't fail.
            let _ = writeln!(text, "| {name} | {model:.1} % | {messages:.1} % |");
        };
        row("normal lines", &self.normal);
        for (fault, found) in &self.faults {
            row(&fault.name(), found);
        }
        text
    }
}

/// A line with all its digits alike: what a list of messages knows of it.
fn message(line: &str) -> String {
    let mut message = String::new();
    for character in line.chars() {
        match character.is_ascii_digit() {
            true if message.ends_with('0') => {}
            true => message.push('0'),
            false => message.push(character),
        }
    }
    message
}
