//! The way from data to base, drawn as text.

use super::report::{
    BaseReport, BlocksReport, ConditionerReport, ImageReport, LayerReport, Report,
};
use flow_embedded::artefact::{Direction, Domain, Transformer};

/// One line for each step, from the data down to the base.
pub(super) fn draw(report: &Report<'_>) -> Vec<String> {
    let names: Vec<&str> = report.event.iter().map(|channel| channel.name).collect();
    let given = match report.context.len() {
        0 => String::new(),
        count => format!(", given {count} of context"),
    };
    let mut lines = vec![format!("data: {} channels{given}", names.len())];
    for (index, head) in report.heads.iter().enumerate() {
        let name = names.get(head.channel).copied().unwrap_or("?");
        lines.push(format!(
            " ├─ head {index}  {name}: {} categories by argmax, {} weights",
            head.categories, head.weights
        ));
        lines.push(format!(" │     {}", perceptron(&head.conditioner)));
    }
    // The places of layers are those of the other channels.
    let straight = report
        .event
        .iter()
        .filter(|channel| !is_coded(channel.domain));
    let names: Vec<&str> = straight.clone().map(|channel| channel.name).collect();
    if names.is_empty() {
        lines.push(" └─ nothing else to model".to_owned());
        return lines;
    }
    for channel in straight.filter(|c| c.domain != Domain::Real) {
        let map = map(channel.domain);
        lines.push(format!(" │  {} by {map}", channel.name));
    }
    lines.push(" │  mean 0, standard deviation 1".to_owned());
    for (index, layer) in report.layers.iter().enumerate() {
        lines.push(format!(" ├─ {index}  {}", title(layer)));
        for detail in details(layer, &names) {
            lines.push(format!(" │     {detail}"));
        }
    }
    lines.push(format!(" └─ base: {}", base(&report.base)));
    lines
}

fn is_coded(domain: Domain) -> bool {
    matches!(domain, Domain::Categorical { .. })
}

/// What maps a domain to all real numbers.
fn map(domain: Domain) -> String {
    match domain {
        Domain::Real => "itself".to_owned(),
        Domain::Positive { low } => format!("ln(x − {low})"),
        Domain::SoftPositive { low, scale } => {
            format!("inverse softplus of (x − {low}) / {scale}")
        }
        Domain::Bounded { low, high } => format!("logit between {low} and {high}"),
        Domain::Circular => "its angle".to_owned(),
        Domain::Categorical { .. } => "its code".to_owned(),
        Domain::HeavyTailed { centre, scale } => format!("asinh((x − {centre}) / {scale})"),
    }
}

fn title(layer: &LayerReport) -> String {
    let transformer = match layer.transformer {
        Some(Transformer::Shift) => ", shift".to_owned(),
        Some(Transformer::Affine { log_scale_bound }) => {
            format!(", affine with log-scale within ±{log_scale_bound}")
        }
        Some(Transformer::Spline { bins, bound }) => {
            format!(", spline of {bins} bins on ±{bound}")
        }
        Some(Transformer::Scaled { scale, direction }) => {
            let (inverted, name, least) = (inverted(direction), scale.name(), scale.least());
            format!(", {inverted}affine with {name} scale above {least}")
        }
        Some(Transformer::FlooredSpline(own)) => {
            let inverted = inverted(own.direction);
            format!(", {inverted}spline of {} bins on ±{}", own.bins, own.bound)
        }
        None => String::new(),
    };
    format!("{}{transformer}, {} weights", layer.kind, layer.weights)
}

fn inverted(direction: Direction) -> &'static str {
    match direction {
        Direction::Normalizing => "",
        Direction::Generative => "inverted ",
    }
}

fn details(layer: &LayerReport, names: &[&str]) -> Vec<String> {
    let list = |channels: &[u8], separator: &str| {
        let name = |channel: &u8| names.get(usize::from(*channel)).copied().unwrap_or("?");
        let names: Vec<&str> = channels.iter().map(name).collect();
        names.join(separator)
    };
    let mut lines = Vec::new();
    if let Some(image) = &layer.image {
        let ImageReport {
            width,
            height,
            planes,
            given,
        } = image;
        let given = match given {
            0 => String::new(),
            given => format!("{given} → "),
        };
        lines.push(format!("{given}{planes} planes of {width} × {height}"));
    }
    match (&layer.groups, layer.kind) {
        (Some(groups), _) => {
            let mut rest = layer.channels.as_slice();
            let groups = groups.iter().map(|count| {
                let (group, behind) = rest
                    .split_at_checked(usize::from(*count))
                    .unwrap_or((rest, &[]));
                rest = behind;
                list(group, " + ")
            });
            lines.push(groups.collect::<Vec<_>>().join(" → "));
        }
        (None, "coupling") => {
            let stays: Vec<u8> = (0..names.len())
                .filter_map(|channel| u8::try_from(channel).ok())
                .filter(|channel| !layer.channels.contains(channel))
                .collect();
            let (stays, changes) = (list(&stays, ", "), list(&layer.channels, ", "));
            lines.push(format!("{stays} → {changes}"));
        }
        (None, "permutation") => lines.push(list(&layer.channels, " ")),
        _ => {}
    }
    if let Some(conditioner) = &layer.conditioner {
        lines.push(perceptron(conditioner));
    }
    lines
}

fn perceptron(conditioner: &ConditionerReport) -> String {
    if conditioner.hidden.is_empty() {
        return "no hidden layer".to_owned();
    }
    let sizes: Vec<String> = conditioner.hidden.iter().map(usize::to_string).collect();
    let kind = match (conditioner.residual, conditioner.context_first) {
        (true, _) => "residual ",
        (_, true) => "context-first ",
        _ => "",
    };
    format!(
        "{kind}hidden {} {}{}{}",
        sizes.join("-"),
        conditioner.activation,
        kernels(&conditioner.kernels),
        conditioner.blocks.as_ref().map(blocks).unwrap_or_default()
    )
}

fn blocks(own: &BlocksReport) -> String {
    let kind = match own.activated {
        true => "pre-activation",
        false => "residual",
    };
    let count = if own.count == 1 { "block" } else { "blocks" };
    let context = match own.context {
        Some("added") => ", context added",
        Some(_) => ", gated by context",
        None => "",
    };
    format!(", {} {kind} {count}{context}", own.count)
}

/// The kernels of convolutions, the output's last.
fn kernels(sides: &[u8]) -> String {
    let squares: Vec<String> = sides.iter().map(|side| format!("{side}×{side}")).collect();
    match squares.is_empty() {
        true => String::new(),
        false => format!(", kernels {}", squares.join(" ")),
    }
}

fn base(base: &BaseReport) -> String {
    match (base.components, base.degrees_of_freedom) {
        (Some(components), _) => format!("mixture of {components} diagonal normals"),
        (_, Some(nu)) => format!("independent Student's t, {nu} degrees of freedom"),
        _ => format!("independent {}", base.kind),
    }
}
