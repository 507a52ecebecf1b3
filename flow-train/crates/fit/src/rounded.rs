//! Parameters as they will be stored.

use flow_embedded::artefact::WeightFormat;
use flow_model::Flow;
use flow_plan::weight_scale;
use half::f16;
use std::ops::Range;

/// Puts rounded weights in the place of the trained ones, and these back.
pub(super) struct Rounded {
    format: Option<WeightFormat>,
    /// The weights of each row.
    rows: Vec<Range<usize>>,
    /// The parameters before rounding.
    trained: Vec<f32>,
}

impl Rounded {
    pub(super) fn new(flow: &Flow<f32>, format: Option<WeightFormat>) -> Self {
        Self {
            format,
            rows: format.map_or(Vec::new(), |_| flow.weight_rows()),
            trained: Vec::new(),
        }
    }

    /// Rounds the flow's weights.
    pub(super) fn round(&mut self, flow: &mut Flow<f32>) {
        let Some(format) = self.format else {
            return;
        };
        self.trained.clear();
        self.trained.extend_from_slice(flow.parameters());
        for row in &self.rows {
            round(&mut flow.parameters_mut()[row.clone()], format);
        }
    }

    /// Undoes [`round`](Self::round).
    pub(super) fn restore(&self, flow: &mut Flow<f32>) {
        if self.format.is_some() {
            flow.parameters_mut().copy_from_slice(&self.trained);
        }
    }
}

/// Rounds a row of weights to the nearest that the format holds: multiples of a step that suits the row for
/// integers.
fn round(row: &mut [f32], format: WeightFormat) {
    if format == WeightFormat::F16 {
        row.iter_mut()
            .for_each(|weight| *weight = f16::from_f32(*weight).to_f32());
        return;
    }
    let scale = weight_scale(0.0, row, 0, format);
    if scale > 0.0 {
        row.iter_mut()
            .for_each(|weight| *weight = ((f64::from(*weight) / scale).round() * scale) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::round;
    use flow_embedded::artefact::WeightFormat;

    fn row() -> Vec<f32> {
        (0..40).map(|i| (i as f32 * 1.3).sin()).collect()
    }

    #[test]
    fn what_is_rounded_stays_as_it_is() {
        for format in [WeightFormat::F16, WeightFormat::I8] {
            let mut once = row();
            round(&mut once, format);
            assert_ne!(once, row());
            let mut twice = once.clone();
            round(&mut twice, format);
            for (once, twice) in once.iter().zip(&twice) {
                assert!((once - twice).abs() <= 1e-6 * once.abs(), "{format:?}");
            }
        }
        let mut zeros = [0.0; 3];
        round(&mut zeros, WeightFormat::I8);
        assert_eq!(zeros, [0.0; 3]);
    }

    #[test]
    fn integers_of_16_bits_are_as_fine_as_the_sum_allows() {
        let mut rounded = row();
        round(&mut rounded, WeightFormat::I16);
        let sum: f32 = row().iter().map(|weight| weight.abs()).sum();
        let step = sum * 32_768.0 / i32::MAX as f32;
        for (rounded, weight) in rounded.iter().zip(row()) {
            assert!((rounded - weight).abs() <= 0.51 * step);
        }
    }
}
