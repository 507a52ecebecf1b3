//! Real recordings of normal rows, in the order of time, in three parts.

use anyhow::{Context, Result};
use flow_embedded::window::Feature;
use std::fs;
use std::path::Path;

/// The rows of one recording, each of them an event in raw units.
pub type Rows = Vec<Vec<f32>>;

/// The options of `flow train` that ask for features of the past, and those features of a channel.
pub type Cure = (&'static str, fn(u8) -> Vec<Feature>);

/// What a set is.
pub struct Set {
    /// Its file, without the extension.
    pub name: &'static str,
    /// What it is of.
    pub what: &'static str,
    /// How its rows were divided.
    pub divided: &'static str,
    /// The promise over a stream, in the user's terms, and the rate.
    pub promise: [&'static str; 2],
    /// Columns that are modelled.
    pub columns: &'static [&'static str],
    /// Whether values are whole numbers.
    pub whole: bool,
    /// Which recording a row is of, and which part it belongs to; `None` for a row that is left out.
    place: fn(&Cells<'_>) -> Option<(usize, Part)>,
    /// Features of each column's past that cure the dependence on it, with the options that ask for them.
    pub cures: &'static [Cure],
}

/// Where a row belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Calibrate,
    HoldOut,
}

/// A row of a table.
struct Cells<'t> {
    names: &'t [&'t str],
    cells: Vec<&'t str>,
    /// Its number, and how many there are.
    row: usize,
    rows: usize,
    /// How often the column `train` has changed so far.
    turns: usize,
}

impl Cells<'_> {
    fn text(&self, name: &str) -> &str {
        let index = self.names.iter().position(|own| *own == name);
        index
            .and_then(|index| self.cells.get(index))
            .copied()
            .unwrap_or_default()
    }

    /// One recording: its first half, the quarter after that, and the last.
    fn by_time(&self) -> Option<(usize, Part)> {
        let part = match 4 * self.row / self.rows {
            0 | 1 => Part::Train,
            2 => Part::Calibrate,
            _ => Part::HoldOut,
        };
        Some((0, part))
    }
}

/// Those of a set.
pub struct Parts {
    /// For the model.
    pub train: Vec<Rows>,
    /// For the promise.
    pub calibrate: Vec<Rows>,
    /// To try it on.
    pub held_out: Vec<Rows>,
}

fn lags(channel: u8, steps: &[u16]) -> Vec<Feature> {
    let steps = steps.iter();
    steps
        .map(|steps| Feature::Lag {
            channel,
            steps: *steps,
        })
        .collect()
}

/// The sets.
pub const SETS: [Set; 4] = [
    Set {
        name: "basic_motions",
        what: "a smartwatch's accelerometer and gyroscope, standing and walking, 10 Hz",
        divided: "20 recordings of 10 s train; of 20 others every second one calibrates",
        promise: ["1 per minute", "10Hz"],
        columns: &["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"],
        whole: false,
        place: |cells| {
            let normal = ["standing", "walking"].contains(&cells.text("activity"));
            let recording: usize = cells.text("recording").parse().ok()?;
            let part = match (cells.text("set"), recording % 2) {
                ("train", _) => Part::Train,
                (_, 0) => Part::Calibrate,
                _ => Part::HoldOut,
            };
            normal.then_some((recording, part))
        },
        cures: &[
            ("--lags 1,2", |channel| lags(channel, &[1, 2])),
            ("--lags 1,2,3,4", |channel| lags(channel, &[1, 2, 3, 4])),
        ],
    },
    Set {
        name: "imu_xsens_static",
        what: "an inertial sensor at rest, counts, 100 Hz",
        divided: "half of the recording trains, the quarter after it calibrates",
        promise: ["1 per 5 seconds", "100Hz"],
        columns: &["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"],
        whole: true,
        place: |cells| cells.by_time(),
        cures: &[
            ("--lags 1,2,3", |channel| lags(channel, &[1, 2, 3])),
            ("--lags 1,2 --averages 5", |channel| {
                let mut own = lags(channel, &[1, 2]);
                own.push(Feature::Average { channel, shift: 5 });
                own
            }),
        ],
    },
    Set {
        name: "daphnet_accelerometers",
        what: "accelerometers at ankle, leg and trunk of a walking person, 64 Hz",
        divided: "half of the recording trains, the quarter after it calibrates",
        promise: ["1 per 10 seconds", "64Hz"],
        columns: &[
            "ankle_horiz_fwd",
            "ankle_vert",
            "ankle_horiz_lateral",
            "leg_horiz_fwd",
            "leg_vert",
            "leg_horiz_lateral",
            "trunk_horiz_fwd",
            "trunk_vert",
            "trunk_horiz_lateral",
        ],
        whole: true,
        place: |cells| cells.by_time(),
        cures: &[
            ("--lags 1,2,3", |channel| lags(channel, &[1, 2, 3])),
            ("--lags 1,2,3,4,6,8", |channel| {
                lags(channel, &[1, 2, 3, 4, 6, 8])
            }),
        ],
    },
    Set {
        name: "nab_machine_temp",
        what: "the temperature of a machine, every 5 minutes",
        divided: "even days train; of the odd ones every second one calibrates",
        promise: ["1 per 2 days", "300s"],
        columns: &["lag0"],
        whole: false,
        place: |cells| {
            let part = match (cells.text("train"), cells.turns % 4) {
                ("1", _) => Part::Train,
                (_, 0 | 1) => Part::Calibrate,
                _ => Part::HoldOut,
            };
            (cells.text("label") == "0").then_some((cells.turns, part))
        },
        cures: &[
            ("--lags 1,2,3", |channel| lags(channel, &[1, 2, 3])),
            ("--lags 1,2,3,4,6,8 --deviations 16", |channel| {
                let mut own = lags(channel, &[1, 2, 3, 4, 6, 8]);
                own.push(Feature::Deviation { channel, steps: 16 });
                own
            }),
        ],
    },
];

impl Set {
    /// Reads it from a folder; `None` if it is not there.
    ///
    /// # Errors
    /// A cell is no number.
    pub fn read(&self, folder: &Path) -> Result<Option<Parts>> {
        let path = folder.join(self.name).with_extension("csv");
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let lines: Vec<&str> = lines.collect();
        let mut parts = Parts {
            train: Vec::new(),
            calibrate: Vec::new(),
            held_out: Vec::new(),
        };
        let (mut turns, mut turn, mut before) = (0, String::new(), None);
        for (row, line) in lines.iter().enumerate() {
            let mut cells = Cells {
                names: &names,
                cells: line.split(',').collect(),
                row,
                rows: lines.len(),
                turns,
            };
            // An even day and an odd one; rows around an anomaly never train.
            if cells.text("label") == "0" && cells.text("train") != turn {
                turns += 1;
                turn = cells.text("train").to_owned();
                cells.turns = turns;
            }
            let place = (self.place)(&cells);
            if let Some((_, part)) = place {
                let own = match part {
                    Part::Train => &mut parts.train,
                    Part::Calibrate => &mut parts.calibrate,
                    Part::HoldOut => &mut parts.held_out,
                };
                if place != before {
                    own.push(Rows::new());
                }
                let value = |column: &&str| {
                    let cell = cells.text(column);
                    cell.parse::<f32>()
                        .with_context(|| format!("{}, row {row}: {cell}", self.name))
                };
                let values = self
                    .columns
                    .iter()
                    .map(value)
                    .collect::<Result<Vec<f32>>>()?;
                if let Some(recording) = own.last_mut() {
                    recording.push(values);
                }
            }
            before = place;
        }
        Ok(Some(parts))
    }
}
