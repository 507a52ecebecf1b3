use super::*;
use crate::panel::Panel;
use flow_embedded::artefact::{Ends, FlooredSpline, Scale};
use flow_embedded::kernels;
use flow_embedded::math::{Libm, Math};

const BOUND: f32 = 4.0;

fn spline(bins: u8) -> Transformer {
    Transformer::Spline { bins, bound: BOUND }
}

fn all() -> Vec<(Transformer, bool)> {
    let affine = Transformer::Affine {
        log_scale_bound: 2.0,
    };
    let splines = [2, 3, 8, 9, 40].map(spline);
    let lines = [Transformer::Shift, affine].into_iter().chain(splines);
    let circles = splines.into_iter().map(|spline| (spline, true));
    let lines = lines.chain(imported());
    lines.map(|line| (line, false)).chain(circles).collect()
}

/// Those of other libraries.
fn imported() -> Vec<Transformer> {
    let directions = [Direction::Normalizing, Direction::Generative];
    let scales = [
        Scale::Exponential { least: 0.0 },
        Scale::Exponential { least: 1.0 },
        Scale::Softplus { least: 1e-3 },
        Scale::Sigmoid { least: 1e-3 },
    ];
    let scaled = scales
        .into_iter()
        .flat_map(|scale| directions.map(|direction| Transformer::Scaled { scale, direction }));
    let splines = [
        (2, Ends::Smooth),
        (8, Ends::Free),
        (9, Ends::Smooth),
        (40, Ends::Free),
    ];
    let splines = splines.into_iter().zip(directions.into_iter().cycle());
    let splines = splines.map(|((bins, ends), direction)| {
        Transformer::FlooredSpline(FlooredSpline {
            bins,
            bound: BOUND,
            least_size: 8e-3,
            least_slope: 1e-3,
            ends,
            direction,
        })
    });
    scaled.chain(splines).collect()
}

/// Whether its scale has no bound: large parameters overflow, by right.
fn is_unbounded(transformer: Transformer) -> bool {
    matches!(transformer, Transformer::Scaled { .. })
}

/// Numbers in -1 .. 1 from a linear congruential generator.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn panel<T: Real>(&mut self, rows: usize, columns: usize, reach: f64) -> Panel<T> {
        let mut panel = Panel::new(rows, columns);
        for row in 0..rows {
            for value in &mut panel.row_mut(row)[..columns] {
                *value = T::from_f64(reach * self.next());
            }
        }
        panel
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Forward,
    Inverse,
}

impl Way {
    fn as_it_stands(self, direction: Direction) -> bool {
        (self == Self::Forward) == (direction == Direction::Normalizing)
    }
}

/// One channel's pass over a row of events.
struct Run<T> {
    transformer: Transformer,
    circular: bool,
    way: Way,
    given: Panel<T>,
    parameters: Panel<T>,
    saved: Panel<T>,
    out: Panel<T>,
    log_det: Panel<T>,
}

impl<T: Real> Run<T> {
    fn new(
        (transformer, circular): (Transformer, bool),
        way: Way,
        columns: usize,
        given: impl Fn(usize) -> T,
        raw: impl Fn(usize, usize) -> T,
    ) -> Self {
        let rows = |count| Panel::new(count, columns);
        let mut run = Self {
            transformer,
            circular,
            way,
            given: rows(1),
            parameters: rows(transformer.parameters()),
            saved: rows(saved(transformer)),
            out: rows(1),
            log_det: rows(1),
        };
        for column in 0..columns {
            run.given.row_mut(0)[column] = given(column);
            for row in 0..run.parameters.rows() {
                run.parameters.row_mut(row)[column] = raw(row, column);
            }
        }
        let parameters = run.parameters.rows_at_mut(0, transformer.parameters());
        let saved = run.saved.rows_at_mut(0, saved(transformer));
        let (given, out, log_det) = (run.given.row(0), run.out.row_mut(0), run.log_det.row_mut(0));
        match way {
            Way::Forward => forward(
                transformer,
                circular,
                given,
                parameters,
                saved,
                out,
                log_det,
            ),
            Way::Inverse => {
                inverse(
                    transformer,
                    circular,
                    given,
                    parameters,
                    saved,
                    out,
                    Some(log_det),
                );
            }
        }
        run
    }

