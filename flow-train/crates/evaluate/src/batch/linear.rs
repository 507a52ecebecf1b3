//! Linear, element-wise and permuting bijections: the runtime's kernels over rows of events.

use flow_model::panel::Panel;

/// `L U P x + bias` without the permutation. Both factors lie as the artefact has them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    /// Rows of U, each from the diagonal on.
    upper: Vec<Vec<f32>>,
    /// Rows of L, each its bias and what stands left of the diagonal.
    lower: Vec<Vec<f32>>,
}

impl Linear {
    /// For `channels`, from the front of `stored`.
    pub(super) fn new(channels: usize, stored: &mut impl Iterator<Item = f32>) -> Self {
        let mut row = |length| stored.by_ref().take(length).collect();
        Self {
            upper: (0..channels).map(|above| row(channels - above)).collect(),
            lower: (0..channels).map(|before| row(before + 1)).collect(),
        }
    }

    /// `x ← L U x + bias`.
    pub(super) fn normalize(&self, x: &mut Panel<f32>, sum: &mut [f32]) {
        for (channel, row) in self.upper.iter().enumerate() {
            let own = x.row_mut(channel);
            own.iter_mut().for_each(|x| *x *= row[0]);
            sum.copy_from_slice(own);
            for (weight, other) in row.iter().zip(channel..).skip(1) {
                add_product(sum, *weight, x.row(other));
            }
            x.row_mut(channel).copy_from_slice(sum);
        }
        for (channel, row) in self.lower.iter().enumerate().rev() {
            self.dot(row, x, sum);
            let own = x.row_mut(channel).iter_mut();
            own.zip(&*sum).for_each(|(x, sum)| *x += sum);
        }
    }

    /// The inverse, by substitution.
    pub(super) fn generate(&self, z: &mut Panel<f32>, sum: &mut [f32]) {
        for (channel, row) in self.lower.iter().enumerate() {
            self.dot(row, z, sum);
            let own = z.row_mut(channel).iter_mut();
            own.zip(&*sum).for_each(|(z, sum)| *z -= sum);
        }
        for (channel, row) in self.upper.iter().enumerate().rev() {
            sum.fill(0.0);
            for (weight, other) in row.iter().zip(channel..).skip(1) {
                add_product(sum, *weight, z.row(other));
            }
            let own = z.row_mut(channel).iter_mut();
            own.zip(&*sum).for_each(|(z, sum)| *z = (*z - sum) / row[0]);
        }
    }

    /// Bias plus the products with the channels before.
    fn dot(&self, row: &[f32], x: &Panel<f32>, sum: &mut [f32]) {
        sum.fill(row[0]);
        for (other, weight) in row[1..].iter().enumerate() {
            add_product(sum, *weight, x.row(other));
        }
    }
}

fn add_product(sum: &mut [f32], weight: f32, x: &[f32]) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += weight * x;
    }
}

/// `x · scale + shift`.
pub(super) fn scale(x: &mut [f32], [scale, shift]: [f32; 2]) {
    x.iter_mut().for_each(|x| *x = *x * scale + shift);
}

/// The inverse of [`scale`].
pub(super) fn unscale(z: &mut [f32], [scale, shift]: [f32; 2]) {
    z.iter_mut().for_each(|z| *z = (*z - shift) / scale);
}

/// `x_i ← x_p(i)`.
pub(super) fn gather(order: &[usize], x: &mut Panel<f32>, spare: &mut Panel<f32>) {
    for (place, channel) in order.iter().enumerate() {
        spare.row_mut(place).copy_from_slice(x.row(*channel));
    }
    std::mem::swap(x, spare);
}

/// `x_p(i) ← x_i`.
pub(super) fn scatter(order: &[usize], x: &mut Panel<f32>, spare: &mut Panel<f32>) {
    for (place, channel) in order.iter().enumerate() {
        spare.row_mut(*channel).copy_from_slice(x.row(place));
    }
    std::mem::swap(x, spare);
}
