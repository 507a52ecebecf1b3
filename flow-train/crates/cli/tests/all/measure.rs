//! `flow codegen --measure`, where this machine can build for a chip and emulate it.

use super::artefacts::{bytes, gaussian};
use super::flow::Folder;
use super::promises::independent;
use flow_measure::board::CORTEX_M3;
use flow_measure::toolchain::Toolchain;
use flow_measure::version::Version;

fn can_measure() -> bool {
    let msrv = Version::find(env!("CARGO_PKG_RUST_VERSION")).expect("a version");
    let able = Toolchain::find(&[CORTEX_M3.target], msrv).is_ok() && CORTEX_M3.can_run();
    if !able {
        eprintln!(
            "skipped: no toolchain or no emulator for the {}",
            CORTEX_M3.name
        );
    }
    able
}

#[test]
fn measured_figures_are_in_the_report_in_the_card_and_in_the_budget() {
    if !can_measure() {
        return;
    }
    let folder = Folder::new().with("model.flow", bytes(&gaussian(&[])));
    let report = folder
        .flow("codegen model.flow -o model.rs --core m3 --measure --json")
        .json();
    assert_eq!(report["basis"], "measured");
    let choices = report["choices"].as_array().expect("a list");
    assert_eq!(choices.len(), 4);
    for choice in choices {
        assert_eq!(choice["basis"], "measured");
        // Two channels in software floating point: some hundreds of instructions each.
        let instructions = choice["log_prob"]["instructions"].as_u64();
        assert!(
            (300..30_000).contains(&instructions.expect("a count")),
            "{choice}"
        );
        let stack = choice["log_prob"]["stack_bytes"].as_u64();
        assert!((60..1_000).contains(&stack.expect("a count")), "{choice}");
    }
    let card = folder.read("model.rs");
    let instructions = &report["log_prob"]["instructions"];
    assert!(
        card.contains(&format!(
            "- One log_prob: {instructions} instructions, about"
        )),
        "{card}"
    );
    // A byte less than was measured is refused.
    let flash = report["flash_bytes"].as_u64().expect("a count") - 1;
    folder
        .flow(&format!(
            "codegen model.flow -o other.rs --core m3 --measure --flash {flash} -q"
        ))
        .fails(1, &["does not fit the cortex-m3", "1 bytes"]);
    assert_eq!(folder.names(), ["model.flow", "model.rs"]);
}

/// The tables of a test over a stream are in the firmware that is weighed.
#[test]
fn a_test_over_a_stream_weighs_something() {
    if !can_measure() {
        return;
    }
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("normal.csv", independent(2_000));
    let calibrate = [
        "calibrate",
        "model.flow",
        "normal.csv",
        "-o",
        "stream.flow",
        "-q",
    ];
    let promise = ["--false-alarms", "1 per 1000 samples"];
    folder.run(calibrate.into_iter().chain(promise)).done();
    let weigh = |model: &str| {
        let command = format!("codegen {model} -o model.rs --core m3 --measure --json");
        let report = folder.flow(&command).json();
        let bytes = |name: &str| report[name].as_u64().expect("a count");
        [bytes("table_bytes"), bytes("code_bytes")]
    };
    let calibrate = [
        "calibrate",
        "model.flow",
        "normal.csv",
        "-o",
        "plain.flow",
        "-q",
    ];
    folder.run(calibrate).done();
    let ([plain, code], [stream, other]) = (weigh("plain.flow"), weigh("stream.flow"));
    assert!(stream > plain + 500, "{stream} {plain}");
    assert!(code.abs_diff(other) < 100, "{code} {other}");
}

/// What weights of half precision cost is not estimated: each budget is refused with a remedy, which works.
#[test]
fn budgets_of_half_precision_are_measured() {
    let folder = Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("normal.csv", independent(500));
    folder
        .flow("quantise model.flow normal.csv --weights f16 -o half.flow -q")
        .done();
    let cores = [
        "m0",
        "m0plus",
        "m3",
        "m4f",
        "m7",
        "m33",
        "m55",
        "riscv32imc",
    ];
    let limits = [
        ("--flash 1MiB", "flash"),
        ("--ram 1MiB", "stack"),
        ("--latency 10s", "latency"),
    ];
    for core in cores {
        for (limit, name) in limits {
            folder
                .flow(&format!(
                    "codegen half.flow -o half.rs --core {core} {limit}"
                ))
                .fails(1, &[name, "flow codegen --measure", "f16"]);
        }
        // Without a budget what is not known is not stated.
        let report = folder
            .flow(&format!(
                "codegen half.flow -o free.rs --core {core} --json"
            ))
            .json();
        for figure in ["flash_bytes", "ram_bytes", "log_prob", "sample"] {
            assert!(report[figure].is_null(), "{core}: {figure}");
        }
    }
    for (limit, _) in limits {
        folder
            .flow(&format!(
                "codegen model.flow -o host.rs --core host {limit}"
            ))
            .fails(
                1,
                &[
                    "the host is neither measured nor estimated",
                    "the core of a chip",
                ],
            );
    }
    if !can_measure() {
        return;
    }
    let measured = |limits: &str| {
        folder.flow(&format!(
            "codegen half.flow -o half.rs --core m3 --measure --json {limits}"
        ))
    };
    let report = measured("--flash 1MiB --ram 1MiB --latency 10s").json();
    assert_eq!(report["basis"], "measured");
    for operation in ["log_prob", "sample"] {
        assert!(
            report[operation]["instructions"].as_u64() > Some(300),
            "{report}"
        );
    }
    measured("--latency 1us").fails(1, &["does not fit the cortex-m3"]);
}

#[test]
fn what_has_no_firmware_can_not_be_measured() {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .flow("codegen model.flow -o model.rs --core host --measure")
        .fails(2, &["--measure", "host", "--core"]);
}

/// Events of codes and a calibration of lines are measured like others.
#[test]
fn a_text_is_measured() {
    if !can_measure() {
        return;
    }
    let folder = super::text::trained();
    let report = folder
        .flow("codegen log.flow -o log.rs --core m3 --measure --json")
        .json();
    let choices = report["choices"].as_array().expect("a list");
    assert!(choices.iter().all(|own| own["basis"] == "measured"));
}
