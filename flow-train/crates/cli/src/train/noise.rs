//! What `--noise` decides where nothing is said.

use super::Args;
use crate::Error;
use flow_data::{Columns, Stretches, Table};
use flow_embedded::window::Feature;
use flow_model::{Family, Spec};
use flow_recipe::Model;
use flow_recipe::noise::{MIN_ROWS, default_config, default_features, default_spec};

/// The past at time scales that the recording shows.
pub(super) fn features(
    table: &Table,
    columns: &Columns,
    stretches: Stretches,
) -> Result<Vec<Feature>, Error> {
    let [events, context] = columns.names(table);
    let usage = |text: String| Err(Error::Usage(format!("--noise: {text}")));
    let rows = stretches.longest;
    if rows < MIN_ROWS {
        return usage(format!(
            "the longest stretch of the recording without a gap has {rows} rows, and {MIN_ROWS} are needed to tell how \
             noise goes on"
        ));
    }
    match default_features(events.len(), context.len(), rows) {
        Some(features) => Ok(features),
        None => usage(format!(
            "{} columns given {} others are too many for one model with a past: fit fewer --columns at a time",
            events.len(),
            context.len()
        )),
    }
}

/// The model of noise, with what was said about it.
pub(super) fn model(args: &Args, stretches: Stretches) -> Result<(Model, Spec), Error> {
    let family = args.model.family().unwrap_or(Family::Maf);
    let spec = args.model.spec_from(default_spec(family));
    spec.validate()?;
    let config = args.fit.overrides().apply(&default_config(stretches.rows));
    config.validate()?;
    let model = Model::Named {
        spec: spec.clone(),
        config,
    };
    Ok((model, spec))
}
