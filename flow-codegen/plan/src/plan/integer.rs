//! A model's numbers as integers.

use super::base::BasePlan;

/// The constants of a model of integers.
pub struct Constants;

impl Constants {
    /// In Q16; saturates.
    pub fn q16(x: f32) -> i32 {
        Self::fixed(x, 16)
    }

    /// One over the bound of a log-scale in Q30; saturates.
    pub fn inv_bound(bound: f32) -> u32 {
        (2f64.powi(30) / f64::from(bound)).round() as u32
    }

    /// The rows of U, in Q24.
    pub fn upper(rows: &[Vec<f32>]) -> Vec<i32> {
        rows.iter().flatten().map(|w| Self::weight(*w)).collect()
    }

    /// The rows of L: the bias in Q16, then weights in Q24.
    pub fn lower(rows: &[Vec<f32>]) -> Vec<i32> {
        let row = |row: &Vec<f32>| {
            let numbers = row.iter().enumerate();
            let numbers = numbers.map(|(place, number)| match place {
                0 => Self::q16(*number),
                _ => Self::weight(*number),
            });
            numbers.collect::<Vec<_>>()
        };
        rows.iter().flat_map(row).collect()
    }

    /// Scales in Q24, shifts in Q16.
    pub fn pairs(pairs: &[[f32; 2]]) -> Vec<[i32; 2]> {
        let pair = |[scale, shift]: &[f32; 2]| [Self::weight(*scale), Self::q16(*shift)];
        pairs.iter().map(pair).collect()
    }

    /// The components of a mixture, without the cumulated weights that only a
    /// sampler needs.
    pub fn mixture(base: &BasePlan) -> Vec<i32> {
        let component = |numbers: &[f32]| {
            let mut own = vec![Self::q16(numbers[0])];
            for [mean, inv_std] in numbers[2..].as_chunks().0 {
                own.extend([Self::q16(*mean), Self::weight(*inv_std)]);
            }
            own
        };
        let components = base.weights.chunks_exact(2 + 2 * base.places.len());
        components.flat_map(component).collect()
    }

    /// In Q24; saturates at ±128.
    fn weight(x: f32) -> i32 {
        Self::fixed(x, 24)
    }

    fn fixed(x: f32, bits: i32) -> i32 {
        (f64::from(x) * 2f64.powi(bits)).round() as i32
    }
}
