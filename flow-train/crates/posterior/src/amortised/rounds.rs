//! Trains on more and more simulations, and checks what comes of it.

use super::simulate::{Part, Pool};
use super::{
    Amortised, AmortisedError, Progress, Round, Settings, Variable, simulator_path, unchecked,
};
use crate::sbc;
use flow_artefact::{Draft, DraftChannel};
use flow_data::{Dataset, Preparation, PrepareOptions};
use flow_embedded::artefact::{Evaluation, LoadedFlow};
use flow_evaluate::{Mean, Scorer};
use flow_export::set_flow;
use flow_fit::{self as fit, Config, Epoch, Stop};
use flow_model::{Flow, Spec};
use flow_recipe::TrainError;
use flow_recipe::steps::{Origin, START, draft, in_memory, rows_error, start, with_channels};
use std::sync::atomic::AtomicBool;

/// A flow on its way.
struct Fitted {
    preparation: Preparation,
    spec: Spec,
    flow: Flow<f32>,
    /// What the preparation adds to the log-density of every row.
    log_scale: f64,
}

pub(super) fn run(
    mut pool: Pool,
    variables: &[Vec<Variable>; 2],
    settings: &Settings,
    stop: &AtomicBool,
    mut observer: impl FnMut(Progress) + Send,
) -> Result<Amortised, AmortisedError> {
    let sizes = sizes(settings);
    let mut fitted: Option<Fitted> = None;
    let mut last: Option<(Dataset, usize)> = None;
    let mut rounds: Vec<Round> = Vec::new();
    for (round, simulations) in sizes.iter().copied().enumerate() {
        let Some([training, validation]) = pool.training(simulations)? else {
            break;
        };
        let own = match &mut fitted {
            Some(own) => own,
            None => fitted.insert(begin(
                &training.data,
                &validation.data,
                variables,
                settings,
            )?),
        };
        let constant = own.log_scale;
        let observer = |epoch: &Epoch| {
            observer(Progress {
                round: round + 1,
                rounds: sizes.len(),
                simulations,
                training: flow_recipe::Progress {
                    epoch: epoch.epoch,
                    epochs: epoch.epochs,
                    log_prob: constant + epoch.log_det - epoch.validation_nats,
                    best: constant + epoch.log_det - epoch.best_nats,
                },
            });
        };
        let config = Config {
            seed: settings.seed.wrapping_add(round as u64),
            ..settings.config.clone()
        };
        let mut rows = in_memory(&training.data).map_err(rows_error("training"))?;
        let mut held = in_memory(&validation.data).map_err(rows_error("validation"))?;
        let split = fit::Split {
            training: &mut rows,
            validation: &mut held,
            preparation: &own.preparation,
            dequantiser: None,
        };
        let fit = fit::fit(&mut own.flow, split, &config, stop, observer)?;
        rounds.push(Round {
            simulations: training.data.rows() + validation.data.rows(),
            fit,
        });
        last = Some((training.data, training.failed + validation.failed));
        if fit.stop == Stop::Interrupted {
            break;
        }
    }
    let best = rounds.iter().map(|round| round.fit.best_epoch).max();
    let (Some(own), Some((data, failed)), Some(1..)) = (fitted, last, best) else {
        return Err(TrainError::Interrupted.into());
    };
    let interrupted = rounds.len() < sizes.len()
        || rounds
            .last()
            .is_some_and(|own| own.fit.stop == Stop::Interrupted);
    let mut draft = draft_of(&own.preparation, &data, variables, settings, data.digest());
    set_flow(&mut draft, &own.flow)?;
    let checked = match interrupted {
        true => None,
        false => match pool.checking()? {
            Some(Part { data, .. }) => Some(check(&mut draft, &data, settings)?),
            None => None,
        },
    };
    let (log_prob, check) = checked.unzip();
    Ok(Amortised {
        bytes: draft.encode()?,
        spec: own.spec,
        rounds,
        failed,
        log_prob,
        check,
    })
}

