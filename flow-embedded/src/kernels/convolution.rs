//! Convolutions over small images, and what surrounds them in a coupling layer.
//!
//! An image lies position by position, row by row, the values of all planes side
//! by side. A convolution slides a square kernel of an odd side over it; what the
//! kernel sees beyond the edge is left out, which is zero padding. Nothing is
//! copied on the way: at each position the kernel's rows are runs of neighbouring
//! numbers.
//!
//! A row of weights starts with its head: a bias, and a weight for each number of
//! the context; one head for all positions, or one for each of them. Behind it
//! are the weights of what the kernel sees: its rows, in each its positions, at
//! each the planes. A sum starts at `0 + bias` and takes these in order, products
//! rounded; it is never the negative zero, so to leave out a zero of the padding
//! is to add it, bit for bit.

use super::activation::Activation;
use super::dense::Weight;
use super::linear::{linear_generate, linear_normalize};
use super::panel::{PANEL_ROWS, add_products};

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Positions of a row of the image.
    pub width: usize,
    /// Rows of the image.
    pub height: usize,
    /// The kernel's side, odd.
    pub kernel: usize,
    /// Planes that it sees.
    pub inputs: usize,
    /// 1, or the number of positions.
    pub heads: usize,
    /// Numbers of the context that it sees.
    pub context: usize,
}

/// What one row of the kernel sees: as many inputs as weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first of its inputs, and the one behind its last.
    pub input: [usize; 2],
    /// The first weight, counted behind the heads.
    pub weight: usize,
}

impl Convolution {
    /// The positions of the image.
    pub const fn positions(&self) -> usize {
        self.width * self.height
    }

    /// The numbers of a row before the weights of what the kernel sees.
    pub const fn head(&self) -> usize {
        self.heads * (1 + self.context)
    }

    /// The numbers of a row.
    pub const fn row(&self) -> usize {
        self.head() + self.kernel * self.kernel * self.inputs
    }

    /// Where the head of a position starts.
    #[inline(always)]
    const fn head_at(&self, position: usize) -> usize {
        match self.heads {
            1 => 0,
            _ => position * (1 + self.context),
        }
    }

    /// What the rows of the kernel see at all positions, each with its position.
    pub fn runs(self) -> impl Iterator<Item = (usize, Run)> {
        let positions = 0..self.positions();
        positions.flat_map(move |at| {
            (0..self.kernel).filter_map(move |ky| Some((at, self.run(at, ky)?)))
        })
    }

    /// The products of one row of weights at all positions.
    pub fn products(self) -> usize {
        let sizes = self.runs().map(|(_, run)| {
            let [first, behind] = run.input;
            behind - first
        });
        sizes.sum::<usize>() + self.positions() * self.context
    }

    /// What row `ky` of the kernel sees at `position`.
    #[inline(always)]
    fn run(&self, position: usize, ky: usize) -> Option<Run> {
        let reach = self.kernel / 2;
        let (x, y) = (
            position.checked_rem(self.width)?,
            position.checked_div(self.width)?,
        );
        let row = (y + ky).checked_sub(reach)?;
        if row >= self.height {
            return None;
        }
        let first = x.saturating_sub(reach);
        let behind = usize::min(x + reach + 1, self.width);
        let start = row * self.width;
        Some(Run {
            input: [
                (start + first) * self.inputs,
                (start + behind) * self.inputs,
            ],
            weight: (ky * self.kernel + first + reach - x) * self.inputs,
        })
    }
}

/// One row of a convolution at one position, before its activation: the twin of
/// [`convolve`] over lengths known at run time.
pub fn convolve_at<W: Weight>(
    row: &[W],
    sizes: &Convolution,
    position: usize,
    context: &[f32],
    input: &[f32],
) -> f32 {
    let (heads, taps) = row.split_at_checked(sizes.head()).unwrap_or((row, &[]));
    let [bias, weights @ ..] = heads.get(sizes.head_at(position)..).unwrap_or_default() else {
        return f32::NAN;
    };
    let pairs = weights.iter().zip(context).take(sizes.context);
    let start = pairs.fold(0.0 + bias.value(), |sum, (w, x)| sum + w.value() * x);
    (0..sizes.kernel)
        .filter_map(|ky| sizes.run(position, ky))
        .fold(start, |sum, run| {
            let [first, behind] = run.input;
            let weights = taps.get(run.weight..).unwrap_or_default();
            let input = input.get(first..behind).unwrap_or_default();
            let pairs = weights.iter().zip(input);
            pairs.fold(sum, |sum, (w, x)| sum + w.value() * x)
        })
}

