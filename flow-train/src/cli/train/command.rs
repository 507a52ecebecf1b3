//! The command as it is recorded in the artefact.

use super::{Args, SplitName};
use crate::fit::Config;
use crate::model::Spec;
use flow_embedded::math::Backend;

/// The command without folders and without the output, so that the same training gives the same bytes wherever it
/// runs, and with everything spelt out that defaults or a comparison decided.
pub(super) fn recorded(args: &Args, names: &[Vec<String>; 2], spec: &Spec, fit: &Config) -> String {
    let name = args.data.file_name().unwrap_or_default().to_string_lossy();
    let list = |items: &[String]| items.join(",");
    let pairs = |pairs: Vec<String>| pairs.join(",");
    let mut command = format!("flow train {name} --columns {}", list(&names[0]));
    let mut add = |option: &str, value: &str| {
        if !value.is_empty() {
            command.extend([" --", option, " ", value]);
        }
    };
    add("context", &list(&names[1]));
    if let Some(filter) = &args.table.only {
        let values = list(&filter.values);
        add("only", &format!("{}={values}", filter.column));
    }
    match (&args.group, args.split) {
        (Some(group), _) => add("group", group),
        (None, SplitName::Time) => add("split", "time"),
        (None, SplitName::Random) => add("split", "random"),
    }
    add("weights", args.weights.as_deref().unwrap_or_default());
    let domains = args.domains.iter();
    add(
        "domain",
        &pairs(
            domains
                .map(|(name, domain)| format!("{name}={domain}"))
                .collect(),
        ),
    );
    let hidden: Vec<String> = spec
        .conditioner
        .hidden
        .iter()
        .map(usize::to_string)
        .collect();
    let passes = spec
        .passes
        .map_or(String::new(), |passes| passes.to_string());
    for (option, value) in [
        ("family", spec.family.name().to_owned()),
        ("layers", spec.layers.to_string()),
        ("hidden", hidden.join(",")),
        ("activation", args.model.activation.name().to_owned()),
        ("order", args.model.order.name().to_owned()),
        ("passes", passes),
        ("base", spec.base.to_string()),
        ("epochs", fit.epochs.to_string()),
        ("batch", fit.batch.to_string()),
        ("learning-rate", fit.learning_rate.to_string()),
        ("weight-decay", fit.weight_decay.to_string()),
        ("average", fit.average.to_string()),
        ("patience", fit.patience.to_string()),
        ("noise", fit.noise.to_string()),
        ("math", Backend::from(args.model.math).name().to_owned()),
        ("alpha", args.alpha.to_string()),
        ("seed", args.seed.to_string()),
    ] {
        add(option, &value);
    }
    if spec.family.has_splines() {
        add("bins", &spec.bins.to_string());
        add("bound", &spec.spline_bound.to_string());
    }
    for (flag, set) in [
        ("residual", spec.conditioner.residual),
        ("linear", spec.linear),
        ("raw-domains", args.raw_domains),
        ("keep-rounding", args.keep_rounding),
    ] {
        if set {
            command.extend([" --", flag]);
        }
    }
    command
}
