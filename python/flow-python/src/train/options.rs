//! What is said about a training.

use crate::error::TrainingError;
use flow_embedded::artefact::{Activation, MAX_CATEGORIES, NoSuchActivation, SEPARATOR};
use flow_train::auto::Budget;
use flow_train::data::{DomainRequest, Fractions, PrepareOptions, Recording};
use flow_train::fit::{Config, Overrides};
use flow_train::foreign::{Medium, show};
use flow_train::model::{CategoricalSpec, ConditionerSpec, Family, Spec};
use flow_train::train::{Model, Recipe};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// The keyword arguments of `flow_embedded.train`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Options {
    pub(super) names: Option<Vec<String>>,
    pub(super) context_names: Option<Vec<String>>,
    units: BTreeMap<String, String>,
    domains: BTreeMap<String, String>,
    infer_domains: bool,
    rounding: bool,
    steps: BTreeMap<String, f32>,
    categories: BTreeMap<String, Vec<String>>,
    pub(super) groups: Option<Py<PyAny>>,
    pub(super) weights: Option<Py<PyAny>>,
    split: String,
    alpha: f64,
    seed: u64,
    name: String,
    family: String,
    layers: Option<usize>,
    hidden: Option<Vec<usize>>,
    bins: Option<u8>,
    base: Option<String>,
    activation: String,
    residual: bool,
    epochs: Option<usize>,
    batch: Option<usize>,
    learning_rate: Option<f64>,
    smoothing: Option<f32>,
    patience: Option<usize>,
}

impl Options {
    /// Reads them, and names the one that can't be read.
    pub(super) fn of(options: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = options.py();
        options.extract().map_err(|fault: PyErr| {
            let text = fault.value(py).to_string();
            let field = text.rsplit("Options.").next().unwrap_or_default();
            let field = field.split_whitespace().next().unwrap_or_default();
            let cause = fault.cause(py).unwrap_or(fault);
            let text = format!(
                "{field}: {}; help(flow_embedded.train) says what it takes",
                cause.value(py)
            );
            match cause.is_instance_of::<PyOverflowError>(py) {
                true => refused(text),
                false => PyTypeError::new_err(text),
            }
        })
    }

    /// Whether a column holds codes of categories.
    pub(super) fn is_categorical(&self, column: &str) -> bool {
        self.categories.contains_key(column)
    }

    /// What to make of a recording.
    pub(super) fn recipe(&self, recording: &Recording) -> PyResult<Recipe> {
        let events = recording.data.event_names();
        let names = || events.iter().chain(recording.data.context_names());
        let said = self.units.keys().chain(self.domains.keys());
        for column in said.chain(self.steps.keys()).chain(self.categories.keys()) {
            if !names().any(|own| own == column) {
                let all: Vec<&str> = names().map(String::as_str).collect();
                return Err(refused(format!(
                    "there is no column `{column}`: they are {}",
                    all.join(", ")
                )));
            }
        }
        let (vocabularies, codes) = self.vocabularies(recording)?;
        let discrete = events.iter().all(|name| self.categories.contains_key(name));
        let (model, splines) = self.model(events.len(), discrete)?;
        Ok(Recipe {
            name: self.name.clone(),
            command: self.command(recording),
            features: Vec::new(),
            prepare: PrepareOptions {
                domains: self.requested()?,
                infer: self.infer_domains,
                circular: splines,
                grids: self.rounding,
                steps: self.steps()?,
                units: owned(&self.units),
                vocabularies,
                codes,
                ..PrepareOptions::default()
            },
            model,
            seed: self.seed,
            fractions: Fractions::default(),
            noise: false,
            dequantise: false,
            random_split: match self.split.as_str() {
                "random" => true,
                "time" => false,
                other => {
                    return Err(refused(format!(
                        "split={other:?}: it is \"random\", for rows that are independent of each other, or \"time\""
                    )));
                }
            },
            alpha: self.alpha,
        })
    }

