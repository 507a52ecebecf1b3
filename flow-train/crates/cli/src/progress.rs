//! Shows how training goes, on standard error.

use super::ui::Ui;
use flow_recipe::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;

/// A bar on a terminal; elsewhere a line for each tenth of the epochs; nothing with `--quiet`.
#[derive(Debug)]
pub(super) struct Epochs {
    bar: ProgressBar,
    lines: Option<Ui>,
    tenths: usize,
}

impl Epochs {
    pub(super) fn new(ui: Ui) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if ui.quiet || !terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} epoch {pos}/{len}, {msg}, {eta} left at most")
        {
            bar.set_style(style);
        }
        Self {
            bar,
            lines: (!terminal && !ui.quiet).then_some(ui),
            tenths: 0,
        }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        let Progress {
            epoch,
            epochs,
            log_prob,
            best,
        } = progress;
        let text = format!("validation {log_prob:.3} nats (best {best:.3})");
        if let Some(ui) = self.lines {
            let tenths = 10 * epoch / epochs;
            if tenths > self.tenths {
                self.tenths = tenths;
                ui.note(format_args!("epoch {epoch}/{epochs}, {text}"));
            }
        }
        self.bar.set_length(epochs as u64);
        self.bar.set_position(epoch as u64);
        self.bar.set_message(text);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
