//! Variational inference with flows (Rezende & Mohamed 2015): the flow that comes closest, by reverse
//! Kullback-Leibler divergence, to a posterior of which a log-density is known up to a constant.
//!
//! ```text
//! Target ──► pilot ──► Fit ──► Draft ──► Draws ──► diagnostics
//!  density,   place     path      bytes    of the     ELBO, Pareto k̂,
//!  gradient   and       gradients          artefact   effective draws,
//!             scale                                   resampling
//! ```
//!
//! The density is written once, in the model's own parameters ([`LogDensity`]), or comes with its gradient
//! ([`Target`]). Parameters live in the domains of an artefact's channels, whose Jacobians are added here. Gradients
//! are path gradients ("sticking the landing", Roeder, Wu & Duvenaud 2017): their variance vanishes as the flow comes
//! close.
//!
//! **Families.** Any can be fitted. An IAF generates in one pass, but finds its own density channel by channel; a MAF
//! the other way round; couplings do both at once. Reverse KL seeks modes: a flow would rather leave a mode out than
//! put anything between two. [`Annealing`] helps against it, and no diagnostic sees a mode that no draw has visited.
//! Smooth activations (SiLU, tanh) come closer than ReLU, whose kinks stand in the gradient of the density. Splines
//! end: beyond their bound (in units of the pilot's deviations) a flow can hardly go, and
//! [`Diagnostics::imbalance`] tells when the posterior does.
//!
//! **What comes out** is judged as it will run: the artefact's own draws and densities, in `f32`, make the
//! [`Diagnostics`]. A fit of the same target and recipe gives the same bytes on any number of threads.

mod config;
mod draws;
mod pilot;
mod run;
mod space;
mod target;

pub use config::{Annealing, Config, VariationalError};
pub use draws::{Diagnostics, Draws, Warning};
pub use num_dual::DualNum;
pub use target::{LogDensity, Number, Parameter, Target};

use flow_artefact::{Draft, noted};
use flow_embedded::artefact::{Base, Domain, LoadedFlow};
use flow_embedded::math::Backend;
use flow_export::set_flow;
use flow_fit::Stop;
use flow_model::{BaseSpec, Flow, Spec, Threads};
use run::Fit;
use space::Space;
use std::sync::atomic::AtomicBool;

/// What to make of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The artefact's name.
    pub name: String,
    /// The flow; its events are the parameters, and which of them are angles is the target's to say.
    pub spec: Spec,
    /// How to fit it.
    pub config: Config,
    /// What to note down as the command.
    pub command: String,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// The artefact.
    pub bytes: Vec<u8>,
    /// How the fit went.
    pub fit: Report,
    /// What the artefact generates, and what that is worth.
    pub draws: Draws,
}

/// What an observer is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Counted from 1.
    pub step: usize,
    /// How many there will be.
    pub steps: usize,
    /// The evidence lower bound of the averaged parameters, in nats, by draws that are always the same.
    pub elbo: f64,
    /// The best of these so far.
    pub best_elbo: f64,
    /// What the target's log-density was multiplied by.
    pub inverse_temperature: f64,
    /// Of this step.
    pub learning_rate: f64,
}

/// How a fit went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Why it ended.
    pub stop: Stop,
    /// Steps taken.
    pub steps: usize,
    /// The step whose averaged parameters the artefact has: the last whose bound was the best, give or take its
    /// standard error; 0 if none was better than the start.
    pub best_step: usize,
    /// The best evidence lower bound of all, as in [`Step::elbo`].
    pub best_elbo: f64,
    /// How often the gradient wasn't finite.
    pub restarts: usize,
}

/// Fits a flow to a target. Once `stop` is set, the best so far is finished and given back. `observer` is told
/// [`Config::reports`] times.
///
/// # Errors
/// [`VariationalError`]: settings or shape that are none, parameters that an artefact can't hold, a density that isn't
/// finite where the fit starts, or divergence.
pub fn fit(
    target: &dyn Target,
    recipe: &Recipe,
    stop: &AtomicBool,
    observer: impl FnMut(&Step) + Send,
) -> Result<Posterior, VariationalError> {
    let config = &recipe.config;
    config.validate()?;
    let mut draft = draft(target, recipe);
    let mut flow = Flow::<f32>::new(&spec(&draft, recipe)?, config.seed)?;
    // What an artefact can't hold is better known before the fit than after it.
    set_flow(&mut draft, &flow)?;
    draft.encode()?;
    let threads = Threads::new(config.threads);
    threads.run(|| {
        let space = Space {
            target,
            channels: &draft.event,
            inverse_temperature: config.annealing.map_or(1.0, |own| own.start),
        };
        let channels = pilot::locate(&space, config.pilot_steps, config.seed, stop);
        let space = Space {
            channels: &channels,
            ..space
        };
        let report = Fit::new(&mut flow, &draft, space, config, &threads).run(stop, observer)?;
        draft.event = channels;
        set_flow(&mut draft, &flow)?;
        let bytes = draft.encode()?;
        let draws = Draws::new(
            &LoadedFlow::from_bytes(&bytes)?,
            target,
            config.draws,
            config.seed,
        );
        Ok(Posterior {
            bytes,
            fit: report,
            draws,
        })
    })
}

/// The recipe's shape for these parameters.
fn spec(draft: &Draft, recipe: &Recipe) -> Result<Spec, VariationalError> {
    let spec = &recipe.spec;
    if spec.event != draft.event.len() || spec.context > 0 {
        return Err(VariationalError::Shape {
            event: spec.event,
            context: spec.context,
            parameters: draft.event.len(),
        });
    }
    if matches!(spec.base, BaseSpec::Mixture { .. }) {
        return Err(VariationalError::Mixture);
    }
    let channels = draft.event.iter().enumerate();
    let angles = channels.filter(|(_, channel)| channel.domain == Domain::Circular);
    Ok(Spec {
        circular: angles.map(|(channel, _)| channel).collect(),
        ..spec.clone()
    })
}

/// The artefact before the fit.
fn draft(target: &dyn Target, recipe: &Recipe) -> Draft {
    Draft {
        name: recipe.name.clone(),
        event: target.parameters().iter().map(space::channel).collect(),
        context: vec![],
        layers: vec![],
        base: Base::Normal,
        base_weights: vec![],
        math: Backend::Polynomial,
        calibration: None,
        evaluation: None,
        created_by: concat!("flow-train ", env!("CARGO_PKG_VERSION")).to_owned(),
        command: noted(&recipe.command),
        data_digest: 0,
        rows: 0,
        seed: recipe.config.seed,
        quantisation: None,
        features: vec![],
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: vec![],
        heads: vec![],
    }
}
