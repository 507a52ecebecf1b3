//! A picture of what the example firmware prints: evidence over time, alarms, and what went on.

use std::fmt::Write;

const WIDTH: f32 = 900.0;
const HEIGHT: f32 = 300.0;
/// Where the plot begins and ends, left, right, top and bottom.
const FRAME: [f32; 4] = [50.0, 885.0, 46.0, 262.0];
/// Evidence at the top.
const MOST: f32 = 2.0;

/// A sample of the run.
#[derive(Debug, Clone, PartialEq)]
struct Sample<'t> {
    /// `None` where there was no verdict.
    evidence: Option<f32>,
    /// With an alarm, the channel to blame.
    blamed: Option<&'t str>,
    activity: &'t str,
}

/// What the firmware printed, line by line.
#[derive(Debug, Clone, PartialEq)]
enum Line<'t> {
    Sample(Sample<'t>),
    /// A reboot or a pause.
    Break(&'t str),
}

/// The lines that are about the stream.
fn lines(printed: &str) -> Vec<Line<'_>> {
    printed.lines().skip(1).filter_map(line).collect()
}

fn line(text: &str) -> Option<Line<'_>> {
    let what = text.split(',').next().unwrap_or_default();
    if ["reboot", "pause"].contains(&what) {
        return Some(Line::Break(what));
    }
    // The activity stands behind everything else, three blanks or two before it.
    let (head, activity) = text.trim_start().rsplit_once("  ")?;
    let activity = activity.trim();
    let mut words = head.split_whitespace();
    let first = words.next()?;
    let evidence = words.next().and_then(|word| word.parse::<f32>().ok());
    let evidence = evidence.filter(|_| first.parse::<f32>().is_ok());
    let blamed = words
        .next()
        .filter(|word| *word == "ALARM")
        .and_then(|_| words.next());
    Some(Line::Sample(Sample {
        evidence,
        blamed,
        activity,
    }))
}

/// The picture, as SVG.
///
/// # Errors
/// None: it is written to memory.
pub fn svg(printed: &str) -> Result<String, std::fmt::Error> {
    let lines = lines(printed);
    let samples = lines.iter().filter(|line| matches!(line, Line::Sample(_)));
    let samples = samples.count().max(1) as f32;
    let [left, right, top, bottom] = FRAME;
    let x = |index: usize| left + (right - left) * index as f32 / samples;
    let y = |evidence: f32| bottom - (bottom - top) * evidence.min(MOST) / MOST;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         fill=\"white\"/>\n<text x=\"{left}\" y=\"18\" font-size=\"14\">Evidence over the stream; 1 is an \
         alarm, and names the channel to blame</text>\n"
    );
    // Stretches of one activity, shaded in turn.
    let (mut index, mut start, mut activity, mut shade) = (0, 0, "", false);
    let mut path = String::new();
    let (mut marks, mut shades) = (String::new(), String::new());
    let mut joined = false;
    let mut stretch = |activity: &str, start: usize, end: usize, shade: bool| {
        if activity.is_empty() {
            return Ok(());
        }
        let (from, to) = (x(start), x(end));
        let fill = if shade { "#e8eef7" } else { "#f6f6f6" };
        writeln!(
            shades,
            "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{activity}</text>",
            to - from,
            bottom - top,
            0.5 * (from + to),
            bottom + 16.0
        )
    };
    for line in &lines {
        match line {
            Line::Break(what) => {
                joined = false;
                let at = x(index);
                writeln!(
                    marks,
                    "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"#555\" \
                     stroke-dasharray=\"3 3\"/>\n<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" \
                     fill=\"#555\">{what}</text>",
                    bottom + 32.0
                )?;
            }
            Line::Sample(own) => {
                if own.activity != activity {
                    stretch(activity, start, index, shade)?;
                    (start, activity, shade) = (index, own.activity, !shade);
                }
                match own.evidence {
                    Some(evidence) => {
                        let step = if joined { "L" } else { "M" };
                        write!(path, "{step}{:.1} {:.1}", x(index), y(evidence))?;
                        joined = true;
                    }
                    None => joined = false,
                }
                if let Some(channel) = own.blamed {
                    let (at, height) = (x(index), y(own.evidence.unwrap_or(1.0)));
                    writeln!(
                        marks,
                        "<circle cx=\"{at:.1}\" cy=\"{height:.1}\" r=\"4\" fill=\"#c62828\"/>\n<text \
                         x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"10\" \
                         fill=\"#c62828\">{channel}</text>",
                        height - 7.0
                    )?;
                }
                index += 1;
            }
        }
    }
    stretch(activity, start, index, shade)?;
    text += &shades;
    for evidence in [0.0, 0.5, 1.0, 1.5, 2.0] {
        let height = y(evidence);
        writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{evidence}</text>",
            left - 6.0,
            height + 4.0
        )?;
    }
    let threshold = y(1.0);
    writeln!(
        text,
        "<line x1=\"{left}\" x2=\"{right}\" y1=\"{threshold:.1}\" y2=\"{threshold:.1}\" \
         stroke=\"#c62828\" stroke-width=\"0.8\"/>\n<path d=\"{path}\" fill=\"none\" stroke=\"#1f4e9c\" \
         stroke-width=\"1.6\"/>"
    )?;
    text += &marks;
    text += "</svg>\n";
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Line, Sample, lines, svg};

    const PRINTED: &str = "    log_prob    evidence
                          no past   walking
        1.93        0.25  -             walking
reboot, evidence restored
refused: channel 3 is not finite   walking
     -190.00        1.25  ALARM gyr_y  walking, gyr_y off
2 samples, 1 alarms, promised of normal ones: 1 in 600
state: detector 60 bytes, window 52 bytes
";

    #[test]
    fn output_is_read_line_by_line() {
        let sample = |evidence, blamed, activity| {
            Line::Sample(Sample {
                evidence,
                blamed,
                activity,
            })
        };
        assert_eq!(
            lines(PRINTED),
            [
                sample(None, None, "walking"),
                sample(Some(0.25), None, "walking"),
                Line::Break("reboot"),
                sample(None, None, "walking"),
                sample(Some(1.25), Some("gyr_y"), "walking, gyr_y off"),
            ]
        );
        let picture = svg(PRINTED).expect("memory");
        assert_eq!(picture.matches("<circle").count(), 1);
        assert!(picture.contains(">gyr_y</text>") && picture.ends_with("</svg>\n"));
    }
}
