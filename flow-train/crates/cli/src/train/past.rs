//! Options that let a model condition on the past of its stream.

use crate::Error;
use clap::builder::RangedI64ValueParser;
use flow_data::{DomainRequest, feature_name};
use flow_embedded::artefact::MAX_CHANNELS;
use flow_embedded::window::{Feature, MAX_SHIFT, MAX_STEPS};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Past (features of each column's own past, as further context)")]
pub(super) struct PastOptions {
    /// The values so many rows before: --lags 1,2,4
    #[arg(long, value_delimiter = ',', value_parser = steps(1, MAX_STEPS), value_name = "ROWS,…")]
    lags: Vec<u16>,
    /// The last value before the row, less the one so many rows earlier
    #[arg(long, value_delimiter = ',', value_parser = steps(1, MAX_STEPS - 1), value_name = "ROWS,…")]
    differences: Vec<u16>,
    /// Means of so many rows before
    #[arg(long, value_delimiter = ',', value_parser = steps(1, MAX_STEPS), value_name = "ROWS,…")]
    means: Vec<u16>,
    /// Standard deviations of so many rows before
    #[arg(long, value_delimiter = ',', value_parser = steps(2, MAX_STEPS), value_name = "ROWS,…")]
    deviations: Vec<u16>,
    /// Exponential moving averages of all rows before, the last one with the weight 2^-SHIFT: about
    /// 2^SHIFT rows in the memory of one
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_SHIFT)), value_name = "SHIFT,…")]
    averages: Vec<u8>,
}

fn steps(least: u16, most: u16) -> RangedI64ValueParser<u16> {
    RangedI64ValueParser::new().range(i64::from(least)..=i64::from(most))
}

impl PastOptions {
    /// The features of so many columns, kind by kind.
    pub(super) fn features(&self, columns: usize) -> Result<Vec<Feature>, Error> {
        let kinds = self.kinds();
        for (option, values) in &kinds {
            if let Some(twice) = values.iter().enumerate().find_map(|(index, value)| {
                let again = values.iter().take(index).any(|own| own == value);
                again.then_some(value)
            }) {
                let text = format!("--{option} has {twice} twice: once is enough");
                return Err(Error::Usage(text));
            }
        }
        let each: usize = kinds.iter().map(|(_, values)| values.len()).sum();
        if each * columns > MAX_CHANNELS {
            return Err(Error::Usage(format!(
                "{each} features of {columns} columns are {} context channels, and a model has at most \
                 {MAX_CHANNELS}: ask for fewer, or name fewer --columns",
                each * columns
            )));
        }
        let of = |channel: u8| {
            let steps = |values: &[u16], feature: fn(u8, u16) -> Feature| -> Vec<Feature> {
                let own = values.iter();
                own.map(|steps| feature(channel, *steps)).collect()
            };
            let averages = self.averages.iter();
            [
                steps(&self.lags, |channel, steps| Feature::Lag { channel, steps }),
                steps(&self.differences, |channel, steps| Feature::Difference {
                    channel,
                    steps,
                }),
                steps(&self.means, |channel, steps| Feature::Mean {
                    channel,
                    steps,
                }),
                steps(&self.deviations, |channel, steps| Feature::Deviation {
                    channel,
                    steps,
                }),
                averages
                    .map(|shift| Feature::Average {
                        channel,
                        shift: *shift,
                    })
                    .collect(),
            ]
        };
        let each: Vec<[Vec<Feature>; 5]> = (0..columns).map(|own| of(own as u8)).collect();
        let kind = |kind: usize| each.iter().flat_map(move |own| own[kind].iter().copied());
        Ok((0..5).flat_map(kind).collect())
    }

    /// The options that were given, with their values.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
        let given = self.kinds().into_iter();
        given.map(|(option, values)| (option, values.join(",")))
    }

    fn kinds(&self) -> [(&'static str, Vec<String>); 5] {
        let text = |values: &[u16]| values.iter().map(ToString::to_string).collect();
        [
            ("lags", text(&self.lags)),
            ("differences", text(&self.differences)),
            ("means", text(&self.means)),
            ("deviations", text(&self.deviations)),
            (
                "averages",
                self.averages.iter().map(ToString::to_string).collect(),
            ),
        ]
    }
}

/// Adds the features to what was asked of columns by name: a lag lives where its column does, and
/// all features have its unit.
///
/// # Errors
/// A column is an angle, of which differences, moments and averages make no sense.
pub(super) fn inherit(
    features: &[Feature],
    events: &[String],
    domains: &mut Vec<(String, DomainRequest)>,
    units: &mut Vec<(String, String)>,
) -> Result<(), Error> {
    for feature in features {
        let column = &events[usize::from(feature.channel())];
        let name = feature_name(*feature, events);
        if let Some((_, unit)) = units.iter().rev().find(|(own, _)| own == column) {
            units.push((name.clone(), unit.clone()));
        }
        let own = domains.iter().rev().find(|(own, _)| own == column);
        match (feature, own) {
            (Feature::Lag { .. }, Some((_, domain))) => domains.push((name, *domain)),
            (_, Some((_, DomainRequest::Circular { .. }))) => {
                return Err(Error::Usage(format!(
                    "{name}: `{column}` is an angle, of which differences, moments and averages make no \
                     sense; give --lags alone"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}
