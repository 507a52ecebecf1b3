//! Posteriors beside exact ones and those of proven samplers: the figures of `docs/posterior.md`.

pub mod amortised;
pub mod targets;
pub mod thermistor;
pub mod variational;

use flow_embedded::base::normal;
use flow_embedded::math::Libm;
use flow_train::data::Dataset;
use flow_train::posterior::amortised::{Simulator, Variable};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Simulations that no training has seen.
pub fn fresh(simulator: &dyn Simulator, rows: usize, seed: u64) -> Dataset {
    let names = |own: Vec<Variable>| own.into_iter().map(|own| own.name).collect::<Vec<_>>();
    let [parameters, observation] = [simulator.parameters(), simulator.observation()].map(names);
    let mut row = [vec![0.0; parameters.len()], vec![0.0; observation.len()]];
    let mut data = Dataset::new(parameters, observation);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..rows {
        let [parameters, observation] = &mut row;
        simulator.prior(&mut rng, parameters);
        simulator.simulate(parameters, &mut rng, observation);
        data.push(parameters, observation);
    }
    data
}

pub(crate) fn gauss(rng: &mut dyn Rng) -> f64 {
    f64::from(normal::<Libm, _>(rng))
}

/// Uniform within 0 and 1, neither of them included.
pub(crate) fn uniform(rng: &mut dyn Rng) -> f64 {
    (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0
}
