//! The way through a layer.

use super::Way;
use flow_embedded::artefact::{Direction, Transformer};
use flow_plan::plan::Bijection;

/// How a layer is evaluated one way.
#[derive(Clone, Copy)]
pub(super) struct Evaluation {
    pub(super) sequential: bool,
    forward: bool,
    log_det: bool,
}

impl Evaluation {
    pub(super) fn of(bijection: &Bijection, way: Way) -> Self {
        let normalize = way == Way::Normalize;
        let sequential = match bijection {
            Bijection::Autoregressive(Direction::Normalizing, _) => !normalize,
            Bijection::Autoregressive(Direction::Generative, _) => normalize,
            _ => false,
        };
        let generative = matches!(
            bijection,
            Bijection::Autoregressive(Direction::Generative, _)
        );
        Self {
            sequential,
            forward: normalize != generative,
            log_det: normalize,
        }
    }

    /// As a coupling layer is evaluated.
    pub(super) fn at_once(way: Way) -> Self {
        let normalize = way == Way::Normalize;
        Self {
            sequential: false,
            forward: normalize,
            log_det: normalize,
        }
    }

    pub(super) fn affine(self) -> &'static str {
        match self.forward {
            true => "affine forward",
            false => "affine inverse",
        }
    }

    /// The name of what is done to a channel.
    pub(super) fn transformer(self, transformer: Transformer) -> String {
        let direction = match (self.forward, self.log_det) {
            (true, _) => "forward",
            (false, true) => "inverse with log-determinant",
            (false, false) => "inverse",
        };
        match transformer {
            Transformer::Shift => format!("shift {direction}"),
            // Those of imported flows are taken for the nearest that was measured.
            Transformer::Affine { .. } | Transformer::Scaled { .. } => self.affine().to_owned(),
            Transformer::Spline { .. } | Transformer::FlooredSpline(_) => {
                format!("spline {direction}")
            }
        }
    }
}
