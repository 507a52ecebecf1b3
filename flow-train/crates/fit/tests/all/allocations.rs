//! A step of the training loop allocates nothing: neither preparing rows nor learning from them.

use flow_data::{Dataset, Preparation, PrepareOptions};
use flow_fit::{Config, InMemory, Split, fit};
use flow_model::{Batch, Family, Flow, Spec};
use flow_shared_tests::alone::{alone, calls};
use std::sync::atomic::AtomicBool;

#[test]
fn epochs_after_the_first_allocate_nothing() {
    alone(
        "allocations::epochs_after_the_first_allocate_nothing",
        count_the_epochs,
    );
}

fn count_the_epochs() {
    let mut data = Dataset::new(vec!["x".into(), "n".into()], vec!["a".into()]);
    for row in 0..1000u16 {
        let x = f32::from(row % 97 + 1) / 7.3;
        data.push(&[x * x, f32::from(row % 13)], &[f32::from(row % 360)]);
    }
    let data = data.weighted((0..1000).map(|row| (row % 3) as f32).collect());
    let domains = [
        ("x", "positive"),
        ("n", "soft-positive"),
        ("a", "circular:0:360"),
    ];
    let options = PrepareOptions {
        domains: domains
            .map(|(name, domain)| (name.to_owned(), domain.parse().unwrap()))
            .to_vec(),
        ..PrepareOptions::default()
    };
    let (preparation, choices) = Preparation::fit(&data, &data.ranges(), &options).unwrap();
    assert!(choices[1].grid.is_some());
    let rows = || {
        let batch = Batch {
            events: data.events(),
            contexts: data.contexts(),
            weights: data.weights(),
        };
        InMemory::new(batch, 2, 1).unwrap()
    };
    let mut flow = Flow::<f32>::new(&Spec::new(Family::Maf, 2, 2), 1).unwrap();
    let config = Config {
        epochs: 6,
        noise: 0.1,
        context_noise: 0.1,
        threads: 1,
        ..Config::default()
    };
    let split = Split {
        training: &mut rows(),
        validation: &mut rows(),
        preparation: &preparation,
        dequantiser: None,
    };
    let mut counts = [0; 7];
    let stop = AtomicBool::new(false);
    fit(&mut flow, split, &config, &stop, |epoch| {
        counts[epoch.epoch] = calls();
    })
    .unwrap();
    assert!(counts[1] > 0, "the counter counts");
    assert!(
        counts[1..].iter().all(|count| *count == counts[1]),
        "{counts:?}"
    );
}