    /// The model, and whether it has splines, which alone hold angles.
    fn model(&self, event: usize, discrete: bool) -> PyResult<(Model, bool)> {
        let overrides = Overrides {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            noise: self.smoothing,
            patience: self.patience,
            ..Overrides::default()
        };
        let checked = |config: Config| {
            let config = overrides.apply(&config);
            let valid = config.validate();
            valid.map_err(|fault| refused(fault.to_string()))?;
            PyResult::Ok(config)
        };
        let family = Family::ALL
            .into_iter()
            .find(|own| own.name() == self.family);
        let Some(family) = family.or(discrete.then_some(Family::NsfAr)) else {
            if self.family != "auto" {
                let names: Vec<&str> = Family::ALL.into_iter().map(Family::name).collect();
                return Err(refused(format!(
                    "family={:?}: it is \"auto\" or one of {}",
                    self.family,
                    names.join(", ")
                )));
            }
            let decided = [
                ("layers", self.layers.is_some()),
                ("hidden", self.hidden.is_some()),
                ("bins", self.bins.is_some()),
                ("base", self.base.is_some()),
            ];
            if let Some((option, _)) = decided.iter().find(|(_, given)| *given) {
                return Err(refused(format!(
                    "{option}: family=\"auto\" decides that by itself; name a family to go with it, such as \"maf\""
                )));
            }
            checked(Config::default())?;
            let spec = self.spec(Family::NsfAr, event)?;
            let model = Model::Auto {
                spec,
                overrides,
                budget: Budget::default(),
            };
            return Ok((model, true));
        };
        let spec = self.spec(family, event)?;
        let valid = spec.validate();
        valid.map_err(|fault| refused(fault.to_string()))?;
        let config = checked(match discrete {
            true => Config::of_categories(),
            false => Config::default(),
        })?;
        Ok((Model::Named { spec, config }, family.has_splines()))
    }

    /// The shape that is asked for, but for what the data bring.
    fn spec(&self, family: Family, event: usize) -> PyResult<Spec> {
        let plain = Spec::new(family, event, 0);
        let activation: Activation =
            self.activation.parse().map_err(|fault: NoSuchActivation| {
                refused(format!("activation={:?} is {fault}", self.activation))
            })?;
        let base = self.base.as_ref().map(|text| text.parse()).transpose();
        let base =
            base.map_err(|fault: flow_train::model::NoSuchBase| refused(fault.to_string()))?;
        let head = ConditionerSpec {
            activation,
            residual: self.residual,
            ..CategoricalSpec::default().head
        };
        let hidden = self.hidden.clone();
        Ok(Spec {
            layers: self.layers.unwrap_or(plain.layers),
            conditioner: ConditionerSpec {
                hidden: hidden.unwrap_or(plain.conditioner.hidden),
                activation,
                residual: self.residual,
            },
            bins: self.bins.unwrap_or(plain.bins),
            base: base.unwrap_or(plain.base),
            categorical: CategoricalSpec {
                head,
                ..plain.categorical
            },
            ..plain
        })
    }

    fn requested(&self) -> PyResult<Vec<(String, DomainRequest)>> {
        let domains = self.domains.iter().map(|(column, text)| {
            let domain = text.parse();
            let domain = domain.map_err(|fault: flow_train::data::domain::NoSuchDomain| {
                refused(format!("domains[{column:?}]: {fault}"))
            })?;
            Ok((column.clone(), domain))
        });
        domains.collect()
    }

    fn steps(&self) -> PyResult<Vec<(String, f32)>> {
        let steps = self.steps.iter().map(|(column, step)| {
            if !(step.is_finite() && *step > 0.0) {
                return Err(refused(format!(
                    "steps[{column:?}]={step}: what a column is rounded to is a positive number"
                )));
            }
            Ok((column.clone(), *step))
        });
        steps.collect()
    }

