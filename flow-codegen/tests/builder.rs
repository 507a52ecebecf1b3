//! The builder as a build script uses it: what it writes, and what it leaves
//! alone when something is wrong.

use flow_codegen::{Builder, Error};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The artefact of the test firmware: a flow trained on a real recording.
const ARTEFACT: &[u8] = include_bytes!("../../tests/case/model.flow");

struct Folder(TempDir);

impl Folder {
    fn with_artefact(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("watch.flow"), bytes).expect("written");
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn builder(&self) -> Builder {
        Builder::new(self.path("watch.flow")).out_dir(self.0.path())
    }

    fn output(&self) -> Option<String> {
        fs::read_to_string(self.path("watch.rs")).ok()
    }
}

/// The message, which must be the same by `Debug`: that is what cargo shows.
fn message(result: Result<(), Error>) -> String {
    let error = result.expect_err("an error");
    assert_eq!(format!("{error}"), format!("{error:?}"));
    error.to_string()
}

#[test]
fn writes_a_module_named_after_the_artefact() {
    let folder = Folder::with_artefact(ARTEFACT);
    folder.builder().generate().expect("generates");
    let text = folder.output().expect("a module");
    assert!(text.contains("pub struct BasicMotions;"));
    assert!(!text.contains("fn self_test"));
    assert!(!text.contains("unsafe") && !text.contains("#!["));
    folder
        .builder()
        .type_name("Watch")
        .self_test(true)
        .generate()
        .expect("generates");
    let text = folder.output().expect("a module");
    assert!(text.contains("pub struct Watch;") && text.contains("pub fn self_test() -> bool"));
}

#[test]
fn leaves_an_unchanged_file_alone() {
    let folder = Folder::with_artefact(ARTEFACT);
    folder.builder().generate().expect("generates");
    let modified = || {
        fs::metadata(folder.path("watch.rs"))
            .and_then(|m| m.modified())
            .expect("time")
    };
    let first = modified();
    std::thread::sleep(std::time::Duration::from_millis(20));
    folder.builder().generate().expect("generates");
    assert_eq!(modified(), first);
}

#[test]
fn a_refused_artefact_leaves_the_old_module() {
    let folder = Folder::with_artefact(ARTEFACT);
    folder.builder().generate().expect("generates");
    let old = folder.output();
    let mut damaged = ARTEFACT.to_vec();
    damaged[ARTEFACT.len() / 2] ^= 1;
    for (bytes, part) in [
        (&damaged[..], "corrupt"),
        (&ARTEFACT[..100], "truncated: 100 bytes"),
        (b"nonsense", "no flow artefact"),
        (&[0; 40], "no flow artefact"),
    ] {
        fs::write(folder.path("watch.flow"), bytes).expect("written");
        let text = message(folder.builder().generate());
        assert!(text.contains("watch.flow") && text.contains(part), "{text}");
        assert_eq!(folder.output(), old);
    }
}

#[test]
fn names_what_is_wrong_with_its_settings() {
    let folder = Folder::with_artefact(ARTEFACT);
    for name in ["2fast", "a b", "fn", ""] {
        let text = message(folder.builder().type_name(name).generate());
        assert!(text.contains("cannot name a type"), "{text}");
    }
    let missing = Builder::new(folder.path("other.flow")).out_dir(folder.0.path());
    assert!(message(missing.generate()).contains("cannot read the artefact"));
    let nowhere = folder.builder().out_dir(Path::new("no/such/folder"));
    assert!(message(nowhere.generate()).contains("cannot write the generated code"));
}
