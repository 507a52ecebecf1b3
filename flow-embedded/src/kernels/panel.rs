//! Dense layers of generated code.

use super::activation::Activation;
use super::dense::{Weight, dot};

/// The most rows of a panel: more accumulators would not stay in registers.
pub const PANEL_ROWS: usize = 12;

/// Dense rows that see the same leading inputs, into
/// `output[OFFSET..OFFSET + ROWS]`, fast: a panel holds them column by column,
/// first the biases, then the weights of each input. Each row has an
/// accumulator of its own, to which its inputs are added in ascending order:
/// the bits are those of [`dot`].
///
/// That the panel fits `INPUT` and `OUTPUT` is checked when the code is
/// compiled.
///
/// Panels of one shape share one function. Measured on a Cortex-M4F at
/// `opt-level = 3`: about 2.5 instructions per multiply-accumulate for 8 to 12
/// rows and 32 inputs. With the feature `cortex-m-asm` a Cortex-M with an FPU runs
/// the twin of `flow-cortex-m`, of the same bits: one function for each number of
/// rows.
#[inline(always)]
pub fn dense<
    A: Activation,
    const OFFSET: usize,
    const ROWS: usize,
    const COLUMNS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    panel: &[[W; ROWS]; COLUMNS],
    input: &[f32; INPUT],
    output: &mut [f32; OUTPUT],
) {
    const {
        assert!(COLUMNS >= 1 && COLUMNS - 1 <= INPUT && OFFSET + ROWS <= OUTPUT);
        assert!(ROWS <= PANEL_ROWS);
    }
    let Some(rows) = window::<OFFSET, ROWS>(output) else {
        return;
    };
    #[cfg(all(
        feature = "cortex-m-asm",
        target_arch = "arm",
        target_os = "none",
        target_abi = "eabihf"
    ))]
    if let Some(panel) = W::as_f32(panel) {
        flow_cortex_m::panel(panel, input, rows, A::IS_RELU);
        if !A::IS_RELU {
            rows.iter_mut().for_each(|y| *y = A::apply(*y));
        }
        return;
    }
    accumulate::<A, ROWS, COLUMNS, INPUT, W>(panel, input, rows);
}

/// As [`dense`], small: one function for all layers of one activation. The
/// table holds panels of 4 rows, then one of 2 and one of 1 for what is left,
/// each column by column as there.
#[inline(always)]
pub fn dense_small<
    A: Activation,
    const OFFSET: usize,
    const ROWS: usize,
    const COLUMNS: usize,
    const NUMBERS: usize,
    const INPUT: usize,
    const OUTPUT: usize,
    W: Weight,
>(
    table: &[W; NUMBERS],
    input: &[f32; INPUT],
    output: &mut [f32; OUTPUT],
) {
    const {
        assert!(COLUMNS >= 1 && COLUMNS - 1 <= INPUT && OFFSET + ROWS <= OUTPUT);
        assert!(NUMBERS == ROWS * COLUMNS);
    }
    if let Some(rows) = window::<OFFSET, ROWS>(output) {
        panel_by_panel::<A, W>(table, COLUMNS, input, rows);
    }
}

#[inline(always)]
fn window<const OFFSET: usize, const ROWS: usize>(output: &mut [f32]) -> Option<&mut [f32; ROWS]> {
    output.get_mut(OFFSET..)?.first_chunk_mut()
}

/// Names of the sum and of the weight of each row, for so many rows: what is done
/// with them is the macro's that is named.
macro_rules! registers {
    ($panels:ident) => {
        $panels! {
            1: a va;
            2: a va b vb;
            3: a va b vb c vc;
            4: a va b vb c vc d vd;
            5: a va b vb c vc d vd e ve;
            6: a va b vb c vc d vd e ve f vf;
            7: a va b vb c vc d vd e ve f vf g vg;
            8: a va b vb c vc d vd e ve f vf g vg h vh;
            9: a va b vb c vc d vd e ve f vf g vg h vh i vi;
            10: a va b vb c vc d vd e ve f vf g vg h vh i vi j vj;
            11: a va b vb c vc d vd e ve f vf g vg h vh i vi j vj k vk;
            12: a va b vb c vc d vd e ve f vf g vg h vh i vi j vj k vk l vl;
        }
    };
}

