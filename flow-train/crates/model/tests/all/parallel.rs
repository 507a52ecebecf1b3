//! A training step allocates nothing and doesn't depend on the number of threads.

use flow_model::{BaseSpec, Batch, Family, Flow, Objective, Spec, Threads};
use flow_shared_tests::alone::{alone, calls};
#[test]
fn steps_allocate_nothing_and_give_the_same_bits_on_one_and_two_threads() {
    alone(
        "parallel::steps_allocate_nothing_and_give_the_same_bits_on_one_and_two_threads",
        take_steps,
    );
}

fn take_steps() {
    let rows = 600;
    let linear = Spec {
        linear: true,
        base: BaseSpec::Mixture { components: 3 },
        ..Spec::new(Family::Nsf, 6, 2)
    };
    let plain = Family::ALL.map(|family| Spec::new(family, 6, 2));
    for spec in plain.into_iter().chain([linear]) {
        let flow = Flow::<f32>::new(&spec, 5).unwrap();
        let events: Vec<f32> = (0..rows * 6)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0)
            .collect();
        let contexts: Vec<f32> = (0..rows * 2)
            .map(|i| ((i * 53 % 97) as f32 - 48.0) / 24.0)
            .collect();
        let batch = Batch {
            events: &events,
            contexts: &contexts,
            weights: &[],
        };
        let results: Vec<(f64, Vec<f32>)> = [1, 2, 3]
            .into_iter()
            .map(|count| {
                let threads = Threads::new(count);
                let mut objective = Objective::new(&flow, rows, &threads);
                let (loss, allocations) = threads.run(|| {
                    (0..50).for_each(|_| _ = objective.loss_and_gradient(&flow, batch));
                    let before = calls();
                    let loss = (0..50)
                        .map(|_| objective.loss_and_gradient(&flow, batch))
                        .sum::<f64>()
                        / 50.0;
                    (loss, calls() - before)
                });
                assert_eq!(allocations, 0, "{spec:?} on {count} threads");
                (loss, objective.gradient().to_vec())
            })
            .collect();
        assert!(calls() > 0, "the counter counts");
        assert!(results[0].1.iter().any(|&g| g != 0.0));
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
    }
}
