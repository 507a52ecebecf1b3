//! Flows of other libraries on the command line: a zuko flow of one channel whose density is known.

use super::flow::Folder;
use serde_json::{Value, json};

/// `z = 2 x + 1`, of a standard normal, as zuko has it: softly clipped, the logarithm of the scale is ln 2.
fn manifest() -> Value {
    let bound = 1e3_f64.ln();
    let log_scale = 2f64.ln();
    // The inverse of the soft clip.
    let raw = log_scale / (1.0 - log_scale / bound);
    let tensor = |data: Vec<f64>| json!({ "shape": [1], "dtype": "float64", "data": data });
    let x: Vec<f64> = (0..40).map(|row| -2.0 + 0.125 * f64::from(row)).collect();
    let log_prob = |x: &f64| {
        let z = 2.0 * x + 1.0;
        log_scale - 0.5 * z * z - 0.5 * std::f64::consts::TAU.ln()
    };
    json!({
        "library": "zuko",
        "version": "1.6.0",
        "columns": ["pressure"],
        "x": x.iter().map(|x| [*x]).collect::<Vec<_>>(),
        "log_prob": x.iter().map(log_prob).collect::<Vec<_>>(),
        "state": {
            "transform.transforms.0.phi.0": tensor(vec![1.0]),
            "transform.transforms.0.phi.1": tensor(vec![raw]),
            "base.loc": tensor(vec![0.0]),
            "base.scale": tensor(vec![1.0]),
        },
    })
}

#[test]
fn a_flow_is_imported_and_is_one_like_any_other() {
    let folder = Folder::new().with("pump.json", manifest().to_string());
    let imported = folder.flow("import pump.json -o pump.flow --json").json();
    assert_eq!(imported["golden_rows"], 40);
    assert!(imported["worst_exact"].as_f64().expect("a number") < 1e-14);
    let inspected = folder.flow("inspect pump.flow --json").json();
    assert_eq!(inspected["name"], "pump");
    assert_eq!(inspected["event"][0]["name"], "pressure");
    folder
        .flow("sample pump.flow -n 500 --seed 1 -o normal.csv")
        .done();
    folder
        .flow("calibrate pump.flow normal.csv -o pump.flow")
        .done();
    folder
        .flow("score pump.flow normal.csv -o scores.csv")
        .done();
    folder.flow("codegen pump.flow -o pump.rs").done();
    assert!(folder.read("pump.rs").contains("flow import (zuko 1.6.0)"));
}

#[test]
fn what_is_wrong_with_a_source_is_told() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut own = manifest();
        change(&mut own);
        own.to_string()
    };
    for (text, sentence) in [
        (String::new(), "the manifest can't be read"),
        (
            changed(&|own| own["library"] = json!("pyro")),
            "pyro is none of the libraries",
        ),
        (
            changed(&|own| own["log_prob"][3] = json!(0.5)),
            "golden row 3: log_prob is 0.5 by zuko 1.6.0",
        ),
        (
            changed(&|own| own["log_prob"][3] = json!(null)),
            "invalid type: null",
        ),
        (
            changed(&|own| own["settings"] = json!({ "colour": "red" })),
            "unknown field `colour`",
        ),
        (
            changed(&|own| own["state"]["zoo"] = json!({ "shape": [], "data": 1.0 })),
            "`zoo`",
        ),
        (
            changed(&|own| own["state"]["base.loc"]["data"] = json!([])),
            "the numbers of its shape",
        ),
        (
            changed(&|own| own["state"] = json!({})),
            "belongs to no layer that is known",
        ),
        (
            changed(&|own| {
                own["x"] = json!([[1.0]]);
                own["log_prob"] = json!([1.0]);
            }),
            "1 golden rows, and 32 are needed",
        ),
    ] {
        let folder = Folder::new().with("pump.json", text);
        folder
            .flow("import pump.json -o pump.flow")
            .fails(1, &[sentence]);
        assert_eq!(folder.names(), ["pump.json"]);
    }
    let folder = Folder::new().with("pump.safetensors", "tensors");
    folder
        .flow("import pump.safetensors -o pump.flow")
        .fails_in_usage("give --manifest");
    // No tensors, and half a manifest: the file that is wrong is named.
    let folder = Folder::new()
        .with("pump.safetensors", "\u{2}\0\0\0\0\0\0\0{}")
        .with("pump.json", "{");
    folder
        .flow("import pump.safetensors --manifest pump.json -o pump.flow")
        .fails(1, &["pump.json: the manifest can't be read"]);
}
