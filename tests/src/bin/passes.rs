//! What each pass of the compiler saves on three flows that were trained on a real recording, and
//! on one of them as other libraries write it: writes `docs/passes.md`. Run it by
//! `cargo run -p flow-tests --bin passes`.

use anyhow::{Context, Result};
use flow_codegen::{Options, Passes};
use flow_embedded::LoadedFlow;
use flow_measure::board::CORTEX_M4F;
use flow_tests::cost::models::Model;
use flow_tests::cost::{Figures, LEVELS, measure};
use flow_train::artefact::{Draft, DraftLayer};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use xtask::workspace;

const PREFACE: &str = "\
# What the compiler's passes save

Three flows trained on the recording of `flow-train/crates/cli/data` (6 channels, 32 × 32 units), compiled for
speed with all passes, without each, and without any; and the first of them as other libraries write
it, with reversals of the channels between its layers. Measured on an emulated Cortex-M4F at
`opt-level = 3` / `s`: instructions, and bytes that the model adds to a firmware that scores and
samples; in brackets the difference from all passes, in percent.
The bits are the same in every row: `tests/tests/all/passes.rs` compares them over thousands of random
flows, and golden modules without any pass run on every board.

- **fold**: permutations move nothing; later layers find their channels where they lie. Our own
  trainer permutes nothing, and where layers are inlined LLVM sees through the moves as well.
- **pack**: masked weights are neither stored nor multiplied.
- **schedule**: where channels wait for each other, each hidden unit is evaluated once.

Scales (ActNorm) and linear layers that stand side by side become one layer in the export, in `f64`,
so that the loaded artefact has the bits of the compiled one. Standardisation is not folded into
weights: the transformer needs the standardised channel anyway.
There is no pass that prunes: a panel has no use for single zeros, and an index beside each `i8`
weight would cost as much as the weight. [figures.md](figures.md) has what `quantise` saves, [cost.md](cost.md) what the two
layouts cost.

This page is generated: `cargo run --package flow-tests --bin passes`.
";

/// The switches, by what they leave out.
fn switches() -> [(&'static str, Passes); 5] {
    let all = Passes::default();
    [
        ("all passes", all),
        ("no fold", Passes { fold: false, ..all }),
        ("no pack", Passes { pack: false, ..all }),
        (
            "no schedule",
            Passes {
                schedule: false,
                ..all
            },
        ),
        (
            "none",
            Passes {
                fold: false,
                pack: false,
                schedule: false,
            },
        ),
    ]
}

fn main() -> Result<()> {
    let tests = workspace::root().join("tests");
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let maf = read(&tests.join("case/model.flow"))?;
    let flows = [
        ("maf", "MAF, 4 layers", maf.clone()),
        (
            "nsf_ar",
            "NSF autoregressive, 3 layers, 8 bins",
            read(&tests.join("passes/nsf-ar.flow"))?,
        ),
        (
            "iaf",
            "IAF, 3 layers",
            read(&tests.join("passes/iaf.flow"))?,
        ),
        (
            "permuted",
            "The MAF with reversals between its layers",
            with_reversals(&maf)?,
        ),
    ];
    let mut models = Vec::new();
    for (name, _, artefact) in &flows {
        for (index, (_, passes)) in switches().into_iter().enumerate() {
            models.push(Model {
                name: format!("{name}_{index}"),
                family: name,
                artefact: artefact.clone(),
                options: Options {
                    type_name: Some("Model".to_owned()),
                    passes,
                    ..Options::default()
                },
                events: flow_measure::events(artefact)?,
            });
        }
    }
    let toolchain = xtask::setup::toolchain()?;
    let probed: Vec<&Model> = models.iter().collect();
    let measured = LEVELS
        .map(|level| measure(&toolchain, &CORTEX_M4F, level, &probed))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut text = String::from(PREFACE);
    for (name, title, _) in &flows {
        write!(
            text,
            "\n## {title}\n\n| | `log_prob` | `sample` | flash |\n|---|---|---|---|\n"
        )?;
        for (index, (title, _)) in switches().into_iter().enumerate() {
            let figures = |index| {
                let places = measured.iter();
                let found = places.map(|place| place.get(&format!("{name}_{index}")));
                found.collect::<Option<Vec<&Figures>>>().context("measured")
            };
            let (own, all) = (figures(index)?, figures(0)?);
            let cell = |of: fn(&Figures) -> f64| {
                let numbers: Vec<String> = own.iter().map(|own| of(own).to_string()).collect();
                let changes = own.iter().zip(&all);
                let changes: Vec<String> = changes
                    .map(|(own, all)| format!("{:+.0}", 100.0 * (of(own) / of(all) - 1.0)))
                    .collect();
                match index {
                    0 => numbers.join(" / "),
                    _ => format!("{} ({})", numbers.join(" / "), changes.join(" / ")),
                }
            };
            writeln!(
                text,
                "| {title} | {} | {} | {} |",
                cell(|own| own.log_prob),
                cell(|own| own.sample),
                cell(|own| own.flash)
            )?;
        }
    }
    fs::write(workspace::root().join("docs").join("passes.md"), text)?;
    Ok(())
}

/// The same flow with every other layer between two reversals of the channels.
fn with_reversals(artefact: &[u8]) -> Result<Vec<u8>> {
    let mut draft = Draft::from_loaded(&LoadedFlow::from_bytes(artefact)?);
    let channels = draft.event.len();
    let reversal = || DraftLayer::Permutation((0..channels).rev().collect());
    let mut layers = Vec::new();
    for (index, mut layer) in draft.layers.into_iter().enumerate() {
        if index % 2 == 0 {
            layers.push(layer);
            continue;
        }
        if let DraftLayer::Autoregressive { order, .. } = &mut layer {
            order
                .iter_mut()
                .for_each(|channel| *channel = channels - 1 - *channel);
        }
        layers.extend([reversal(), layer, reversal()]);
    }
    draft.layers = layers;
    Ok(draft.encode()?)
}
