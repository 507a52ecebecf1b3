//! The spline in `f64`, written after Durkan et al. 2019 and apart from the
//! kernel.

/// A monotone rational-quadratic spline by its knots.
pub(crate) struct Spline {
    /// Places of the knots.
    pub(crate) across: Vec<f64>,
    /// Values at the knots.
    pub(crate) up: Vec<f64>,
    /// Derivatives at the knots.
    pub(crate) derivatives: Vec<f64>,
}

/// Softly within ±bound.
fn clip(a: f32, bound: f64) -> f64 {
    let a = f64::from(a);
    a / (1.0 + a.abs() / bound)
}

/// Knots from unnormalised sizes.
fn knots(sizes: &[f32], bound: f64) -> Vec<f64> {
    let exp: Vec<f64> = sizes
        .iter()
        .map(|a| clip(*a, 1000.0f64.ln() / 2.0).exp())
        .collect();
    let total: f64 = exp.iter().sum();
    let mut sum = 0.0;
    let mut knots = vec![-bound];
    for size in exp {
        sum += size;
        knots.push(2.0 * bound * sum / total - bound);
    }
    knots
}

impl Spline {
    pub(crate) fn new(parameters: &[f32], bound: f64) -> Self {
        let bins = parameters.len().div_ceil(3);
        let inner = parameters[2 * bins..].iter();
        let inner = inner.map(|a| clip(*a, 1000.0f64.ln()).exp());
        Self {
            across: knots(&parameters[..bins], bound),
            up: knots(&parameters[bins..2 * bins], bound),
            derivatives: [1.0].into_iter().chain(inner).chain([1.0]).collect(),
        }
    }

    /// Value and slope for a place between the ends.
    pub(crate) fn forward(&self, x: f64) -> (f64, f64) {
        let bin = self.across[1..self.across.len() - 1].partition_point(|knot| *knot <= x);
        let (width, height) = (
            self.across[bin + 1] - self.across[bin],
            self.up[bin + 1] - self.up[bin],
        );
        let [lower, upper] = [self.derivatives[bin], self.derivatives[bin + 1]];
        let slope = height / width;
        let xi = (x - self.across[bin]) / width;
        let both = xi * (1.0 - xi);
        let denominator = slope + (upper + lower - 2.0 * slope) * both;
        let value = self.up[bin] + height * (slope * xi * xi + lower * both) / denominator;
        let numerator = upper * xi * xi + 2.0 * slope * both + lower * (1.0 - xi) * (1.0 - xi);
        (
            value,
            slope * slope * numerator / (denominator * denominator),
        )
    }
}
