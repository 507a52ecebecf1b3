//! Generated code in the user's seat: crates of their own, built by cargo.

use flow_codegen::foreign::{Medium, show};
use flow_codegen::{Defmt, Functions, Optimise, Options, Passes, Visibility, compile};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Activation, Base, Form, MAX_NAME_BYTES, WeightFormat};
use flow_embedded::math::Backend;
use flow_tests::drafts::{Bijection, Kind, draft, halved, quantised, table};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The seed of the golden drafts.
const SEED: u64 = 11;

fn kind(name: &str) -> Kind {
    let row = table().into_iter().find(|(own, _)| *own == name);
    row.expect("a row of the table").1
}

fn artefact(name: &str, seed: u64) -> Vec<u8> {
    draft(&kind(name), seed).encode().expect("a valid draft")
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A crate outside the workspace.
struct Crate(PathBuf);

impl Crate {
    /// An empty crate that depends on the workspace's crates; `manifest` is what
    /// else its manifest says.
    fn new(name: &str, manifest: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("an old crate goes");
        }
        std::fs::create_dir_all(folder.join("src")).expect("a folder");
        let own = Self(folder);
        let root = here().join("..");
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [workspace]\n\n{manifest}\n\
             [dependencies.flow-embedded]\npath = {:?}\nfeatures = [\"libm\", \"micromath\"]\n",
            root.join("flow-embedded")
        );
        own.write("Cargo.toml", text);
        // The versions that the workspace has: they are on this machine.
        let lock = std::fs::read(root.join("Cargo.lock")).expect("the workspace's lock");
        own.write("Cargo.lock", lock);
        own
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), content).expect("written");
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet"])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", self.0.with_file_name("target"))
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs")
    }
}