/// Not inlined into its callers: panels of one shape share one instance.
#[inline(never)]
fn accumulate<
    A: Activation,
    const ROWS: usize,
    const COLUMNS: usize,
    const INPUT: usize,
    W: Weight,
>(
    panel: &[[W; ROWS]; COLUMNS],
    input: &[f32; INPUT],
    output: &mut [f32; ROWS],
) {
    // A sum in a variable of its own stays in a register at every opt-level.
    macro_rules! panels {
        ($($rows:literal: $($sum:ident $weight:ident)*;)*) => {
            match ROWS {
                $($rows => {
                    let panel = panel.as_flattened().as_chunks::<$rows>().0;
                    let [[$($sum),*], columns @ ..] = panel else {
                        return;
                    };
                    $(let mut $sum = $sum.value();)*
                    for ([$($weight),*], x) in columns.iter().zip(input) {
                        $($sum += $weight.value() * x;)*
                    }
                    let sums = [$($sum),*];
                    for (y, sum) in output.iter_mut().zip(sums) {
                        *y = A::apply(sum);
                    }
                })*
                // No more: see `dense`.
                _ => {}
            }
        };
    }
    registers!(panels);
}

/// Adds to each sum the products of its row, column after column.
#[inline(always)]
pub(super) fn add_products<const ROWS: usize, W: Weight>(
    sums: &mut [f32; ROWS],
    columns: &[[W; ROWS]],
    input: &[f32],
) {
    // As in `accumulate`, which does not call this: it takes a fifth more instructions at opt-level s if it does.
    macro_rules! panels {
        ($($rows:literal: $($sum:ident $weight:ident)*;)*) => {
            match ROWS {
                $($rows => {
                    let columns = columns.as_flattened().as_chunks::<$rows>().0;
                    let ([[$($sum),*]], []) = sums.as_chunks_mut::<$rows>() else {
                        return;
                    };
                    let ($(mut $sum,)*) = ($(*$sum,)*);
                    for ([$($weight),*], x) in columns.iter().zip(input) {
                        $($sum += $weight.value() * x;)*
                    }
                    let found = [$($sum),*];
                    for (sum, found) in sums.iter_mut().zip(found) {
                        *sum = found;
                    }
                })*
                // No more: see `dense`.
                _ => {}
            }
        };
    }
    registers!(panels);
}

#[inline(never)]
fn panel_by_panel<A: Activation, W: Weight>(
    table: &[W],
    columns: usize,
    input: &[f32],
    output: &mut [f32],
) {
    let (fours, rest) = output.as_chunks_mut::<4>();
    let mut table = table;
    for rows in fours {
        let Some((panel, behind)) = table.split_at_checked(4 * columns) else {
            return;
        };
        four_rows::<A, W>(panel.as_chunks().0, input, rows);
        table = behind;
    }
    let (twos, ones) = rest.as_chunks_mut::<2>();
    for rows in twos {
        let Some((panel, behind)) = table.split_at_checked(2 * columns) else {
            return;
        };
        two_rows::<A, W>(panel.as_chunks().0, input, rows);
        table = behind;
    }
    for row in ones {
        *row = A::apply(dot(table, input));
    }
}

// Sums in variables of their own: at opt-level s and z the compiler leaves an
// array in memory.

#[inline(always)]
fn four_rows<A: Activation, W: Weight>(panel: &[[W; 4]], input: &[f32], output: &mut [f32; 4]) {
    let [[a, b, c, d], columns @ ..] = panel else {
        return;
    };
    let (mut a, mut b, mut c, mut d) = (a.value(), b.value(), c.value(), d.value());
    for ([wa, wb, wc, wd], x) in columns.iter().zip(input) {
        a += wa.value() * x;
        b += wb.value() * x;
        c += wc.value() * x;
        d += wd.value() * x;
    }
    *output = [A::apply(a), A::apply(b), A::apply(c), A::apply(d)];
}

#[inline(always)]
fn two_rows<A: Activation, W: Weight>(panel: &[[W; 2]], input: &[f32], output: &mut [f32; 2]) {
    let [[a, b], columns @ ..] = panel else {
        return;
    };
    let (mut a, mut b) = (a.value(), b.value());
    for ([wa, wb], x) in columns.iter().zip(input) {
        a += wa.value() * x;
        b += wb.value() * x;
    }
    *output = [A::apply(a), A::apply(b)];
}
