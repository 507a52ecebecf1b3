//! NumPy's archives: tensors by key, and what else a source has.

use super::ImportError;
use super::state::Tensor;
use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Whether bytes begin as an archive does.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// All arrays of an archive, by name, row-major.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, ImportError> {
    let broken = |fault: &dyn std::fmt::Display| {
        ImportError::Format(format!("the archive of arrays can't be read: {fault}"))
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|fault| broken(&fault))?;
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|fault| broken(&fault))?;
        let name = file.name().trim_end_matches(".npy").to_owned();
        let array = NpyFile::new(file).map_err(|fault| broken(&fault))?;
        let sizes = array.shape().iter().map(|own| usize::try_from(*own));
        let shape: Vec<usize> = sizes
            .collect::<Result<_, _>>()
            .map_err(|fault| broken(&fault))?;
        let is_row_major = array.order() == Order::C || shape.len() < 2;
        let own = numbers(array)
            .ok_or_else(|| ImportError::unsupported(&name, "numbers of a type that is not read"))?;
        let mut values = own.map_err(|fault| broken(&fault))?;
        if !is_row_major {
            values = row_major(&values, &shape);
        }
        arrays.push((name, Tensor { shape, values }));
    }
    Ok(arrays)
}

/// The numbers of an array, if their type is known.
fn numbers<R: Read>(array: NpyFile<R>) -> Option<std::io::Result<Vec<f64>>> {
    let DType::Plain(kind) = array.dtype() else {
        return None;
    };
    match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => Some(all::<_, f64>(array, |own| own)),
        (TypeChar::Float, 4) => Some(all::<_, f32>(array, f64::from)),
        (TypeChar::Int, 8) => Some(all::<_, i64>(array, |own| own as f64)),
        (TypeChar::Int, 4) => Some(all::<_, i32>(array, f64::from)),
        (TypeChar::Uint, 1) => Some(all::<_, u8>(array, f64::from)),
        (TypeChar::Bool, _) => Some(all::<_, bool>(array, f64::from)),
        _ => None,
    }
}

fn all<R: Read, T: Deserialize>(
    array: NpyFile<R>,
    wide: fn(T) -> f64,
) -> std::io::Result<Vec<f64>> {
    let values = array.data::<T>().map_err(std::io::Error::other)?;
    values.map(|own| own.map(wide)).collect()
}

/// Numbers that stand column by column, row by row.
fn row_major(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let place = |index: usize| {
        let axes = (0..shape.len()).rev();
        let (place, _) = axes.fold((0, index), |(place, rest), axis| {
            (
                place + rest % shape[axis] * strides[axis],
                rest / shape[axis],
            )
        });
        place
    };
    (0..values.len())
        .map(|index| values[place(index)])
        .collect()
}
