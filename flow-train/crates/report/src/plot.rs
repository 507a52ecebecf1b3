//! Plots of lines with bands, as SVG.

use flow_host::shown::line as shown;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
pub use plotters::prelude::{RGBColor, SeriesLabelPosition};
use std::error::Error;
use std::fmt::Write as _;
use std::ops::Range;

/// Width and height of a plot, in pixels.
const SIZE: (u32, u32) = (470, 330);
/// Points of a line at most, so that pages of long recordings stay small.
const POINTS: usize = 100;

/// Told apart by readers who don't see all colours (Okabe & Ito 2008), and in print.
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
/// What lines are compared with.
pub const GREY: RGBColor = RGBColor(140, 140, 140);

/// One plot.
pub struct Plot<'a> {
    /// Above the plot.
    pub title: &'a str,
    /// Across.
    pub x: Axis<'a>,
    /// Upwards.
    pub y: Axis<'a>,
    /// Later ones lie above earlier ones.
    pub lines: Vec<Line<'a>>,
    /// Where the lines leave room for their names.
    pub legend: SeriesLabelPosition,
}

/// What an axis shows.
pub struct Axis<'a> {
    /// Name and unit.
    pub label: &'a str,
    /// Whether its scale is logarithmic.
    pub logarithmic: bool,
}

/// One line.
pub struct Line<'a> {
    /// In the legend.
    pub name: &'a str,
    /// Of the line; a band is a tint of it.
    pub colour: RGBColor,
    /// Ascending in x.
    pub points: Vec<(f64, f64)>,
    /// Lower and upper bound at each point, or nothing.
    pub band: Vec<(f64, f64)>,
    /// Whether it is there for comparison only.
    pub thin: bool,
}

impl Plot<'_> {
    /// The `svg` element. Titles and names may be foreign strings: the plotting crate escapes
    /// what means something in SVG.
    ///
    /// # Errors
    /// As the plotting crate; in memory there is no reason for any.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
            area.fill(&WHITE)?;
            let (x, mut y) = (self.range(&self.x, xs), self.range(&self.y, ys));
            if self.y.logarithmic {
                // Whole decades, or there is no power of ten to label.
                y = decade(y.start, f64::floor) * 0.999..decade(y.end, f64::ceil) * 1.001;
            }
            match (self.x.logarithmic, self.y.logarithmic) {
                (true, true) => self.draw(&area, x.log_scale(), y.log_scale())?,
                (true, false) => self.draw(&area, x.log_scale(), y)?,
                (false, true) => self.draw(&area, x, y.log_scale())?,
                (false, false) => self.draw(&area, x, y)?,
            }
            area.present()?;
        }
        Ok(text)
    }

    /// From the smallest to the largest value, and a little beyond.
    fn range(&self, axis: &Axis<'_>, values: impl Fn(&Line<'_>) -> Vec<f64>) -> Range<f64> {
        let all = self.lines.iter().flat_map(values);
        let drawn = all.filter(|value| value.is_finite() && (*value > 0.0 || !axis.logarithmic));
        let (low, high) = drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return 0.1..1.0;
        }
        if axis.logarithmic {
            let margin = (high / low).powf(0.04).max(1.02);
            low / margin..high * margin
        } else {
            let margin = (0.04 * (high - low)).max(1e-9 * high.abs().max(1e-3));
            low - margin..high + margin
        }
    }

    fn draw<X, Y>(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        x: X,
        y: Y,
    ) -> Result<(), Box<dyn Error>>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .caption(shown(self.title), ("sans-serif", 15))
            .margin(8)
            .margin_right(18)
            .x_label_area_size(36)
            .y_label_area_size(66)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .x_desc(shown(self.x.label))
            .y_desc(shown(self.y.label))
            .label_style(("sans-serif", 12))
            .axis_desc_style(("sans-serif", 13))
            .light_line_style(RGBColor(244, 244, 244))
            .bold_line_style(RGBColor(218, 218, 218))
            .x_labels(8)
            .y_labels(if self.y.logarithmic { 5 } else { 7 })
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        for line in &self.lines {
            if !line.band.is_empty() {
                let band = line.points.iter().zip(&line.band);
                let lower = band.clone().map(|((x, _), (low, _))| (*x, *low));
                let upper = band.map(|((x, _), (_, high))| (*x, *high));
                let outline: Vec<(f64, f64)> = lower.chain(upper.rev()).collect();
                chart.draw_series([Polygon::new(outline, line.colour.mix(0.15))])?;
            }
        }
        for line in &self.lines {
            let style = line.colour.stroke_width(if line.thin { 1 } else { 2 });
            let drawn = chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
            if !line.name.is_empty() {
                drawn
                    .label(shown(line.name))
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            }
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .label_font(("sans-serif", 12))
            .draw()?;
        Ok(())
    }
}

/// The power of ten at a value, or the next one.
fn decade(value: f64, round: fn(f64) -> f64) -> f64 {
    10f64.powf(round(value.log10()))
}

fn xs(line: &Line<'_>) -> Vec<f64> {
    line.points.iter().map(|(x, _)| *x).collect()
}

fn ys(line: &Line<'_>) -> Vec<f64> {
    let bounds = line.band.iter().flat_map(|(low, high)| [*low, *high]);
    line.points.iter().map(|(_, y)| *y).chain(bounds).collect()
}

/// Points for a logarithmic axis: where they crowd, one stands for its neighbours with their mean.
pub fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let ratio = (last / first).max(1.0).ln() / POINTS as f64;
    let bin = |x: f64| ((x / first).ln() / ratio) as usize;
    points
        .chunk_by(|a, b| bin(a.0) == bin(b.0))
        .map(|own| {
            let count = own.len() as f64;
            let (x, y) = own
                .iter()
                .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
            (x / count, y / count)
        })
        .collect()
}

/// A number with few digits: plain where that is short, else with a power of ten.
pub fn number(value: f64) -> String {
    let size = value.abs();
    // Ticks are sums of steps, so that the one at 0 may miss it by a rounding error.
    if size < 1e-15 {
        return "0".to_owned();
    }
    if (1e-3..1e5).contains(&size) {
        let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.decimals$}");
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    }
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((digits, power)) if digits.contains('.') => {
            let digits = digits.trim_end_matches('0').trim_end_matches('.');
            let mut shown = String::from(digits);
            // Writing to a string can't fail.
            let _ = write!(shown, "e{power}");
            shown
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [-1e-17, 0.1, 1.0, 1234.56, 0.012_345, 1e-7, 2.5e6].map(number);
        assert_eq!(shown, ["0", "0.1", "1", "1235", "0.01235", "1e-7", "2.5e6"]);
    }

    #[test]
    fn crowded_points_become_one_with_their_mean() {
        let crowd: Vec<(f64, f64)> = (1..=100_000).map(|x| (f64::from(x), 3.0)).collect();
        let few = thinned(&crowd);
        assert!(few.len() <= POINTS + 1 && few.iter().all(|(_, y)| *y == 3.0));
        assert!(few.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(few[..3], crowd[..3]);
    }
}
