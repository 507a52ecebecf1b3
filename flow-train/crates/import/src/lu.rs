//! Linear layers by their factors, as nflows and normflows have them.

use super::ImportError;
use super::layers::argsort;
use super::state::State;
use flow_model::{FactorsParts, LayerParts, ScalesParts};
use nalgebra::{DMatrix, DVector};

/// Takes `LULinear`: `L U P x + bias` for a permutation that was taken before; the diagonal is above `least`.
pub(super) fn linear(
    state: &mut State,
    name: &str,
    permutation: Vec<usize>,
    least: f64,
) -> Result<LayerParts<f64>, ImportError> {
    let n = permutation.len();
    let mut take = |key: &str, count| state.vector(&format!("{name}{key}"), count);
    let entries = n * (n - 1) / 2;
    let (below, above) = (
        take("lower_entries", entries)?,
        take("upper_entries", entries)?,
    );
    let diagonal = take("unconstrained_upper_diag", n)?;
    let bias = take("bias", n)?;
    let (mut lower, mut upper) = (vec![0.0; n * n], vec![0.0; n * n]);
    let places =
        |wanted: fn(usize, usize) -> bool| (0..n * n).filter(move |own| wanted(own / n, own % n));
    for (place, value) in places(|row, column| column < row).zip(below) {
        lower[place] = value;
    }
    for (place, value) in places(|row, column| row < column).zip(above) {
        upper[place] = value;
    }
    for (index, value) in diagonal.into_iter().enumerate() {
        lower[index * n + index] = 1.0;
        upper[index * n + index] = softplus(value) + least;
    }
    Ok(LayerParts::Linear {
        permutation,
        factors: FactorsParts { lower, upper, bias },
    })
}

/// `z = matrix x` for a matrix of so many rows, row-major: its factors, channels that change their sign, and the rows'
/// order.
pub(super) fn dense(
    key: &str,
    matrix: &[f64],
    n: usize,
) -> Result<[LayerParts<f64>; 3], ImportError> {
    let factors = DMatrix::from_row_slice(n, n, matrix).lu();
    let (lower, upper) = (factors.l(), factors.u());
    let diagonal: Vec<f64> = (0..n).map(|own| upper[(own, own)]).collect();
    if diagonal.contains(&0.0) {
        return Err(ImportError::unsupported(
            key,
            "a matrix that has no inverse",
        ));
    }
    let signs: Vec<f64> = diagonal.iter().map(|own| own.signum()).collect();
    let places = || (0..n).flat_map(|row| (0..n).map(move |column| (row, column)));
    // The matrix is P' L S |U|, with signs S: as P' S (S L S) |U|.
    let lower = places().map(|(row, column)| lower[(row, column)] * signs[row] * signs[column]);
    let upper = places().map(|(row, column)| upper[(row, column)] * signs[row]);
    let mut rows = DVector::from_fn(n, |row, _| row);
    factors.p().permute_rows(&mut rows);
    let rows: Vec<usize> = rows.iter().copied().collect();
    Ok([
        LayerParts::Linear {
            permutation: (0..n).collect(),
            factors: FactorsParts {
                lower: lower.collect(),
                upper: upper.collect(),
                bias: vec![0.0; n],
            },
        },
        LayerParts::ElementWise(ScalesParts {
            scale: signs,
            shift: vec![0.0; n],
        }),
        LayerParts::Permutation(argsort(&rows)),
    ])
}

/// `ln(1 + e^x)`.
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The inverse of [`softplus`].
pub(super) fn inverse_softplus(y: f64) -> f64 {
    y.exp_m1().ln()
}