    /// Turns `gradient` by the result into that by what was given; returns that by the parameters.
    fn reverse(&self, d_log_det: &[T], gradient: &mut [T]) -> Panel<T> {
        let count = self.transformer.parameters();
        let mut d_parameters = Panel::new(count, self.given.width());
        // What was there before must not matter.
        d_parameters.as_mut_slice().fill(T::from_f64(f64::NAN));
        let parameters = self.parameters.rows_at(0, count);
        let saved = self.saved.rows_at(0, saved(self.transformer));
        let written = d_parameters.rows_at_mut(0, count);
        match self.way {
            Way::Forward => backward(
                self.transformer,
                self.circular,
                self.given.row(0),
                parameters,
                saved,
                d_log_det,
                gradient,
                written,
            ),
            Way::Inverse => inverse_backward(
                self.transformer,
                self.circular,
                self.given.row(0),
                self.out.row(0),
                parameters,
                saved,
                d_log_det,
                gradient,
                written,
            ),
        }
        d_parameters
    }
}

fn runtime(
    (transformer, circular): (Transformer, bool),
    way: Way,
    x: f32,
    raw: &[f32],
) -> (f32, f32) {
    let own = &mut raw.to_vec()[..];
    match (transformer, way) {
        (Transformer::Shift, Way::Forward) => (x + own[0], 0.0),
        (Transformer::Shift, Way::Inverse) => (x - own[0], 0.0),
        (Transformer::Affine { log_scale_bound }, Way::Forward) => {
            kernels::affine_forward::<Libm>(x, own[0], own[1], 1.0 / log_scale_bound)
        }
        (Transformer::Affine { log_scale_bound }, Way::Inverse) => {
            kernels::affine_inverse::<Libm>(x, own[0], own[1], 1.0 / log_scale_bound)
        }
        (Transformer::Scaled { scale, direction }, way) => match way.as_it_stands(direction) {
            true => kernels::scaled_forward::<Libm, _>(x, own[0], own[1], scale),
            false => kernels::scaled_inverse::<Libm, _>(x, own[0], own[1], scale),
        },
        (Transformer::FlooredSpline(spline), way) => {
            let kernel = match way.as_it_stands(spline.direction) {
                true => kernels::floored_spline_forward::<Libm>,
                false => kernels::floored_spline_inverse_and_log_det::<Libm>,
            };
            kernel(x, own, spline.bound, spline.floor())
        }
        (Transformer::Spline { .. }, Way::Forward) if circular => {
            kernels::circular_forward::<Libm>(x, own)
        }
        (Transformer::Spline { .. }, Way::Inverse) if circular => {
            let out = kernels::circular_inverse::<Libm>(x, own);
            let (_, log_det) =
                kernels::spline_forward::<Libm>(out, &mut raw.to_vec(), std::f32::consts::PI);
            (out, -log_det)
        }
        (Transformer::Spline { bound, .. }, Way::Forward) => {
            kernels::spline_forward::<Libm>(x, own, bound)
        }
        (Transformer::Spline { bound, .. }, Way::Inverse) => {
            kernels::spline_inverse_and_log_det::<Libm>(x, own, bound)
        }
    }
}

/// How far two angles, or two numbers, lie apart.
fn apart(circular: bool, a: f32, b: f32) -> f32 {
    let far = (a - b).abs();
    if circular {
        far.min((std::f32::consts::TAU - far).abs())
    } else {
        far
    }
}