/// Some rows of a convolution at all positions, into the planes `OFFSET` to
/// `OFFSET + ROWS` of `output`: a panel holds them column by column. Each row has
/// an accumulator of its own: the bits are those of [`convolve_at`].
///
/// That the sizes fit is checked when the code is compiled.
#[inline(always)]
pub fn convolve<
    A: Activation,
    const OFFSET: usize,
    const KERNEL: usize,
    const WIDTH: usize,
    const HEADS: usize,
    const ROWS: usize,
    const COLUMNS: usize,
    const CONTEXT: usize,
    const POSITIONS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    panel: &[[W; ROWS]; COLUMNS],
    context: &[f32; CONTEXT],
    input: &[[f32; INPUT]; POSITIONS],
    output: &mut [[f32; OUTPUT]; POSITIONS],
) {
    const {
        assert!(HEADS * (1 + CONTEXT) + KERNEL * KERNEL * INPUT == COLUMNS);
        assert!(HEADS == 1 || HEADS == POSITIONS);
        assert!(POSITIONS.is_multiple_of(WIDTH) && KERNEL % 2 == 1);
        assert!(OFFSET + ROWS <= OUTPUT && ROWS <= PANEL_ROWS);
    }
    slide::<A, KERNEL, WIDTH, HEADS, ROWS, COLUMNS, CONTEXT, POSITIONS, INPUT, W>(
        panel,
        context,
        input,
        output
            .as_flattened_mut()
            .get_mut(OFFSET..)
            .unwrap_or_default(),
        OUTPUT,
    );
}

/// The sums of a panel at each position, `stride` numbers apart.
///
/// Not inlined into its callers: panels of one shape share one instance. One function for all shapes was tried: it takes
/// 8 % more instructions and saves no flash.
#[inline(never)]
fn slide<
    A: Activation,
    const KERNEL: usize,
    const WIDTH: usize,
    const HEADS: usize,
    const ROWS: usize,
    const COLUMNS: usize,
    const CONTEXT: usize,
    const POSITIONS: usize,
    const INPUT: usize,
    W: Weight,
>(
    panel: &[[W; ROWS]; COLUMNS],
    context: &[f32; CONTEXT],
    input: &[[f32; INPUT]; POSITIONS],
    output: &mut [f32],
    stride: usize,
) {
    let sizes = Convolution {
        width: WIDTH,
        height: POSITIONS / WIDTH,
        kernel: KERNEL,
        inputs: INPUT,
        heads: HEADS,
        context: CONTEXT,
    };
    let input = input.as_flattened();
    let Some((heads, taps)) = panel.split_at_checked(sizes.head()) else {
        return;
    };
    let mut rest = output;
    for position in 0..POSITIONS {
        let [bias, weights @ ..] = heads.get(sizes.head_at(position)..).unwrap_or_default() else {
            return;
        };
        let mut sums = [0.0; ROWS];
        for (sum, bias) in sums.iter_mut().zip(bias) {
            *sum = 0.0 + bias.value();
        }
        add_products(&mut sums, weights, context);
        for ky in 0..KERNEL {
            if let Some(run) = sizes.run(position, ky) {
                let [first, behind] = run.input;
                let weights = taps.get(run.weight..).unwrap_or_default();
                let input = input.get(first..behind).unwrap_or_default();
                add_products(&mut sums, weights, input);
            }
        }
        for (y, sum) in rest.iter_mut().zip(sums) {
            *y = A::apply(sum);
        }
        rest = rest.get_mut(stride..).unwrap_or_default();
    }
}

/// The channels in some places, one behind the other. A place that there isn't
/// gives NaN.
pub fn gather_places(x: &[f32], places: &[u8], to: &mut [f32]) {
    for (to, place) in to.iter_mut().zip(places) {
        *to = x.get(usize::from(*place)).copied().unwrap_or(f32::NAN);
    }
}

/// Transforms the channels in some places, each by the next `COUNT` parameters;
/// returns the sum of what `transform` gives as log-determinants.
#[inline(always)]
pub fn transform_places<const COUNT: usize>(
    x: &mut [f32],
    places: &[u8],
    parameters: &mut [f32],
    mut transform: impl FnMut(f32, &mut [f32; COUNT]) -> (f32, f32),
) -> f32 {
    let mut log_det = 0.0;
    for (place, own) in places.iter().zip(parameters.as_chunks_mut().0) {
        if let Some(x) = x.get_mut(usize::from(*place)) {
            let (value, log_slope) = transform(*x, own);
            *x = value;
            log_det += log_slope;
        }
    }
    log_det
}

/// [`linear_normalize`] at each position of an image: an invertible 1×1
/// convolution (Kingma & Dhariwal 2018, "Glow"). `values` has room for one number
/// of each plane.
pub fn pointwise_normalize<W: Weight>(
    x: &mut [f32],
    places: &[u8],
    upper: &[W],
    lower: &[W],
    values: &mut [f32],
) {
    pointwise(x, places, values, |own| linear_normalize(own, upper, lower));
}

