//! The builder as a build script uses it: what it writes, and what it leaves
//! alone when something is wrong.

use flow_codegen::{Builder, Defmt, Error, Functions, Options, Visibility, compile, survey};
use flow_embedded::LoadedFlow;
use flow_embedded::math::Backend;
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
        let options = Options {
            type_name: Some(name.to_owned()),
            ..Options::default()
        };
        // Nothing is emitted there, and it is refused all the same.
        let surveyed = survey(ARTEFACT, Path::new("watch.flow"), &options);
        assert_eq!(message(surveyed.map(|_| ())), text);
    }
    for name in ["", "a/b", "..", "a/"] {
        let text = message(folder.builder().module(name).generate());
        assert!(text.contains("cannot name a module"), "{text}");
    }
    let text = message(folder.builder().derives(["Eq", "no trait"]).generate());
    assert!(
        text.contains("\"no trait\" is no trait to derive"),
        "{text}"
    );
    let text = message(
        folder
            .builder()
            .defmt(Defmt::Feature("?".into()))
            .generate(),
    );
    assert!(text.contains("\"?\" is no name of a feature"), "{text}");
    let text = message(
        Builder::new("two\nlines.flow")
            .out_dir(folder.0.path())
            .generate(),
    );
    assert!(text.contains("cargo cannot watch"), "{text}");
    let missing = Builder::new(folder.path("other.flow")).out_dir(folder.0.path());
    assert!(message(missing.generate()).contains("cannot read the artefact"));
    let nowhere = folder.builder().out_dir(Path::new("no/such/folder"));
    assert!(message(nowhere.generate()).contains("cannot write the generated code"));
}

#[test]
fn options_reach_the_module() {
    let folder = Folder::with_artefact(ARTEFACT);
    folder
        .builder()
        .type_name("Watch")
        .visibility(Visibility::Crate)
        .derives(["PartialEq", "Eq"])
        .defmt(Defmt::Feature("log".into()))
        .functions(Functions::Score)
        .self_test(true)
        .generate()
        .expect("generates");
    let text = folder.output().expect("a module");
    for part in [
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]\n\
         #[cfg_attr(feature = \"log\", derive(::defmt::Format))]\n\
         pub(crate) struct Watch;",
        "pub(crate) const PROVENANCE: ::flow_embedded::Provenance",
        "pub(crate) fn self_test() -> bool",
        "/// Calls `log_prob` 8 times, and stops",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("Sampler"));
}

/// Any file's name serves as the module's.
#[test]
fn odd_names_of_files_are_kept() {
    let folder = Folder::with_artefact(ARTEFACT);
    for stem in ["my model", "2nd", "fn", "v1.2", "größe", "-"] {
        let artefact = folder.path(&format!("{stem}.flow"));
        fs::write(&artefact, ARTEFACT).expect("written");
        let builder = Builder::new(artefact).out_dir(folder.0.path());
        builder.generate().expect(stem);
        let module = fs::read_to_string(folder.path(&format!("{stem}.rs"))).expect(stem);
        assert!(module.contains("pub struct BasicMotions;"), "{stem}");
    }
}

/// Two models of one build script never become one file.
#[test]
fn models_of_the_same_name_are_told_apart() {
    let folder = Folder::with_artefact(ARTEFACT);
    let other = folder.path("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("watch.flow"), ARTEFACT).expect("written");
    folder.builder().generate().expect("generates");
    let second = Builder::new(other.join("watch.flow")).out_dir(folder.0.path());
    let text = message(second.clone().generate());
    assert!(
        text.contains("would both become") && text.contains("Builder::module"),
        "{text}"
    );
    second.module("other watch").generate().expect("generates");
    assert!(folder.path("other watch.rs").exists());
}

/// Thresholds hold for the functions that they were calibrated through.
#[test]
fn other_functions_are_refused_where_a_threshold_depends_on_them() {
    let folder = Folder::with_artefact(ARTEFACT);
    let other = folder.builder().math(Backend::Micromath);
    for functions in [Functions::All, Functions::Score] {
        let text = message(other.clone().functions(functions).generate());
        assert!(
            text.contains("calibrated through polynomial") && text.contains("--math micromath"),
            "{text}"
        );
        assert_eq!(folder.output(), None);
    }
    let own = folder.builder().math(Backend::Polynomial);
    own.generate().expect("the model's own are no others");
    let text = folder.output().expect("a module");
    assert!(text.contains("impl ::flow_embedded::Calibrated for"));
    other
        .functions(Functions::Sample)
        .generate()
        .expect("samples have no threshold");
    let text = folder.output().expect("a module");
    assert!(text.contains("type Math = ::flow_embedded::math::Micromath;"));
    assert!(text.contains("micromath in place of the model's polynomial"));
    // The artefact is still the one on disk.
    let checksum = u32::from_le_bytes(*ARTEFACT.last_chunk().expect("a checksum"));
    assert!(text.contains(&format!("{checksum:#010x}")));
}

/// Half the functions are fewer bytes; the calibration table goes with scoring.
#[test]
fn the_cost_is_that_of_the_functions_emitted() {
    let cost = |functions| {
        let options = Options {
            functions,
            ..Options::default()
        };
        let compiled = compile(ARTEFACT, Path::new("watch.flow"), &options);
        compiled.expect("compiles").1
    };
    let [all, score, sample] = [Functions::All, Functions::Score, Functions::Sample].map(cost);
    assert!(score.code_bytes < all.code_bytes && sample.code_bytes < all.code_bytes);
    let flow = LoadedFlow::from_bytes(ARTEFACT).expect("an artefact");
    let entries = flow.calibration().expect("calibrated").entries().count();
    assert_eq!(score.table_bytes, all.table_bytes);
    assert_eq!(sample.table_bytes, all.table_bytes - 8 * entries);
}
