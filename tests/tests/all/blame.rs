//! Blame: faults of one channel on rows that the model has not seen.

use flow_case::{CHANNELS, MODEL};
use flow_embedded::detect::blame;
use std::fs;
use xtask::workspace;

type Row = [f32; CHANNELS];

/// The normal rows of the recording, `train` or `test`.
fn normal(set: &str) -> Vec<Row> {
    let path = workspace::root().join("flow-train/crates/cli/data/basic_motions.csv");
    let text = fs::read_to_string(path).expect("the recording");
    text.lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|cells| cells[0] == set && ["standing", "walking"].contains(&cells[2]))
        .map(|cells| std::array::from_fn(|channel| cells[3 + channel].parse().expect("a number")))
        .collect()
}

fn column(rows: &[Row], channel: usize) -> Vec<f32> {
    let mut values: Vec<f32> = rows.iter().map(|row| row[channel]).collect();
    values.sort_unstable_by(f32::total_cmp);
    values
}

/// Five quantiles of each channel.
fn common(rows: &[Row]) -> [[f32; 5]; CHANNELS] {
    std::array::from_fn(|channel| {
        let values = column(rows, channel);
        [0.1, 0.3, 0.5, 0.7, 0.9].map(|share| values[(share * values.len() as f64) as usize])
    })
}

fn deviation(rows: &[Row], channel: usize) -> f32 {
    let values = column(rows, channel);
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    let squares: f32 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / values.len() as f32).sqrt()
}

/// An offset of five standard deviations in one channel, of either sign, in each channel in turn:
/// it is found in nine of ten cases at least.
#[test]
fn the_channel_with_an_offset_is_to_blame() {
    let (train, test) = (normal("train"), normal("test"));
    assert_eq!((train.len(), test.len()), (2_000, 2_000));
    let common = common(&train);
    let deviations: [f32; CHANNELS] = std::array::from_fn(|channel| deviation(&train, channel));
    for (size, least) in [(5.0, 0.95), (8.0, 0.97)] {
        let mut right = [0; CHANNELS];
        for (index, row) in test.iter().enumerate() {
            let channel = index % CHANNELS;
            let sign = if (index / CHANNELS).is_multiple_of(2) {
                1.0
            } else {
                -1.0
            };
            let mut event = *row;
            event[channel] += sign * size * deviations[channel];
            let blame = blame(&MODEL, &event, &[], &common, &[]);
            right[channel] += usize::from(blame.channel == channel);
            assert!(blame.contributions.iter().all(|own| *own >= 0.0));
        }
        println!(
            "{size} standard deviations: {right:?} of {}",
            test.len() / CHANNELS
        );
        let share = right.iter().sum::<usize>() as f64 / test.len() as f64;
        assert!(share >= least, "{size}: {share}");
        let worst = right.iter().min().expect("channels");
        assert!(
            *worst as f64 >= 0.9 * (test.len() / CHANNELS) as f64,
            "{right:?}"
        );
    }
}

/// What is likely as it is gains little, and an impossible channel everything.
#[test]
fn contributions_are_gains_in_nats() {
    let train = normal("train");
    let common = common(&train);
    let fine = blame(&MODEL, &common.map(|values| values[2]), &[], &common, &[]);
    assert!(
        fine.contributions
            .iter()
            .all(|own| (0.0..20.0).contains(own)),
        "{fine:?}"
    );
    let mut event = train[0];
    event[3] = 1e30;
    let broken = blame(&MODEL, &event, &[], &common, &[]);
    assert_eq!(broken.channel, 3);
    assert!(broken.contributions[3] > 100.0, "{broken:?}");
    event[3] = f32::NAN;
    assert_eq!(blame(&MODEL, &event, &[], &common, &[]).channel, 3);
}
