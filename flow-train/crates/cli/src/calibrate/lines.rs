//! The promise over the lines of a text.

use crate::Error;
use crate::files::Given;
use crate::ui::Ui;
use flow_calibrate::{CalibrationTable, Standing};
use flow_evaluate::Lines;

/// The table of a model of lines by those of a text, and whether the promise stands.
pub(super) fn table(
    mut lines: Lines<'_, '_, '_>,
    data: &Given,
    alpha: f64,
    ui: Ui,
) -> Result<(CalibrationTable, Standing), Error> {
    let mut text = data.lines()?;
    let mut log_probs = Vec::new();
    while let Some(piece) = text.next_piece().map_err(Error::data(data.path()))? {
        let scores = lines.score(piece).into_iter().flatten();
        log_probs.extend(scores.map(|line| line.log_prob()));
    }
    let impossible = log_probs
        .iter()
        .filter(|own| **own == f32::NEG_INFINITY)
        .count();
    if impossible > 0 {
        ui.note(format_args!(
            "{impossible} lines hold a character that the model doesn't know, and count as the least likely."
        ));
    }
    let table = CalibrationTable::new(&log_probs, alpha).map_err(super::refused(data.path()))?;
    Ok((table, Standing::of_lines(&log_probs, alpha)))
}
