//! Bits per dimension of rounded rows against the integral of the density over the rows' cells.

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Domain, Grid};
use flow_tests::drafts::{Kind, draft, table};
use flow_train::artefact::Draft;
use flow_train::data::Dataset;
use flow_train::evaluate::{Bits, Scorer};

/// Steps of a channel, in its standard deviations.
const STEP: f32 = 0.4;

/// A flow of two real channels that are both rounded.
fn rounded() -> Draft {
    let (_, kind) = table()
        .into_iter()
        .find(|(name, _)| *name == "maf")
        .expect("a flow of this name");
    let kind = Kind { event: 2, ..kind };
    let mut flow = draft(&kind, 5);
    for channel in &mut flow.event {
        assert_eq!(channel.domain, Domain::Real);
        channel.grid = Some(Grid {
            offset: channel.mean,
            step: STEP / channel.inv_std,
        });
    }
    flow
}

/// Every cell around the mean, `count` a side in each channel.
fn cells(flow: &Draft, count: i32) -> Dataset {
    let names = |channel: &flow_train::artefact::DraftChannel| channel.name.clone();
    let mut rows = Dataset::new(flow.event.iter().map(names).collect(), vec![]);
    let at = |channel: usize, cell: i32| {
        let grid = flow.event[channel].grid.expect("a grid");
        grid.offset + cell as f32 * grid.step
    };
    for first in -count..=count {
        for second in -count..=count {
            rows.push(&[at(0, first), at(1, second)], &[]);
        }
    }
    rows
}

/// The probability of a row's cell, by the midpoint rule in `f64` sums.
fn probability(scorer: &Scorer<'_, '_>, flow: &Draft, row: &[f32]) -> f64 {
    const POINTS: usize = 60;
    let steps: Vec<f32> = flow
        .event
        .iter()
        .map(|c| c.grid.expect("a grid").step)
        .collect();
    let at =
        |x: f32, step: f32, point: usize| x + step * ((point as f32 + 0.5) / POINTS as f32 - 0.5);
    let mut events = Vec::new();
    for i in 0..POINTS {
        for j in 0..POINTS {
            events.extend([at(row[0], steps[0], i), at(row[1], steps[1], j)]);
        }
    }
    let log_probs = scorer.log_probs_of(&events, &[]);
    let sum: f64 = log_probs.iter().map(|own| f64::from(*own).exp()).sum();
    let area = f64::from(steps[0]) * f64::from(steps[1]);
    sum * area / (POINTS * POINTS) as f64
}

#[test]
fn bits_are_bounds_of_the_code_length_of_cells() {
    let flow = rounded();
    let bytes = flow.encode().expect("a valid draft");
    let loaded = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let scorer = Scorer::new(&loaded).expect("f32");
    let rows = cells(&flow, 6);
    let exact: f64 = rows
        .events()
        .chunks_exact(2)
        .map(|row| -probability(&scorer, &flow, row).log2() / 2.0)
        .sum::<f64>()
        / rows.rows() as f64;
    let few = Bits::of(&scorer, &rows, 8, 1).expect("rounded channels");
    let many = Bits::of(&scorer, &rows, 512, 2).expect("rounded channels");
    println!("exact {exact:.4}, {few:?}, {many:?}");
    // The bounds are bounds, and the one tends to the probability.
    assert!(many.bound.mean > exact + 0.01, "{many:?} {exact}");
    assert!(few.weighted.mean < few.bound.mean);
    assert!(
        (many.weighted.mean - exact).abs() < 0.01,
        "{many:?} {exact}"
    );
    assert!((many.bound.mean - few.bound.mean).abs() < 0.05);
    // The same seed gives the same figures.
    assert_eq!(Bits::of(&scorer, &rows, 8, 1), Some(few));
}

#[test]
fn a_channel_without_a_grid_has_no_bits() {
    let mut flow = rounded();
    let rows = cells(&flow, 1);
    flow.event[1].grid = None;
    let bytes = flow.encode().expect("a valid draft");
    let loaded = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let scorer = Scorer::new(&loaded).expect("f32");
    assert_eq!(Bits::of(&scorer, &rows, 4, 0), None);
    let bytes = rounded().encode().expect("a valid draft");
    let loaded = LoadedFlow::from_bytes(&bytes).expect("a valid artefact");
    let scorer = Scorer::new(&loaded).expect("f32");
    let none = Dataset::new(vec!["a".into(), "b".into()], vec![]);
    assert_eq!(Bits::of(&scorer, &none, 4, 0), None);
}