/// The largest differences from the runtime, of values (relative beyond 1) and of log-determinants.
fn differences(case: (Transformer, bool), way: Way, reach: f64) -> (f32, f32) {
    let mut numbers = Numbers(1);
    let columns = 1008;
    let count = case.0.parameters();
    let raw = numbers.panel::<f32>(count, columns, reach);
    let extent = if case.1 { 3.0 } else { BOUND * 1.5 };
    let given = numbers.panel::<f32>(1, columns, f64::from(extent));
    let run = Run::new(
        case,
        way,
        columns,
        |c| given.row(0)[c],
        |r, c| raw.row(r)[c],
    );
    let mut worst = (0.0_f32, 0.0_f32);
    for column in 0..columns {
        let own: Vec<f32> = (0..count).map(|row| raw.row(row)[column]).collect();
        let (out, log_det) = runtime(case, way, given.row(0)[column], &own);
        let off = apart(case.1, run.out.row(0)[column], out) / 1.0_f32.max(out.abs());
        let log_det_off = (run.log_det.row(0)[column] - log_det).abs();
        assert!(
            off.is_finite() && log_det_off.is_finite(),
            "{case:?} {way:?}"
        );
        worst = (worst.0.max(off), worst.1.max(log_det_off));
    }
    worst
}

#[test]
fn matches_the_runtime() {
    for case in all() {
        for way in [Way::Forward, Way::Inverse] {
            let (off, log_det_off) = differences(case, way, 1.0);
            // Slopes above a floor by a softplus are steeper than those that are softly bounded.
            let (limit, log_limit) = match case.0.is_imported() {
                true => (1.5e-5, 5e-4),
                false => (3e-6, 1e-4),
            };
            assert!(off < limit, "{case:?} {way:?}: {off}");
            assert!(
                log_det_off < log_limit,
                "{case:?} {way:?}: log_det off by {log_det_off}"
            );
        }
        if is_unbounded(case.0) {
            continue;
        }
        // Sharp splines amplify rounding: bins of a thousandth of the others, slopes of a thousand.
        let (off, log_det_off) = differences(case, Way::Forward, 20.0);
        let limit = if case.0.is_imported() { 1e-3 } else { 1e-4 };
        assert!(off < limit, "{case:?}: {off}");
        assert!(
            log_det_off < 30.0 * limit,
            "{case:?}: log_det off by {log_det_off}"
        );
    }
}

/// What an `f32` can say of a sharp spline's inverse depends on all slopes nearby: the runtime is the measure.
/// The largest of a thousand errors differs between two orders of rounding by several times.
#[test]
fn sharp_splines_are_inverted_as_well_as_by_the_runtime() {
    for case in all().into_iter().filter(|own| !is_unbounded(own.0)) {
        let mut numbers = Numbers(5);
        let columns = 1008;
        let count = case.0.parameters();
        let raw = numbers.panel::<f32>(count, columns, 20.0);
        let given = numbers.panel::<f32>(1, columns, 3.1);
        let given = given.row(0);
        let run = Run::new(
            case,
            Way::Inverse,
            columns,
            |c| given[c],
            |r, c| raw.row(r)[c],
        );
        let theirs: Vec<f32> = (0..columns)
            .map(|column| {
                let own: Vec<f32> = (0..count).map(|row| raw.row(row)[column]).collect();
                runtime(case, Way::Inverse, given[column], &own).0
            })
            .collect();
        // How far the exact spline takes a result from what was given.
        let off = |out: &[f32]| {
            let exact = |column: usize| f64::from(out[column]);
            let raw = |row: usize, column: usize| f64::from(raw.row(row)[column]);
            let there = Run::new(case, Way::Forward, columns, exact, raw);
            (0..columns)
                .map(|column| apart(case.1, there.out.row(0)[column] as f32, given[column]))
                .inspect(|off| assert!(!off.is_nan(), "{case:?}: NaN"))
                .fold(0.0, f32::max)
        };
        let (ours, theirs) = (off(run.out.row(0)), off(&theirs));
        assert!(
            ours < 1e-5 + 8.0 * theirs,
            "{case:?}: {ours}, the runtime {theirs}"
        );
    }
}

