//! Watches a motion sensor with a trained flow: collects evidence over the stream, says when it
//! suffices and which channel is to blame, and goes on after a reboot.
#![no_std]
#![no_main]

mod board;
mod retained;
mod samples;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::detect::Sequential;
use flow_embedded::window::{Window, Windowed};
use flow_embedded::{Change, ObserveError, StateError, StreamDetector, StreamVerdict};
use model::BasicMotions;
use retained::Retained;
use samples::{Event, STREAM};

/// The flow and its sequential test, compiled from `model.flow` by `build.rs`.
mod model {
    flow_embedded::include_flow!("model");
}

/// A detector of this model: 7 statistics (the log-likelihood and 6 latents) and 13 bets, as the
/// generated module has them.
type Detector = StreamDetector<BasicMotions, 7, 13>;

/// The columns that the model was trained on, in their order.
const CHANNELS: [&str; 6] = ["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"];

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut retained = Retained::<{ Detector::BYTES }>::new();
    let mut window = BasicMotions.window();
    let mut detector = Detector::new(BasicMotions);
    let (mut observed, mut alarms) = (0, 0);
    console.text("    log_prob    evidence").end();
    for event in &STREAM {
        let (activity, sample) = match event {
            Event::Sample(activity, sample) => (activity, sample),
            Event::Reboot | Event::PowerLoss => {
                if matches!(event, Event::PowerLoss) {
                    retained.cut_off();
                }
                // What start-up does: a state that is damaged or of another model is left alone.
                window.reset();
                detector = Detector::new(BasicMotions);
                match Detector::restore(BasicMotions, retained.load()) {
                    Ok(found) => {
                        detector = found;
                        console.text("reboot, evidence restored").end();
                    }
                    Err(StateError::Checksum) => console.text("reboot, state damaged").end(),
                    Err(StateError::Model) => console.text("reboot, another model").end(),
                    Err(_) => console.text("reboot, no state").end(),
                }
                continue;
            }
            Event::Pause => {
                window.reset();
                detector.reset();
                console.text("pause").end();
                continue;
            }
        };
        match watch(&mut detector, &mut window, sample) {
            None => console.text("                          no past   "),
            Some(Ok(verdict)) => {
                observed += 1;
                alarms += u32::from(verdict.alarm);
                console
                    .fixed::<2>(verdict.log_prob)
                    .fixed::<2>(verdict.evidence)
                    .text(if verdict.alarm {
                        "  ALARM "
                    } else {
                        "  -     "
                    });
                let channel = verdict.channel.and_then(|channel| CHANNELS.get(channel));
                console
                    .text(channel.unwrap_or(&"     "))
                    .text(match verdict.change {
                        Some(Change::Fault) => " fault  ",
                        Some(Change::Drift) => " drift  ",
                        None => "        ",
                    })
            }
            Some(Err(ObserveError::NonFinite { channel })) => {
                console.text("refused: channel ").number(channel as u32);
                console.text(" is not finite   ")
            }
            Some(Err(_)) => console.text("refused   "),
        }
        .text(activity)
        .end();
        if retained.store(|buffer| detector.save(buffer)).is_err() {
            console.text("not saved: no room").end();
        }
    }
    console.number(observed).text(" samples, ");
    console
        .number(alarms)
        .text(" alarms, promised of normal ones: 1 in ");
    console.number(run_length(&detector) as u32).end();
    console.text("state: detector ");
    console.number(size_of_val(&detector) as u32);
    console
        .text(" bytes, window ")
        .number(size_of_val(&window) as u32);
    console.text(" bytes").end();
    board::exit()
}

/// Weighs one sample, and takes it into the past; nothing is said until the model's past is full.
// A function of its own, so that what a sample costs can be counted.
#[inline(never)]
fn watch<const S: usize, const N: usize>(
    detector: &mut StreamDetector<BasicMotions, S, N>,
    window: &mut Window<6, 2>,
    sample: &[f32; 6],
) -> Option<Result<StreamVerdict, ObserveError>>
where
    BasicMotions: Sequential<6, S, N>,
{
    let context = window.context(&BasicMotions::FEATURES, &[]);
    let verdict = context.map(|context| detector.observe(sample, &context));
    window.push(&BasicMotions::FEATURES, sample);
    verdict
}

/// The promise: false alarms are at least so many samples apart, in the mean.
fn run_length<F, const D: usize, const S: usize, const N: usize>(_: &StreamDetector<F, S, N>) -> f32
where
    F: Sequential<D, S, N>,
{
    F::RUN_LENGTH
}
