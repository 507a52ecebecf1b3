use crate::cost::{Overrun, Work};
use crate::planned::planned;
use crate::{
    Budget, Checked, Chip, Core, Cost, Defmt, Error, Functions, OptLevel, Optimise, Options,
    Passes, Plan, Visibility, emit, name, remedies,
};
use flow_embedded::math::Backend;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Compiles the bytes of an artefact to the text of a Rust module. `source`
/// names the artefact in messages and in the module's header.
///
/// # Errors
/// The artefact is refused, an option is wrong or does not fit the model, or the
/// model does not fit the budget.
pub fn compile(artefact: &[u8], source: &Path, options: &Options) -> Result<(String, Cost), Error> {
    let checked = checked(artefact, source, options)?;
    let (plan, cost) = match options.optimise {
        Optimise::Auto => smallest_change(&checked, options)?,
        optimise => planned(&checked, options, optimise)?,
    };
    let unknown = options.budget.unknown(&cost);
    if !unknown.is_empty() {
        return Err(Error::NotEstimated {
            limited: unknown,
            unmodelled: cost.unmodelled,
            basis: cost.basis,
        });
    }
    let excesses = options.budget.excesses(&cost);
    if !excesses.is_empty() {
        let overrun = Overrun {
            chip: options.chip,
            excesses,
            remedies: remedies::find(&checked, options, cost.optimise),
        };
        return Err(Error::Budget(Box::new(overrun)));
    }
    let file = source
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let text = emit::module(&plan, &cost, &file.unwrap_or_default(), options)?;
    Ok((text, cost))
}

/// What a model would cost, made for speed and for size, at each level of the
/// compiler; the budget is not looked at.
///
/// # Errors
/// As [`compile`].
pub fn survey(artefact: &[u8], source: &Path, options: &Options) -> Result<Vec<Cost>, Error> {
    let checked = checked(artefact, source, options)?;
    let mut costs = Vec::new();
    for optimise in [Optimise::Speed, Optimise::Size] {
        for level in OptLevel::ALL {
            let chip = Chip {
                level,
                ..options.chip
            };
            let options = Options {
                chip,
                ..options.clone()
            };
            costs.push(planned(&checked, &options, optimise)?.1);
        }
    }
    Ok(costs)
}

/// What a model's code does and holds, counted: what its cost is made of.
///
/// # Errors
/// As [`compile`].
pub fn work(artefact: &[u8], source: &Path, options: &Options) -> Result<Work, Error> {
    let checked = checked(artefact, source, options)?;
    let (plan, _) = planned(&checked, options, options.optimise)?;
    Ok(Work::of(&plan))
}

/// Validates an artefact and the type's name, and gives the flow the elementary
/// functions asked for.
fn checked<'a>(artefact: &'a [u8], source: &Path, options: &Options) -> Result<Checked<'a>, Error> {
    let checked = Checked::new(artefact).map_err(|fault| Error::Artefact {
        path: source.to_owned(),
        source: fault,
    })?;
    let checked = match options.math {
        Some(math) => other_math(checked, math, source, options.functions)?,
        None => checked,
    };
    // Refused also where nothing is emitted.
    name::of_type(options.type_name.as_deref(), checked.flow().header().name)?;
    Ok(checked)
}

/// Made for speed, unless only size fits the budget's flash.
fn smallest_change(checked: &Checked<'_>, options: &Options) -> Result<(Plan, Cost), Error> {
    let fast = planned(checked, options, Optimise::Speed)?;
    let fits = |cost: &Cost| match (options.budget.flash, cost.flash_bytes()) {
        (Some(most), Some(needs)) => needs <= most,
        _ => true,
    };
    if fits(&fast.1) {
        return Ok(fast);
    }
    let small = planned(checked, options, Optimise::Size)?;
    Ok(if fits(&small.1) { small } else { fast })
}

/// Gives the flow other elementary functions, if no threshold depends on its
/// own.
fn other_math<'a>(
    checked: Checked<'a>,
    asked: Backend,
    source: &Path,
    functions: Functions,
) -> Result<Checked<'a>, Error> {
    let calibrated = checked.math();
    let thresholds = functions.score() && checked.flow().calibration().is_some();
    if thresholds && asked != calibrated {
        return Err(Error::Math { calibrated, asked });
    }
    checked.with_math(asked).map_err(|fault| Error::Artefact {
        path: source.to_owned(),
        source: fault,
    })
}

/// Compiles an artefact from a build script.
///
/// Writes `OUT_DIR/NAME.rs` for the artefact `NAME.flow`, and tells cargo to
/// run the build script again when the artefact changes. Include the result
/// with [`flow_embedded::include_flow!`]. Several models in one crate are as
/// many builders, and as many modules to include them in.
///
/// ```no_run
/// use flow_codegen::{Builder, Defmt, Functions, Visibility};
///
/// fn main() -> Result<(), flow_codegen::Error> {
///     Builder::new("pump.flow")
///         .visibility(Visibility::Crate)
///         .functions(Functions::Score)
///         .self_test(true)
///         .generate()?;
///     Builder::new("2nd fan.flow")
///         .type_name("Fan")
///         .derives(["PartialEq", "Eq"])
///         .defmt(Defmt::when(cfg!(feature = "defmt")))
///         .generate()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    artefact: PathBuf,
    module: Option<String>,
    out_dir: Option<PathBuf>,
    options: Options,
}

