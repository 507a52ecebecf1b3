//! Artefacts whose likelihood is known in closed form: independent Gaussians, because every
//! conditioner has zero weights.

use flow_artefact::{
    Draft, DraftCalibration, DraftChannel, DraftConditioner, DraftLayer, MaskedRow,
};
use flow_embedded::artefact::{Activation, Base, Direction, Domain, Form, Judged, Transformer};
use flow_embedded::math::Backend;

/// Mean 1, standard deviation 2.
fn channel(name: &str) -> DraftChannel {
    DraftChannel {
        name: name.into(),
        unit: "m/s²".into(),
        domain: Domain::Real,
        grid: None,
        mean: 1.0,
        inv_std: 0.5,
    }
}

/// Events `x`, `y`; alarm below a log-likelihood of −6 nats.
pub(crate) fn gaussian(context: &[&str]) -> Draft {
    let rows = (0..4).map(|row| MaskedRow {
        bias: 0.0,
        weights: vec![0.0; context.len() + row / 2],
    });
    Draft {
        name: "two gaussians".into(),
        event: vec![channel("x"), channel("y")],
        context: context.iter().map(|name| channel(name)).collect(),
        layers: vec![DraftLayer::Autoregressive {
            order: vec![0, 1],
            groups: vec![1, 1],
            direction: Direction::Normalizing,
            transformer: Transformer::Affine {
                log_scale_bound: 2.0,
            },
            conditioner: DraftConditioner {
                activation: Activation::Relu,
                form: Form::Plain,
                hidden: vec![],
                rows: rows.collect(),
            },
        }],
        base: Base::Normal,
        base_weights: vec![],
        math: Backend::Polynomial,
        calibration: Some(DraftCalibration {
            alpha: 0.25,
            rows: 9,
            judges: Judged::Events,
            table: vec![(-6.0, 0.2), (-4.0, 0.5)],
        }),
        evaluation: None,
        created_by: "tests".into(),
        command: "by hand".into(),
        data_digest: 0xfeed,
        rows: 12,
        seed: 3,
        quantisation: None,
        features: vec![],
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: vec![],
        heads: vec![],
    }
}

/// Its bytes.
pub(crate) fn bytes(draft: &Draft) -> Vec<u8> {
    draft.encode().expect("a valid draft")
}

/// The log-likelihood of an event under [`gaussian`].
pub(crate) fn log_prob(event: [f64; 2]) -> f64 {
    let normal = |x: f64| {
        let z = (x - 1.0) / 2.0;
        -0.5 * z * z - 2.0f64.ln() - 0.5 * core::f64::consts::TAU.ln()
    };
    event.into_iter().map(normal).sum()
}
