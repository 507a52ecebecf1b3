//! Flows over images against the bars that `docs/images.md` names.

use flow_embedded::artefact::LoadedFlow;
use flow_tests::images::digits::Digits;
use flow_tests::images::{bits, recognised};

/// Bits per test pixel that the digits may take at most: a mixture of 20 diagonal normals takes 2.715, couplings of
/// dense conditioners 1.99.
const BITS: f64 = 1.95;
/// The share of drawn digits that must be recognised as what they are to be.
const RECOGNISED: f64 = 0.9;
/// What fits beside 40 KiB of code, bytes.
const STORED: usize = (256 - 40) * 1024;

#[test]
#[ignore = "long: cargo xtask test sweeps"]
fn digits_are_modelled_within_their_bars() {
    let Some(digits) = Digits::read().expect("the digits") else {
        println!("skipped: the shared digits are not there");
        return;
    };
    assert_eq!((digits.training.rows(), digits.test.rows()), (1497, 300));
    let even = digits.train(false, 0).expect("a model");
    let flow = LoadedFlow::from_bytes(&even.bytes).expect("an artefact");
    let layers = 0..flow.header().layers.len();
    let stored = 4 * layers
        .map(|layer| flow.layer_weights(layer).count())
        .sum::<usize>();
    assert!(stored < STORED, "{stored} bytes");
    let uniform = bits(&even.bytes, None, &digits.test).expect("rounded pixels");
    assert!(uniform.bound.mean < BITS, "{uniform:?}");
    let share = recognised(&even.bytes, &digits).expect("samples");
    assert!(share >= RECOGNISED, "{share}");
    // With its own offsets in the cells, the same model takes less.
    let learnt = digits.train(true, 0).expect("a model");
    let dequantiser = learnt.dequantiser.as_deref();
    let variational = bits(&learnt.bytes, dequantiser, &digits.test).expect("rounded pixels");
    assert!(
        variational.bound.mean < uniform.bound.mean,
        "{variational:?} {uniform:?}"
    );
    assert!(variational.weighted.mean < variational.bound.mean);
    // Another model's dequantiser, and a model that is none.
    assert!(bits(&even.bytes, Some(&even.bytes), &digits.test).is_err());
}
