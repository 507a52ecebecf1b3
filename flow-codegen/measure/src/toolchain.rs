//! Finds a Rust toolchain that builds for the chips.
//!
//! Two ways lead there. A toolchain whose standard library for the chips is installed
//! (`rustup target add`, or a distribution's package) needs nothing else. A toolchain that has the
//! library's *sources* (Debian's `rust-web-src`, rustup's `rust-src`) builds `core` itself with
//! `-Zbuild-std=core`. Either links with the `rust-lld` it brings, else with the `ld.lld` on `PATH`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::board::TARGETS;
use crate::process;
use crate::version::Version;

/// How a toolchain comes by `core` for a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// Compiled already.
    Prebuilt,
    /// Compiled with the firmware, from the toolchain's own sources.
    FromSource,
}

/// What was seen of one installed toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The compiler.
    pub rustc: PathBuf,
    /// Its cargo.
    pub cargo: PathBuf,
    /// The compiler's version.
    pub version: Version,
    /// Targets of [`TARGETS`] whose `core` is installed.
    pub prebuilt: Vec<&'static str>,
    /// Whether the sources of `core` are installed.
    pub sources: bool,
    /// Whether the toolchain brings `rust-lld`.
    pub rust_lld: bool,
}

/// A toolchain that builds for the chips it was found for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// Where `core` comes from.
    pub core: Core,
    /// The compiler's version.
    pub version: Version,
    rustc: PathBuf,
    cargo: PathBuf,
    /// The linker to name, where the target's own default (`rust-lld`) is not there.
    linker: Option<PathBuf>,
}

/// What keeps every installed toolchain from building for the chips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// No toolchain of at least this version has the targets' `core`, compiled or as sources.
    Core(Vec<&'static str>, Version),
    /// A toolchain would do, were there a linker.
    Linker,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(targets, msrv) => write!(
                f,
                "no Rust toolchain from {} on has the target{} {} (or the sources to build {})",
                msrv.release(),
                if targets.len() == 1 { "" } else { "s" },
                targets.join(", "),
                if targets.len() == 1 { "it" } else { "them" }
            ),
            Self::Linker => write!(f, "no linker for the chips (rust-lld or ld.lld)"),
        }
    }
}

