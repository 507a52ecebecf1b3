//! Decides what must be installed, from what is there: pure functions, so that every kind of
//! machine can be tested on one.

use std::fmt;

use flow_measure::board::TARGETS;
use flow_measure::toolchain::Lack;
use flow_measure::version::Version;

/// What was seen of the machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What keeps device builds from working, if anything.
    pub toolchain: Option<Lack>,
    /// Emulators of the boards that are not on `PATH`.
    pub missing_emulators: Vec<&'static str>,
    /// Whether packages can be installed, and how one becomes root.
    pub installer: Installer,
    /// Whether rustup is on `PATH`.
    pub rustup: bool,
}

/// How packages get onto this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// `apt-get` as root.
    Apt,
    /// `apt-get` through `sudo`.
    SudoApt,
    /// `apt-get` is there, and no way to become root.
    NoRoot,
    /// No `apt-get`: this is not Debian or Ubuntu.
    NoApt,
}

/// What is known of the distribution's archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Its lists have not been fetched in this run.
    Stale,
    /// Its lists are fresh, and it offers this version of `rustc-web` (none: not at all).
    Fresh(Option<Version>),
}

/// A package of the distribution and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// Name in the archive.
    pub name: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// One step of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Fetch the archive's lists, then plan again.
    AptUpdate,
    /// Install these packages.
    AptInstall(Vec<Package>),
    /// Add the chips' targets to rustup's toolchain.
    RustupTargets,
}

/// Things that are missing and cannot be installed from here, each with how to get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing(pub Vec<String>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this machine lacks:")?;
        for item in &self.0 {
            write!(f, "\n  - {item}")?;
        }
        Ok(())
    }
}

const CORE: [Package; 4] = [
    Package {
        name: "rustc-web",
        why: "the distribution's recent Rust compiler",
    },
    Package {
        name: "cargo-web",
        why: "its cargo",
    },
    Package {
        name: "rust-web-src",
        why: "its sources of core, compiled for the chips",
    },
    LLD,
];
const LLD: Package = Package {
    name: "lld",
    why: "the linker for the chips",
};
/// The packages of the emulators, by the emulators' names: Debian moves the RISC-V one between
/// packages (`qemu-system-misc`, from QEMU 9.1 on `qemu-system-riscv`), and each provides the name.
const QEMU: [Package; 2] = [
    Package {
        name: "qemu-system-arm",
        why: "the emulator of the Cortex-M boards (apt may remove a qemu-utils of another version \
              for it)",
    },
    Package {
        name: "qemu-system-riscv32",
        why: "the emulator of the RISC-V board, in Debian 12 a part of qemu-system-misc",
    },
];

/// The packages that give the machine what it lacks.
#[must_use]
pub fn wanted(machine: &Machine) -> Vec<Package> {
    let mut packages = match machine.toolchain {
        Some(Lack::Core(..)) => CORE.to_vec(),
        Some(Lack::Linker) => vec![LLD],
        None => Vec::new(),
    };
    let missing = |package: &Package| machine.missing_emulators.contains(&package.name);
    packages.extend(QEMU.into_iter().filter(missing));
    packages
}

/// The next actions; none when the machine has all it needs.
///
/// # Errors
/// What is missing and how to get it, where it cannot be installed from here.
pub fn plan(machine: &Machine, archive: Archive) -> Result<Vec<Action>, Missing> {
    let mut packages = wanted(machine);
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    match (machine.installer, archive) {
        (Installer::NoApt, _) => Err(Missing(by_hand(machine))),
        (Installer::NoRoot, _) => {
            let names: Vec<_> = packages.iter().map(|p| p.name).collect();
            Err(Missing(vec![format!(
                "the packages {names}, and neither root's rights nor sudo to install them: as root, \
                 run `apt-get update && apt-get install -y --no-install-recommends {names}`",
                names = names.join(" ")
            )]))
        }
        (Installer::Apt | Installer::SudoApt, Archive::Stale) => Ok(vec![Action::AptUpdate]),
        (Installer::Apt | Installer::SudoApt, Archive::Fresh(offered)) => {
            let mut actions = Vec::new();
            if let Some(Lack::Core(_, msrv)) = machine.toolchain
                && offered.is_none_or(|version| version < msrv)
            {
                if !machine.rustup {
                    return Err(Missing(by_hand(machine)));
                }
                actions.push(Action::RustupTargets);
                packages.retain(|package| !CORE.contains(package));
            }
            if !packages.is_empty() {
                actions.push(Action::AptInstall(packages));
            }
            Ok(actions)
        }
    }
}

