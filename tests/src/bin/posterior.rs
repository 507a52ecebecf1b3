//! Posteriors beside references: writes `docs/posterior.md`. Run it by `cargo run --release -p flow-tests --bin
//! posterior`.

use anyhow::Result;
use flow_tests::posterior::{amortised, variational};
use xtask::workspace;

const PREFACE: &str = r#"# Posteriors

A flow can learn what a model's parameters may be, rather than what a sensor's rows look like. What comes out is an
artefact like any other: `flow codegen` compiles it, and a chip draws from it or scores with it.

There are two ways. From the log-density of one posterior: variational inference, for a model whose data are there. From
a simulator and a prior: amortised inference, for a device that is to infer its own parameters, or the state of what it
sees, from each new observation.

**When to use it.** The posterior is needed where no sampler can run: on a chip, or thousands of times a second. Or there
is a simulator and no likelihood. Or the density is dear, and as many draws are wanted as one likes. Or the evidence is.

**When not to.** For one posterior on a desk, a sampler (NUTS) asks fewer questions of its user, and its errors shrink
with its draws. Reverse KL prefers to leave out what it can't reach: see to k̂ and to the imbalance below, and remember
that neither sees a mode that no draw has visited. Above some 64 parameters an artefact has no more channels.

The code to copy (`tests/examples/posterior.rs`):

"#;

/// What the page shows.
const EXAMPLE: &str = include_str!("../../examples/posterior.rs");

fn main() -> Result<()> {
    let sections = [variational::section()?, amortised::section()?].join("\n");
    let text = format!(
        "{PREFACE}```rust\n{EXAMPLE}```\n\n{sections}\nThis page is generated: `cargo run --release --package flow-tests --bin posterior`.\n"
    );
    std::fs::write(workspace::root().join("docs/posterior.md"), text)?;
    Ok(())
}
