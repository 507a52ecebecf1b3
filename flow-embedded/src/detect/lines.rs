//! Lines of a text: characters in, a verdict at the end of each line.

use crate::categories::Categories;
use crate::density::Density;

/// A model of a text whose calibration rows are whole lines. Generated code
/// implements it in place of [`Calibrated`](super::Calibrated).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no calibration of the lines of a text: run `flow calibrate model.flow log.txt` on a model of `flow train log.txt --text 8 -o model.flow`, and generate its module again",
    label = "no model that is calibrated on lines",
    note = "a model of single events has `Calibrated`: `Detector` takes it"
)]
pub trait CalibratedLines {
    /// Alarm when the p-value is at most this: the false-alarm rate promised.
    fn alpha(&self) -> f32;

    /// The conformal p-value of the log-likelihood of a line, in (0, 1]; never
    /// smaller than the exact one. NaN counts as −∞.
    fn p_value(&self, log_prob: f32) -> f32;
}

impl<F: CalibratedLines> CalibratedLines for &F {
    fn alpha(&self) -> f32 {
        (**self).alpha()
    }

    fn p_value(&self, log_prob: f32) -> f32 {
        (**self).p_value(log_prob)
    }
}

/// What a [`LineDetector`] says about one line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineVerdict {
    /// Log-likelihood of the line and its end, given the characters before it, in
    /// nats: the sum over its characters, −∞ with one that the model does not know.
    pub log_prob: f32,
    /// Conformal p-value among lines, in (0, 1].
    pub p_value: f32,
    /// Whether `p_value` is at most the model's alpha.
    pub alarm: bool,
    /// Characters of the line, its end included.
    pub characters: u32,
    /// The place in the line, from 0, of its least likely character: of the first one, if
    /// there are several.
    pub least_likely: u32,
}

/// What a line comes to, added up character by character in the order of the text.
/// The detector's own sum, for code that evaluates a model in another way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineScore {
    log_prob: f32,
    characters: u32,
    least: f32,
    least_likely: u32,
}

impl LineScore {
    /// Of no character yet.
    pub const fn new() -> Self {
        Self {
            log_prob: 0.0,
            characters: 0,
            least: f32::INFINITY,
            least_likely: 0,
        }
    }

    /// Adds the next character by its log-likelihood in nats, −∞ for one that the
    /// model does not know.
    pub fn push(&mut self, log_prob: f32) {
        self.log_prob += log_prob;
        if log_prob < self.least {
            (self.least, self.least_likely) = (log_prob, self.characters);
        }
        self.characters = self.characters.saturating_add(1);
    }

    /// The log-likelihood of all characters, in nats.
    pub const fn log_prob(&self) -> f32 {
        self.log_prob
    }

    /// The characters.
    pub const fn characters(&self) -> u32 {
        self.characters
    }

    /// The place of the least likely character, from 0: of the first one, if there
    /// are several.
    pub const fn least_likely(&self) -> u32 {
        self.least_likely
    }
}

impl Default for LineScore {
    fn default() -> Self {
        Self::new()
    }
}

/// Watches a text, such as a device's log, line by line.
///
/// The nonconformity of a line is its negative log-likelihood: the sum of the
/// surprises of its characters, each given the `C` characters before it. If a line
/// and the calibration lines are exchangeable, then `P(p ≤ alpha) ≤ alpha`, as in
/// the [module](super); the characters of a line are not exchangeable, and so
/// nothing is promised of one of them. Lines that begin before there is a past of
/// `C` characters, the first one for the most part, get no verdict.
///
/// A character that the model does not know has the likelihood 0 and is left out
/// of the past. A line may be of any length: no line is kept.
///
/// Takes `4 · C + 32` bytes; each character takes one evaluation of the model.
///
/// # Examples
/// A generated model implements the traits that the detector needs; here a
/// hand-written one stands in for it, of a text of the digit 0 and line breaks.
/// ```
/// use flow_embedded::{CalibratedLines, Categories, Density, LineDetector};
///
/// struct Zeros;
///
/// impl Density<1, 1> for Zeros {
///     fn log_prob(&self, [code]: &[f32; 1], _: &[f32; 1]) -> f32 {
///         if *code == 1.0 { -0.1 } else { -2.4 }
///     }
/// }
///
/// impl Categories for Zeros {
///     const VOCABULARIES: &'static [&'static [&'static str]] = &[&["\n", "0"]];
/// }
///
/// impl CalibratedLines for Zeros {
///     fn alpha(&self) -> f32 {
///         0.05
///     }
///     fn p_value(&self, log_prob: f32) -> f32 {
///         flow_embedded::detect::p_value(&[(-5.0, 0.05)], log_prob)
///     }
/// }
///
/// let mut detector = LineDetector::new(Zeros);
/// let mut verdicts = "0\n00\n00x0\n".chars().filter_map(|own| detector.observe(own));
/// assert!(!verdicts.next().expect("a second line").alarm);
/// let verdict = verdicts.next().expect("a third line");
/// assert!(verdict.alarm && verdict.least_likely == 2);
/// ```
#[derive(Clone, Debug)]
pub struct LineDetector<F, const C: usize> {
    flow: F,
    past: [f32; C],
    /// Characters that the past lacks.
    lacking: usize,
    /// Whether the line began before there was a past.
    unprimed: bool,
    line: LineScore,
    observed: u32,
    alarms: u32,
}

impl<F: Categories + CalibratedLines + Density<1, C>, const C: usize> LineDetector<F, C> {
    /// A detector at the start of a line, without a past.
    pub const fn new(flow: F) -> Self {
        Self {
            flow,
            past: [0.0; C],
            lacking: C,
            unprimed: C > 0,
            line: LineScore::new(),
            observed: 0,
            alarms: 0,
        }
    }

    /// Takes the next character; at the end of a line, `'\n'`, there is a verdict.
    pub fn observe(&mut self, character: char) -> Option<LineVerdict> {
        let code = self.flow.code(0, character.encode_utf8(&mut [0; 4]));
        match code {
            None => self.line.push(f32::NEG_INFINITY),
            Some(code) => {
                self.line.push(self.flow.log_prob(&[code], &self.past));
                let mut newest = code;
                for own in &mut self.past {
                    newest = core::mem::replace(own, newest);
                }
                self.lacking = self.lacking.saturating_sub(1);
            }
        }
        if character != '\n' {
            return None;
        }
        let line = core::mem::take(&mut self.line);
        if core::mem::replace(&mut self.unprimed, self.lacking > 0) {
            return None;
        }
        let p_value = self.flow.p_value(line.log_prob);
        let alarm = p_value <= self.flow.alpha();
        self.observed = self.observed.saturating_add(1);
        self.alarms = self.alarms.saturating_add(u32::from(alarm));
        Some(LineVerdict {
            log_prob: line.log_prob,
            p_value,
            alarm,
            characters: line.characters,
            least_likely: line.least_likely,
        })
    }

    /// The lines that got a verdict; stays at the largest number that fits.
    pub const fn observed(&self) -> u32 {
        self.observed
    }

    /// The alarms among them.
    pub const fn alarms(&self) -> u32 {
        self.alarms
    }
}
