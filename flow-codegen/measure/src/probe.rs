//! A model as it is measured: its module, and events that it finds typical.

use anyhow::Result;
use flow_codegen::{Budget, Defmt, Optimise, Options, Visibility, compile};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Channel, Channels, Header, Judged};
use flow_embedded::golden::Words;
use flow_embedded::math::{Backend, Polynomial};
use rand_core::Rng;
use std::path::Path;

/// Events at which an operation is counted: what software floating point takes
/// depends on the numbers.
const EVENTS: u32 = 8;

/// A model to measure.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Its name, which names a firmware too: letters, digits and `_`.
    pub name: String,
    /// The compiled module, whose type is `Model`.
    pub(crate) module: String,
    pub(crate) optimise: Optimise,
    pub(crate) score: bool,
    pub(crate) sample: bool,
    /// What its calibration judges, if it has one.
    pub(crate) calibrated: Option<Judged>,
    /// The bets of its sequential test, if it has one.
    pub(crate) bets: Option<usize>,
    pub(crate) backend: Backend,
    /// Events with their contexts.
    pub(crate) events: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Probe {
    /// Compiles an artefact for measurement. Of the options, those count that
    /// change what is executed; the module's names, derives and self-test do not.
    ///
    /// # Errors
    /// The artefact or an option is refused.
    pub fn new(name: &str, artefact: &[u8], options: &Options) -> Result<Self> {
        let events = events(artefact)?;
        Self::at(name, artefact, options, events)
    }

    /// The same at events of one's own, each with its context.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn at(
        name: &str,
        artefact: &[u8],
        options: &Options,
        events: Vec<(Vec<f32>, Vec<f32>)>,
    ) -> Result<Self> {
        let flow = LoadedFlow::from_bytes(artefact)?;
        let options = Options {
            type_name: Some("Model".to_owned()),
            visibility: Visibility::default(),
            derives: Vec::new(),
            defmt: Defmt::Never,
            self_test: false,
            // What is measured decides, and estimates may exceed it.
            budget: Budget::default(),
            ..options.clone()
        };
        let functions = options.functions;
        let (module, _) = compile(artefact, Path::new("model.flow"), &options)?;
        Ok(Self {
            name: name.to_owned(),
            // The documentation holds what is measured here: it must not look like a
            // change that is to be built anew.
            module: module
                .split_inclusive('\n')
                .filter(|line| !line.trim_start().starts_with("///"))
                .collect(),
            optimise: options.optimise,
            score: functions.score(),
            sample: functions.sample() && !flow.is_integer(),
            calibrated: flow
                .header()
                .calibration
                .filter(|_| functions.score())
                .map(|own| own.judges),
            bets: flow
                .header()
                .sequential
                .filter(|_| functions.score())
                .map(|own| own.bets().len()),
            backend: options.math.unwrap_or(flow.header().math),
            events,
        })
    }
}

/// Events that the model itself draws, or, where it draws none, within two
/// standard deviations of its means; contexts likewise, categories all as likely. Each with its context.
///
/// # Errors
/// The artefact is refused.
pub fn events(artefact: &[u8]) -> Result<Vec<(Vec<f32>, Vec<f32>)>> {
    let flow = LoadedFlow::from_bytes(artefact)?;
    let header = flow.header();
    let mut scratch = vec![0.0; flow.scratch_len()];
    let draw = |seed| {
        let mut words = Words::new(EVENTS + seed);
        let context = near(header, header.context, &mut words);
        let mut event = near(header, header.event, &mut words);
        if !flow.is_integer() {
            flow.sample(&mut Words::new(seed), &context, &mut event, &mut scratch)?;
        }
        Ok((event, context))
    };
    (0..EVENTS).map(draw).collect()
}

fn near(header: &Header<'_>, channels: Channels<'_>, words: &mut Words) -> Vec<f32> {
    let value = |channel: Channel<'_>| {
        let uniform = (words.next_u32() >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
        match header.vocabulary_of(&channel) {
            Some(own) => (0.5 * (uniform + 1.0) * own.size() as f32).floor(),
            None => channel.destandardise::<Polynomial>(2.0 * uniform),
        }
    };
    channels.iter().map(value).collect()
}
