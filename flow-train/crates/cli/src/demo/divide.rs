//! The recording, divided by whole recordings.

use flow_host::random::Random;

/// What the model shall take as normal.
pub(super) const NORMAL: [&str; 2] = ["standing", "walking"];

/// The place of the column `recording`.
const NUMBER: usize = 1;

/// The tables of one division.
pub(super) struct Tables {
    pub(super) train: String,
    pub(super) calibration: String,
    pub(super) test: String,
}

/// Divides the table. The normal recordings of `set=train` train. The normal recordings of `set=test`
/// calibrate and test by halves; its other recordings are the anomalies.
pub(super) fn divide(table: &str, seed: u64) -> Tables {
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default();
    let (mut train, mut normal, mut anomalies) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let mut cells = line.split(',');
        let (set, activity) = (cells.next(), cells.nth(1).unwrap_or_default());
        match (set, NORMAL.contains(&activity)) {
            (Some("train"), true) => train.push(line),
            (Some("train"), false) => {}
            (_, true) => normal.push(line),
            (_, false) => anomalies.push(line),
        }
    }
    let recordings: Vec<&[&str]> = normal
        .chunk_by(|a, b| recording(a) == recording(b))
        .collect();
    let half = |numbers: Vec<usize>| -> Vec<&str> {
        let own = numbers.into_iter().map(|number| recordings[number]);
        own.flatten().copied().collect()
    };
    let [calibration, held_out] = halves(recordings.len(), seed).map(half);
    let table = |parts: &[(&[&str], u8)]| {
        let mut text = format!("{header},label\n");
        for (rows, label) in parts {
            for row in *rows {
                text += &format!("{row},{label}\n");
            }
        }
        text
    };
    Tables {
        train: table(&[(&train, 0)]),
        calibration: table(&[(&calibration, 0)]),
        test: table(&[(&held_out, 0), (&anomalies, 1)]),
    }
}

/// The recordings that calibrate and those that test, each in ascending order: every division into
/// halves is equally likely.
pub(super) fn halves(recordings: usize, seed: u64) -> [Vec<usize>; 2] {
    let mut order: Vec<usize> = (0..recordings).collect();
    Random::new(seed).shuffle(&mut order);
    let (first, second) = order.split_at(recordings / 2);
    [first, second].map(|half| {
        let mut half = half.to_vec();
        half.sort_unstable();
        half
    })
}

fn recording(line: &str) -> Option<&str> {
    line.split(',').nth(NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_recording_has_one_place() {
        let all = super::super::RECORDING;
        let tables = divide(all, 3);
        let rows = |table: &str| table.lines().count() - 1;
        assert_eq!(rows(&tables.train), 2000);
        assert_eq!(rows(&tables.calibration), 1000);
        assert_eq!(rows(&tables.test), 3000);
        let recordings = |table: &str| -> HashSet<String> {
            let lines = table.lines().skip(1);
            lines.filter_map(recording).map(str::to_owned).collect()
        };
        let parts = [&tables.train, &tables.calibration, &tables.test].map(|own| recordings(own));
        assert_eq!(parts.each_ref().map(HashSet::len), [20, 10, 30]);
        for (first, second) in [(0, 1), (0, 2), (1, 2)] {
            assert!(parts[first].is_disjoint(&parts[second]));
        }
        assert_ne!(divide(all, 4).calibration, tables.calibration);
    }
}