impl Toolchain {
    /// Looks at the toolchains of this machine and takes the first that serves for some targets.
    ///
    /// # Errors
    /// What is lacking.
    pub fn find(targets: &[&'static str], msrv: Version) -> Result<Self, Lack> {
        let lld = process::which("ld.lld");
        choose(&installed(), lld.as_deref(), targets, msrv)
    }

    /// The command that builds a folder's firmware for chips, optimised, into a target folder,
    /// free of settings that the caller's environment holds for the host.
    #[must_use]
    pub fn build(&self, folder: &Path, targets: &[&str], into: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        for (name, _) in std::env::vars_os() {
            if is_host_setting(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(folder)
            .args(["build", "--release", "--quiet"])
            .env("RUSTC", &self.rustc)
            .env("CARGO_TARGET_DIR", into);
        for target in targets {
            command.args(["--target", target]);
            if let Some(linker) = &self.linker {
                command.env(linker_variable(target), linker);
            }
        }
        if self.core == Core::FromSource {
            command.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = match self.core {
            Core::Prebuilt => "with the chips' targets installed",
            Core::FromSource => "building core from its sources",
        };
        write!(f, "rustc {} {core}", self.version)?;
        match &self.linker {
            Some(linker) => write!(f, ", linking with {}", linker.display()),
            None => write!(f, ", linking with rust-lld"),
        }
    }
}

/// The environment variable by which cargo takes the linker of a target.
fn linker_variable(target: &str) -> String {
    let name = target.to_uppercase().replace(['-', '.'], "_");
    format!("CARGO_TARGET_{name}_LINKER")
}

/// Whether an environment variable steers the host's build and must not reach the chip's.
/// RUSTFLAGS would replace what a firmware's own configuration says; cargo and rustup set the
/// others for the program they run.
fn is_host_setting(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "CARGO",
        "CARGO_ENCODED_RUSTFLAGS",
        "LD_LIBRARY_PATH",
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUSTC_BOOTSTRAP",
    ];
    const PREFIXES: [&str; 6] = [
        "CARGO_BUILD_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "RUSTC_W",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The first toolchain with the chips' `core` compiled, else the first with its sources.
fn choose(
    found: &[Facts],
    lld: Option<&Path>,
    targets: &[&'static str],
    msrv: Version,
) -> Result<Toolchain, Lack> {
    let recent = || found.iter().filter(|facts| facts.version >= msrv);
    let complete = |facts: &&Facts| targets.iter().all(|t| facts.prebuilt.contains(t));
    let prebuilt = recent()
        .filter(complete)
        .map(|facts| (facts, Core::Prebuilt));
    let sources = recent()
        .filter(|facts| facts.sources)
        .map(|facts| (facts, Core::FromSource));
    let mut lack = Lack::Core(targets.to_vec(), msrv);
    for (facts, core) in prebuilt.chain(sources) {
        let linker = if facts.rust_lld {
            None
        } else if let Some(lld) = lld {
            Some(lld.to_path_buf())
        } else {
            lack = Lack::Linker;
            continue;
        };
        return Ok(Toolchain {
            core,
            version: facts.version,
            rustc: facts.rustc.clone(),
            cargo: facts.cargo.clone(),
            linker,
        });
    }
    Err(lack)
}

/// The toolchain that runs this program and the distribution's, where they are.
fn installed() -> Vec<Facts> {
    let own = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    [own, PathBuf::from("/usr/bin/rustc")]
        .iter()
        .filter_map(|rustc| look_at(rustc))
        .collect()
}

fn look_at(rustc: &Path) -> Option<Facts> {
    let ask = |question: &[&str]| {
        let answer = process::output(Command::new(rustc).args(question)).ok()?;
        Some(answer.trim().to_owned())
    };
    let version = Version::find(&ask(&["--version"])?)?;
    let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?);
    let host = ask(&["--print", "host-tuple"])?;
    // The real compiler and the cargo beside it, and not rustup's proxies, which choose another
    // toolchain by the folder they run in.
    let rustc = Some(sysroot.join("bin/rustc")).filter(|path| path.is_file())?;
    let cargo = Some(sysroot.join("bin/cargo")).filter(|path| path.is_file())?;
    let library = sysroot.join("lib/rustlib");
    let prebuilt = TARGETS
        .into_iter()
        .filter(|target| has_core(&library.join(target).join("lib")))
        .collect();
    Some(Facts {
        rustc,
        cargo,
        version,
        prebuilt,
        sources: library.join("src/rust/library/core/Cargo.toml").is_file(),
        rust_lld: library.join(host).join("bin/rust-lld").is_file(),
    })
}

fn has_core(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Core, Facts, Lack, choose, is_host_setting, linker_variable};
    use crate::board::TARGETS;
    use crate::version::Version;
    use std::path::{Path, PathBuf};

    fn facts(name: &str, version: &str) -> Facts {
        Facts {
            rustc: PathBuf::from(format!("/{name}/bin/rustc")),
            cargo: PathBuf::from(format!("/{name}/bin/cargo")),
            version: Version::find(version).unwrap(),
            prebuilt: Vec::new(),
            sources: false,
            rust_lld: false,
        }
    }

    fn msrv() -> Version {
        Version::find("1.95").unwrap()
    }

    #[test]
    fn compiled_targets_win_over_sources() {
        let distribution = Facts {
            sources: true,
            ..facts("usr", "1.96.0")
        };
        let rustup = Facts {
            prebuilt: TARGETS.to_vec(),
            rust_lld: true,
            ..facts("rustup", "1.95.0")
        };
        let lld = Path::new("/usr/bin/ld.lld");
        let chosen = choose(&[distribution.clone(), rustup], Some(lld), &TARGETS, msrv()).unwrap();
        assert_eq!(chosen.core, Core::Prebuilt);
        assert_eq!(chosen.linker, None);
        let chosen = choose(
            &[facts("rustup", "1.95.0"), distribution],
            Some(lld),
            &TARGETS,
            msrv(),
        )
        .unwrap();
        assert_eq!(chosen.core, Core::FromSource);
        assert_eq!(chosen.linker.as_deref(), Some(lld));
    }

    #[test]
    fn all_targets_but_one_serve_for_those_alone() {
        let most = Facts {
            prebuilt: TARGETS[1..].to_vec(),
            rust_lld: true,
            ..facts("rustup", "1.95.0")
        };
        assert_eq!(
            choose(std::slice::from_ref(&most), None, &TARGETS, msrv()),
            Err(Lack::Core(TARGETS.to_vec(), msrv()))
        );
        assert!(choose(&[most], None, &TARGETS[1..], msrv()).is_ok());
    }

    #[test]
    fn an_old_compiler_does_not_serve() {
        let old = Facts {
            sources: true,
            rust_lld: true,
            ..facts("usr", "1.85.0")
        };
        assert_eq!(
            choose(&[old], None, &TARGETS, msrv()),
            Err(Lack::Core(TARGETS.to_vec(), msrv()))
        );
    }

    #[test]
    fn a_missing_linker_is_told_apart() {
        let sources = Facts {
            sources: true,
            ..facts("usr", "1.96.0")
        };
        assert_eq!(
            choose(&[sources], None, &TARGETS, msrv()),
            Err(Lack::Linker)
        );
    }

    #[test]
    fn a_dot_in_a_target_is_no_dot_in_its_variable() {
        assert_eq!(
            linker_variable("thumbv8m.main-none-eabihf"),
            "CARGO_TARGET_THUMBV8M_MAIN_NONE_EABIHF_LINKER"
        );
    }

    #[test]
    fn host_settings_do_not_reach_the_chip() {
        for name in ["RUSTFLAGS", "CARGO_PROFILE_RELEASE_LTO", "RUSTC_WRAPPER"] {
            assert!(is_host_setting(name), "{name}");
        }
        for name in ["PATH", "HOME", "CARGO_HOME", "CARGO_NET_OFFLINE"] {
            assert!(!is_host_setting(name), "{name}");
        }
    }
}
