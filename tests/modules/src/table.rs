use crate::Module;
use flow_codegen::{Functions, Optimise, Options, Passes, Visibility};
use flow_embedded::math::Backend;
use flow_frozen::Entry;

/// The rows that are also compiled for size, and without any pass.
const VARIANTS: [&str; 9] = [
    "maf_context",
    "mixed",
    "iaf",
    "iaf_spline_groups",
    "glow",
    "circular",
    "permuted",
    "categories",
    "blocks_added",
];

/// The rows that are also compiled to `i8` and `i16`.
const INTEGERS: [&str; 20] = [
    "maf",
    "maf_context",
    "mixed",
    "nice",
    "nsf",
    "iaf",
    "iaf_spline_groups",
    "glow",
    "domains",
    "circular",
    "imported_scales",
    "imported_splines",
    "blocks_added",
    "blocks_gated",
    "blocks_linear",
    "context_first",
    "leaky_relu",
    "gelu",
    "gelu_tanh",
    "elu",
];

/// Those among them that are also compiled for size.
const SMALL_INTEGERS: [&str; 4] = ["maf", "mixed", "iaf", "blocks_added"];

/// The rows that are also compiled to `f16`.
const HALVES: [&str; 5] = ["maf", "nsf", "image", "categories", "blocks_gated"];

/// Those among them that are also compiled for size.
const SMALL_HALVES: [&str; 2] = ["maf", "nsf"];

/// All modules: each row of the table of flows with its own backend, then the lists above, and two
/// modules with other options. A row that is not frozen yet has no module.
///
/// # Errors
/// The frozen vectors are damaged.
pub fn all() -> Result<Vec<Module>, flow_frozen::Error> {
    let entries = flow_frozen::entries()?;
    let speed = Options {
        self_test: true,
        ..Options::default()
    };
    let size = Options {
        optimise: Optimise::Size,
        ..speed.clone()
    };
    let plain = Options {
        passes: Passes {
            fold: false,
            pack: false,
            schedule: false,
        },
        ..speed.clone()
    };
    let rows = entries.iter().map(Entry::name);
    let rows: Vec<&str> = rows.filter(|name| !name.contains('/')).collect();
    // Folder, what stands before the row in the entry's name, rows, options.
    let folders: [(&'static str, &str, &[&str], &Options); 8] = [
        ("", "", &rows, &speed),
        ("size", "", &VARIANTS, &size),
        ("plain", "", &VARIANTS, &plain),
        ("i8", "i8/", &INTEGERS, &speed),
        ("i16", "i16/", &INTEGERS, &speed),
        ("i8_size", "i8/", &SMALL_INTEGERS, &size),
        ("f16", "f16/", &HALVES, &speed),
        ("f16_size", "f16/", &SMALL_HALVES, &size),
    ];
    let mut modules = Vec::new();
    for (folder, format, rows, options) in folders {
        let own = rows
            .iter()
            .map(|row| (folder, *row, *row, format, options.clone()));
        modules.extend(own);
    }
    modules.extend(others().map(|(name, row, options)| ("", name, row, "", options)));
    let modules = modules
        .into_iter()
        .filter_map(|(folder, name, row, format, options)| {
            let entry = entries
                .iter()
                .find(|own| own.name() == format!("{format}{row}"))?;
            Some(Module {
                folder,
                name: name.into(),
                row: row.into(),
                entry: entry.name().into(),
                artefact: entry.artefact().into(),
                event: entry.event().len(),
                context: entry.context().len(),
                options,
            })
        });
    Ok(modules.collect())
}

/// Modules that do one thing only: name, row, options.
fn others() -> impl Iterator<Item = (&'static str, &'static str, Options)> {
    let score = Options {
        visibility: Visibility::Crate,
        derives: vec!["PartialEq".into(), "Eq".into()],
        functions: Functions::Score,
        self_test: true,
        ..Options::default()
    };
    let sample = Options {
        type_name: Some("Noise".into()),
        visibility: Visibility::Private,
        math: Some(Backend::Libm),
        functions: Functions::Sample,
        ..Options::default()
    };
    [
        ("domains_score", "domains", score),
        ("glow_sample", "glow", sample),
    ]
    .into_iter()
}
