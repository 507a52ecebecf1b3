//! Looks at the machine, says what will be installed and why, and installs it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::{self, Action, Archive, Installer, Machine};
use crate::workspace::{self, Manifest};
use flow_measure::board::{EMULATORS, TARGETS};
use flow_measure::process;
use flow_measure::toolchain::{Lack, Toolchain};
use flow_measure::version::Version;

/// Gives the device toolchain, installing what is missing.
///
/// # Errors
/// What is missing and how to get it, where it cannot be installed from here; or the failed
/// installation.
pub fn ensure() -> Result<Toolchain> {
    let msrv = Manifest::read()?.msrv;
    let mut archive = Archive::Stale;
    let (mut machine, mut toolchain) = look(msrv);
    announce(&machine);
    loop {
        let actions = packages::plan(&machine, archive)?;
        if actions.is_empty() {
            break;
        }
        for action in &actions {
            archive = perform(action, machine.installer, archive)?;
        }
        // After the lists were fetched, plan again; after an installation, nothing may be missing.
        if actions != [Action::AptUpdate] {
            (machine, toolchain) = look(msrv);
            if !packages::wanted(&machine).is_empty() {
                break;
            }
        }
    }
    match toolchain {
        Ok(_) if !machine.missing_emulators.is_empty() => bail!(
            "still not found on PATH: {}",
            machine.missing_emulators.join(", ")
        ),
        Ok(toolchain) => Ok(toolchain),
        Err(lack) => bail!("{lack}"),
    }
}

/// Installs the runner of the workspace's tests where it is missing.
///
/// # Errors
/// If cargo can't install it.
pub fn ensure_runner() -> Result<()> {
    if process::which("cargo-nextest").is_some() {
        return Ok(());
    }
    println!(
        "This machine lacks cargo-nextest, which runs the tests: cargo installs it, from its sources."
    );
    let mut install = workspace::cargo();
    install.args(["install", "--locked", "--quiet", "cargo-nextest"]);
    // It starts tests and waits for them: to compile it soon matters more than how fast it runs.
    for (setting, value) in [
        ("OPT_LEVEL", "1"),
        ("LTO", "off"),
        ("CODEGEN_UNITS", "16"),
        ("DEBUG", "0"),
    ] {
        install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    process::run(&mut install).context(
        "cargo-nextest could not be installed: https://nexte.st has it ready for many systems",
    )
}

/// The device toolchain as it is, with nothing installed.
///
/// # Errors
/// What is lacking, with the command that installs it.
pub fn toolchain() -> Result<Toolchain> {
    Toolchain::find(&TARGETS, Manifest::read()?.msrv)
        .map_err(|lack| anyhow::anyhow!("{lack}: run `cargo xtask setup`"))
}

fn look(msrv: Version) -> (Machine, Result<Toolchain, Lack>) {
    let toolchain = Toolchain::find(&TARGETS, msrv);
    let machine = Machine {
        toolchain: toolchain.as_ref().err().cloned(),
        missing_emulators: EMULATORS
            .into_iter()
            .filter(|emulator| process::which(emulator).is_none())
            .collect(),
        installer: installer(),
        rustup: process::which("rustup").is_some(),
    };
    (machine, toolchain)
}

fn installer() -> Installer {
    if process::which("apt-get").is_none() {
        return Installer::NoApt;
    }
    let user = process::output(Command::new("id").arg("-u")).unwrap_or_default();
    if user.trim() == "0" {
        Installer::Apt
    } else if process::which("sudo").is_some() {
        Installer::SudoApt
    } else {
        Installer::NoRoot
    }
}

fn announce(machine: &Machine) {
    let packages = packages::wanted(machine);
    let apt = matches!(machine.installer, Installer::Apt | Installer::SudoApt);
    if packages.is_empty() || !apt {
        return;
    }
    println!("This machine lacks packages; apt-get will install them, without recommended ones:");
    for package in &packages {
        println!("  {:20} {}", package.name, package.why);
    }
    if machine
        .toolchain
        .as_ref()
        .is_some_and(|l| *l != Lack::Linker)
        && machine.rustup
    {
        println!("Should the archive have no recent Rust, rustup will add the chips' targets.");
    }
}

fn perform(action: &Action, installer: Installer, archive: Archive) -> Result<Archive> {
    match action {
        Action::AptUpdate => {
            process::run(apt(installer).arg("update"))?;
            let policy = process::output(Command::new("apt-cache").args(["policy", "rustc-web"]))?;
            Ok(Archive::Fresh(candidate(&policy)))
        }
        Action::AptInstall(list) => {
            let names = list.iter().map(|package| package.name);
            process::run(
                apt(installer)
                    .args(["install", "-y", "--no-install-recommends"])
                    .args(names),
            )?;
            Ok(archive)
        }
        Action::RustupTargets => {
            println!("The archive has no recent Rust: rustup adds the chips' targets.");
            process::run(Command::new("rustup").args(["target", "add"]).args(TARGETS))
                .context("rustup could not add the chips' targets")?;
            Ok(archive)
        }
    }
}

/// `apt-get`, as root and asking nothing.
fn apt(installer: Installer) -> Command {
    let mut command;
    if installer == Installer::SudoApt {
        command = Command::new("sudo");
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    } else {
        command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
    }
    command
}

/// The version that `apt-cache policy` would install.
fn candidate(policy: &str) -> Option<Version> {
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate:"))?;
    Version::find(line)
}

#[cfg(test)]
mod tests {
    use super::candidate;

    #[test]
    fn reads_the_candidate_of_apt_cache_policy() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        assert_eq!(candidate(policy).unwrap().to_string(), "1.96.0");
        assert_eq!(candidate("rustc-web:\n  Candidate: (none)\n"), None);
        assert_eq!(candidate(""), None);
    }
}
