//! The tables of a module: exact bytes.

use flow_embedded::artefact::WeightFormat;
use flow_embedded::detect::evidence::Bet;
use flow_embedded::fixed::Standardise;
use flow_plan::plan::{Bijection, Channels, Constants, Plan, Table};

/// Bytes of weights, standardisation, base and calibration in flash.
pub(super) fn bytes(plan: &Plan) -> usize {
    let layers: usize = plan
        .layers
        .iter()
        .map(|layer| layer_bytes(plan, &layer.bijection))
        .sum();
    let standardise = |channels: &Channels| match plan.is_integer() {
        true => channels.len() * size_of::<Standardise>(),
        false => channels.len() * size_of::<[f32; 2]>(),
    };
    let plain = plan.context.0.iter().any(|own| own.vocabulary().is_none());
    let context = if plan.conditions() && plain {
        standardise(&plan.context)
    } else {
        0
    };
    let base = match plan.is_integer() {
        true => Constants::mixture(&plan.base).len(),
        false => plan.base.weights.len(),
    };
    let calibration = plan.calibration.as_ref().filter(|_| plan.functions.score());
    let calibration = calibration.map_or(0, |own| own.table.len() * size_of::<(f32, f32)>());
    let by_context = plan.mondrian.as_ref().filter(|_| plan.functions.score());
    let by_context = by_context.map_or(0, |own| {
        let entries: usize = own.categories.iter().map(|own| own.table.len()).sum();
        // A value, and where its table lies, in the words of a chip.
        entries * size_of::<(f32, f32)>() + own.categories.len() * 3 * size_of::<u32>()
    });
    let test = plan.sequential.as_ref().filter(|_| plan.functions.score());
    let test = test.map_or(0, |own| {
        (own.thresholds.len() + own.common.len()) * size_of::<f32>()
            + own.scores.len()
            + own.bets.len() * size_of::<Bet>()
    });
    let grids = plan.event.all_grids().filter(|_| plan.functions.sample());
    let loops = [plan.event.one_kind(), grids];
    let loops: usize = match plan.is_integer() {
        true => 0,
        false => loops.iter().flatten().flatten().map(Vec::len).sum(),
    };
    layers
        + loops * size_of::<f32>()
        + categorical(plan)
        + standardise(&plan.event)
        + context
        + base * size_of::<f32>()
        + calibration
        + by_context
        + test
}

/// Embeddings and heads. Names cost nothing until a firmware uses them.
fn categorical(plan: &Plan) -> usize {
    let own = &plan.categorical;
    let weight = match plan.weights {
        Some(WeightFormat::F16) => size_of::<u16>(),
        _ => size_of::<f32>(),
    };
    let tables = own.vocabularies.iter().enumerate();
    let tables = tables.filter(|(index, _)| plan.embeds(*index));
    let tables = tables.map(|(_, own)| own.rows.concat().len() * weight);
    let heads = own.heads.iter().flat_map(|own| own.conditioner.tables());
    let heads = heads.map(|own| table_bytes(plan.weights, own));
    tables.chain(heads).sum()
}

fn layer_bytes(plan: &Plan, bijection: &Bijection) -> usize {
    match bijection {
        Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => own
            .tables()
            .map(|table| table_bytes(plan.weights, table))
            .sum(),
        Bijection::Linear { places, .. } => places.len() * (places.len() + 1) * size_of::<f32>(),
        Bijection::Pointwise { places, upper, .. } => {
            places.len() + upper.len() * (upper.len() + 1) * size_of::<f32>()
        }
        Bijection::Convolutional(own) => {
            let layers = own.layers.iter();
            let tables = layers.map(|own| table_bytes(plan.weights, &own.table));
            own.given.len() + own.transformed.len() + tables.sum::<usize>()
        }
        Bijection::ElementWise(scales) => scales.len() * size_of::<[f32; 2]>(),
        Bijection::Permutation(_) | Bijection::FoldedPermutation(_) => 0,
    }
}

/// Rows as `f32`, or as `flow_embedded::fixed::Row`, whose weights lie behind a bias of four bytes, a
/// multiplier of two and a shift of one.
fn table_bytes(weights: Option<WeightFormat>, table: &Table) -> usize {
    let rows = table.rows.len();
    let row = |weight: usize| (7 + weight * table.inputs).next_multiple_of(4);
    match weights {
        Some(WeightFormat::I8) => rows * row(1),
        Some(WeightFormat::I16) => rows * row(2).max(8),
        Some(WeightFormat::F16) => rows * (table.stored + 1) * size_of::<u16>(),
        None => rows * (table.stored + 1) * size_of::<f32>(),
    }
}

/// Multiply-accumulates of one pass over all layers.
pub(super) fn macs(plan: &Plan) -> usize {
    let layer = |bijection: &Bijection| match bijection {
        Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => own
            .tables()
            .map(|table| table.rows.len() * table.stored)
            .sum(),
        Bijection::Linear { places, .. } => places.len() * places.len(),
        Bijection::Pointwise { places, upper, .. } => places.len() * upper.len(),
        Bijection::Convolutional(own) => {
            let layers = own.layers.iter();
            layers.map(|own| own.features() * own.columns()).sum()
        }
        Bijection::ElementWise(scales) => scales.len(),
        Bijection::Permutation(_) | Bijection::FoldedPermutation(_) => 0,
    };
    let layers: usize = plan.layers.iter().map(|own| layer(&own.bijection)).sum();
    let heads = plan.categorical.heads.iter();
    let heads = heads.flat_map(|own| own.conditioner.tables());
    let heads: usize = heads.map(|own| own.rows.len() * own.stored).sum();
    layers + heads
}
