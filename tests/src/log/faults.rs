//! Lines that a node that works doesn't write.

use super::below;
use crate::sensor::Normals;

/// Something that is not normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A message that the node has not written before.
    New,
    /// A number that is off by so many standard deviations and one more at most.
    Number(u8),
    /// Two characters are others: a bad line, a bad memory.
    Garbled,
    /// A line that breaks off, and the next one begins in it.
    Cut,
    /// The end of another message.
    Mixed,
}

/// Messages that the node has not written before.
const NEW: [&str; 8] = [
    "E flash page 0x1a04: write failed",
    "E pump stalled, 4.1 A",
    "E assert queue.c:212",
    "F hard fault pc=0x08003f1c lr=0x080021a7",
    "W stack of radio: 24 bytes left",
    "E soil 0x48: no answer, given up",
    "W power bus low, pump locked",
    "I shell user root from 10.0.4.17",
];

impl Fault {
    /// Those of the example.
    pub const ALL: [Self; 7] = [
        Self::New,
        Self::Cut,
        Self::Mixed,
        Self::Garbled,
        Self::Number(5),
        Self::Number(8),
        Self::Number(20),
    ];

    /// In words.
    pub fn name(self) -> String {
        match self {
            Self::New => "new message".into(),
            Self::Number(deviations) => {
                format!("number {deviations} standard deviations off")
            }
            Self::Garbled => "two characters garbled".into(),
            Self::Cut => "line cut short by the next".into(),
            Self::Mixed => "end of another message".into(),
        }
    }

    /// Puts itself into two lines of the log.
    pub(super) fn line(self, [one, other]: [&str; 2], normals: &mut Normals) -> String {
        match self {
            Self::New => NEW[below(NEW.len(), normals)].to_owned(),
            Self::Number(deviations) => value(deviations.into(), normals),
            Self::Garbled => {
                let mut bytes = one.as_bytes().to_vec();
                for _ in 0..2 {
                    let place = below(bytes.len(), normals);
                    // Printable, and another one.
                    let by = 1 + below(93, normals) as u8;
                    bytes[place] = b' ' + (bytes[place] - b' ' + by) % 95;
                }
                bytes.iter().copied().map(char::from).collect()
            }
            Self::Cut => {
                let kept = 3 + below(one.len().saturating_sub(6).max(1), normals);
                format!("{}{other}", &one[..kept])
            }
            Self::Mixed => {
                let half = |line: &str| line.len() / 2;
                format!("{}{}", &one[..half(one)], &other[half(other)..])
            }
        }
    }
}

/// A line with a number that is off by so many standard deviations of what it was, up or down.
fn value(deviations: f64, normals: &mut Normals) -> String {
    let kind = below(6, normals);
    let sign = if below(2, normals) == 0 { -1.0 } else { 1.0 };
    let mut off = |mean: f64, deviation: f64| {
        let further = deviations + normals.uniform();
        mean + sign * further * deviation
    };
    match kind {
        0 => format!("I power bus={:.2}V load=0.14A t=31.6C", off(24.1, 0.05)),
        1 => format!("I power bus=24.10V load=0.14A t={:.1}C", off(31.5, 0.4)),
        2 => format!("I pump {:.0} rpm, 21.2 l/min", off(1420.0, 12.0)),
        3 => format!("I pump 1418 rpm, {:.1} l/min", off(21.0, 0.6)),
        4 => format!("D heap {:.0} free", off(14_300.0, 40.0)),
        _ => format!("I net sent 184 B, {:.0} dBm, 63 ms", off(-71.0, 2.3)),
    }
}
