//! No command writes what it reads, by whatever name, and a file that is replaced stays the user's.

use super::artefacts::{bytes, gaussian};
use super::fleet::{Files as _, parquet, rows};
use super::flow::Folder;
use super::promises::independent;

/// A folder with a model of `x` and `y`, and a table.
fn folder() -> Folder {
    Folder::new()
        .with("model.flow", bytes(&gaussian(&[])))
        .with("data.csv", independent(300))
}

/// The files of a folder and what they hold.
fn contents(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let files = folder.names().into_iter();
    let files = files.filter(|name| folder.path().join(name).is_file());
    files
        .map(|name| (name.clone(), folder.read_bytes(&name)))
        .collect()
}

/// Expects that a command is refused before it does anything.
fn refused(folder: &Folder, command: &str, parts: &[&str]) {
    let before = contents(folder);
    folder.flow(command).fails(2, parts);
    assert!(contents(folder) == before, "{command}");
}

#[test]
fn no_command_writes_what_it_reads() {
    let model = bytes(&gaussian(&["t"]));
    let table = "t,x,y,kind\n".to_owned() + &"1,2,3,a\n1,2.5,3,a\n".repeat(20);
    let folder = folder()
        .with("given.flow", model)
        .with("given.csv", table)
        .with("other.csv", independent(300))
        .with("flow.json", "{}")
        .with("tensors.safetensors", "tensors");
    for (command, read) in [
        ("train data.csv -o {}", "data.csv"),
        (
            "train data.csv -o new.flow --dequantiser {} --family nsf",
            "data.csv",
        ),
        ("score model.flow data.csv -o {}", "data.csv"),
        ("score model.flow data.csv -o {}", "model.flow"),
        ("score model.flow data.csv --stream -o {}", "data.csv"),
        ("sample model.flow -n 1 -o {}", "model.flow"),
        (
            "sample given.flow -n 1 --context-from given.csv -o {}",
            "given.csv",
        ),
        (
            "sample model.flow -n 1 --image 2x1 --beside data.csv -o {}",
            "data.csv",
        ),
        ("sbc given.flow given.csv --plot {}", "given.csv"),
        ("sbc given.flow given.csv --plot {}", "given.flow"),
        ("calibrate model.flow data.csv -o {}", "data.csv"),
        (
            "calibrate given.flow given.csv --each kind --sketch {}",
            "given.flow",
        ),
        (
            "calibrate given.flow given.csv --each kind --sketch {}",
            "given.csv",
        ),
        (
            "quantise model.flow data.csv --weights f16 -o {}",
            "data.csv",
        ),
        ("codegen model.flow -o {}", "model.flow"),
        (
            "codegen model.flow --weights i8 --rows data.csv -o {}",
            "data.csv",
        ),
        ("import flow.json -o {}", "flow.json"),
        (
            "import tensors.safetensors --manifest flow.json -o {}",
            "tensors.safetensors",
        ),
        (
            "import tensors.safetensors --manifest flow.json -o {}",
            "flow.json",
        ),
        (
            "noise-report data.csv other.csv --rate 9Hz -o {}",
            "data.csv",
        ),
        (
            "noise-report data.csv other.csv --rate 9Hz -o {}",
            "other.csv",
        ),
    ] {
        refused(
            &folder,
            &command.replace("{}", read),
            &[
                &format!("{read} is a file that the command reads"),
                "it would be overwritten, name another file with -",
            ],
        );
        let command = command.replace("{}", &format!("./{read}"));
        refused(&folder, &command, &[&format!("is the same file as {read}")]);
    }
}

#[test]
#[cfg(unix)]
fn other_names_of_what_is_read() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("sub")).expect("made");
    std::os::unix::fs::symlink("data.csv", path("link.csv")).expect("linked");
    std::os::unix::fs::symlink(path("link.csv"), path("sub/chain.csv")).expect("linked");
    std::os::unix::fs::symlink(".", path("here")).expect("linked");
    std::fs::hard_link(path("data.csv"), path("hard.csv")).expect("linked");
    std::fs::hard_link(path("model.flow"), path("hard.flow")).expect("linked");
    let absolute = path("data.csv").display().to_string();
    for name in [
        "link.csv",
        "sub/chain.csv",
        "hard.csv",
        "here/data.csv",
        "sub/../data.csv",
        &absolute,
    ] {
        for command in ["score model.flow data.csv", "train data.csv"] {
            refused(
                &folder,
                &format!("{command} -o {name}"),
                &[
                    name,
                    "is the same file as data.csv, which the command reads",
                ],
            );
        }
        // The other way around as well.
        refused(
            &folder,
            &format!("score model.flow {name} -o data.csv"),
            &[&format!("is the same file as {name}")],
        );
    }
    refused(
        &folder,
        "score model.flow data.csv -o hard.flow",
        &["-o hard.flow is the same file as model.flow"],
    );
    // A copy is another file.
    let copy = folder.with("copy.csv", independent(300));
    copy.flow("score model.flow data.csv -o copy.csv").done();
    assert!(copy.read("copy.csv").starts_with("log_prob"));
    assert!(copy.read("data.csv") == independent(300));
}

