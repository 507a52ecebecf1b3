//! Amortised posteriors: what a simulator may do, and what becomes of it. How good they are is tested across crates.

use flow_data::DomainRequest;
use flow_embedded::LoadedFlow;
use flow_embedded::base::normal;
use flow_embedded::math::Libm;
use flow_posterior::amortised::{
    Amortised, AmortisedError, Progress, Settings, Simulator, SimulatorError, Variable, amortised,
};
use flow_posterior::sbc::{self, SbcError};
use flow_recipe::TrainError;
use rand_core::Rng;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

static GO: AtomicBool = AtomicBool::new(false);

/// A level within 0 and 10, seen twice with noise.
#[derive(Default)]
struct Tank {
    /// Levels above which the simulation fails; none for 0.
    fails_above: f32,
    /// Whether the prior is one.
    broken_prior: bool,
    /// Makes simulations slow, and their order uncertain.
    slow: Option<Duration>,
    simulated: AtomicUsize,
}

impl Simulator for Tank {
    fn parameters(&self) -> Vec<Variable> {
        let bounded = DomainRequest::Bounded {
            low: 0.0,
            high: 10.0,
        };
        vec![Variable::new("level").in_unit("m").within(bounded)]
    }

    fn observation(&self) -> Vec<Variable> {
        vec![Variable::new("first"), Variable::new("second")]
    }

    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
        let share = (rng.next_u32() as f32 + 0.5) / 4_294_967_296.0;
        parameters[0] = match self.broken_prior {
            true => f32::NAN,
            false => (10.0 * share).clamp(0.001, 9.999),
        };
    }

    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
        let number = self.simulated.fetch_add(1, Ordering::Relaxed);
        if let Some(time) = self.slow {
            std::thread::sleep(time * (number % 4) as u32);
        }
        for seen in observation {
            *seen = parameters[0] + normal::<Libm, _>(rng);
        }
    }
}

/// The tank with a sensor that breaks.
struct Breaks(Tank);

impl Simulator for Breaks {
    fn parameters(&self) -> Vec<Variable> {
        self.0.parameters()
    }

    fn observation(&self) -> Vec<Variable> {
        self.0.observation()
    }

    fn prior(&self, rng: &mut dyn Rng, parameters: &mut [f32]) {
        self.0.prior(rng, parameters);
    }

    fn simulate(&self, parameters: &[f32], rng: &mut dyn Rng, observation: &mut [f32]) {
        self.0.simulate(parameters, rng, observation);
        if parameters[0] > self.0.fails_above {
            observation[1] = f32::NAN;
        }
    }
}

fn quick() -> Settings {
    let mut settings = Settings {
        name: "tank".to_owned(),
        simulations: 800,
        first: 200,
        ..Settings::default()
    };
    settings.spec.layers = 1;
    settings.spec.conditioner.hidden = vec![8];
    settings.config.epochs = 4;
    settings.check.rows = 200;
    settings
}

fn run(simulator: &dyn Simulator, settings: &Settings) -> Result<Amortised, AmortisedError> {
    amortised(simulator, settings, &GO, |_| ())
}

#[test]
fn the_same_seed_gives_the_same_artefact_however_long_simulations_take() {
    let plain = run(&Tank::default(), &quick()).expect("trained");
    let slow = Tank {
        slow: Some(Duration::from_micros(200)),
        ..Tank::default()
    };
    let threads = Settings {
        threads: 5,
        ..quick()
    };
    let slow = run(&slow, &threads).expect("trained");
    assert_eq!(plain.bytes, slow.bytes);
    assert_eq!(plain.check, slow.check);
    let rounds: Vec<usize> = plain.rounds.iter().map(|own| own.simulations).collect();
    assert_eq!(rounds, [200, 400, 800]);
    let other = Settings { seed: 1, ..quick() };
    assert_ne!(
        run(&Tank::default(), &other).expect("trained").bytes,
        plain.bytes
    );
}

#[test]
fn the_artefact_says_what_it_is() {
    let trained = run(&Tank::default(), &quick()).expect("trained");
    let flow = LoadedFlow::from_bytes(&trained.bytes).expect("an artefact");
    let header = flow.header();
    let level = header.event.first().expect("a channel");
    assert_eq!((header.name, level.name), ("tank", "level"));
    assert_eq!(level.unit, "m");
    assert_eq!(header.context.len(), 2);
    assert_eq!(header.provenance.rows, 720);
    let fresh = header.evaluation.expect("evaluated");
    assert_eq!(fresh.rows, 200);
    assert!(flow.calibration().is_none());
    assert!(
        trained
            .to_string()
            .starts_with("trained on 800 simulations (0 failed); ")
    );
}

