use crate::PlanError;
use crate::cost::{Basis, Overrun, Resource, Unmodelled};
use flow_embedded::LoadError;
use flow_embedded::math::Backend;
use flow_host::foreign::{Medium, show};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why no code was generated.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The artefact could not be read.
    #[error("cannot read the artefact {}: {source}", shown(path))]
    Read {
        /// The artefact.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The artefact was refused.
    #[error("{}: {source}", shown(path))]
    Artefact {
        /// The artefact.
        path: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// The generated file could not be written.
    #[error("cannot write the generated code to {}: {source}", shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The type's name is no Rust identifier.
    #[error(
        "{name:?} cannot name a type: use letters, digits and underscores, beginning with a letter"
    )]
    TypeName {
        /// The name given.
        name: String,
    },
    /// The model can't have the form that its artefact asks for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A model of integers has no sampler.
    #[error(
        "a model that is quantised to integers scores and does not sample: compile the model that it \
         was made from"
    )]
    NoIntegerSampler,
    /// A budget limits what is not known of the model.
    #[error("a budget limits {}, and {}", list(limited), reason(*unmodelled, *basis))]
    NotEstimated {
        /// What the budget limits.
        limited: Vec<Resource>,
        /// What keeps it from being estimated.
        unmodelled: Option<Unmodelled>,
        /// What is known, and how.
        basis: Basis,
    },
    /// The type's name is that of something else in the module.
    #[error("the type cannot be named {name}: the generated module needs the name itself")]
    NameTaken {
        /// The name given.
        name: String,
    },
    /// A derive is no path of a trait.
    #[error("{name:?} is no trait to derive: give paths such as PartialEq or serde::Serialize")]
    Derive {
        /// What was given.
        name: String,
    },
    /// The feature that `defmt::Format` is to depend on has no valid name.
    #[error("{name:?} is no name of a feature: use letters, digits, and any of _ - + .")]
    Feature {
        /// The name given.
        name: String,
    },
    /// Other elementary functions were asked for than the model was calibrated
    /// with.
    #[error(
        "the model was calibrated through {0}, and its thresholds hold for that alone: compile it without asking for {1}, or train it with `--math {1}`, which calibrates through it",
        .calibrated.name(), .asked.name()
    )]
    Math {
        /// The artefact's.
        calibrated: Backend,
        /// The ones asked for.
        asked: Backend,
    },
    /// The artefact's file name cannot stand in a line for cargo.
    #[error("cargo cannot watch {path:?}: give the artefact a path of printable Unicode")]
    Path {
        /// The artefact.
        path: PathBuf,
    },
    /// The module's name is no file name.
    #[error("{name:?} cannot name a module: give a file name without folders and without .rs")]
    Module {
        /// The name given.
        name: String,
    },
    /// Two artefacts of this build script have the same name.
    #[error(
        "{} and {} would both become {}: rename one, or give Builder::module",
        shown(first),
        shown(second),
        shown(output)
    )]
    SameModule {
        /// The artefact compiled before.
        first: PathBuf,
        /// The one that was about to replace it.
        second: PathBuf,
        /// The module.
        output: PathBuf,
    },
    /// No output folder: not run by cargo, and none was given.
    #[error("OUT_DIR is not set: call this from build.rs, or give Builder::out_dir")]
    NoOutDir,
    /// The model costs more than it may.
    #[error("{0}")]
    Budget(Box<Overrun>),
    /// The emitted tokens are not Rust: a defect of this crate.
    #[error("internal error: the generated code does not parse: {0}")]
    Internal(#[from] syn::Error),
}

fn shown(path: &Path) -> String {
    show(&path.to_string_lossy(), Medium::Line)
}

/// A build script that returns an error prints it by `Debug`: so that is the
/// sentence too.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Flash, stack and latency in a sentence.
/// Why it is not known, and what to do.
fn reason(unmodelled: Option<Unmodelled>, basis: Basis) -> String {
    let what = unmodelled.map_or("this model's code".to_owned(), |own| own.to_string());
    match (unmodelled, basis) {
        (Some(Unmodelled::Host), _) => format!(
            "{what} is neither measured nor estimated: give the core of a chip, or no budget"
        ),
        (_, Basis::Linked) => format!(
            "what {what} take to run is measured in an emulator, which is not installed here: install QEMU, or limit \
             flash alone"
        ),
        (_, Basis::Estimated | Basis::Measured) => format!(
            "what {what} cost is measured and not estimated: run `flow codegen --measure` with the budget"
        ),
    }
}

fn list(resources: &[Resource]) -> String {
    let names: Vec<String> = resources.iter().map(Resource::to_string).collect();
    names.join(" and ")
}
