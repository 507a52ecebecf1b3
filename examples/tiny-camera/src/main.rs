//! Watches a motor room through 8 × 8 thermopiles with a trained flow: judges each frame, shows where one that gave an
//! alarm is unusual, and draws what the room might look like.
#![no_std]
#![no_main]

mod board;
mod frames;
mod map;
mod shade;

use board::Console;
use cortex_m_rt::entry;
use flow_embedded::{Detector, Sampler};
use frames::FRAMES;
use map::{Map, PIXELS, SIDE};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// The flow, compiled from `model.flow` by `build.rs`.
mod model {
    flow_embedded::include_flow!("model");
}

/// Temperature of the room in which the frames that are drawn are, in °C.
const DRAWN_AT: f32 = 20.0;

#[entry]
fn main() -> ! {
    let mut console = Console::open();
    let mut detector = Detector::new(model::Room);
    for frame in &FRAMES {
        console.text(frame.name).end();
        let above = frame.above();
        match detector.observe(&above, &[frame.ambient]) {
            Ok(verdict) => {
                console
                    .text("log_prob")
                    .fixed::<2>(verdict.log_prob)
                    .text("  bits ")
                    .hex(verdict.log_prob.to_bits())
                    .text("  p-value")
                    .fixed::<4>(verdict.p_value)
                    .text(if verdict.alarm { "  ALARM" } else { "" })
                    .end();
                if verdict.alarm {
                    locate(&mut console, &above, frame.ambient);
                } else {
                    picture(&mut console, &[shade::grey(&above)]);
                }
            }
            // A pixel that can't be read is a fault of its own.
            Err(_) => console.text("refused: a value is not finite").end(),
        }
    }
    draw(&mut console);
    board::exit()
}

/// Shows a frame and, beside it, where it is unusual.
fn locate(console: &mut Console, frame: &[f32; PIXELS], ambient: f32) {
    let found = Map::of(&model::Room, frame, ambient);
    console
        .text(match found.side {
            1 => "foremost: the pixel at row ",
            _ => "foremost: 3 x 3 pixels about row ",
        })
        .number((found.pixel / SIDE) as u32)
        .text(", column ")
        .number((found.pixel % SIDE) as u32)
        .end();
    console
        .text("by      ")
        .fixed::<2>(found.most())
        .text("  bits ")
        .hex(found.most().to_bits())
        .text("  nats")
        .end();
    let pictures = [shade::grey(frame), shade::marks(&found.contributions)];
    picture(console, &pictures);
}

/// Draws two frames, those of `flow sample --seed 1` with this temperature given.
fn draw(console: &mut Console) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let drawn = [(); 2].map(|()| model::Room.sample(&mut rng, &[DRAWN_AT]));
    console.text("drawn     bits");
    for frame in &drawn {
        console.text(" ").hex(checksum(frame));
    }
    console.end();
    picture(console, &drawn.map(|frame| shade::grey(&frame)));
}

/// All bits of a frame in one word, by Fowler, Noll and Vo's hash (FNV-1a).
fn checksum(frame: &[f32; PIXELS]) -> u32 {
    let bytes = frame.iter().flat_map(|value| value.to_le_bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Frames or maps side by side.
fn picture<const N: usize>(console: &mut Console, pictures: &[[u8; PIXELS]; N]) {
    for row in 0..SIDE {
        for own in pictures {
            console.text("   |");
            for character in shade::rows(own).nth(row).unwrap_or_default() {
                // Twice, since a character is about twice as high as it is wide.
                console.bytes(&[*character; 2]);
            }
            console.text("|");
        }
        console.end();
    }
}
