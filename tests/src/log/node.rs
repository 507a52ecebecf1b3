//! The node: a supply, a pump with a flow meter, probes in the soil, a radio.

use super::below;
use crate::sensor::Normals;

/// What it knows between its lines.
pub(super) struct Node {
    normals: Normals,
    minutes: u32,
    /// Signal of the radio in dBm.
    signal: f64,
    /// Minutes that the pump has run, while it runs.
    pumping: Option<u32>,
    connected: bool,
}

impl Node {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            normals: Normals::new(seed),
            minutes: 0,
            signal: -71.0,
            pumping: None,
            connected: true,
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.normals.uniform() < probability
    }

    fn around(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.normals.draw()
    }

    /// The lines of a minute.
    pub(super) fn minute(&mut self, log: &mut Vec<String>) {
        self.minutes += 1;
        if self.chance(0.002) {
            self.boot(log);
        }
        self.power(log);
        self.pump(log);
        self.soil(log);
        self.radio(log);
        if self.minutes.is_multiple_of(5) {
            let free = self.around(14_300.0, 40.0).round();
            log.push(format!("D heap {free} free"));
        }
        if self.minutes.is_multiple_of(15) {
            let sector = 4096 + 2 * (self.minutes / 15 % 128);
            log.push(format!("I flash page {sector:#x} written"));
        }
    }

    fn boot(&mut self, log: &mut Vec<String>) {
        let why = ["watchdog", "power", "software"][below(3, &mut self.normals)];
        log.push(format!("I boot fw 2.4.1, reset by {why}"));
        log.push("I rtc synchronised".into());
        self.pumping = None;
    }

    fn power(&mut self, log: &mut Vec<String>) {
        let load = self.pumping.map_or(0.14, |_| 2.1);
        let [volts, amperes] = [self.around(24.1, 0.05), self.around(load, 0.04 * load)];
        let celsius = self.around(31.5, 0.4);
        log.push(format!(
            "I power bus={volts:.2}V load={amperes:.2}A t={celsius:.1}C"
        ));
    }

    fn pump(&mut self, log: &mut Vec<String>) {
        let [begins, ends] = [self.chance(0.08), self.chance(0.3)];
        match self.pumping {
            None if begins => {
                let valve = 1 + below(4, &mut self.normals);
                log.push(format!("I pump on, valve {valve}"));
                self.pumping = Some(0);
            }
            None => {}
            Some(minutes) if ends && minutes > 2 => {
                let litres = self.around(21.0 * f64::from(minutes), 2.0).round();
                log.push(format!("I pump off, {litres} l in {minutes} min"));
                self.pumping = None;
            }
            Some(minutes) => {
                let speed = self.around(1420.0, 12.0).round();
                let flow = self.around(21.0, 0.6);
                log.push(format!("I pump {speed} rpm, {flow:.1} l/min"));
                self.pumping = Some(minutes + 1);
            }
        }
    }

    fn soil(&mut self, log: &mut Vec<String>) {
        if self.chance(0.03) {
            log.push("W soil 0x48: no answer, retry 1".into());
        }
        if self.minutes.is_multiple_of(3) {
            let [upper, lower] = [self.around(31.0, 2.0), self.around(38.0, 1.5)];
            log.push(format!("I soil {upper:.0}% {lower:.0}%"));
        }
    }

    fn radio(&mut self, log: &mut Vec<String>) {
        self.signal = self.around(-71.0 + 0.9 * (self.signal + 71.0), 1.0);
        let signal = self.signal.round();
        if !self.connected {
            if self.chance(0.6) {
                log.push(format!("I net up, {signal} dBm"));
                self.connected = true;
            } else {
                let seconds = [4, 8, 16][below(3, &mut self.normals)];
                log.push(format!("W net no carrier, retry in {seconds} s"));
            }
            return;
        }
        if self.chance(0.01) {
            log.push("W net lost".into());
            self.connected = false;
            return;
        }
        if self.minutes.is_multiple_of(2) {
            let size = 176 + 4 * below(4, &mut self.normals);
            let time = self.around(64.0, 9.0).max(20.0).round();
            log.push(format!("I net sent {size} B, {signal} dBm, {time} ms"));
        }
    }
}
