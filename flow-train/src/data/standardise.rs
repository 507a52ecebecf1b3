//! Mean 0 and standard deviation 1, as part of the flow.

use super::{DataError, Dataset};

/// `(x − mean) · inv_std` for each channel, evaluated in `f32` as the chip does.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardiser {
    /// Means of the events' channels.
    pub event_mean: Vec<f32>,
    /// One over the standard deviations of the events' channels.
    pub event_inv_std: Vec<f32>,
    /// Means of the contexts' channels.
    pub context_mean: Vec<f32>,
    /// One over the standard deviations of the contexts' channels.
    pub context_inv_std: Vec<f32>,
}

impl Standardiser {
    /// Measures the training part, in `f64`.
    ///
    /// # Errors
    /// A channel is constant there, or its standard deviation is so large or small that `f32` can't
    /// hold one over it.
    pub fn fit(train: &Dataset) -> Result<Self, DataError> {
        let measure = |values: &[f32], names: &[String]| {
            let moments: Vec<Moments> = (0..names.len())
                .map(|i| Moments::of(values, i, names.len()))
                .collect();
            for (moment, name) in moments.iter().zip(names) {
                if moment.constant {
                    let others = train.event_names().iter().filter(|other| *other != name);
                    let varying = |other: &&String| {
                        let index = train.event_names().iter().position(|own| own == *other);
                        index.is_some_and(|index| {
                            !Moments::of(train.events(), index, train.event_dim()).constant
                        })
                    };
                    return Err(DataError::Constant {
                        column: name.clone(),
                        value: moment.mean as f32,
                        rows: train.rows(),
                        others: others.filter(varying).cloned().collect(),
                    });
                }
                if !moment.inv_std().is_normal() {
                    return Err(DataError::OutOfScale {
                        column: name.clone(),
                        std: moment.std,
                    });
                }
            }
            let mean = moments.iter().map(|m| m.mean as f32).collect();
            let inv_std = moments.iter().map(Moments::inv_std).collect();
            Ok((mean, inv_std))
        };
        let (event_mean, event_inv_std) = measure(train.events(), train.event_names())?;
        let (context_mean, context_inv_std) = measure(train.contexts(), train.context_names())?;
        Ok(Self {
            event_mean,
            event_inv_std,
            context_mean,
            context_inv_std,
        })
    }

    /// Standardises a data set: events and contexts, row-major.
    ///
    /// # Panics
    /// If the data set has other channels than the training part.
    pub fn apply(&self, data: &Dataset) -> (Vec<f32>, Vec<f32>) {
        let apply = |values: &[f32], mean: &[f32], inv_std: &[f32]| -> Vec<f32> {
            let factors = mean.iter().zip(inv_std).cycle();
            values
                .iter()
                .zip(factors)
                .map(|(x, (mean, inv_std))| (x - mean) * inv_std)
                .collect()
        };
        assert_eq!(
            data.event_dim(),
            self.event_mean.len(),
            "channels of the event"
        );
        assert_eq!(
            data.context_dim(),
            self.context_mean.len(),
            "channels of the context"
        );
        (
            apply(data.events(), &self.event_mean, &self.event_inv_std),
            apply(data.contexts(), &self.context_mean, &self.context_inv_std),
        )
    }
}

/// Mean and standard deviation of one channel.
struct Moments {
    mean: f64,
    std: f64,
    constant: bool,
}

impl Moments {
    /// Of column `index` of a row-major table, in two passes.
    fn of(values: &[f32], index: usize, columns: usize) -> Self {
        let column = || {
            values
                .iter()
                .skip(index)
                .step_by(columns)
                .map(|x| f64::from(*x))
        };
        let rows = column().count() as f64;
        let mean = column().sum::<f64>() / rows;
        let std = (column().map(|x| (x - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let first = column().next();
        Self {
            mean,
            std,
            constant: column().all(|x| Some(x) == first),
        }
    }

    fn inv_std(&self) -> f32 {
        self.std.recip() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::names;

    #[test]
    fn channels_get_mean_zero_and_deviation_one() {
        let mut data = Dataset::new(names(&["a", "b"]), names(&["t"]));
        for i in 0..100 {
            let x = i as f32;
            data.push(&[1000.0 + x, -0.001 * x], &[x * x]);
        }
        let standardiser = Standardiser::fit(&data).expect("all vary");
        let (events, context) = standardiser.apply(&data);
        for (values, index, columns) in [(&events, 0, 2), (&events, 1, 2), (&context, 0, 1)] {
            let moments = Moments::of(values, index, columns);
            assert!(moments.mean.abs() < 1e-6 && (moments.std - 1.0).abs() < 1e-6);
        }
        // The population standard deviation of 0..100, from its closed form.
        let expected = (((100.0f64 * 100.0) - 1.0) / 12.0).sqrt().recip();
        assert!((f64::from(standardiser.event_inv_std[0]) / expected - 1.0).abs() < 1e-7);
        assert_eq!(standardiser.event_mean[0], 1049.5);
    }

    #[test]
    fn a_constant_channel_is_named_with_those_to_keep() {
        let mut data = Dataset::new(names(&["a", "b", "c"]), vec![]);
        for i in 0..10 {
            data.push(&[i as f32, 7.5, 0.1 * i as f32], &[]);
        }
        assert_eq!(
            Standardiser::fit(&data).expect_err("constant").to_string(),
            "column `b` is 7.5 in all 10 training rows: a constant has no density; leave it out \
             with --columns a,c"
        );
    }

    #[test]
    fn a_spread_beyond_f32_is_not_called_constant() {
        for scale in [2e38, 1e-39] {
            let mut data = Dataset::new(names(&["a", "b"]), vec![]);
            for i in 0..10 {
                let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
                data.push(&[i as f32, sign * scale], &[]);
            }
            let text = Standardiser::fit(&data).expect_err("refused").to_string();
            assert!(
                text.contains("column `b`") && text.contains("another unit"),
                "{text}"
            );
        }
    }
}