#[test]
fn a_model_is_calibrated_and_quantised_in_place() {
    for command in [
        "calibrate model.flow data.csv --alpha 0.05",
        "calibrate model.flow data.csv --alpha 0.05 -o model.flow",
        "calibrate model.flow data.csv --alpha 0.05 -o ./model.flow",
        "quantise model.flow data.csv --weights f16 --alpha 0.05 -o model.flow",
    ] {
        let folder = folder();
        folder.flow(command).done();
        let inspected = folder.flow("inspect model.flow --json").json();
        assert_eq!(inspected["calibration"]["alpha"], 0.05, "{command}");
        assert_eq!(folder.names(), ["data.csv", "model.flow"], "{command}");
    }
    // What is in place for one model is none for that of a kind of device.
    let rows = rows(600);
    let folder = folder()
        .put("models/valve.flow", bytes(&gaussian(&[])))
        .put("fleet/0.parquet", parquet(&rows, 100, true));
    let before = folder.read_bytes("models/valve.flow");
    folder
        .flow("calibrate models/valve.flow fleet --each kind --alpha 0.1 -o models")
        .fails(2, &["models/valve.flow is a file that the command reads"]);
    assert!(folder.read_bytes("models/valve.flow") == before);
}

#[test]
fn nothing_is_written_among_the_files_of_a_folder() {
    let rows = rows(200);
    let folder = folder()
        .put("fleet/0.parquet", parquet(&rows, 100, true))
        .put("fleet/k=2/notes.txt", "");
    let score = "score model.flow fleet -o";
    for (output, parts) in [
        (
            "fleet/0.parquet",
            "-o fleet/0.parquet is a file that the command reads",
        ),
        (
            "fleet/new.parquet",
            "-o fleet/new.parquet lies in the folder fleet",
        ),
        ("fleet/k=2/new.parquet", "lies in the folder fleet"),
        ("./fleet/../fleet/new.parquet", "lies in the folder fleet"),
    ] {
        let before = folder.read_bytes("fleet/0.parquet");
        folder.flow(&format!("{score} {output}")).fails(2, &[parts]);
        assert!(folder.read_bytes("fleet/0.parquet") == before);
        assert!(output.ends_with("0.parquet") || !folder.path().join(output).exists());
    }
    folder
        .flow("calibrate model.flow fleet --each kind --sketch fleet/sketch.parquet")
        .fails(
            2,
            &["--sketch fleet/sketch.parquet lies in the folder fleet"],
        );
    // These are no tables of the folder.
    for output in [
        "fleet/scores.csv",
        "fleet/_scores.parquet",
        "scores.parquet",
    ] {
        folder.flow(&format!("{score} {output}")).done();
    }
    #[cfg(unix)]
    {
        let outside = folder.put("outside.parquet", parquet(&rows, 100, true));
        let link = outside.path().join("fleet/1.parquet");
        std::os::unix::fs::symlink("../outside.parquet", link).expect("linked");
        outside.flow(&format!("{score} outside.parquet")).fails(
            2,
            &["-o outside.parquet is the same file as fleet/1.parquet"],
        );
    }
}

#[test]
fn two_outputs_are_two_files() {
    let folder = folder();
    for (first, second) in [
        ("new.flow", "new.flow"),
        ("new.flow", "./new.flow"),
        ("data.flow", "sub/../data.flow"),
        ("-", "-"),
    ] {
        std::fs::create_dir_all(folder.path().join("sub")).expect("made");
        refused(
            &folder,
            &format!("train data.csv -o {first} --family nsf --dequantiser {second}"),
            &["are one file, and the second would overwrite the first"],
        );
    }
    assert_eq!(folder.names(), ["data.csv", "model.flow", "sub"]);
}

#[test]
#[cfg(unix)]
fn files_keep_their_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let mode = |name: &str| path(name).metadata().expect("there").permissions().mode() & 0o777;
    let set = |name: &str, mode: u32| {
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).expect("set");
    };
    for wanted in [0o600, 0o640, 0o664, 0o755] {
        set("model.flow", wanted);
        folder
            .flow("calibrate model.flow data.csv --alpha 0.05")
            .done();
        assert_eq!(mode("model.flow"), wanted, "{wanted:o}");
    }
    folder
        .flow("score model.flow data.csv -o scores.csv")
        .done();
    set("scores.csv", 0o606);
    folder
        .flow("score model.flow data.csv -o scores.csv")
        .done();
    assert_eq!(mode("scores.csv"), 0o606);
}

/// A redirection names no file on the command line.
#[test]
#[cfg(unix)]
fn redirected_files_are_known_as_well() {
    let folder = folder();
    let before = contents(&folder);
    folder
        .shell("\"$FLOW\" score model.flow - -o data.csv < data.csv")
        .fails(2, &["-o data.csv is the same file as standard input"]);
    folder
        .shell("\"$FLOW\" score model.flow data.csv -o - >> data.csv")
        .fails(2, &["-o standard output is the same file as data.csv"]);
    assert!(contents(&folder) == before);
    // What is appended to stays, by whichever name.
    for name in ["-", "/dev/stdout"] {
        std::fs::write(folder.path().join("all.csv"), "kept\n").expect("written");
        folder
            .shell(&format!(
                "\"$FLOW\" score model.flow data.csv -q -o {name} >> all.csv"
            ))
            .done();
        let all = folder.read("all.csv");
        assert!(all.starts_with("kept\nlog_prob,"), "{name}: {all}");
        assert_eq!(all.lines().count(), 302, "{name}");
    }
}

/// A failure in the middle leaves what was there.
#[test]
fn a_failure_leaves_the_old_output() {
    let folder = folder().with("old.csv", "kept");
    let bad = independent(100_000) + "1,warm\n";
    let folder = folder.with("bad.csv", bad);
    folder
        .flow("score model.flow bad.csv -o old.csv")
        .fails(1, &["bad.csv: line 100002"]);
    assert_eq!(folder.read("old.csv"), "kept");
    assert_eq!(
        folder.names(),
        ["bad.csv", "data.csv", "model.flow", "old.csv"]
    );
}
