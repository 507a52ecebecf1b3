//! Ranks of true parameters among draws from a posterior.

use super::{SbcError, Settings};
use flow_data::Dataset;
use flow_embedded::artefact::LoadedFlow;
use flow_evaluate::BatchFlow;
use flow_host::random::Random;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Draws that are held at a time: memory stays constant, and there is enough for all cores.
const PIECE: usize = 16_384;

/// What draws say about the rows.
pub(super) struct Ranks {
    /// Rows that were used.
    pub(super) rows: usize,
    /// For each parameter and row, how many draws are less than the truth.
    pub(super) parameters: Vec<Vec<usize>>,
    /// For each row, how many draws are more probable than the truth.
    pub(super) density: Vec<usize>,
    /// For each parameter, how much of the variance of the truths the posterior takes away.
    pub(super) contraction: Vec<f64>,
    /// Rows whose truth the model holds for impossible.
    pub(super) impossible: usize,
}

/// Ranks of the first rows, all of which there are.
///
/// Values on a grid are drawn on it, and ties are broken at random: so the rank is uniform for them as well.
pub(super) fn of(
    flow: &LoadedFlow<'_>,
    data: &Dataset,
    settings: &Settings,
) -> Result<Ranks, SbcError> {
    let batch = BatchFlow::new(flow);
    let (width, rows, draws) = (data.event_dim(), settings.rows, settings.draws);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut ties = Random::new(!settings.seed);
    // A table may write a value on the grid a rounding error away from it, where it would tie with no draw.
    let mut truths = data.events()[..rows * width].to_vec();
    truths
        .chunks_exact_mut(width)
        .for_each(|event| flow.round_to_grid(event));
    let contexts = &data.contexts()[..rows * data.context_dim()];
    let mut likelihoods = vec![0.0; rows];
    batch.log_prob(&truths, contexts, &mut likelihoods);
    let mut ranks = Ranks {
        rows,
        parameters: vec![Vec::with_capacity(rows); width],
        density: Vec::with_capacity(rows),
        contraction: Vec::new(),
        impossible: likelihoods.iter().filter(|x| !x.is_finite()).count(),
    };
    let mut within = vec![0.0; width];
    let piece = (PIECE / draws).max(1);
    for start in (0..rows).step_by(piece) {
        let own = start..rows.min(start + piece);
        let contexts: Vec<f32> = own
            .clone()
            .flat_map(|row| std::iter::repeat_n(data.context(row), draws).flatten())
            .copied()
            .collect();
        let mut events = vec![0.0; own.len() * draws * width];
        batch.sample(&mut rng, &contexts, &mut events);
        if let Some(index) = events.iter().position(|value| !value.is_finite()) {
            let row = start + index / (draws * width);
            return Err(SbcError::Overflow { row });
        }
        events
            .chunks_exact_mut(width)
            .for_each(|event| flow.round_to_grid(event));
        let mut log_probs = vec![0.0; own.len() * draws];
        batch.log_prob(&events, &contexts, &mut log_probs);
        let drawn = events
            .chunks_exact(draws * width)
            .zip(log_probs.chunks_exact(draws));
        for (row, (events, log_probs)) in own.zip(drawn) {
            let truth = &truths[row * width..][..width];
            for (channel, ranks) in ranks.parameters.iter_mut().enumerate() {
                let own = events.iter().skip(channel).step_by(width);
                ranks.push(rank(own.clone(), truth[channel], &mut ties));
                within[channel] += variance(own);
            }
            let below = rank(log_probs.iter(), likelihoods[row], &mut ties);
            ranks.density.push(draws - below);
        }
    }
    ranks.contraction = (0..width)
        .map(|channel| {
            let own = truths.iter().skip(channel).step_by(width);
            1.0 - within[channel] / rows as f64 / variance(own)
        })
        .collect();
    Ok(ranks)
}

/// How many of the draws are less than the truth, a random number of the equal ones among them.
fn rank<'v>(draws: impl Iterator<Item = &'v f32>, truth: f32, ties: &mut Random) -> usize {
    let (less, equal) = draws.fold((0, 0), |(less, equal), draw| {
        // Both zeros are one value.
        let own = (draw + 0.0).total_cmp(&(truth + 0.0));
        (
            less + usize::from(own.is_lt()),
            equal + usize::from(own.is_eq()),
        )
    });
    match equal {
        0 => less,
        _ => less + ties.below(equal + 1),
    }
}

/// The unbiased variance; 0 of fewer than two values.
fn variance<'v>(values: impl Iterator<Item = &'v f32>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        let value = f64::from(*value);
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    if count < 2.0 {
        0.0
    } else {
        squares / (count - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_broken_evenly() {
        let mut ties = Random::new(1);
        let mut counts = [0; 6];
        for _ in 0..6000 {
            counts[rank([1.0, 2.0, 2.0, 2.0, 9.0].iter(), 2.0, &mut ties)] += 1;
        }
        assert_eq!([counts[0], counts[5]], [0, 0]);
        assert!(
            counts[1..5]
                .iter()
                .all(|count| (1350..1650).contains(count)),
            "{counts:?}"
        );
        assert_eq!(rank([1.0, 2.0].iter(), f32::NEG_INFINITY, &mut ties), 0);
    }

    #[test]
    fn the_variance_is_unbiased() {
        assert_eq!(variance([1.0, 2.0, 3.0, 4.0].iter()), 5.0 / 3.0);
        assert_eq!(variance([1.0].iter()), 0.0);
    }
}
