//! A picture of the ranks.

use super::Report;
use flow_report::plot::{Axis, COLOURS, GREY, Line, Plot, SeriesLabelPosition};
use std::error::Error;

impl Report {
    /// An SVG of how far the empirical distribution function of each quantity's ranks is above that of even ones, with
    /// the band that all of a calibrated posterior keep to (Säilynoja, Bürkner & Vehtari 2022). A posterior that is
    /// too narrow rises on the left and falls on the right; one that is too wide the other way around.
    ///
    /// # Errors
    /// As the plotting crate; in memory there is no reason for any.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let points = self.band.len() + 1;
        let place = |point: usize| (point + 1) as f64 / points as f64;
        let ends = |inner: Vec<(f64, f64)>| {
            let own = [(0.0, 0.0)].into_iter().chain(inner);
            own.chain([(1.0, 0.0)]).collect::<Vec<_>>()
        };
        let band = format!("even, {} %", 100.0 * (1.0 - self.alpha));
        let bounds = self.band.iter().enumerate();
        let bounds = bounds.map(|(point, (low, high))| (low - place(point), high - place(point)));
        let bounds = [(0.0, 0.0)].into_iter().chain(bounds).chain([(0.0, 0.0)]);
        let even = Line {
            name: &band,
            colour: GREY,
            points: ends((0..points - 1).map(|point| (place(point), 0.0)).collect()),
            band: bounds.collect(),
            thin: true,
        };
        let quantities = self.quantities.iter().zip(COLOURS.iter().cycle());
        let curves = quantities.map(|(own, colour)| {
            let curve = own.curve.iter().enumerate();
            let curve = curve.map(|(point, share)| (place(point), share - place(point)));
            Line {
                name: &own.name,
                colour: *colour,
                points: ends(curve.collect()),
                band: Vec::new(),
                thin: false,
            }
        });
        let plot = Plot {
            title: "Ranks of the truth among draws",
            x: Axis {
                label: "rank, as a share of the draws",
                logarithmic: false,
            },
            y: Axis {
                label: "share of rows below, less that of even ranks",
                logarithmic: false,
            },
            lines: [even].into_iter().chain(curves).collect(),
            legend: SeriesLabelPosition::UpperRight,
        };
        plot.svg()
    }
}
