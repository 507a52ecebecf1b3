use crate::{Checked, Cost, Error, Passes, Plan, emit, passes};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What generated code is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimise {
    /// Few instructions: dense layers in panels.
    #[default]
    Speed,
    /// Little flash: dense layers row by row.
    Size,
}

/// What to emit.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The type's name; by default the model's name in camel case.
    pub type_name: Option<String>,
    /// Also emit `pub fn self_test() -> bool`, which checks the golden vectors
    /// on the chip. (They are always checked under `cfg(test)`.)
    pub self_test: bool,
    /// What the code is made for.
    pub optimise: Optimise,
    /// The passes of the compiler.
    pub passes: Passes,
}

/// Compiles the bytes of an artefact to the text of a Rust module. `source`
/// names the artefact in messages and in the module's header.
///
/// # Errors
/// The artefact is refused, or the type's name is no identifier.
pub fn compile(artefact: &[u8], source: &Path, options: &Options) -> Result<(String, Cost), Error> {
    let checked = Checked::new(artefact).map_err(|fault| Error::Artefact {
        path: source.to_owned(),
        source: fault,
    })?;
    let plan = Plan::new(&checked, options.type_name.as_deref())?;
    let quantisation = checked.flow.header().quantisation.as_ref();
    let plan = passes::run(plan, options.passes, options.optimise, quantisation)?;
    let cost = Cost::of(&plan);
    let file = source
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let text = emit::module(&plan, &cost, &file.unwrap_or_default(), options.self_test)?;
    Ok((text, cost))
}

/// Compiles an artefact from a build script.
///
/// Writes `OUT_DIR/NAME.rs` for the artefact `NAME.flow`, and tells cargo to
/// run the build script again when the artefact changes. Include the result
/// with [`flow_embedded::include_flow!`].
#[derive(Clone, Debug)]
pub struct Builder {
    artefact: PathBuf,
    out_dir: Option<PathBuf>,
    options: Options,
}

impl Builder {
    /// Compiles this artefact. In a build script a relative path is relative
    /// to the package's folder.
    pub fn new(artefact: impl Into<PathBuf>) -> Self {
        Self {
            artefact: artefact.into(),
            out_dir: None,
            options: Options::default(),
        }
    }

    /// Names the generated type.
    #[must_use]
    pub fn type_name(mut self, name: impl Into<String>) -> Self {
        self.options.type_name = Some(name.into());
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
    /// The artefact cannot be read or is refused, or the file cannot be
    /// written; a file of an earlier run is then as it was.
    pub fn generate(&self) -> Result<(), Error> {
        println!("cargo::rerun-if-changed={}", self.artefact.display());
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
        let name = self.artefact.file_stem().unwrap_or_default();
        let mut path = folder.join(name);
        path.add_extension("rs");
        write_if_changed(&path, &text).map_err(|source| Error::Write { path, source })
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
