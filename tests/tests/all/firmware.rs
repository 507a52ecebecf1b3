//! The chip against the desk: every bit of every log-likelihood and sample that the test firmware
//! prints, compared with the same generated code on the host and with the loaded artefact.
//!
//! Needs the device toolchain and the emulator: `cargo xtask test firmware`.

use flow_case::{ARTEFACT, CHANNELS, MODEL, ROWS, SAMPLES, SEED, XorShift};
use flow_embedded::{Density, LoadedFlow, Sampler};
use flow_measure::board::{
    BOARDS, Board, CORTEX_M0, CORTEX_M3, CORTEX_M4F, CORTEX_M7, CORTEX_M33, RISCV32IMC,
};
use xtask::firmware::{self, Printed};

/// Scratch memory of the loaded flow, in numbers.
const SCRATCH: usize = 256;

/// What a flow gives for the firmware's rows and seed.
fn on_the_desk(flow: &(impl Density<CHANNELS> + Sampler<CHANNELS>)) -> (Vec<u32>, Vec<Vec<u32>>) {
    let log_probs = ROWS.iter().map(|row| flow.log_prob(row, &[]).to_bits());
    let mut rng = XorShift::new(SEED);
    let samples = (0..SAMPLES).map(|_| flow.sample(&mut rng, &[]).map(f32::to_bits).to_vec());
    (log_probs.collect(), samples.collect())
}

fn compare(what: &str, printed: &Printed, desk: &(Vec<u32>, Vec<Vec<u32>>)) {
    assert_eq!(printed.log_probs.len(), desk.0.len(), "{what}: rows");
    for (row, (chip, desk)) in printed.log_probs.iter().zip(&desk.0).enumerate() {
        assert_eq!(
            chip,
            desk,
            "{what}: log_prob of row {row}, {:?}: chip {}, desk {}",
            ROWS[row],
            f32::from_bits(*chip),
            f32::from_bits(*desk)
        );
    }
    assert_eq!(printed.samples, desk.1, "{what}: samples");
}

fn same_bits_on(board: &Board) {
    let printed = firmware::build_and_print(board).expect("the firmware runs");
    assert!(printed.log_probs.len() >= 1000);
    compare("generated code", &printed, &on_the_desk(&MODEL));
    let loaded = LoadedFlow::from_bytes(ARTEFACT).expect("a valid artefact");
    let loaded = loaded.shaped::<CHANNELS, 0, SCRATCH>().expect("its shape");
    compare("loaded artefact", &printed, &on_the_desk(&loaded));
}

/// A test for each board, and one that no board is left out.
macro_rules! boards {
    ($($test:ident $board:ident;)*) => {
        $(
            #[test]
            #[ignore = "needs the device toolchain: cargo xtask test firmware"]
            fn $test() {
                same_bits_on(&$board);
            }
        )*

        #[test]
        fn every_board_has_a_test() {
            assert_eq!([$(&$board),*], BOARDS);
        }
    };
}

boards! {
    a_cortex_m7_gives_the_bits_of_the_desk CORTEX_M7;
    a_cortex_m4f_gives_the_bits_of_the_desk CORTEX_M4F;
    a_cortex_m33_gives_the_bits_of_the_desk CORTEX_M33;
    a_cortex_m3_gives_the_bits_of_the_desk CORTEX_M3;
    a_riscv_gives_the_bits_of_the_desk RISCV32IMC;
    a_cortex_m0_gives_the_bits_of_the_desk CORTEX_M0;
}
