//! The cost that the compiler states against what the test firmware measured:
//! `cargo xtask test firmware` holds the committed figures against the ELF.

use flow_codegen::{Options, compile};
use serde_json::Value;

/// The committed figure of the Cortex-M4F.
fn figure(name: &str) -> f64 {
    let figures: Value = serde_json::from_str(include_str!("../firmware/figures.json"))
        .expect("the committed figures are JSON");
    let compilers = figures.as_object().expect("one entry a compiler");
    let newest = compilers.values().next_back().expect("an entry");
    newest["cortex-m4f"][name].as_f64().expect(name)
}

#[test]
fn stated_flash_and_stack_are_those_of_the_firmware() {
    let path = std::path::Path::new("model.flow");
    let compiled = compile(flow_case::ARTEFACT, path, &Options::default());
    let (_, cost) = compiled.expect("a valid artefact");
    let flash = cost.flash_bytes() as f64 / figure("model_flash_bytes");
    assert!(
        (0.85..1.15).contains(&flash),
        "flash: stated / measured = {flash:.3}"
    );
    let worst = figure("log_prob_stack_bytes").max(figure("sample_stack_bytes"));
    let stack = cost.ram_bytes as f64 / worst;
    assert!(
        (1.0..1.15).contains(&stack),
        "stack: stated / measured = {stack:.3}"
    );
}
