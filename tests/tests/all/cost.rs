//! The cost that the compiler states against measured firmware: flows that no coefficient was fitted
//! to, on every core at every level. `cargo xtask cost` holds the committed figures against the
//! chips.

use flow_codegen::cost::{Resource, Unmodelled};
use flow_codegen::{Budget, Chip, Core, Error, Functions, Optimise, Options, compile, survey};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::WeightFormat;
use flow_measure::events;
use flow_measure::level::Level;
use flow_tests::cost::{
    BOARDS, Errors, LEVELS, chip, committed, errors, front_page, measured_errors, models,
};
use flow_tests::drafts::{draft, halved, quantised, table};
use std::fs;
use std::path::Path;
use std::time::Duration;
use xtask::workspace;

/// How far estimates may be off, in percent, by the level of the compiler and the arithmetic: what is
/// achieved. Stack is never too little.
fn bounds(level: &str, arithmetic: &str) -> Errors {
    let errors = |flash, stack, instructions| Errors {
        flash,
        stack: [0.0, stack],
        instructions,
    };
    match (level, arithmetic) {
        ("3", "f32, speed") => errors([-14.0, 24.0], 108.0, [-9.0, 25.0]),
        ("3", "f32, size") => errors([-12.0, 11.0], 68.0, [-16.0, 16.0]),
        ("3", "integers") => errors([-31.0, 15.0], 172.0, [-15.0, 32.0]),
        ("3", _) => errors([-18.0, 38.0], 156.0, [-12.0, 48.0]),
        (_, "f32, speed") => errors([-14.0, 17.0], 57.0, [-14.0, 9.0]),
        (_, "f32, size") => errors([-7.0, 7.0], 40.0, [-13.0, 16.0]),
        (_, "integers") => errors([-24.0, 8.0], 40.0, [-9.0, 10.0]),
        _ => errors([-2.0, 18.0], 34.0, [-8.0, 18.0]),
    }
}

/// Operations are counted at events that a model can meet, categories too.
#[test]
fn models_are_measured_at_possible_events() {
    for (name, kind) in table() {
        let artefact = draft(&kind, 3).encode().expect(name);
        let flow = LoadedFlow::from_bytes(&artefact).expect(name);
        let mut scratch = vec![0.0; flow.scratch_len()];
        for (event, context) in events(&artefact).expect(name) {
            let numbers = event.iter().chain(&context);
            assert!(
                numbers.copied().all(f32::is_finite),
                "{name}: {event:?} {context:?}"
            );
            let log_prob = flow.log_prob(&event, &context, &mut scratch);
            assert!(
                log_prob.expect(name).is_finite(),
                "{name}: {event:?} {context:?}"
            );
        }
    }
}

/// What a model costs on three chips, as the front page has it, is what was measured; `BLESS=1` writes the table.
#[test]
fn the_front_page_has_the_committed_figures() {
    let places = committed("held_out").expect("committed figures");
    let [page, expected] = front_page(&places).expect("a page with a table");
    if std::env::var_os("BLESS").is_some() {
        fs::write(workspace::root().join("README.md"), expected).expect("written");
    } else {
        let help =
            "README.md is out of date: BLESS=1 cargo test -p flow-tests --test all front_page";
        assert_eq!(page, expected, "{help}");
    }
}

