//! What a model says of a channel.

use flow_embedded::artefact::{self, Domain, Header};
use flow_train::foreign::{Medium, show};
use pyo3::{pyclass, pymethods};

/// A column that a model knows.
#[pyclass(frozen, get_all, module = "flow_embedded")]
pub(crate) struct Channel {
    /// Its name.
    name: String,
    /// The unit of its values; empty if none was given.
    unit: String,
    /// Where its values live: `real`, `positive`, `soft-positive`, `bounded`, `circular`,
    /// `heavy-tailed` or `categorical`.
    domain: &'static str,
    /// The names of the categories, in the order of their codes; None where values are numbers.
    categories: Option<Vec<String>>,
}

#[pymethods]
impl Channel {
    fn __repr__(&self) -> String {
        let unit = match self.unit.as_str() {
            "" => String::new(),
            unit => format!(", in {}", show(unit, Medium::Line)),
        };
        let name = show(&self.name, Medium::Line);
        format!("<Channel {name}: {}{unit}>", self.domain)
    }
}

impl Channel {
    pub(crate) fn of(channel: artefact::Channel<'_>, header: &Header<'_>) -> Self {
        let names = header.vocabulary_of(&channel);
        Self {
            name: channel.name.to_owned(),
            unit: channel.unit.to_owned(),
            domain: match channel.domain {
                Domain::Real => "real",
                Domain::Positive { .. } => "positive",
                Domain::SoftPositive { .. } => "soft-positive",
                Domain::Bounded { .. } => "bounded",
                Domain::Circular => "circular",
                Domain::HeavyTailed { .. } => "heavy-tailed",
                Domain::Categorical { .. } => "categorical",
            },
            categories: names.map(|own| own.names().map(str::to_owned).collect()),
        }
    }
}

/// The names of some channels, one after another.
pub(crate) fn names(channels: artefact::Channels<'_>) -> String {
    let names: Vec<&str> = channels.iter().map(|channel| channel.name).collect();
    names.join(", ")
}
