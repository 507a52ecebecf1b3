//! Flows of other libraries, beside the log-likelihoods that those gave.

use flow_train::import::{Source, import};
use std::path::{Path, PathBuf};

/// The golden files of the shared data, where they are.
fn fixtures() -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/import/fixtures");
    let Ok(entries) = shared.read_dir() else {
        return vec![];
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|own| Some(own.ok()?.path())).collect();
    files.sort();
    files
}

#[test]
fn fixtures_are_reproduced() {
    for path in fixtures() {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let source =
            Source::read(&std::fs::read(&path).expect("readable"), None).expect("a source");
        match import(&source) {
            Ok(own) => println!("{name}: {:?}", own.parity),
            Err(fault) => println!("{name}: {fault}"),
        }
    }
}
