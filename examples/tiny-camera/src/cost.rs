//! Judges frames as the camera does and nothing else, so that what one of them costs can be counted.
#![no_std]
#![no_main]

mod board;
mod frames;
mod map;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::Detector;
use frames::{FRAMES, Frame};
use map::Map;

mod model {
    flow_embedded::include_flow!("model");
}

#[entry]
fn main() -> ! {
    let mut detector = Detector::new(model::Room);
    let mut console = Console::open();
    // Three normal frames and one with an alarm: what the emulator may take.
    for frame in FRAMES.iter().take(4) {
        let (log_prob, place) = watch(&mut detector, frame);
        console
            .text(frame.name)
            .fixed::<2>(log_prob)
            .text(" bits ")
            .hex(log_prob.to_bits())
            .text(" pixel ")
            .number(place.map_or(0, |pixel| pixel as u32))
            .end();
    }
    board::exit()
}

/// Judges a frame, and with an alarm finds the pixel that is to blame. A function of its own, so that what it costs can
/// be counted.
#[inline(never)]
fn watch(detector: &mut Detector<model::Room>, frame: &Frame) -> (f32, Option<usize>) {
    let above = frame.above();
    match detector.observe(&above, &[frame.ambient]) {
        Ok(verdict) => {
            let find = || Map::of(&model::Room, &above, frame.ambient).pixel;
            (verdict.log_prob, verdict.alarm.then(find))
        }
        Err(_) => (f32::NAN, None),
    }
}