/// What is missing, and how a person gets it on any system.
fn by_hand(machine: &Machine) -> Vec<String> {
    let mut items = Vec::new();
    if let Some(lack) = &machine.toolchain {
        let how = match lack {
            Lack::Core(..) if machine.rustup => {
                format!("run `rustup target add {}`", TARGETS.join(" "))
            }
            Lack::Core(..) => format!(
                "install Rust by rustup (https://rustup.rs), then run `rustup target add {}`",
                TARGETS.join(" ")
            ),
            Lack::Linker => "install LLVM's lld (package `lld`)".to_owned(),
        };
        items.push(format!("{lack}: {how}"));
    }
    if !machine.missing_emulators.is_empty() {
        items.push(format!(
            "the emulators {}: install QEMU (macOS: `brew install qemu`; Fedora: `dnf install \
             qemu-system-arm qemu-system-riscv`; Arch: `pacman -S qemu-system-arm \
             qemu-system-riscv`; else https://www.qemu.org)",
            machine.missing_emulators.join(" and ")
        ));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::{Action, Archive, Installer, Machine, QEMU, plan};
    use flow_measure::board::EMULATORS;
    use flow_measure::toolchain::Lack;
    use flow_measure::version::Version;

    const MSRV: Version = Version {
        major: 1,
        minor: 95,
        patch: 0,
    };
    const OLD: Version = Version { minor: 85, ..MSRV };

    fn bare(installer: Installer) -> Machine {
        Machine {
            toolchain: Some(Lack::Core(flow_measure::board::TARGETS.to_vec(), MSRV)),
            missing_emulators: EMULATORS.to_vec(),
            installer,
            rustup: true,
        }
    }

    fn names(actions: &[Action]) -> Vec<&'static str> {
        let mut names = Vec::new();
        for action in actions {
            match action {
                Action::AptUpdate => names.push("update"),
                Action::RustupTargets => names.push("targets"),
                Action::AptInstall(packages) => names.extend(packages.iter().map(|p| p.name)),
            }
        }
        names
    }

    #[test]
    fn a_complete_machine_is_left_alone_even_by_apt_get_update() {
        for installer in [Installer::Apt, Installer::NoApt, Installer::NoRoot] {
            let complete = Machine {
                toolchain: None,
                missing_emulators: Vec::new(),
                ..bare(installer)
            };
            assert_eq!(plan(&complete, Archive::Stale), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_bare_debian_gets_fresh_lists_and_then_packages() {
        for installer in [Installer::Apt, Installer::SudoApt] {
            let machine = bare(installer);
            let first = plan(&machine, Archive::Stale).unwrap();
            assert_eq!(names(&first), ["update"]);
            let second = plan(&machine, Archive::Fresh(Some(MSRV))).unwrap();
            assert_eq!(
                names(&second),
                [
                    "rustc-web",
                    "cargo-web",
                    "rust-web-src",
                    "lld",
                    "qemu-system-arm",
                    "qemu-system-riscv32"
                ]
            );
        }
    }

    #[test]
    fn an_archive_without_a_recent_rust_leads_to_rustup() {
        for offered in [None, Some(OLD)] {
            let actions = plan(&bare(Installer::Apt), Archive::Fresh(offered)).unwrap();
            assert_eq!(
                names(&actions),
                ["targets", "qemu-system-arm", "qemu-system-riscv32"]
            );
        }
        let without_rustup = Machine {
            rustup: false,
            ..bare(Installer::Apt)
        };
        let missing = plan(&without_rustup, Archive::Fresh(None)).unwrap_err();
        assert!(missing.to_string().contains("rustup.rs"), "{missing}");
    }

    #[test]
    fn every_emulator_has_a_package() {
        assert_eq!(QEMU.map(|package| package.name), EMULATORS);
    }

    #[test]
    fn only_what_lacks_is_installed() {
        let linker = Machine {
            toolchain: Some(Lack::Linker),
            missing_emulators: Vec::new(),
            ..bare(Installer::Apt)
        };
        let actions = plan(&linker, Archive::Fresh(Some(MSRV))).unwrap();
        assert_eq!(names(&actions), ["lld"]);
        let emulator = Machine {
            toolchain: None,
            missing_emulators: vec!["qemu-system-riscv32"],
            ..bare(Installer::Apt)
        };
        let actions = plan(&emulator, Archive::Fresh(None)).unwrap();
        assert_eq!(names(&actions), ["qemu-system-riscv32"]);
    }

    #[test]
    fn other_systems_are_told_what_to_get() {
        let missing = plan(&bare(Installer::NoApt), Archive::Stale).unwrap_err();
        let message = missing.to_string();
        assert!(message.contains("rustup target add thumbv7em"), "{message}");
        assert!(message.contains("brew install qemu"), "{message}");
    }

    #[test]
    fn without_root_the_command_for_root_is_given() {
        let missing = plan(&bare(Installer::NoRoot), Archive::Stale).unwrap_err();
        let message = missing.to_string();
        assert!(
            message.contains("apt-get install -y --no-install-recommends rustc-web"),
            "{message}"
        );
    }
}