impl Builder {
    /// Compiles this artefact. In a build script a relative path is relative
    /// to the package's folder.
    pub fn new(artefact: impl Into<PathBuf>) -> Self {
        Self {
            artefact: artefact.into(),
            module: None,
            out_dir: None,
            options: Options::default(),
        }
    }

    /// Writes `OUT_DIR/NAME.rs` for this name instead of the artefact's, to be
    /// included by `include_flow!("NAME")`: for artefacts of the same name in
    /// different folders.
    #[must_use]
    pub fn module(mut self, name: impl Into<String>) -> Self {
        self.module = Some(name.into());
        self
    }

    /// Names the generated type: see [`Options::type_name`].
    #[must_use]
    pub fn type_name(mut self, name: impl Into<String>) -> Self {
        self.options.type_name = Some(name.into());
        self
    }

    /// See [`Options::visibility`].
    #[must_use]
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.options.visibility = visibility;
        self
    }

    /// Adds traits to derive: see [`Options::derives`].
    #[must_use]
    pub fn derives(mut self, traits: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options
            .derives
            .extend(traits.into_iter().map(Into::into));
        self
    }

    /// See [`Options::defmt`].
    #[must_use]
    pub fn defmt(mut self, defmt: Defmt) -> Self {
        self.options.defmt = defmt;
        self
    }

    /// See [`Options::math`].
    #[must_use]
    pub fn math(mut self, math: Backend) -> Self {
        self.options.math = Some(math);
        self
    }

    /// See [`Options::functions`].
    #[must_use]
    pub fn functions(mut self, functions: Functions) -> Self {
        self.options.functions = functions;
        self
    }

    /// See [`Options::self_test`].
    #[must_use]
    pub fn self_test(mut self, emit: bool) -> Self {
        self.options.self_test = emit;
        self
    }

    /// See [`Optimise`].
    #[must_use]
    pub fn optimise(mut self, optimise: Optimise) -> Self {
        self.options.optimise = optimise;
        self
    }

    /// The core whose figures the model card states, at its usual clock.
    #[must_use]
    pub fn core(mut self, core: Core) -> Self {
        self.options.chip = Chip {
            core,
            ..self.options.chip
        };
        self
    }

    /// Refuses a model that costs more: see [`Options::budget`].
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.options.budget = budget;
        self
    }

    /// Switches passes of the compiler off, to see what they do.
    #[must_use]
    pub fn passes(mut self, passes: Passes) -> Self {
        self.options.passes = passes;
        self
    }

    /// Writes to this folder instead of `OUT_DIR`.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Compiles and writes. The file is left alone if its text is the same.
    ///
    /// # Errors
    /// The artefact cannot be read or is refused, an option is wrong, or the
    /// file cannot be written or is another artefact's; a file of an earlier
    /// run is then as it was.
    pub fn generate(&self) -> Result<(), Error> {
        let watched = self.watched()?;
        println!("cargo::rerun-if-changed={watched}");
        let folder = match &self.out_dir {
            Some(folder) => folder.clone(),
            None => std::env::var_os("OUT_DIR")
                .map(PathBuf::from)
                .ok_or(Error::NoOutDir)?,
        };
        let bytes = std::fs::read(&self.artefact).map_err(|source| Error::Read {
            path: self.artefact.clone(),
            source,
        })?;
        let (text, _) = compile(&bytes, &self.artefact, &self.options)?;
        let mut path = folder.join(self.file_stem()?);
        path.add_extension("rs");
        claim(&path, &self.artefact)?;
        write_if_changed(&path, &text).map_err(|source| Error::Write { path, source })
    }

    /// The artefact's path as a line for cargo. What cannot be one would be
    /// watched under another name, and the code would not follow the model.
    fn watched(&self) -> Result<&str, Error> {
        let line = |path: &&str| !path.contains(char::is_control);
        let path = self.artefact.to_str().filter(line);
        path.ok_or_else(|| Error::Path {
            path: self.artefact.clone(),
        })
    }

    /// The module's file name without `.rs`.
    fn file_stem(&self) -> Result<&Path, Error> {
        let Some(name) = &self.module else {
            return Ok(Path::new(self.artefact.file_stem().unwrap_or_default()));
        };
        let stem = Path::new(name);
        match stem.file_name().is_some_and(|file| file == name.as_str()) {
            true => Ok(stem),
            false => Err(Error::Module { name: name.clone() }),
        }
    }
}

/// Notes which artefact a module comes from, for as long as the build script
/// runs: a second one would replace it silently, and the firmware would hold
/// the same model twice.
fn claim(module: &Path, artefact: &Path) -> Result<(), Error> {
    static MODULES: Mutex<BTreeMap<PathBuf, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let first = modules
        .entry(module.to_owned())
        .or_insert_with(|| artefact.to_owned());
    match first == artefact {
        true => Ok(()),
        false => Err(Error::SameModule {
            first: first.clone(),
            second: artefact.to_owned(),
            output: module.to_owned(),
        }),
    }
}

/// Replaces the file in one step, or not at all.
fn write_if_changed(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