#[test]
fn matches_the_runtime_at_knots_and_beyond_the_ends() {
    let case = (spline(8), false);
    let raw: Vec<f32> = (0..23)
        .map(|row| (row * row % 11) as f32 / 8.0 - 0.6)
        .collect();
    let exp = |row: usize| Libm::exp(raw[row] / (1.0 + raw[row].abs() / 3.453_877_6));
    let mut values = vec![
        0.0,
        -0.0,
        f32::MIN_POSITIVE,
        1e30,
        -1e30,
        f32::MAX,
        f32::MIN,
    ];
    for first in [0, 8] {
        let sum: f32 = (first..first + 8).map(exp).sum();
        let mut knot = -BOUND;
        for row in first..first + 8 {
            knot += exp(row) * 2.0 * BOUND / sum;
            values.extend([knot, knot.next_down(), knot.next_up()]);
        }
    }
    for end in [BOUND, -BOUND] {
        values.extend([end, end.next_down(), end.next_up(), 1.1 * end]);
    }
    for way in [Way::Forward, Way::Inverse] {
        let run = Run::new(case, way, values.len(), |c| values[c], |r, _| raw[r]);
        for (column, x) in values.iter().enumerate() {
            let (out, log_det) = runtime(case, way, *x, &raw);
            let (ours, our_log_det) = (run.out.row(0)[column], run.log_det.row(0)[column]);
            if x.abs() >= BOUND {
                assert_eq!((ours, our_log_det), (*x, 0.0), "{way:?} at {x}");
            } else {
                assert!(
                    (ours - out).abs() < 4e-6,
                    "{way:?}: {ours}, not {out} at {x}"
                );
                assert!(
                    (our_log_det - log_det).abs() < 2e-5,
                    "{way:?}: {our_log_det}, not {log_det} at {x}"
                );
            }
        }
    }
}

#[test]
fn extremes_are_finite() {
    // Scales and slopes of other libraries have no upper bound.
    let extremes = [
        0.0_f32,
        1.0,
        -1.0,
        3.999_999_8,
        4.0,
        -4.0,
        100.0,
        1e30,
        -1e30,
    ];
    for case in all().into_iter().filter(|own| !own.0.is_imported()) {
        let large = match case {
            // Further out, an f32 no longer tells an angle, and the runtime gives NaN.
            (_, true) => 1e4,
            // e^2 times the value must not overflow.
            _ => 1e30,
        };
        for way in [Way::Forward, Way::Inverse] {
            let mut numbers = Numbers(2);
            let raw = numbers.panel::<f32>(case.0.parameters(), 144, 1.0);
            let power = |c: usize| [1.0, 1e3, 1e15, 1e30][c % 4];
            let run = Run::new(
                case,
                way,
                144,
                |c| extremes[c % 9].clamp(-large, large),
                |r, c| power(c) * raw.row(r)[c],
            );
            let mut gradient = Panel::<f32>::new(1, 144);
            gradient.row_mut(0).fill(1.0);
            let d_log_det = [-1.0; 144];
            let d_parameters = run.reverse(&d_log_det, gradient.row_mut(0));
            let values = [&run.out, &run.log_det, &gradient].map(|panel| panel.row(0));
            assert!(
                values.concat().iter().all(|v| v.is_finite()),
                "{case:?} {way:?}"
            );
            for row in 0..d_parameters.rows() {
                assert!(
                    d_parameters.row(row).iter().all(|v| v.is_finite()),
                    "{case:?} {way:?}"
                );
            }
        }
    }
}

