//! Dense layers in assembly against [`dot`], row by row and bit for bit: every panel size, with and
//! without ReLU, over numbers among which some are special.
#![no_std]
#![no_main]

use core::array;

use flow_case::XorShift;
use flow_embedded::kernels::{Activation, Identity, PANEL_ROWS, Relu, Tanh, dense, dot};
use flow_embedded::math::Polynomial;
use flow_embedded::rand_core::Rng;
use flow_frame::print::Console;
use flow_frame::{entry, stop};

/// Inputs at hand; panels see the leading ones.
const INPUTS: usize = 40;
/// Where a panel's rows begin among the outputs.
const OFFSET: usize = 3;
/// Panels of each shape: ordinary numbers, and then some with special ones.
const ROUNDS: usize = 24;
/// Zeros, subnormals, what overflows, and what is not finite.
const SPECIAL: [f32; 10] = [
    0.0,
    -0.0,
    f32::from_bits(1),
    -f32::MIN_POSITIVE / 2.0,
    f32::MIN_POSITIVE,
    f32::MAX,
    -f32::MAX,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Where numbers come from.
struct Numbers {
    rng: XorShift,
    /// One number in so many is special; none for zero.
    rarity: u32,
}

impl Numbers {
    fn next(&mut self) -> f32 {
        let word = self.rng.next_u32();
        if word.checked_rem(self.rarity) == Some(0) {
            let place = (word >> 16) as usize % SPECIAL.len();
            return SPECIAL.get(place).copied().unwrap_or_default();
        }
        (word >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

fn same(left: f32, right: f32) -> bool {
    left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
}

/// Whether a panel has the bits of its rows, and leaves alone what is not its own. `tamper` changes
/// the last bit of one weight for the rows only.
fn check<A: Activation, const ROWS: usize, const COLUMNS: usize>(
    numbers: &mut Numbers,
    tamper: bool,
) -> bool {
    const UNTOUCHED: f32 = 77.0;
    let panel: [[f32; ROWS]; COLUMNS] = array::from_fn(|_| array::from_fn(|_| numbers.next()));
    let input: [f32; INPUTS] = array::from_fn(|_| numbers.next());
    let mut output = [UNTOUCHED; OFFSET + PANEL_ROWS + 1];
    dense::<A, OFFSET, ROWS, COLUMNS, INPUTS, { OFFSET + PANEL_ROWS + 1 }, f32>(
        &panel,
        &input,
        &mut output,
    );
    output.iter().enumerate().all(|(place, own)| {
        let row = place.checked_sub(OFFSET).filter(|row| *row < ROWS);
        let expected = row.map_or(UNTOUCHED, |row| {
            let mut weights = panel.map(|column| column.get(row).copied().unwrap_or_default());
            if let Some(last) = weights.last_mut().filter(|_| tamper) {
                *last = f32::from_bits(last.to_bits() ^ 1);
            }
            A::apply(dot(&weights, &input))
        });
        same(*own, expected)
    })
}

/// Every number of columns for a panel of so many rows.
fn columns<A: Activation, const ROWS: usize>(numbers: &mut Numbers) -> bool {
    macro_rules! all {
        ($($columns:literal)*) => {
            $(check::<A, ROWS, $columns>(numbers, false))&&*
        };
    }
    // Without inputs; below, at and above the four that are taken at a time; the most.
    all!(1 2 3 4 5 6 8 9 10 12 17 33 40 41)
}

fn activations<const ROWS: usize>(numbers: &mut Numbers) -> bool {
    columns::<Identity, ROWS>(numbers)
        && columns::<Relu, ROWS>(numbers)
        && columns::<Tanh<Polynomial>, ROWS>(numbers)
}

/// Every size of a panel, and its number of rows.
static PANELS: [fn(&mut Numbers) -> bool; PANEL_ROWS] = [
    activations::<1>,
    activations::<2>,
    activations::<3>,
    activations::<4>,
    activations::<5>,
    activations::<6>,
    activations::<7>,
    activations::<8>,
    activations::<9>,
    activations::<10>,
    activations::<11>,
    activations::<12>,
];

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut numbers = Numbers {
        rng: XorShift::new(flow_case::SEED),
        rarity: 0,
    };
    // A comparison that cannot fail would show nothing.
    if check::<Identity, 1, 1>(&mut numbers, true) {
        console.text("other control").end();
    }
    for (index, panel) in PANELS.iter().enumerate() {
        let same = (0..ROUNDS).all(|round| {
            numbers.rarity = [0, 200, 20][round % 3];
            panel(&mut numbers)
        });
        console.text(if same { "same panel" } else { "other panel" });
        console.number(index + 1).end();
    }
    console.text("end").end();
    stop::success()
}