fn succeeded(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// Options by turns, so that all of them meet all kinds of flows.
fn options(turn: usize, functions: Functions, self_test: bool) -> Options {
    let visibilities = [Visibility::Public, Visibility::Crate, Visibility::Private];
    let formats = [
        Defmt::Never,
        Defmt::Feature("log".into()),
        Defmt::Always,
        Defmt::Feature("log".into()),
    ];
    let derives = [&[][..], &["PartialEq", "Eq", "Hash"], &["PartialEq"]];
    let pick = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Options {
        type_name: None,
        visibility: visibilities[turn % 3],
        derives: pick(derives[turn % 2 + turn % 3 / 2]),
        defmt: formats[turn % 4].clone(),
        math: None,
        functions,
        self_test,
        optimise: [Optimise::Speed, Optimise::Size][turn % 2],
        passes: Passes::default(),
        ..Options::default()
    }
}

/// The whole table and what it lacks: a context that no layer reads, and a flow
/// without a single elementary function.
fn kinds() -> Vec<(String, Kind)> {
    let plain = Kind {
        event: 3,
        context: 1,
        layers: vec![Bijection::ElementWise, Bijection::Linear],
        hidden: Vec::new(),
        activation: Activation::Relu,
        form: Form::Plain,
        domains: Vec::new(),
        features: Vec::new(),
        categories: false,
        lines: false,
        context_domains: Vec::new(),
        base: Base::Normal,
        math: Backend::Polynomial,
    };
    let table = table().into_iter();
    let table = table.map(|(name, kind)| (name.to_owned(), kind));
    table
        .chain([("unread_context".to_owned(), plain)])
        .collect()
}

#[test]
fn every_combination_of_options_gives_no_warning() {
    let own = Crate::new(
        "combinations",
        "[features]\nlog = []\n\n[dependencies.defmt]\nversion = \"1\"\n",
    );
    let mut lib = "#![no_std]\n#![deny(warnings, clippy::all)]\n".to_owned();
    let mut turn = 0;
    for (name, kind) in kinds() {
        let draft = draft(&kind, SEED);
        let functions = [Functions::All, Functions::Score, Functions::Sample];
        let plain = functions.map(|functions| (draft.clone(), functions));
        let weights = [WeightFormat::I8, WeightFormat::I16];
        let weights = weights.into_iter().filter(|_| kind.has_integers());
        let integers = weights.map(|weights| (quantised(&draft, weights), Functions::Score));
        let half = (halved(&draft), functions[turn % 3]);
        for (draft, functions) in plain.into_iter().chain(integers).chain([half]) {
            let bytes = draft.encode().expect("a valid draft");
            for self_test in [false, true] {
                let options = options(turn, functions, self_test);
                let (text, _) = compile(&bytes, Path::new("random.flow"), &options).expect(&name);
                own.write(&format!("src/m{turn}.rs"), text);
                // The type is used, or its own crate would warn of it where it is private.
                lib += &format!(
                    "/// {name}, {options:?}\npub mod m{turn} {{\n    include!(\"m{turn}.rs\");\n    \
                     /// The type.\n    pub fn debug() -> impl core::fmt::Debug {{\n        Random\n    }}\n}}\n"
                );
                turn += 1;
            }
        }
    }
    own.write("src/lib.rs", lib);
    let clippy = own.cargo(&["clippy", "--version"]).status.success();
    let lint = if clippy { "clippy" } else { "check" };
    succeeded(own.cargo(&[lint, "--all-targets"]));
    succeeded(own.cargo(&[lint, "--features", "log"]));
}

/// What an artefact may hold and a page of documentation must not take for markup.
const MARKUP: &str = "`]<script>alert(1)</script>[link](javascript:alert(1)) [Self::none] ``` *a* # b \\ \
                      http://a.b &lt; */ _c_ ~~d~~ | <img src=x onerror=alert(1)>";

/// Strings that no artefact may hold.
const UNPRINTABLE: [&str; 4] = [
    "pump\n\n```\nstd::fs::write(\"PWNED\", \"x\").unwrap();\n```\n",
    "a\rb\n\n    std::fs::write(\"PWNED\", \"x\").unwrap();\n",
    "a\u{202e}b\u{2066}c",
    "\u{1b}]0;pwned\u{7}\n# Heading\n\n~~~\nstd::fs::write(\"PWNED\", \"x\").unwrap();\n~~~",
];

#[test]
fn documentation_of_hostile_names_is_text() {
    let mut own = draft(&kind("realnvp_context"), SEED);
    let long = "ä".repeat(MAX_NAME_BYTES / 2);
    for text in [&mut own.name, &mut own.created_by, &mut own.command] {
        text.replace_range(.., MARKUP);
    }
    for channel in own.event.iter_mut().chain(&mut own.context) {
        MARKUP.clone_into(&mut channel.name);
        channel.unit.clone_from(&long);
    }
    let bytes = own.encode().expect("the validator allows markup");
    let options = Options {
        type_name: Some("Hostile".into()),
        ..Options::default()
    };
    let (module, _) = compile(&bytes, Path::new("`<b>\n.flow"), &options).expect("a module");

    // What the emitter would make of strings that the validator refuses.
    let mut lib =
        "#![no_std]\n#![deny(warnings)]\n//! A crate.\n\n/// A module.\npub mod model {\n    \
                   include!(\"model.rs\");\n}\n"
            .to_owned();
    for (index, text) in UNPRINTABLE.into_iter().chain([MARKUP]).enumerate() {
        let (markdown, code) = (show(text, Medium::Markdown), show(text, Medium::Code));
        lib += &format!(
            "\n/// The flow `{code}`.\n///\n/// - {markdown}\n// {}\npub struct S{index};\n",
            show(text, Medium::Line)
        );
    }
    let krate = Crate::new("hostile", "");
    krate.write("src/model.rs", module);
    krate.write("src/lib.rs", lib);
    succeeded(krate.cargo(&["check", "--all-targets"]));
    // Warnings of rustdoc are errors here: links that lead nowhere, markup that has no end.
    succeeded(krate.cargo(&["doc", "--no-deps"]));
    let tests = succeeded(krate.cargo(&["test", "--doc"]));
    assert!(tests.contains("running 0 tests"), "{tests}");
    assert!(!krate.0.join("PWNED").exists());
    let pages = krate.0.with_file_name("target").join("doc/hostile");
    let pages: Vec<String> = [
        "model/struct.Hostile.html",
        "struct.S0.html",
        "struct.S4.html",
    ]
    .iter()
    .map(|page| std::fs::read_to_string(pages.join(page)).expect(page))
    .collect();
    for page in &pages {
        let page = page.split("<main>").nth(1).expect("the content of a page");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"));
        assert!(!page.contains("javascript:alert(1)\"") && !page.contains("rust-example"));
    }
    assert!(pages[0].contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

/// What firmware asks of a model that lacks it, and what the compiler then says.
const LACKS: [(&str, &str); 13] = [
    (
        "flow_embedded::Detector::new(scored::Random).observe(&event, &context)",
        "`scored::Random` has no calibration of single events, so it gives no p-values and no alarms: run \
         `flow calibrate model.flow normal.csv` and generate its module again",
    ),
    (
        "flow_embedded::detect::adaptive::AdaptiveDetector::new(scored::Random, bounds)",
        "`scored::Random` has no calibration of single events, so it gives no p-values and no alarms: run \
         `flow calibrate model.flow normal.csv` and generate its module again",
    ),
    (
        "flow_embedded::LineDetector::<_, 3>::new(text::Random)",
        "`text::Random` has no calibration of the lines of a text: run `flow calibrate model.flow \
         log.txt` on a model of `flow train log.txt --text 8 -o model.flow`, and generate its module again",
    ),
    (
        "flow_embedded::StreamDetector::<_, 3, 6>::new::<EVENT>(scored::Random)",
        "`scored::Random` has no sequential test over a stream: run `flow calibrate model.flow normal.csv \
         --false-alarms '1 per 1000 samples'` and generate its module again",
    ),
    (
        "window::<_, EVENT, 1, 1, 0>(scored::Random)",
        "`scored::Random` is not conditioned on the past of its stream, so it has no window: run `flow train \
         recording.csv --lags 1,2 -o model.flow` and generate its module",
    ),
    (
        "flow_embedded::NoiseSource::<_, EVENT, 1, 0>::new::<CONTEXT, 1>(sampled::Random)",
        "`sampled::Random` is no model of the noise of a sensor: run `flow train recording.csv --noise -o \
         model.flow` and generate its module",
    ),
    (
        "flow_embedded::NoiseSource::<_, EVENT, 1, 0>::new::<CONTEXT, 1>(sampled::Random)",
        "`sampled::Random` is not conditioned on the past of its stream, so it has no window: run `flow train \
         recording.csv --lags 1,2 -o model.flow` and generate its module",
    ),
    (
        "flow_embedded::Categories::name(&scored::Random, 0, 1.0)",
        "`scored::Random` has no categorical channels, so it has no names of categories: run `flow train \
         table.csv --categorical COLUMN -o model.flow` or `flow train log.txt --text 8 -o model.flow`, and \
         generate its module",
    ),
    (
        "flow_embedded::Posterior::new(sampled::Random).log_prob(&event, &context)",
        "`sampled::Random` does not score such events: generate its module by `flow codegen model.flow -o \
         model.rs`, without `--functions sample`, and give it as many channels as it has",
    ),
    (
        "flow_embedded::Latents::log_prob_and_latents(&sampled::Random, &event, &context, &mut [0.0; EVENT])",
        "`sampled::Random` gives no latent coordinates of such events: generate its module by `flow codegen \
         model.flow -o model.rs`, without `--functions sample`, and give it as many channels as it has",
    ),
    (
        "flow_embedded::Posterior::new(scored::Random).sample(&context, &mut words)",
        "`scored::Random` does not draw such events: generate its module by `flow codegen model.flow -o \
         model.rs`, without `--functions score` and `--weights i8` or `i16`, and give it as many channels as it \
         has",
    ),
    (
        "flow_embedded::window::Window::<1, 2>::new().save(&Old, &mut [0; 64])",
        "`Old` has no digest, so its states are neither saved nor restored: generate its module again with \
         `flow codegen` of this version",
    ),
    (
        "flow_embedded::window::Window::<1, 2>::restore(&Old, &[])",
        "`Old` has no digest, so its states are neither saved nor restored: generate its module again with \
         `flow codegen` of this version",
    ),
];

/// One crate with every mistake in it: the compiler names what the model lacks, and the command that
/// adds it.
#[test]
fn what_a_model_lacks_is_said_by_the_compiler() {
    let own = Crate::new("lacks", "");
    let mut draft = draft(&kind("maf_context"), SEED);
    (draft.calibration, draft.sequential) = (None, None);
    let (event, context) = (draft.event.len(), draft.context.len());
    let bytes = draft.encode().expect("a valid draft");
    let text = artefact("text", SEED);
    for (file, bytes, functions) in [
        ("scored", &bytes, Functions::Score),
        ("sampled", &bytes, Functions::Sample),
        ("text", &text, Functions::All),
    ] {
        let options = Options {
            functions,
            ..Options::default()
        };
        let (module, _) = compile(bytes, Path::new("model.flow"), &options).expect(file);
        own.write(&format!("src/{file}.rs"), module);
    }
    let mut lib = format!(
        "#![allow(unused)]\nmod scored {{ include!(\"scored.rs\"); }}\nmod sampled {{ include!(\"sampled.rs\"); }}\n\
         mod text {{ include!(\"text.rs\"); }}\nstruct Old;\n\
         const EVENT: usize = {event};\nconst CONTEXT: usize = {context};\n\
         fn window<F: flow_embedded::window::Windowed<D, W, N, A>, const D: usize, const W: usize, \
         const N: usize, const A: usize>(_: F) {{}}\n"
    );
    let mut calls: Vec<&str> = LACKS.iter().map(|(call, _)| *call).collect();
    calls.dedup();
    for (index, call) in calls.iter().enumerate() {
        lib += &format!(
            "fn f{index}(event: [f32; EVENT], context: [f32; CONTEXT], mut words: \
             flow_embedded::golden::Words, bounds: flow_embedded::detect::adaptive::Bounds) {{ let _ = {call}; }}\n"
        );
    }
    own.write("src/lib.rs", &lib);
    let output = own.cargo(&["check", "--message-format=json"]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    let messages = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a message"));
    // The message, the line of the primary span, and what is printed.
    let errors: Vec<[String; 3]> = messages
        .map(|message| message["message"].clone())
        .filter(|error| error["level"] == "error" && error["code"].is_object())
        .map(|error| {
            let spans = error["spans"].as_array().expect("spans");
            let primary = spans.iter().find(|span| span["is_primary"] == true);
            let line = &primary.expect("a place")["text"][0]["text"];
            [&error["message"], line, &error["rendered"]]
                .map(|own| own.as_str().expect("text").to_owned())
        })
        .collect();
    let all: String = errors
        .iter()
        .map(|[_, _, rendered]| rendered.as_str())
        .collect();
    for (call, expected) in LACKS {
        let found = errors
            .iter()
            .any(|[message, line, _]| message == expected && line.contains(call));
        assert!(found, "{call}: {expected}\n{all}");
    }
    // Nothing else is wrong with the crate.
    for [message, _, rendered] in &errors {
        assert!(
            LACKS.iter().any(|(_, expected)| message == expected),
            "{rendered}"
        );
    }
}

/// The models of the crate `two-models`, and the drafts that they are.
const MODELS: [(&str, &str); 2] = [("pump.flow", "permuted"), ("2nd pump.flow", "one_channel")];

#[test]
fn the_committed_artefacts_are_their_drafts() {
    for (file, draft) in MODELS {
        let path = here().join("two-models").join(file);
        let bytes = artefact(draft, SEED);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &bytes).expect("the folder is writable");
        }
        assert_eq!(std::fs::read(&path).expect(file), bytes, "{file}");
    }
}

/// Whether cargo built the crate again, and what the build script wrote.
fn build(own: &Crate) -> (bool, String) {
    let text = succeeded(own.cargo(&["build", "--message-format=json"]));
    let messages: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a message"))
        .collect();
    let of_kind = |reason: &str, target: &str| {
        let found = messages.iter().find(|message| {
            let named = message["target"]["kind"][0] == target || target.is_empty();
            let id = message["package_id"].as_str().unwrap_or_default();
            message["reason"] == reason && named && id.contains("rebuild")
        });
        found.expect(reason).clone()
    };
    let folder = of_kind("build-script-executed", "")["out_dir"].clone();
    let folder = folder.as_str().expect("a path");
    let module = Path::new(folder).join("2nd pump.rs");
    let fresh = of_kind("compiler-artifact", "lib")["fresh"] == true;
    (!fresh, std::fs::read_to_string(module).expect("a module"))
}

#[test]
fn cargo_builds_again_when_an_artefact_changes_and_only_then() {
    let codegen = here().join("../flow-codegen");
    let manifest = format!("[build-dependencies.flow-codegen]\npath = {codegen:?}\n");
    let own = Crate::new("rebuild", &manifest);
    for file in ["build.rs", "src/lib.rs", MODELS[0].0, MODELS[1].0] {
        let path = here().join("two-models").join(file);
        own.write(file, std::fs::read(path).expect(file));
    }
    let (_, first) = build(&own);
    assert!(!build(&own).0, "nothing changed");
    own.write("notes.txt", "not the build's business");
    assert!(!build(&own).0, "another file changed");

    own.write(MODELS[1].0, artefact(MODELS[1].1, SEED + 1));
    let (again, second) = build(&own);
    assert!(again && second != first, "the artefact changed");
    assert!(!build(&own).0, "nothing changed since");

    own.write(MODELS[1].0, "nonsense");
    let refused = own.cargo(&["build"]);
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(
        errors.contains("2nd pump.flow: this is no flow artefact"),
        "{errors}"
    );
}

/// A hundred thousand weights compile in seconds, whatever they are stored as.
#[test]
fn large_models_compile_soon() {
    const LIMIT: Duration = Duration::from_secs(10);
    let kind = Kind {
        event: 16,
        hidden: vec![232, 232],
        ..kind("maf")
    };
    let draft = draft(&kind, SEED);
    let quantised = quantised(&draft, WeightFormat::I8);
    for (name, draft) in [
        ("large_f32", &draft),
        ("large_f16", &halved(&draft)),
        ("large_i8", &quantised),
    ] {
        let bytes = draft.encode().expect("a valid draft");
        let flow = LoadedFlow::from_bytes(&bytes).expect("valid");
        let weights: usize = (0..kind.layers.len())
            .map(|layer| flow.layer_weights(layer).len())
            .sum();
        assert!((100_000..120_000).contains(&weights), "{weights}");
        let own = Crate::new(name, "");
        let (text, _) = compile(&bytes, Path::new("large.flow"), &Options::default()).expect(name);
        own.write("src/model.rs", text);
        own.write(
            "src/lib.rs",
            "#![no_std]\n/// The model.\npub mod model {\n    include!(\"model.rs\");\n}\n",
        );
        // The runtime first: its time is not the model's.
        succeeded(own.cargo(&["build", "--release", "--package", "flow-embedded"]));
        let start = Instant::now();
        succeeded(own.cargo(&["build", "--release"]));
        let elapsed = start.elapsed();
        println!(
            "{name}: {weights} weights in {:.1} s",
            elapsed.as_secs_f64()
        );
        assert!(elapsed < LIMIT, "{name}: {elapsed:?}");
    }
}
