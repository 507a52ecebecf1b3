//! How well a score ranks anomalies above normal rows.

/// Area under the receiver operating characteristic: the probability that a random anomaly scores
/// higher than a random normal row, ties counting one half (the Mann–Whitney statistic). NaN scores
/// count as highest.
///
/// `scores` ascend with suspicion: give the negative log-likelihood. `None` unless both kinds occur.
///
/// # Panics
/// If the slices differ in length.
pub fn auroc(scores: &[f64], anomalies: &[bool]) -> Option<f64> {
    let ties = ties(scores, anomalies);
    let (positives, negatives) = totals(&ties)?;
    let mut negatives_above = negatives;
    let mut wins = 0.0;
    // From the highest score down.
    for (p, n) in ties {
        negatives_above -= n;
        wins += p * (negatives_above + 0.5 * n);
    }
    Some(wins / (positives * negatives))
}

/// Average precision: the mean of the precision over the anomalies, thresholds being taken at
/// distinct scores, without interpolation. Its value for a random ranking is the share of anomalies.
///
/// Arguments and `None` as for [`auroc`].
///
/// # Panics
/// If the slices differ in length.
pub fn average_precision(scores: &[f64], anomalies: &[bool]) -> Option<f64> {
    let ties = ties(scores, anomalies);
    let (positives, _) = totals(&ties)?;
    let (mut hits, mut flagged, mut sum) = (0.0, 0.0, 0.0);
    for (p, n) in ties {
        hits += p;
        flagged += p + n;
        sum += p * hits / flagged;
    }
    Some(sum / positives)
}

/// Anomalies and normal rows at each distinct score, the highest score first.
fn ties(scores: &[f64], anomalies: &[bool]) -> Vec<(f64, f64)> {
    assert_eq!(scores.len(), anomalies.len(), "one label for each score");
    // Positive NaN sorts above infinity in the total order; adding zero makes −0 equal to 0.
    let key = |score: f64| {
        if score.is_nan() {
            f64::NAN.abs()
        } else {
            score + 0.0
        }
    };
    let mut rows: Vec<(f64, bool)> = scores
        .iter()
        .map(|score| key(*score))
        .zip(anomalies.iter().copied())
        .collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    rows.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
        .map(|tie| {
            let positives = tie.iter().filter(|(_, anomaly)| *anomaly).count();
            (positives as f64, (tie.len() - positives) as f64)
        })
        .collect()
}

fn totals(ties: &[(f64, f64)]) -> Option<(f64, f64)> {
    let (positives, negatives) = ties
        .iter()
        .fold((0.0, 0.0), |(p, n), tie| (p + tie.0, n + tie.1));
    (positives > 0.0 && negatives > 0.0).then_some((positives, negatives))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // The example of scikit-learn's documentation of both measures.
        let (scores, labels) = ([0.1, 0.4, 0.35, 0.8], [false, false, true, true]);
        assert_eq!(auroc(&scores, &labels), Some(0.75));
        assert!((average_precision(&scores, &labels).expect("both") - 5.0 / 6.0).abs() < 1e-15);
        assert_eq!(auroc(&[1.0, 1.0], &[true, false]), Some(0.5));
        assert_eq!(average_precision(&[1.0, 1.0, 1.0, 1.0], &labels), Some(0.5));
        assert_eq!(auroc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(auroc(&[f64::NAN, f64::INFINITY], &[true, false]), Some(1.0));
    }

    proptest! {
        #[test]
        fn auroc_counts_the_pairs(rows in prop::collection::vec((0u8..6, any::<bool>()), 2..40)) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (score, label) in &rows {
                for (other, other_label) in &rows {
                    if *label && !other_label {
                        pairs += 1.0;
                        wins += match score.cmp(other) {
                            core::cmp::Ordering::Greater => 1.0,
                            core::cmp::Ordering::Equal => 0.5,
                            core::cmp::Ordering::Less => 0.0,
                        };
                    }
                }
            }
            match auroc(&scores, &labels) {
                Some(found) => prop_assert!((found - wins / pairs).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }
    }
}
