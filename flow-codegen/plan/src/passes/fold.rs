//! Permutations cost nothing: the layers behind one find their channels where
//! they lie.
//!
//! A linear layer gathers its channels from wherever they lie and leaves them
//! in order. Nothing is computed otherwise, so the bits stay the same.

use crate::plan::{Bijection, Plan};

pub(super) fn run(mut plan: Plan) -> Plan {
    // Where each channel lies at this point.
    let mut places: Vec<usize> = (0..plan.event.len()).collect();
    for layer in &mut plan.layers {
        match &mut layer.bijection {
            Bijection::Coupling(own) | Bijection::Autoregressive(_, own) => {
                let groups = own.groups.iter_mut().flatten();
                for channel in groups.chain(&mut own.conditioning) {
                    *channel = places[*channel];
                }
            }
            Bijection::Linear { places: order, .. } => {
                at(order, &places);
                places = (0..order.len()).collect();
            }
            Bijection::Convolutional(own) => {
                at(&mut own.given, &places);
                at(&mut own.transformed, &places);
            }
            Bijection::Pointwise { places: own, .. } => at(own, &places),
            Bijection::ElementWise(pairs) => {
                let by_channel = pairs.clone();
                for (place, pair) in places.iter().zip(by_channel) {
                    pairs[*place] = pair;
                }
            }
            Bijection::Permutation(order) | Bijection::FoldedPermutation(order) => {
                at(order, &places);
                places = std::mem::take(order);
                layer.bijection = Bijection::FoldedPermutation(places.clone());
            }
        }
    }
    at(&mut plan.base.places, &places);
    plan
}

/// Channels become the places where they lie.
fn at(channels: &mut [usize], places: &[usize]) {
    for channel in channels {
        *channel = places[*channel];
    }
}