/// The inverse of [`pointwise_normalize`].
pub fn pointwise_generate<W: Weight>(
    z: &mut [f32],
    places: &[u8],
    upper: &[W],
    lower: &[W],
    values: &mut [f32],
) {
    pointwise(z, places, values, |own| linear_generate(own, upper, lower));
}

#[inline(always)]
fn pointwise(x: &mut [f32], mut places: &[u8], values: &mut [f32], map: impl Fn(&mut [f32])) {
    while let Some((own, rest)) = places.split_at_checked(values.len())
        && !own.is_empty()
    {
        gather_places(x, own, values);
        map(values);
        for (place, value) in own.iter().zip(values.iter()) {
            if let Some(x) = x.get_mut(usize::from(*place)) {
                *x = *value;
            }
        }
        places = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::{Convolution, convolve, convolve_at};
    use crate::kernels::{Activation as _, Relu};

    /// Numbers without a pattern.
    fn number(index: usize) -> f32 {
        (index as f32 * 12.9898).sin()
    }

    /// What a convolution is, over an image with zeros around it.
    fn by_definition(
        row: &[f32],
        sizes: &Convolution,
        position: usize,
        context: &[f32],
        input: &[f32],
    ) -> f64 {
        let head = &row[sizes.head_at(position)..][..1 + sizes.context];
        let mut sum = f64::from(head[0]);
        for (w, x) in head[1..].iter().zip(context) {
            sum += f64::from(*w) * f64::from(*x);
        }
        let reach = sizes.kernel as isize / 2;
        let (x, y) = (position % sizes.width, position / sizes.width);
        let mut weights = row[sizes.head()..].iter();
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (x, y) = (x as isize + dx, y as isize + dy);
                for plane in 0..sizes.inputs {
                    let inside = (0..sizes.width as isize).contains(&x)
                        && (0..sizes.height as isize).contains(&y);
                    let place =
                        (y * sizes.width as isize + x) * sizes.inputs as isize + plane as isize;
                    let value = if inside { input[place as usize] } else { 0.0 };
                    sum += f64::from(*weights.next().unwrap()) * f64::from(value);
                }
            }
        }
        sum
    }

    fn check<
        const KERNEL: usize,
        const WIDTH: usize,
        const HEADS: usize,
        const CONTEXT: usize,
        const COLUMNS: usize,
        const POSITIONS: usize,
    >() {
        const INPUT: usize = 3;
        let sizes = Convolution {
            width: WIDTH,
            height: POSITIONS / WIDTH,
            kernel: KERNEL,
            inputs: INPUT,
            heads: HEADS,
            context: CONTEXT,
        };
        let mut panel = [[0.0; 5]; COLUMNS];
        for (index, weight) in panel.as_flattened_mut().iter_mut().enumerate() {
            *weight = number(index);
        }
        let context: [f32; CONTEXT] = core::array::from_fn(|index| number(index + 7));
        let mut input = [[0.0; INPUT]; POSITIONS];
        for (index, x) in input.as_flattened_mut().iter_mut().enumerate() {
            *x = number(3 * index + 1);
        }
        let mut output = [[7.0; 8]; POSITIONS];
        convolve::<Relu, 2, KERNEL, WIDTH, HEADS, _, _, _, _, _, _, _>(
            &panel,
            &context,
            &input,
            &mut output,
        );
        for (position, output) in output.iter().enumerate() {
            assert_eq!([output[0], output[1], output[7]], [7.0; 3]);
            for row in 0..5 {
                let mut weights = [0.0; COLUMNS];
                weights
                    .iter_mut()
                    .zip(&panel)
                    .for_each(|(w, column)| *w = column[row]);
                let sum = convolve_at(&weights, &sizes, position, &context, input.as_flattened());
                assert_eq!(Relu::apply(sum).to_bits(), output[2 + row].to_bits());
                let exact =
                    by_definition(&weights, &sizes, position, &context, input.as_flattened());
                assert!((f64::from(sum) - exact).abs() < 1e-5, "{sum} for {exact}");
            }
        }
    }

    #[test]
    fn convolutions_are_what_they_are_by_definition() {
        check::<3, 4, 1, 0, 28, 12>();
        check::<3, 4, 1, 2, 30, 16>();
        check::<3, 2, 4, 3, 43, 4>();
        check::<1, 3, 1, 0, 4, 6>();
        check::<5, 3, 1, 1, 77, 9>();
        check::<3, 1, 1, 0, 28, 1>();
    }
}
