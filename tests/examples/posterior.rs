//! From three readings of a sensor to a flow of what its mean and its noise may be.

use flow_embedded::artefact::Activation;
use flow_train::model::{Family, Spec};
use flow_train::posterior::variational::{Config, LogDensity, Number, Parameter, Recipe, fit};
use std::sync::atomic::AtomicBool;

/// Readings in °C.
struct Readings([f64; 3]);

impl LogDensity for Readings {
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::real("mean"), Parameter::positive("noise")]
    }

    fn log_density<N: Number>(&self, parameters: &[N]) -> N {
        let (mean, noise) = (parameters[0], parameters[1]);
        // Priors: N(20, 5) and Exponential(1).
        let mut sum = ((mean - 20.0) / 5.0).powi(2) * -0.5 - noise;
        for reading in self.0 {
            sum += ((mean - reading) / noise).powi(2) * -0.5 - noise.ln();
        }
        sum
    }
}

fn main() -> anyhow::Result<()> {
    let mut spec = Spec::new(Family::Iaf, 2, 0);
    spec.conditioner.activation = Activation::Silu;
    let recipe = Recipe {
        name: "readings".into(),
        spec,
        config: Config::default(),
        command: "posterior".into(),
    };
    let target = Readings([20.3, 19.8, 21.1]);
    let posterior = fit(&target, &recipe, &AtomicBool::new(false), |_| {})?;
    std::fs::write("readings.flow", &posterior.bytes)?;
    println!("{:#?}", posterior.draws.diagnostics());
    println!(
        "mean and deviation of each: {:?}",
        posterior.draws.moments()
    );
    if let Some(warning) = posterior.draws.warning() {
        eprintln!("{warning}");
    }
    Ok(())
}
