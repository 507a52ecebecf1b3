//! The room, the motor and whoever walks through, and what the array makes of them.

use super::{Fault, Frame};
use crate::sensor::Normals;

/// Pixels along a side.
pub const SIDE: usize = 8;
/// Pixels of a frame.
pub const PIXELS: usize = SIDE * SIDE;
/// Step of a pixel in kelvin, that of parts such as Panasonic's AMG8833.
pub const STEP: f64 = 0.25;
/// Temperatures of the room in °C, all as likely.
pub const AMBIENT: [f64; 2] = [14.0, 30.0];
/// Step of the thermistor, and the standard deviation of its noise, in kelvin.
const THERMISTOR: [f64; 2] = [0.0625, 0.1];
/// Standard deviation of a pixel's noise in kelvin: assumed, of the size that is usual for the class.
const NOISE: f64 = 0.16;
/// Standard deviation of what a pixel is off by for good, in kelvin: the same in all frames.
const FIXED: f64 = 0.2;
/// By how much the lens blurs a point, as a standard deviation in pixels.
const BLUR: f64 = 0.5;
/// Heat of the motor while it runs: 1 is full load for long.
const RUNNING: [f64; 2] = [0.3, 1.0];
/// Share of time that the motor is off, and that somebody is in sight.
const OFF: f64 = 0.3;
const VISITED: f64 = 0.2;

/// One time in the room.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// Temperature of the air in °C.
    pub(super) ambient: f64,
    /// By how much it is warmer at the ceiling than at the floor, in kelvin.
    stratified: f64,
    /// By how much the sun warms the wall on the left, and how high it shines, in rows.
    sun: [f64; 2],
    /// Heat of the motor: 0 is cold, 1 full load for long.
    pub(super) heat: f64,
    person: Option<Person>,
}

/// Somebody who walks through.
#[derive(Debug, Clone, Copy)]
struct Person {
    /// Where, in pixels from the left.
    x: f64,
    /// How tall, in pixels; the feet are at the lower end of the frame or below.
    tall: f64,
    /// What clothes and skin have in the mean, in °C.
    celsius: f64,
}

impl Scene {
    pub(super) fn drawn(normals: &mut Normals) -> Self {
        let [low, high] = AMBIENT;
        let mut within = |low: f64, high: f64| low + (high - low) * normals.uniform();
        let ambient = within(low, high);
        let stratified = within(0.5, 2.0);
        // By night there is none.
        let shines = within(0.0, 3.0).max(1.0) - 1.0;
        let sun = [3.0 * shines / 2.0, within(1.0, 5.0)];
        let heat = match within(0.0, 1.0) < OFF {
            true => within(0.0, 0.1),
            false => within(RUNNING[0], RUNNING[1]),
        };
        let person = (within(0.0, 1.0) < VISITED).then(|| Person {
            x: within(-0.5, 7.5),
            tall: within(4.0, 7.5),
            celsius: 0.5 * (ambient + within(31.0, 34.0)),
        });
        Self {
            ambient,
            stratified,
            sun,
            heat,
            person,
        }
    }

    /// Lets the motor run, at a load that it runs at.
    pub(super) fn running(mut self, normals: &mut Normals) -> Self {
        let [low, high] = RUNNING;
        self.heat = low + (high - low) * normals.uniform();
        self
    }

    /// What the array says, and which pixels have the fault.
    pub(super) fn seen(&self, fault: Option<Fault>, normals: &mut Normals) -> (Frame, Vec<usize>) {
        let chilled = fault != Some(Fault::Fan);
        let mut celsius: [f64; PIXELS] = std::array::from_fn(|pixel| self.at(pixel, chilled));
        let has = fault.map_or(vec![], |fault| fault.put(self, &mut celsius, normals));
        let fixed = &mut Normals::new(0);
        let mut pixels = celsius.map(|exact| exact + FIXED * fixed.draw() + NOISE * normals.draw());
        if fault == Some(Fault::Stuck) {
            has.iter().for_each(|&pixel| pixels[pixel] = celsius[pixel]);
        }
        let [step, deviation] = THERMISTOR;
        let own = self.ambient + deviation * normals.draw();
        let frame = Frame {
            pixels: pixels.map(|value| rounded(value, STEP)),
            ambient: rounded(own, step),
        };
        (frame, has)
    }

    /// The temperature that a pixel looks at, with the fan at work or not.
    fn at(&self, pixel: usize, chilled: bool) -> f64 {
        let (x, y) = ((pixel % SIDE) as f64, (pixel / SIDE) as f64);
        let [warm, shines_at] = self.sun;
        let height = 1.0 - y / (SIDE - 1) as f64;
        let patch = (-0.5 * ((x / 1.5).powi(2) + ((y - shines_at) / 1.5).powi(2))).exp();
        let wall = self.ambient + self.stratified * (height - 0.5) + warm * patch;
        // Without the fan the housing gets as warm as 1.6 times, and no warm air comes out on its right.
        let [housing, air] = match chilled {
            true => [14.0 * self.heat, 5.0 * self.heat],
            false => [22.0 * self.heat, 0.3 * self.heat],
        };
        let behind = wall
            + housing * covered(x, 1.5, 4.5) * covered(y, 3.5, 6.5)
            + air * covered(x, 4.5, 7.0) * covered(y, 3.0, 5.5);
        let Some(Person {
            x: at,
            tall,
            celsius,
        }) = self.person
        else {
            return behind;
        };
        let top = SIDE as f64 - 0.5 - tall;
        let half = 0.11 * tall;
        let covers = covered(x, at - half, at + half) * covered(y, top, SIDE as f64 + 1.0);
        behind + (celsius - behind) * covers
    }
}

/// How much of a pixel lies between two edges, once the lens has blurred them.
fn covered(at: f64, low: f64, high: f64) -> f64 {
    let below = |edge: f64| 0.5 * libm::erfc(-(edge - at) / BLUR * std::f64::consts::FRAC_1_SQRT_2);
    below(high) - below(low)
}

fn rounded(value: f64, step: f64) -> f32 {
    ((value / step).round() * step) as f32
}
