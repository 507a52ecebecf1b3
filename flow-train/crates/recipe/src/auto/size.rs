//! Models that fit a budget of weights.

use super::Budget;
use flow_model::{BaseSpec, ConditionerSpec, Family, Flow, Spec};

/// Widths that are tried, the largest first.
const WIDTHS: [usize; 13] = [64, 56, 48, 40, 32, 28, 24, 20, 16, 12, 8, 6, 4];
/// Channels up to which two layers of fine splines are better than three of coarse ones, which carry far more
/// between the channels for the same weights.
const FEW_CHANNELS: usize = 8;

/// The base: a twentieth of the mass is four times as wide.
const BASE: BaseSpec = BaseSpec::Contaminated {
    share: 0.05,
    scale: 4.0,
};

/// The largest model of a family within the budget; `channels` says how many it has of what.
pub(super) fn within(family: Family, channels: &Spec, budget: Budget) -> Option<Spec> {
    let event = channels.event - channels.categorical.event.len();
    let few = event <= FEW_CHANNELS;
    let (most_layers, bins, widest) = match (family, few) {
        (Family::Nsf, true) => (4, 8, 32),
        (Family::NsfAr, true) => (2, 8, 32),
        (Family::Nsf, false) => (5, 4, 64),
        (Family::NsfAr, false) => (3, 4, 64),
        _ => (5, 8, 64),
    };
    let shape = |layers: usize, width: usize| Spec {
        layers,
        bins,
        conditioner: ConditionerSpec {
            hidden: vec![width; 2],
            ..channels.conditioner.clone()
        },
        family,
        base: match channels.circular.is_empty() {
            true => BASE,
            false => BaseSpec::Normal,
        },
        ..channels.clone()
    };
    let fits = |spec: &Spec| weights(spec).is_some_and(|weights| weights <= budget.weights);
    let narrower = WIDTHS.into_iter().filter(|width| *width <= widest);
    let mut shapes = (1..=most_layers).rev().flat_map(|layers| {
        // A layer less is better than layers too narrow to carry anything.
        let least = if layers > 1 { 12 } else { 0 };
        narrower
            .clone()
            .filter(move |width| *width >= least)
            .map(move |width| (layers, width))
    });
    shapes.find_map(|(layers, width)| Some(shape(layers, width)).filter(&fits))
}

/// The numbers that a model stores; nothing for one that can't be.
fn weights(spec: &Spec) -> Option<usize> {
    let flow = Flow::<f32>::new(spec, 0).ok()?;
    Some(flow.stored())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits_is_taken() {
        for event in [1, 2, 6, 8, 9, 16, 20, 30, 64] {
            for family in [Family::NsfAr, Family::Nsf, Family::Maf] {
                let channels = Spec::new(family, event, 2);
                let spec = within(family, &channels, Budget::default()).expect("a model");
                let weights = weights(&spec).expect("a flow");
                assert!(weights <= Budget::default().weights, "{spec:?}");
                assert_eq!((spec.event, spec.context), (event, 2));
            }
        }
        let small = Budget {
            weights: 10,
            ..Budget::default()
        };
        assert_eq!(
            within(Family::NsfAr, &Spec::new(Family::NsfAr, 20, 0), small),
            None
        );
    }
}
