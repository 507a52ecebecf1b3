//! Programs around models on emulated boards, beside the desk.
//!
//! Needs the device toolchain and the emulator: `cargo xtask test firmware`.

use flow_embedded::artefact::LoadedFlow;
use flow_embedded::golden::Words;
use flow_measure::board::{CORTEX_M4F, CORTEX_M7};
use flow_tests::chip;
use flow_tests::drafts::{draft, table};
use flow_tests::images::digits::Digits;
use flow_tests::text::written;
use xtask::setup;

/// Characters of the text.
const LENGTH: usize = 200;

/// A model of a text goes on writing on the chip as it does on the desk: character by character given those before,
/// from the same words.
#[test]
#[ignore = "needs the device toolchain: cargo xtask test firmware"]
fn a_text_is_that_of_the_desk() {
    let row = table().into_iter().find(|(name, _)| *name == "text");
    let (_, kind) = row.expect("a row of the table");
    let artefact = draft(&kind, 11).encode().expect("a valid draft");
    let flow = LoadedFlow::from_bytes(&artefact).expect("valid");
    let text = written(&flow, &mut Words::new(7), 0.0, LENGTH).join("\n") + "\n";
    let statements = format!(
        "    use flow_embedded::window::{{Window, Windowed as _}};
    use flow_embedded::{{Categories as _, Sampler as _}};
    let features = <model::Model as flow_embedded::window::Windowed<1, 3, 3, 0>>::FEATURES;
    let mut window = Window::<1, 3, 0>::filled(&features, &[0.0]);
    let mut words = flow_embedded::golden::Words::new(7);
    for _ in 0..{LENGTH} {{
        let Some(context) = window.context(&features, &[]) else {{ break }};
        let event = model::Model.sample(&mut words, &context);
        window.push(&features, &event);
        console.text(model::Model.name(0, event[0]).unwrap_or(\"?\")).end();
    }}"
    );
    let toolchain = setup::toolchain().expect("a toolchain for the chips");
    let printed = chip::run(&toolchain, &CORTEX_M4F, "text", &artefact, &statements);
    assert_eq!(printed.expect("the program runs").replace('\r', ""), text);
}

/// The digits' model scores and draws with the bits of the desk.
#[test]
#[ignore = "needs the device toolchain: cargo xtask test firmware"]
fn digits_have_the_bits_of_the_desk() {
    let Some(digits) = Digits::read().expect("the digits") else {
        println!("skipped: the shared digits are not there");
        return;
    };
    let model = digits.train(false, 0).expect("a model").bytes;
    let toolchain = setup::toolchain().expect("a toolchain for the chips");
    for board in [&CORTEX_M4F, &CORTEX_M7] {
        chip::has_the_bits_of_the_desk(&toolchain, board, &model).expect("the same bits");
    }
}