/// Simulations of each round: all of them in the last one, half as many in the one before, and so on.
fn sizes(settings: &Settings) -> Vec<usize> {
    let halves = std::iter::successors(Some(settings.simulations), |size| Some(size / 2));
    let mut sizes: Vec<usize> = halves
        .enumerate()
        .take_while(|(before, size)| *before == 0 || *size >= settings.first)
        .map(|(_, size)| size)
        .collect();
    sizes.reverse();
    sizes
}

/// The preparation and the flow that the first round starts from; later ones keep the preparation, or the flow would
/// have to learn it anew.
fn begin(
    training: &Dataset,
    validation: &Dataset,
    variables: &[Vec<Variable>; 2],
    settings: &Settings,
) -> Result<Fitted, AmortisedError> {
    let all = variables.iter().flatten();
    let options = PrepareOptions {
        domains: all.map(|own| (own.name.clone(), own.domain)).collect(),
        infer: false,
        math: settings.math,
        ..PrepareOptions::default()
    };
    let both = training.ranges().into_iter().zip(validation.ranges());
    let ranges: Vec<_> = both
        .map(|(a, b)| a.start().min(*b.start())..=a.end().max(*b.end()))
        .collect();
    let (preparation, _) = Preparation::fit(training, &ranges, &options)
        .map_err(TrainError::data(simulator_path()))?;
    let spec = with_channels(&settings.spec, &preparation);
    let mut flow = Flow::<f32>::new(&spec, settings.seed)?;
    // A prediction takes as many rows as there are, not just enough for a mean.
    let rows = if spec.regression { usize::MAX } else { START };
    start(&mut flow, training, rows, &preparation, settings.seed);
    // What an artefact can't hold is better known before the fit than after it.
    let mut draft = draft_of(&preparation, training, variables, settings, 0);
    set_flow(&mut draft, &flow)?;
    draft.encode()?;
    Ok(Fitted {
        preparation,
        spec,
        flow,
        log_scale: draft.event.iter().map(DraftChannel::log_scale).sum(),
    })
}

fn draft_of(
    preparation: &Preparation,
    data: &Dataset,
    variables: &[Vec<Variable>; 2],
    settings: &Settings,
    digest: u64,
) -> Draft {
    let all = variables.iter().flatten();
    let units: Vec<(String, String)> = all
        .map(|own| (own.name.clone(), own.unit.clone()))
        .collect();
    let command = format!("posterior::amortised, {} simulations", settings.simulations);
    let origin = Origin {
        name: &settings.name,
        units: &units,
        command: &command,
        seed: settings.seed,
        rows: data.rows(),
        digest,
    };
    draft(data, preparation, &origin)
}

/// Checks the artefact on fresh simulations, which also say how good it is.
fn check(
    draft: &mut Draft,
    data: &Dataset,
    settings: &Settings,
) -> Result<(Mean, sbc::Report), AmortisedError> {
    let bytes = draft.encode()?;
    let flow = LoadedFlow::from_bytes(&bytes).map_err(|fault| TrainError::Artefact {
        path: simulator_path().to_owned(),
        fault,
    })?;
    let own = sbc::Settings {
        seed: settings.seed,
        ..settings.check
    };
    let report = sbc::check(&flow, data, &own).map_err(unchecked)?;
    let log_probs = Scorer::new(&flow)?.log_probs_of(data.events(), data.contexts());
    let wide: Vec<f64> = log_probs.into_iter().map(f64::from).collect();
    let log_prob = Mean::of(&wide);
    draft.evaluation = Some(Evaluation {
        rows: u32::try_from(log_prob.rows).unwrap_or(u32::MAX),
        log_prob_mean: log_prob.mean,
        log_prob_stderr: log_prob.stderr,
    });
    Ok((log_prob, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_half_the_rows_of_the_next() {
        let sizes = |simulations, first| {
            sizes(&Settings {
                simulations,
                first,
                ..Settings::default()
            })
        };
        assert_eq!(sizes(20_000, 1000), [1250, 2500, 5000, 10_000, 20_000]);
        assert_eq!(sizes(1999, 1000), [1999]);
        assert_eq!(sizes(500, 1000), [500]);
    }
}
