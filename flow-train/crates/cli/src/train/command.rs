//! The command as it is recorded in the artefact.

use super::{Args, SplitName};
use clap::ValueEnum as _;
use flow_embedded::artefact::WeightFormat;
use flow_embedded::math::Backend;
use flow_recipe::Model;
use std::fmt::Display;

/// The command without folders and without the output, so that the same training gives the same bytes wherever it
/// runs, and with the defaults of today spelt out. What a comparison decides follows from the rows and the seed.
pub(super) fn recorded(
    args: &Args,
    names: &[Vec<String>; 2],
    features: usize,
    model: &Model,
) -> String {
    let name = args.data.recorded();
    let list = |items: &[String]| items.join(",");
    let mut command = format!("flow train {name} --columns {}", list(&names[0]));
    let mut add = |option: &str, value: &str| {
        if !value.is_empty() {
            command.extend([" --", option, " ", value]);
        }
    };
    add("context", &list(&names[1][features..]));
    for (option, values) in args.past.given() {
        add(option, &values);
    }
    if let Some(filter) = &args.table.only {
        let values = list(&filter.values);
        add("only", &format!("{}={values}", filter.column));
    }
    match (&args.group, args.split) {
        (Some(group), _) => add("group", group),
        (None, SplitName::Time) => add("split", "time"),
        (None, SplitName::Random) => add("split", "random"),
    }
    if let Some(characters) = args.categorical.text {
        add("text", &characters.to_string());
        let alphabet = args.categorical.alphabet.to_possible_value();
        add(
            "alphabet",
            alphabet.as_ref().map_or("", |own| own.get_name()),
        );
    }
    add("categorical", &list(&args.categorical.categorical));
    let numbers = |own: &[usize]| {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        own.join(",")
    };
    let embedding: Vec<usize> = args.categorical.embedding.into_iter().collect();
    add("embedding", &numbers(&embedding));
    if args.categorical.text.is_some() || !args.categorical.categorical.is_empty() {
        add("head", &numbers(&args.categorical.hidden()));
    }
    add("weights", args.weights.as_deref().unwrap_or_default());
    add("domain", &said(&args.domains));
    add("step", &said(&args.steps));
    for (option, value) in of_model(model) {
        add(option, &value);
    }
    for (option, value) in [
        ("activation", args.activation().to_string()),
        ("order", args.model.order.name().to_owned()),
        ("math", Backend::from(args.model.math).name().to_owned()),
        ("alpha", args.alpha.to_string()),
        ("seed", args.seed.to_string()),
    ] {
        add(option, &value);
    }
    for (flag, set) in [
        ("noise", args.noise),
        ("residual", args.model.residual),
        ("linear", args.model.linear),
        ("factor-out", args.model.factor_out),
        ("stationary", args.model.stationary),
        ("dequantiser", args.dequantiser.is_some()),
        ("raw-domains", args.raw_domains),
        ("keep-rounding", args.keep_rounding),
    ] {
        if set {
            command.extend([" --", flag]);
        }
    }
    command
}

/// Shape and training of the model, as options.
fn of_model(model: &Model) -> Vec<(&'static str, String)> {
    match model {
        Model::Named { spec, config } => {
            let hidden: Vec<String> = spec
                .conditioner
                .hidden
                .iter()
                .map(usize::to_string)
                .collect();
            let passes = spec
                .passes
                .map_or(String::new(), |passes| passes.to_string());
            let mut options = vec![
                ("family", spec.family.name().to_owned()),
                ("layers", spec.layers.to_string()),
                ("hidden", hidden.join(",")),
                ("passes", passes),
                ("base", spec.base.to_string()),
                ("epochs", config.epochs.to_string()),
                ("batch", config.batch.to_string()),
                ("learning-rate", config.learning_rate.to_string()),
                ("weight-decay", config.weight_decay.to_string()),
                ("average", config.average.to_string()),
                ("patience", config.patience.to_string()),
                ("smoothing", config.noise.to_string()),
                ("quantise", format(config.weight_format)),
            ];
            if let Some(image) = &spec.image {
                options.push(("image", format!("{}x{}", image.width, image.height)));
                options.push(("scales", image.scales.to_string()));
                options.push(("kernel", image.kernel.to_string()));
            }
            if spec.family.has_splines() {
                options.push(("bins", spec.bins.to_string()));
                options.push(("bound", spec.spline_bound.to_string()));
            }
            options
        }
        Model::Auto { overrides, .. } => {
            let text = |number: Option<f64>| number.map_or(String::new(), |n| n.to_string());
            let count = |number: Option<usize>| number.map_or(String::new(), |n| n.to_string());
            vec![
                ("family", "auto".to_owned()),
                ("epochs", count(overrides.epochs)),
                ("batch", count(overrides.batch)),
                ("learning-rate", text(overrides.learning_rate)),
                ("weight-decay", text(overrides.weight_decay)),
                ("average", text(overrides.average)),
                ("patience", count(overrides.patience)),
                (
                    "smoothing",
                    overrides.noise.map_or(String::new(), |n| n.to_string()),
                ),
                ("quantise", format(overrides.weight_format)),
            ]
        }
    }
}

fn format(weights: Option<WeightFormat>) -> String {
    weights.map_or(String::new(), |own| own.name().to_owned())
}

/// What is said of columns, as on the command line.
fn said<T: Display>(columns: &[(String, T)]) -> String {
    let columns = columns.iter();
    let said: Vec<String> = columns
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    said.join(",")
}
