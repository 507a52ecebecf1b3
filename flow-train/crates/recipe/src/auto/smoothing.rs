//! How much noise to add to training rows, from the rows alone.
//!
//! A Gaussian kernel density of bandwidth σ is what remains of a flow that has learnt its noisy rows by heart, so
//! the bandwidth that explains left-out rows best says how far the rows reach into the space between them. Of the
//! log-densities of left-out rows the *median* decides: their mean is ruled by the few rows that have no neighbour,
//! and asks for a bandwidth that blurs all others (Silverman 1986, section 3.4.4, on
//! likelihood cross-validation).
//!
//! A flow learns more than a kernel density does, and needs less noise: three quarters.

use flow_host::random::Random;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// The share of the bandwidth that a flow gets as noise.
const SHARE: f64 = 0.75;
/// The rows that make up the kernel density, and those of them that are left out by turns.
const KERNELS: usize = 2000;
const LEFT_OUT: usize = 500;
/// The bandwidths that are tried, in standard deviations, in geometric steps.
const BANDWIDTHS: usize = 30;
const NARROWEST: f64 = 0.02;
const WIDEST: f64 = 1.5;

/// The standard deviation of the noise for prepared rows, `[rows x event]`; `circular` are the channels that are
/// angles in radians. The same rows and seed give the same answer.
///
/// # Panics
/// If there is no row.
#[must_use]
pub fn noise(rows: &[f32], event: usize, circular: &[usize], seed: u64) -> f64 {
    SHARE * bandwidth(rows, event, circular, seed)
}

/// The bandwidth that maximises the median log-density of rows left out.
fn bandwidth(rows: &[f32], event: usize, circular: &[usize], seed: u64) -> f64 {
    let mut order: Vec<usize> = (0..rows.len() / event).collect();
    assert!(!order.is_empty(), "there must be rows");
    Random::new(seed).shuffle(&mut order);
    order.truncate(KERNELS);
    let row = |index: usize| &rows[order[index] * event..][..event];
    let candidates: Vec<f64> = (0..BANDWIDTHS)
        .map(|i| NARROWEST * (WIDEST / NARROWEST).powf(i as f64 / (BANDWIDTHS - 1) as f64))
        .collect();
    let left_out: Vec<Vec<f64>> = (0..LEFT_OUT.min(order.len()))
        .into_par_iter()
        .map(|own| {
            let others = (0..order.len()).filter(|other| *other != own);
            let squares: Vec<f64> = others
                .map(|other| square_distance(row(own), row(other), circular))
                .collect();
            log_densities(&squares, event, &candidates)
        })
        .collect();
    let median = |index: usize| {
        let mut values: Vec<f64> = left_out.iter().map(|densities| densities[index]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let best = (0..candidates.len()).max_by(|a, b| median(*a).total_cmp(&median(*b)));
    best.map_or(NARROWEST, |best| candidates[best])
}

fn square_distance(a: &[f32], b: &[f32], circular: &[usize]) -> f64 {
    let turn = std::f64::consts::TAU;
    let pairs = a.iter().zip(b).enumerate();
    pairs
        .map(|(channel, (a, b))| {
            let straight = f64::from(a - b);
            let difference = match circular.contains(&channel) {
                true => straight - turn * (straight / turn).round(),
                false => straight,
            };
            difference * difference
        })
        .sum()
}

/// `ln Σ exp(−d² / 2σ²) − D ln σ` for each bandwidth σ.
fn log_densities(squares: &[f64], event: usize, bandwidths: &[f64]) -> Vec<f64> {
    let nearest = squares.iter().copied().fold(f64::INFINITY, f64::min);
    let density = |sigma: &f64| {
        let scale = -0.5 / (sigma * sigma);
        // The nearest first, so that nothing underflows.
        let terms = squares
            .iter()
            .map(|square| ((square - nearest) * scale).exp());
        terms.sum::<f64>().ln() + nearest * scale - event as f64 * sigma.ln()
    };
    match squares.is_empty() {
        true => vec![0.0; bandwidths.len()],
        false => bandwidths.iter().map(density).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(rows: usize, event: usize) -> Vec<f32> {
        let mut random = Random::new(3);
        (0..rows * event).map(|_| random.normal()).collect()
    }

    #[test]
    fn fewer_rows_and_more_channels_need_more_noise() {
        let of = |rows: usize, event: usize| noise(&normals(rows, event), event, &[], 1);
        let plenty = of(2000, 2);
        assert!((0.02..0.3).contains(&plenty), "{plenty}");
        assert!(of(60, 2) > 1.5 * plenty);
        assert!(of(2000, 10) > 1.5 * plenty);
    }

    #[test]
    fn clusters_are_not_blurred_by_a_few_lonely_rows() {
        // Two tight clusters, and one row in a hundred anywhere.
        let mut rows = normals(1000, 2);
        for (index, row) in rows.chunks_exact_mut(2).enumerate() {
            let centre = if index % 2 == 0 { -1.0 } else { 1.0 };
            let size = if index % 100 == 0 { 3.0 } else { 0.05 };
            row.iter_mut().for_each(|x| *x = centre + size * *x);
        }
        assert!(noise(&rows, 2, &[], 1) < 0.04);
    }

    #[test]
    fn an_angle_has_no_ends() {
        let straight: Vec<f32> = normals(400, 1).iter().map(|x| 0.3 * x).collect();
        // The same half a turn on: neighbours across the cut.
        let half = std::f32::consts::PI;
        let across: Vec<f32> = straight
            .iter()
            .map(|x| if *x > 0.0 { x - half } else { x + half })
            .collect();
        assert_eq!(noise(&across, 1, &[0], 1), noise(&straight, 1, &[], 1));
        assert_ne!(noise(&across, 1, &[], 1), noise(&straight, 1, &[], 1));
    }

    #[test]
    fn one_row_and_equal_rows_have_an_answer() {
        assert!(noise(&[1.0, 2.0], 2, &[], 0).is_finite());
        assert!(noise(&[0.5; 40], 2, &[], 0).is_finite());
    }
}
