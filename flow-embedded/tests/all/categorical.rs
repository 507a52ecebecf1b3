//! The laws of argmax flows over categories.

use flow_embedded::kernels::{category_at, category_log_prob, code, embed, embedding};
use flow_embedded::math::{Math, Polynomial};
use proptest::prelude::*;

fn logits() -> impl Strategy<Value = Vec<f32>> {
    let scale = prop_oneof![Just(0.1f32), Just(3.0), Just(40.0)];
    let own = prop::collection::vec(-1.0f32..1.0, 2..70);
    (own, scale).prop_map(|(own, scale)| own.iter().map(|x| x * scale).collect())
}

proptest! {
    /// The probabilities are the softmax of the logits, and sum to one.
    #[test]
    fn probabilities_sum_to_one(logits in logits()) {
        let total: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
        let mut sum = 0.0;
        for (index, logit) in logits.iter().enumerate() {
            let own = f64::from(category_log_prob::<Polynomial>(index as f32, &logits));
            let exact = f64::from(*logit) - total.ln();
            prop_assert!((own - exact).abs() < 2e-5 + 1e-6 * exact.abs(), "{own} {exact}");
            sum += own.exp();
        }
        prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }

    /// Even quantiles give each category as often as its probability says.
    #[test]
    fn quantiles_are_those_of_the_probabilities(logits in logits()) {
        const QUANTILES: usize = 4096;
        let mut counts = vec![0usize; logits.len()];
        for index in 0..QUANTILES {
            let quantile = (index as f32 + 0.5) / QUANTILES as f32;
            let own = category_at::<Polynomial>(quantile, &mut logits.clone());
            counts[code(own, logits.len()).expect("a code")] += 1;
        }
        for (index, count) in counts.into_iter().enumerate() {
            let p = f64::from(category_log_prob::<Polynomial>(index as f32, &logits)).exp();
            let share = count as f64 / QUANTILES as f64;
            prop_assert!((share - p).abs() < 1.1 / QUANTILES as f64, "{share} {p}");
        }
    }
}

#[test]
fn what_is_no_code_has_no_probability() {
    for x in [
        -1.0,
        0.5,
        3.0,
        1e30,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ] {
        assert!(
            category_log_prob::<Polynomial>(x, &[0.0; 3]).is_nan(),
            "{x}"
        );
        let mut features = [1.0; 4];
        embed::<1, _, _, _, _>(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], x, &mut features);
        assert!(features[1..3].iter().all(|x| x.is_nan()), "{x}");
        assert_eq!((features[0], features[3]), (1.0, 1.0));
    }
    assert_eq!(code(-0.0, 1), Some(0));
    assert!(category_log_prob::<Polynomial>(0.0, &[]).is_nan());
    assert!(category_log_prob::<Polynomial>(0.0, &[0.0, f32::NAN]).is_nan());
    assert!(category_at::<Polynomial>(0.5, &mut [0.0, f32::NAN]).is_nan());
    assert!(category_at::<Polynomial>(0.5, &mut []).is_nan());
}

/// The ends of the generator's words stay codes, also where rounding leaves nothing above them.
#[test]
fn the_extremes_are_categories_that_can_be() {
    let mut logits = vec![-60.0f32; 40];
    logits[7] = 0.0;
    // The generator's least word is half a cell of 2^-32.
    for quantile in [1.16e-10, 1e-6, 0.5, 1.0 - f32::EPSILON, 1.0] {
        assert_eq!(
            category_at::<Polynomial>(quantile, &mut logits.clone()),
            7.0
        );
    }
    let nearly = Polynomial::exp(-3.0);
    assert!(nearly > 0.0);
    assert_eq!(category_at::<Polynomial>(1.0, &mut [0.0, 0.0, -200.0]), 1.0);
}

/// Both twins of the table look-up.
#[test]
fn embeddings_are_rows() {
    let table = [[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    for (x, row) in table.iter().enumerate() {
        let mut features = [0.0; 5];
        embed::<2, _, _, _, _>(&table, x as f32, &mut features);
        assert_eq!(features[2..], row[..]);
        let own: Vec<f32> = embedding(table.as_flattened(), 2, 3, x as f32).collect();
        assert_eq!(own, row);
    }
    let none: Vec<f32> = embedding(table.as_flattened(), 2, 3, 2.0).collect();
    assert!(none.len() == 3 && none.iter().all(|x| x.is_nan()));
}
