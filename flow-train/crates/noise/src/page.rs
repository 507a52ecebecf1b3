//! The report as one HTML page that needs nothing else.

use super::{ChannelNoise, ChannelReport, NoiseReport};
use flow_host::foreign::{Medium, show};
use flow_report::plot::{Axis, COLOURS, GREY, Line, Plot, SeriesLabelPosition, number, thinned};
use std::error::Error;
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;color:#222;max-width:980px;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;margin:1em 0}th,td{padding:.25em .7em;text-align:right;border-bottom:1px solid #ddd}\
th:first-child,td:first-child{text-align:left}h2{margin-top:2em;border-top:1px solid #ddd;padding-top:1em}\
.plots{display:flex;flex-wrap:wrap;gap:8px}.note{color:#555;max-width:46em}";

impl NoiseReport {
    /// One self-contained HTML page: tables, and for each channel plots of the Allan deviation, the spectral density, the
    /// quantiles and the autocorrelation.
    ///
    /// # Errors
    /// As the plotting crate; in memory there is no reason for any.
    pub fn html(&self) -> Result<String, Box<dyn Error>> {
        let mut page = String::new();
        writeln!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Noise report</title>\n\
             <style>{STYLE}</style></head><body>\n<h1>Noise report</h1>"
        )?;
        for recording in &self.recordings {
            writeln!(
                page,
                "<p><b>{}</b>: {} samples at {} Hz, {} s without a gap</p>",
                escaped(&recording.name),
                recording.rows,
                number(self.rate),
                number(recording.longest as f64 / self.rate)
            )?;
        }
        self.coefficients(&mut page)?;
        self.correlations(&mut page)?;
        for channel in &self.channels {
            writeln!(
                page,
                "<h2>{}</h2>\n<div class=\"plots\">",
                escaped(&titled(channel))
            )?;
            for plot in self.plots(channel) {
                page.push_str(&plot?);
            }
            writeln!(page, "</div>")?;
        }
        writeln!(page, "</body></html>")?;
        Ok(page)
    }

    fn coefficients(&self, page: &mut String) -> std::fmt::Result {
        writeln!(
            page,
            "<table><tr><th>channel</th><th>recording</th><th>mean</th><th>deviation</th><th>white noise, /√Hz</th>\
             <th>bias instability</th><th>at</th><th>random walk, /√s</th><th>log10 error</th></tr>"
        )?;
        for channel in &self.channels {
            for (recording, noise) in self.recordings.iter().zip(&channel.noise) {
                let own = &noise.coefficients;
                let bias = own.bias_instability;
                let bound = if bias.reached { "" } else { "≤ " };
                let known = |value: Option<f64>| value.map_or("–".to_owned(), number);
                writeln!(
                    page,
                    "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{bound}{}</td><td>{} s</td>\
                     <td>{}</td><td>{}</td></tr>",
                    escaped(&titled(channel)),
                    escaped(&recording.name),
                    number(noise.mean),
                    number(noise.deviation),
                    known(own.white),
                    number(bias.value),
                    number(bias.tau),
                    known(own.random_walk),
                    channel
                        .allan_error
                        .map_or("–".to_owned(), |error| format!("{error:.3}")),
                )?;
            }
        }
        writeln!(
            page,
            "</table>\n<p class=\"note\">White noise: the Allan deviation where it falls as τ^−½, taken at 1 s (a data \
             sheet's density is √2 times as large). Bias instability: the smallest deviation over 0.664; ≤ where the \
             recording is too short to show the curve rise again. Random walk: where it rises as τ^½, at 3 s. A dash: \
             no such stretch. log10 error: root mean square of log10 of the ratio of the two deviations, at octaves up \
             to a tenth of the shorter recording. Shaded: {:.0} % intervals.</p>",
            100.0 * self.confidence
        )
    }

    fn correlations(&self, page: &mut String) -> std::fmt::Result {
        if self.correlations.is_empty() {
            return Ok(());
        }
        write!(page, "<table><tr><th>strongest correlation</th>")?;
        for recording in &self.recordings {
            write!(
                page,
                "<th>{}</th><th>lag, samples</th>",
                escaped(&recording.name)
            )?;
        }
        writeln!(page, "</tr>")?;
        for pair in &self.correlations {
            write!(
                page,
                "<tr><td>{} – {}</td>",
                escaped(&pair.first),
                escaped(&pair.second)
            )?;
            for peak in &pair.peaks {
                write!(
                    page,
                    "<td>{:.3}</td><td>{}</td>",
                    peak.coefficient, peak.lag
                )?;
            }
            writeln!(page, "</tr>")?;
        }
        writeln!(page, "</table>")
    }

    fn plots<'a>(
        &'a self,
        channel: &'a ChannelReport,
    ) -> impl Iterator<Item = Result<String, Box<dyn Error>>> + 'a {
        type Lines = fn(&ChannelNoise, f64) -> (Vec<(f64, f64)>, Vec<(f64, f64)>);
        type Kind<'k> = (&'k str, [(String, bool); 2], SeriesLabelPosition, Lines);
        use SeriesLabelPosition::{LowerLeft, LowerRight, UpperRight};
        // A recording without units is in the units of its file.
        let u = match channel.unit.as_str() {
            "" => "units of the file",
            unit => unit,
        };
        let kinds: [Kind<'_>; 4] = [
            (
                "Allan deviation",
                [
                    ("averaging time τ, s".into(), true),
                    (format!("deviation, {u}"), true),
                ],
                UpperRight,
                |noise, _| {
                    let points = noise.allan.iter().map(|point| (point.tau, point.deviation));
                    let band = noise.allan.iter().map(|point| point.interval);
                    (points.collect(), band.collect())
                },
            ),
            (
                "Power spectral density",
                [
                    ("frequency, Hz".into(), true),
                    (format!("density, ({u})²/Hz"), true),
                ],
                LowerLeft,
                |noise, _| {
                    // The last frequency has no negative twin: half the density, and twice the chance.
                    let twins = noise.spectrum.split_last();
                    (thinned(twins.map_or(&[], |(_, own)| own)), Vec::new())
                },
            ),
            (
                "Quantiles (a straight line is Gaussian)",
                [
                    ("normal score".into(), false),
                    (format!("value, {u}"), false),
                ],
                LowerRight,
                |noise, _| (noise.quantiles.clone(), Vec::new()),
            ),
            (
                "Autocorrelation",
                [("lag, s".into(), true), ("coefficient".into(), false)],
                UpperRight,
                |noise, rate| {
                    let points = noise.autocorrelation.iter();
                    let points = points.map(|(lag, r)| (*lag as f64 / rate, *r));
                    (points.collect(), Vec::new())
                },
            ),
        ];
        kinds
            .into_iter()
            .map(move |(title, [x, y], legend, lines)| {
                let drawn = self.recordings.iter().zip(&channel.noise).zip(COLOURS);
                let mut lines: Vec<Line<'_>> = drawn
                    .map(|((recording, noise), colour)| {
                        let (points, band) = lines(noise, self.rate);
                        Line {
                            name: &recording.name,
                            colour,
                            points,
                            band,
                            thin: false,
                        }
                    })
                    .collect();
                if title == "Autocorrelation" {
                    lines.extend(self.chance(channel));
                }
                let [x, y] = [&x, &y].map(|(label, logarithmic)| Axis {
                    label,
                    logarithmic: *logarithmic,
                });
                let plot = Plot {
                    title,
                    x,
                    y,
                    lines,
                    legend,
                };
                plot.svg()
            })
    }

    /// Where 95 of 100 autocorrelations of white noise lie, in the first recording.
    fn chance<'a>(&self, channel: &ChannelReport) -> Option<Line<'a>> {
        let samples = self.recordings.first()?.rows as f64;
        let lags = &channel.noise.first()?.autocorrelation;
        let bound = 1.96 / samples.sqrt();
        let points: Vec<(f64, f64)> = lags
            .iter()
            .map(|(lag, _)| (*lag as f64 / self.rate, 0.0))
            .collect();
        Some(Line {
            name: "white noise, 95 %",
            colour: GREY,
            band: vec![(-bound, bound); points.len()],
            points,
            thin: true,
        })
    }
}

/// A channel's name with its unit.
fn titled(channel: &ChannelReport) -> String {
    match channel.unit.as_str() {
        "" => channel.name.clone(),
        unit => format!("{} ({unit})", channel.name),
    }
}

/// Text within HTML.
fn escaped(text: &str) -> String {
    show(text, Medium::Html)
}

#[cfg(test)]
mod tests {
    use crate::{Signal, report};

    #[test]
    fn no_name_becomes_markup() {
        let evil = "</svg><script>alert('x')</script>\u{1b}\u{202e}\"&\n";
        let values = (0..2000u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 16));
        let signal = Signal::new(vec![evil.to_owned()], vec![values.collect()]);
        let report = report(&[(evil.to_owned(), signal)], 100.0, 0.95, |_| {
            evil.to_owned()
        });
        let page = report.expect("a report").html().expect("a page");
        assert!(!page.contains("<script") && !page.contains("&\n"));
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains(['\u{1b}', '\u{202e}']));
    }
}
