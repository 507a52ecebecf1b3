//! The quick start of the front page, as a reader would type it: its files are written to a fresh folder,
//! built for the board, and run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::device::{self, Build};
use crate::examples::{TIME_LIMIT, difference};
use crate::workspace;
use flow_measure::board::CORTEX_M4F;
use flow_measure::qemu;
use flow_measure::toolchain::Toolchain;

/// The binary's name in the manifest.
const NAME: &str = "watch";
/// The heading of the section.
const SECTION: &str = "## Quick start";
/// What stands for a clone in the manifest.
const CLONE: &str = "../flow/";
/// The file that names the crates.
const MANIFEST: &str = "Cargo.toml";
/// What the files are.
const FILES: [&str; 5] = [
    MANIFEST,
    "build.rs",
    "memory.x",
    ".cargo/config.toml",
    "src/main.rs",
];

/// A fenced block of a section: the line before it that is not blank, and its text.
struct Block<'p> {
    before: &'p str,
    text: String,
}

/// The section of a page from its heading to the next one of the same level.
fn section<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let start = page.find(heading)?;
    let rest = page.get(start..)?;
    let end = rest.find("\n## ").unwrap_or(rest.len());
    rest.get(..end)
}

fn blocks(section: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let own = lines.by_ref().take_while(|line| !line.starts_with("```"));
            let text = own.map(|line| format!("{line}\n")).collect();
            blocks.push(Block { before, text });
        } else if !line.trim().is_empty() {
            before = line;
        }
    }
    blocks
}

/// The text of a file of the section: of the block behind the line that names it.
fn file(blocks: &[Block<'_>], name: &str) -> Result<String> {
    let named = format!("`{name}`");
    let mut own = blocks.iter().filter(|own| own.before.contains(&named));
    let found = own.next().map(|own| own.text.clone());
    found.with_context(|| format!("README.md: the quick start has no file `{name}`"))
}

/// Numbers become `#`: they are the model's, and readers train their own.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for own in text.chars() {
        match own {
            '0'..='9' | '.' | '-' if shown.ends_with('#') => {}
            '0'..='9' | '-' => shown.push('#'),
            own => shown.push(own),
        }
    }
    shown
}

/// Writes the files of the front page's quick start, with the model of `tests/case`, builds and runs them on the emulated
/// board, and compares what is printed, numbers aside, with what the page shows.
///
/// # Errors
/// The page lacks a file, the build or the run fails, or something else is printed.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    let root = workspace::root();
    let page = fs::read_to_string(root.join("README.md")).context("README.md")?;
    let section = section(&page, SECTION).context("README.md has no quick start")?;
    let blocks = blocks(section);
    let folder = root.join("target").join("quick-start");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let write = |name: &str, text: &[u8]| -> Result<()> {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(&path, text).with_context(|| path.display().to_string())
    };
    for name in FILES {
        let mut text = here(&file(&blocks, name)?, &root)?;
        if name == MANIFEST {
            // What lies around the folder is another workspace.
            text += "\n[workspace]\n";
        }
        write(name, text.as_bytes())?;
    }
    write("model.flow", &fs::read(root.join("tests/case/model.flow"))?)?;
    // The versions that are on this machine.
    let lock = fs::read(root.join("examples/anomaly-firmware/Cargo.lock"))?;
    write("Cargo.lock", &lock)?;
    let build = Build {
        folder: &folder,
        targets: &[CORTEX_M4F.target],
        level: None,
        features: "",
        binaries: &[],
    };
    build.run(toolchain)?;
    let printed = qemu::run(
        &CORTEX_M4F,
        &device::elf(CORTEX_M4F.target, NAME),
        TIME_LIMIT,
    )?;
    let shown = blocks.last().map(|own| own.text.as_str());
    let shown = without_numbers(shown.unwrap_or_default());
    if let Some(difference) = difference(&shown, &without_numbers(&printed)) {
        bail!("the quick start of README.md prints something else: {difference}");
    }
    println!("quick start: prints what README.md shows");
    Ok(())
}

/// A manifest whose paths lead to this clone.
fn here(text: &str, root: &Path) -> Result<String> {
    let root = root.to_str().context("the path of this clone")?;
    Ok(text.replace(CLONE, &format!("{}/", root.replace('\\', "/"))))
}

#[cfg(test)]
mod tests {
    use super::{FILES, SECTION, blocks, file, section, without_numbers};
    use crate::workspace;

    #[test]
    fn the_front_page_has_every_file() {
        let page = std::fs::read_to_string(workspace::root().join("README.md")).unwrap();
        let blocks = blocks(section(&page, SECTION).unwrap());
        for name in FILES {
            assert!(!file(&blocks, name).unwrap().is_empty(), "{name}");
        }
        assert_eq!(blocks.last().unwrap().text.lines().count(), 3);
    }

    #[test]
    fn files_are_found_by_the_line_before_them() {
        let page = "# A\n## Quick start: b\n`c.rs` is\n\n```rust\nd\n\ne\n```\n## F\n```\ng\n```\n";
        let blocks = blocks(section(page, SECTION).unwrap());
        assert_eq!(blocks.len(), 1);
        assert_eq!(file(&blocks, "c.rs").unwrap(), "d\n\ne\n");
        assert!(file(&blocks, "d.rs").is_err());
    }

    #[test]
    fn numbers_do_not_count() {
        let text = without_numbers("alarm, p = 0.00099, -12.5 nats\n");
        assert_eq!(text, "alarm, p = #, # nats\n");
    }
}