#[test]
fn inverse_undoes_forward() {
    for case in all() {
        let mut numbers = Numbers(3);
        let columns = 512;
        let raw = numbers.panel::<f64>(case.0.parameters(), columns, 3.0);
        let extent = if case.1 { 3.1 } else { f64::from(BOUND) * 1.3 };
        let given = numbers.panel::<f64>(1, columns, extent);
        let there = Run::new(
            case,
            Way::Forward,
            columns,
            |c| given.row(0)[c],
            |r, c| raw.row(r)[c],
        );
        let back = Run::new(
            case,
            Way::Inverse,
            columns,
            |c| there.out.row(0)[c],
            |r, c| raw.row(r)[c],
        );
        for column in 0..columns {
            let off = (back.out.row(0)[column] - given.row(0)[column]).abs();
            assert!(off < 1e-10, "{case:?}: {off}");
            let sum = (there.log_det.row(0)[column] + back.log_det.row(0)[column]).abs();
            assert!(sum < 1e-9, "{case:?}: log_det off by {sum}");
        }
    }
}

/// The loss `a out + b log_det` of each event, with weights that differ by event.
fn weights(column: usize) -> (f64, f64) {
    (0.7 + 0.01 * column as f64, 0.4 - 0.03 * column as f64)
}

#[test]
fn gradients_match_central_differences() {
    const STEP: f64 = 2e-6;
    for case in all() {
        for way in [Way::Forward, Way::Inverse] {
            let mut numbers = Numbers(4);
            let columns = 48;
            let count = case.0.parameters();
            let raw = numbers.panel::<f64>(count, columns, 2.0);
            let extent = if case.1 { 3.1 } else { f64::from(BOUND) * 1.1 };
            let given = numbers.panel::<f64>(1, columns, extent);
            // What moves by how much: a parameter's row, or the value given.
            let run = |moved: Option<usize>, by: f64| {
                let given =
                    |c: usize| given.row(0)[c] + if moved == Some(count) { by } else { 0.0 };
                let raw =
                    |r: usize, c: usize| raw.row(r)[c] + if moved == Some(r) { by } else { 0.0 };
                Run::new(case, way, columns, given, raw)
            };
            let mut gradient = Panel::new(1, columns);
            let mut d_log_det = Panel::new(1, columns);
            for column in 0..columns {
                let (a, b) = weights(column);
                gradient.row_mut(0)[column] = a;
                d_log_det.row_mut(0)[column] = b;
            }
            let d_parameters = run(None, 0.0).reverse(d_log_det.row(0), gradient.row_mut(0));
            for moved in 0..=count {
                let (less, more) = (run(Some(moved), -STEP), run(Some(moved), STEP));
                for column in 0..columns {
                    let (a, b) = weights(column);
                    let mut by_out = more.out.row(0)[column] - less.out.row(0)[column];
                    if case.1 {
                        by_out -= (by_out / std::f64::consts::TAU).round() * std::f64::consts::TAU;
                    }
                    let by_log_det = more.log_det.row(0)[column] - less.log_det.row(0)[column];
                    let numeric = (a * by_out + b * by_log_det) / (2.0 * STEP);
                    let ours = if moved == count {
                        gradient.row(0)[column]
                    } else {
                        d_parameters.row(moved)[column]
                    };
                    let off = (ours - numeric).abs() / (1.0 + numeric.abs());
                    assert!(
                        off < 1e-6,
                        "{case:?} {way:?} {moved} of {count}: {ours}, not {numeric}"
                    );
                }
            }
        }
    }
}

#[test]
fn padding_gets_zero_gradients() {
    for case in all() {
        for way in [Way::Forward, Way::Inverse] {
            // In a batch padding holds no events, yet a conditioner's biases.
            let run = Run::new(case, way, 16, |_| 0.0_f32, |row, _| row as f32 / 7.0 - 1.0);
            let mut gradient = [0.0; 16];
            let d_parameters = run.reverse(&[0.0; 16], &mut gradient);
            assert!(gradient.iter().all(|g| *g == 0.0), "{case:?} {way:?}");
            for row in 0..d_parameters.rows() {
                assert!(
                    d_parameters.row(row).iter().all(|g| *g == 0.0),
                    "{case:?} {way:?}"
                );
            }
        }
    }
}