#[test]
fn a_model_that_is_not_calibrated_is_told_plainly() {
    // One epoch of one small layer: it can't know much yet, or is smoothed far too wide.
    let mut settings = quick();
    settings.config.noise = 2.0;
    settings.check.rows = 1000;
    let trained = run(&Tank::default(), &settings).expect("trained");
    assert!(!trained.passes());
    let said = trained.to_string();
    assert!(
        said.contains("NOT CALIBRATED on 1000 fresh ones") && said.contains("level is too wide"),
        "{said}"
    );
}

#[test]
fn training_begins_while_simulations_go_on() {
    let tank = Tank {
        slow: Some(Duration::from_micros(500)),
        ..Tank::default()
    };
    let before = Mutex::new(None);
    let trained = amortised(&tank, &quick(), &GO, |progress: Progress| {
        let mut before = before.lock().expect("no panic");
        before.get_or_insert((progress.round, tank.simulated.load(Ordering::Relaxed)));
    });
    trained.expect("trained");
    let (round, simulated) = before.into_inner().expect("no panic").expect("an epoch");
    assert_eq!(round, 1);
    assert!(
        simulated < 800,
        "{simulated} were simulated before the first epoch was over"
    );
}

#[test]
fn failed_simulations_are_left_out_and_counted() {
    let few = Breaks(Tank {
        fails_above: 9.8,
        ..Tank::default()
    });
    let trained = run(&few, &quick()).expect("trained");
    assert!((5..40).contains(&trained.failed), "{}", trained.failed);
    let last = trained.rounds.last().expect("rounds");
    assert_eq!(last.simulations + trained.failed, 800);
    let many = Breaks(Tank {
        fails_above: 5.0,
        ..Tank::default()
    });
    match run(&many, &quick()) {
        Err(AmortisedError::Simulator(SimulatorError::Failed {
            failed,
            of: 200,
            name,
            parameters,
        })) => {
            assert!((70..130).contains(&failed), "{failed}");
            assert!(name == "second" && parameters[0] > 5.0);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn once_stopped_the_best_so_far_is_kept_unchecked() {
    let stop = AtomicBool::new(false);
    let settings = quick();
    let trained = amortised(&Tank::default(), &settings, &stop, |progress: Progress| {
        stop.store(progress.round == 2, Ordering::Relaxed);
    });
    let trained = trained.expect("a model to keep");
    assert!(trained.rounds.len() == 2 && trained.check.is_none() && !trained.passes());
    assert!(trained.to_string().contains("NOT CHECKED"));
    assert!(LoadedFlow::from_bytes(&trained.bytes).is_ok());
    let stopped = AtomicBool::new(true);
    let nothing = amortised(&Tank::default(), &settings, &stopped, |_| ());
    assert!(matches!(
        nothing,
        Err(AmortisedError::Train(TrainError::Interrupted))
    ));
}

#[test]
fn what_is_no_simulator_gets_a_sentence() {
    struct Named(&'static [&'static str], &'static [&'static str]);
    impl Simulator for Named {
        fn parameters(&self) -> Vec<Variable> {
            self.0.iter().map(|name| Variable::new(name)).collect()
        }
        fn observation(&self) -> Vec<Variable> {
            self.1.iter().map(|name| Variable::new(name)).collect()
        }
        fn prior(&self, _: &mut dyn Rng, parameters: &mut [f32]) {
            parameters.fill(1.0);
        }
        fn simulate(&self, _: &[f32], _: &mut dyn Rng, observation: &mut [f32]) {
            observation.fill(1.0);
        }
    }
    let said = |simulator: &dyn Simulator, settings: &Settings| {
        run(simulator, settings).expect_err("refused").to_string()
    };
    for (simulator, part) in [
        (Named(&[], &["y"]), "has no parameters"),
        (Named(&["a"], &[]), "has no observation"),
        (Named(&["a", "b"], &["b"]), "two variables named `b`"),
        (Named(&["a"], &["y"]), "the simulator: column `a`"),
    ] {
        let text = said(&simulator, &quick());
        assert!(text.contains(part), "{text}");
    }
    let broken = Tank {
        broken_prior: true,
        ..Tank::default()
    };
    let text = said(&broken, &quick());
    assert!(
        text.contains("the prior draws NaN for `level` (simulation 0)"),
        "{text}"
    );
    let few = Settings {
        simulations: 100,
        ..quick()
    };
    assert_eq!(
        said(&Tank::default(), &few),
        "simulations must be at least 200"
    );
    let unchecked = Settings {
        check: sbc::Settings {
            rows: 10,
            ..sbc::Settings::default()
        },
        ..quick()
    };
    let fault = run(&Tank::default(), &unchecked).expect_err("refused");
    assert!(matches!(
        fault,
        AmortisedError::Sbc {
            fault: SbcError::TooFewRows {
                have: 10,
                need: 100
            },
            ..
        }
    ));
}