#[test]
fn estimates_hold_on_models_that_were_not_fitted() {
    let places = committed("held_out").expect("committed figures");
    let errors = errors(&models::held_out(), &places).expect("every model everywhere");
    assert_eq!(errors.len(), 4 * 10, "four arithmetics at ten places");
    let wrong = errors.iter().flat_map(|((place, arithmetic), own)| {
        let level = if place.ends_with("-s") { "s" } else { "3" };
        beyond(
            &format!("{place} {arithmetic}"),
            own,
            &bounds(level, arithmetic),
        )
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How far off what `flow codegen --measure` states may be, in percent. Stack is never too little.
const MEASURED: Errors = Errors {
    flash: [-5.0, 5.0],
    stack: [0.0, 10.0],
    instructions: [-10.0, 10.0],
};

/// Ranges of errors that go beyond their bounds, in words.
fn beyond(place: &str, own: &Errors, bounds: &Errors) -> Vec<String> {
    println!("{place:24} {own:.1?}");
    let figures = [
        ("flash", own.flash, bounds.flash),
        ("stack", own.stack, bounds.stack),
        ("instructions", own.instructions, bounds.instructions),
    ];
    let beyond =
        |(_, own, bounds): &(_, [f64; 2], [f64; 2])| own[0] < bounds[0] || own[1] > bounds[1];
    let wrong = figures.into_iter().filter(beyond);
    wrong
        .map(|(what, own, _)| format!("{place} {what}: {own:.1?} percent"))
        .collect()
}

/// A firmware that is not the one by which costs were measured: the test firmware, where flows of
/// every family and format stand alone in a binary. Its calls, its start and its counter are others.
#[test]
fn measured_costs_hold_in_another_firmware() {
    let stated = committed("held_out").expect("committed figures");
    let found = committed("firmware").expect("committed figures");
    let errors = measured_errors(&models::held_out(), &stated, &found);
    let errors = errors.expect("every flow everywhere");
    assert_eq!(errors.len(), 10, "five cores at two levels");
    let wrong = errors
        .iter()
        .flat_map(|(place, own)| beyond(place, own, &MEASURED));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same for the flow of the test case, in the firmware that prints its bits.
#[test]
fn measured_costs_hold_around_the_test_case() {
    let places = committed("held_out").expect("committed figures");
    let path = workspace::root().join("tests/firmware/figures.json");
    let text = fs::read_to_string(&path).expect("committed figures");
    let firmware: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let firmware = firmware.as_object().and_then(|all| all.values().next());
    let firmware = firmware.expect("figures of a compiler");
    for board in &BOARDS {
        for level in LEVELS {
            let key = level.key(board.name);
            let chip = chip(board, level).expect("a known core");
            // At `s` the test firmware has it made for size.
            let [speed, size] = models::UNCALIBRATED;
            let (name, optimise) = if level == Level::S { size } else { speed };
            let stated = places[&key][name].measured(chip.core, chip.level, optimise);
            let (log_prob, sample) = (stated.log_prob.expect("run"), stated.sample.expect("run"));
            for (name, stated, [low, high]) in [
                ("model_flash_bytes", stated.flash_bytes, MEASURED.flash),
                ("log_prob_stack_bytes", log_prob.stack_bytes, MEASURED.stack),
                ("sample_stack_bytes", sample.stack_bytes, MEASURED.stack),
                (
                    "log_prob_instructions",
                    log_prob.instructions,
                    MEASURED.instructions,
                ),
                (
                    "sample_instructions",
                    sample.instructions,
                    MEASURED.instructions,
                ),
            ] {
                let found = firmware[&key][name].as_f64().expect("a figure");
                let error = 100.0 * (stated as f64 / found - 1.0);
                println!("{key:14} {name:22} {stated:7} / {found:7} {error:+5.1} %");
                assert!(
                    (low..=high).contains(&error),
                    "{key} {name}: {stated} stated, {found} found"
                );
            }
        }
    }
}

fn options(core: Core, budget: Budget) -> Options {
    Options {
        chip: Chip {
            core,
            ..Chip::default()
        },
        budget,
        ..Options::default()
    }
}

fn case(options: &Options) -> Result<flow_codegen::Cost, Error> {
    compile(flow_case::ARTEFACT, Path::new("model.flow"), options).map(|(_, cost)| cost)
}

#[test]
fn a_budget_that_is_not_met_names_what_is_missing_and_what_would_meet_it() {
    let free = case(&options(Core::CortexM0, Budget::default())).expect("no budget");
    let flash = free.flash_bytes().expect("a known core");
    let tight = Budget {
        flash: Some(flash - 1000),
        ..Budget::default()
    };
    let Err(Error::Budget(overrun)) = case(&options(Core::CortexM0, tight)) else {
        panic!("a thousand bytes too few");
    };
    assert_eq!(overrun.excesses.len(), 1);
    assert_eq!(overrun.excesses[0].resource, Resource::Flash);
    let text = overrun.to_string();
    assert!(
        text.contains("cortex-m0") && text.contains("1000 bytes"),
        "{text}"
    );
    assert!(!overrun.remedies.is_empty(), "{text}");
    for remedy in &overrun.remedies {
        assert!(remedy.cost.flash_bytes() <= tight.flash, "{text}");
    }
    // Where floating point is slow, integers are what helps.
    let soon = Budget {
        latency: Some(Duration::from_millis(5)),
        ..Budget::default()
    };
    for optimise in [Optimise::Speed, Optimise::Size] {
        let own = Options {
            optimise,
            ..options(Core::CortexM0, soon)
        };
        let Err(Error::Budget(overrun)) = case(&own) else {
            panic!("floating point in software takes longer");
        };
        let text = overrun.to_string();
        assert!(overrun.remedies.iter().all(|own| own.quantise), "{text}");
        assert!(text.contains("flow quantise --weights i8"), "{text}");
    }
    // Every resource that is exceeded is named.
    let hopeless = Budget {
        flash: Some(100),
        ram: Some(10),
        latency: Some(Duration::from_nanos(1)),
    };
    let Err(Error::Budget(overrun)) = case(&options(Core::Riscv32imc, hopeless)) else {
        panic!("nothing fits there");
    };
    assert_eq!(overrun.excesses.len(), 3);
    assert!(overrun.remedies.is_empty());
    assert!(overrun.to_string().contains("smaller model"), "{overrun}");
}

/// Rows of the table of flows that no coefficient was fitted to, by why: measured, what was estimated of them was off by
/// more than 1.3 in instructions or flash, or had too little stack.
const UNMODELLED: [(Unmodelled, &[&str]); 6] = [
    (Unmodelled::Images, &["image", "image_residual"]),
    (
        Unmodelled::Categories,
        &["category", "categories", "lines", "mixed_permuted", "text"],
    ),
    (Unmodelled::Angles, &["blocks_gated", "circular", "torus"]),
    (Unmodelled::Floors, &["imported_scales", "imported_splines"]),
    (
        Unmodelled::Conditioners,
        &["blocks_added", "blocks_linear", "context_first"],
    ),
    (
        Unmodelled::Activations,
        &["elu", "gelu", "gelu_tanh", "leaky_relu"],
    ),
];

/// What the cost model was not fitted to is not estimated, in any format on any core. A budget of it is refused rather
/// than passed by not looking.
#[test]
fn what_was_not_fitted_is_not_estimated_and_no_budget_passes_unseen() {
    let second = Some(Duration::from_secs(1));
    let budgets = [
        (
            Budget {
                flash: Some(1 << 30),
                ..Budget::default()
            },
            "flash",
        ),
        (
            Budget {
                ram: Some(1 << 30),
                ..Budget::default()
            },
            "stack",
        ),
        (
            Budget {
                latency: second,
                ..Budget::default()
            },
            "latency",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, kind) in table() {
        let plain = draft(&kind, 3);
        let listed = UNMODELLED.iter().find(|(_, names)| names.contains(&name));
        let listed = listed.map(|own| own.0);
        let mut formats = vec![
            (plain.clone(), listed),
            (halved(&plain), Some(Unmodelled::HalfPrecision)),
        ];
        if kind.has_integers() {
            let own = [WeightFormat::I8, WeightFormat::I16];
            formats.extend(own.map(|weights| (quantised(&plain, weights), listed)));
        }
        for (draft, unmodelled) in formats {
            let bytes = draft.encode().expect(name);
            for core in Core::ALL {
                let expected = match core {
                    Core::Host => Some(Unmodelled::Host),
                    _ => unmodelled,
                };
                let compiled = |budget| {
                    compile(&bytes, Path::new("a.flow"), &options(core, budget)).map(|own| own.1)
                };
                let free = compiled(Budget::default()).expect(name);
                if free.unmodelled != expected {
                    wrong.push(format!(
                        "{name} on {core}: {:?}, {expected:?} is listed",
                        free.unmodelled
                    ));
                    continue;
                }
                assert!(free.table_bytes > 0);
                let known = [free.code_bytes.is_some(), free.log_prob.is_some()];
                assert_eq!(known, [expected.is_none(); 2], "{name} on {core}");
                let Some(expected) = expected else {
                    continue;
                };
                assert!(free.sample.is_none(), "{name} on {core}");
                for (budget, resource) in budgets {
                    let fault = compiled(budget).expect_err("not estimated");
                    assert!(matches!(fault, Error::NotEstimated { .. }), "{fault}");
                    let text = fault.to_string();
                    let remedy = match expected {
                        Unmodelled::Host => "give the core of a chip",
                        _ => "--measure",
                    };
                    for part in [resource, remedy, &expected.to_string()] {
                        assert!(text.contains(part), "{part}: {text}");
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn auto_is_speed_unless_flash_needs_size() {
    let core = Core::CortexM4F;
    let costs = survey(
        flow_case::ARTEFACT,
        Path::new("model.flow"),
        &options(core, Budget::default()),
    );
    let costs = costs.expect("a valid artefact");
    assert_eq!(costs.len(), 4);
    let flash = |optimise| {
        let own = costs
            .iter()
            .find(|c| c.optimise == optimise && c.chip == options(core, Budget::default()).chip);
        own.and_then(flow_codegen::Cost::flash_bytes)
            .expect("a row")
    };
    let (fast, small) = (flash(Optimise::Speed), flash(Optimise::Size));
    assert!(small < fast);
    for (allowed, expected) in [(fast, Optimise::Speed), (fast - 1, Optimise::Size)] {
        let budget = Budget {
            flash: Some(allowed),
            ..Budget::default()
        };
        let auto = Options {
            optimise: Optimise::Auto,
            ..options(core, budget)
        };
        assert_eq!(case(&auto).expect("it fits").optimise, expected);
    }
}

#[test]
fn cores_differ_as_they_should() {
    let cost = |core| case(&options(core, Budget::default())).expect("no budget");
    let cycles = |core| cost(core).log_prob.expect("a known core").cycles;
    assert!(cycles(Core::CortexM0) > 20 * cycles(Core::CortexM4F));
    assert!(cycles(Core::CortexM0Plus) < cycles(Core::CortexM0));
    assert!(cycles(Core::CortexM7) < cycles(Core::CortexM4F));
    let host = cost(Core::Host);
    assert_eq!((host.flash_bytes(), host.log_prob), (None, None));
    let score = Options {
        functions: Functions::Score,
        ..options(Core::CortexM4F, Budget::default())
    };
    let score = case(&score).expect("no budget");
    assert!(score.sample.is_none());
    assert!(score.code_bytes < cost(Core::CortexM4F).code_bytes);
}