    /// The names of categories, and which columns hold their codes.
    #[expect(clippy::type_complexity, reason = "the two lists of a preparation")]
    fn vocabularies(
        &self,
        recording: &Recording,
    ) -> PyResult<(Vec<Vec<String>>, Vec<(String, usize)>)> {
        let (mut vocabularies, mut codes) = (Vec::new(), Vec::new());
        for (column, names) in &self.categories {
            let fault = |why: String| Err(refused(format!("categories[{column:?}]: {why}")));
            if !(2..=MAX_CATEGORIES).contains(&names.len()) {
                return fault(format!(
                    "a column has from 2 to {MAX_CATEGORIES} categories, not {}",
                    names.len()
                ));
            }
            if !names.is_sorted_by(|a, b| a < b) {
                return fault("the names must differ and ascend, as sorted() has them".to_owned());
            }
            if names.iter().any(|name| name.contains(SEPARATOR)) {
                return fault(
                    "a name holds the character U+001F, which separates names".to_owned(),
                );
            }
            let values = column_of(recording, column);
            let is_code = |x: &f32| x.fract() == 0.0 && (0.0..names.len() as f32).contains(x);
            if let Some((row, value)) = values.enumerate().find(|(_, x)| !is_code(x)) {
                return fault(format!(
                    "row {row} holds {value}, and codes are whole numbers from 0 to {}",
                    names.len() - 1
                ));
            }
            codes.push((column.clone(), vocabularies.len()));
            vocabularies.push(names.clone());
        }
        Ok((vocabularies, codes))
    }

    /// What to note down in the artefact, so that the training can be repeated.
    fn command(&self, recording: &Recording) -> String {
        let data = &recording.data;
        let mut said = vec![format!("names={}", data.event_names().join(","))];
        if data.context_dim() > 0 {
            said.push(format!("context_names={}", data.context_names().join(",")));
        }
        let mut add = |option: &str, value: Option<String>| {
            said.extend(value.map(|value| format!("{option}={value}")));
        };
        let widths = |own: &Vec<usize>| {
            let own: Vec<String> = own.iter().map(ToString::to_string).collect();
            own.join(",")
        };
        for (column, domain) in &self.domains {
            add(&format!("domains.{column}"), Some(domain.clone()));
        }
        for (column, step) in &self.steps {
            add(&format!("steps.{column}"), Some(step.to_string()));
        }
        let categorical: Vec<&str> = self.categories.keys().map(String::as_str).collect();
        let split = match self.groups {
            Some(_) => "groups",
            None => &self.split,
        };
        add(
            "categories",
            (!categorical.is_empty()).then(|| categorical.join(",")),
        );
        add(
            "infer_domains",
            (!self.infer_domains).then(|| "False".into()),
        );
        add("rounding", (!self.rounding).then(|| "False".into()));
        add("weights", self.weights.as_ref().map(|_| "given".into()));
        add("split", Some(split.to_owned()));
        add("family", Some(self.family.clone()));
        add("layers", self.layers.map(|own| own.to_string()));
        add("hidden", self.hidden.as_ref().map(widths));
        add("bins", self.bins.map(|own| own.to_string()));
        add("base", self.base.clone());
        add("activation", Some(self.activation.clone()));
        add("residual", self.residual.then(|| "True".into()));
        add("epochs", self.epochs.map(|own| own.to_string()));
        add("batch", self.batch.map(|own| own.to_string()));
        add(
            "learning_rate",
            self.learning_rate.map(|own| own.to_string()),
        );
        add("smoothing", self.smoothing.map(|own| own.to_string()));
        add("patience", self.patience.map(|own| own.to_string()));
        add("alpha", Some(self.alpha.to_string()));
        add("seed", Some(self.seed.to_string()));
        format!("flow_embedded.train({})", said.join(", "))
    }
}

/// The values of a column that is there.
fn column_of<'r>(recording: &'r Recording, name: &str) -> impl Iterator<Item = f32> + 'r {
    let data = &recording.data;
    let place = |names: &[String]| names.iter().position(|own| own == name);
    let (values, width, place) = match place(data.event_names()) {
        Some(place) => (data.events(), data.event_dim(), place),
        None => (
            data.contexts(),
            data.context_dim(),
            place(data.context_names()).unwrap_or_default(),
        ),
    };
    values.iter().skip(place).step_by(width.max(1)).copied()
}

fn owned(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(a, b)| (a.clone(), b.clone())).collect()
}

// Callers make the sentence for this.
#[allow(clippy::needless_pass_by_value)]
fn refused(why: String) -> PyErr {
    // It may quote names of columns.
    TrainingError::new_err(show(&why, Medium::Message))
}
