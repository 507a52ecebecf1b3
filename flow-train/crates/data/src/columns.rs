//! Which column plays which part.

use super::{DataError, Table, Vocabularies, feature_name};
use flow_embedded::window::Feature;

/// The columns that a task asks for, each by name or by index from 0.
#[derive(Debug, Clone, Default)]
pub struct ColumnRequest {
    /// The channels of an event, in the model's order; `a-b` is the difference of columns `a` and `b`, where no column
    /// has that name. `None`: every column without another part.
    pub events: Option<Vec<String>>,
    /// What the density is conditioned on.
    pub context: Vec<String>,
    /// 0 = normal, 1 = anomaly.
    pub label: Option<String>,
    /// Names the recording that a row belongs to.
    pub group: Option<String>,
    /// Only these rows are used.
    pub filter: Option<RowFilter>,
    /// The values of the label column that count as normal, instead of 0.
    pub normal: Option<Vec<String>>,
    /// How much each row counts: finite and not negative.
    pub weights: Option<String>,
    /// Columns whose cells are handed on as text.
    pub keep: Vec<String>,
}

/// Lets those rows pass that have one of some values in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFilter {
    /// The column, by name or by index from 0.
    pub column: String,
    /// The values that pass, compared as text.
    pub values: Vec<String>,
}

/// A request that has been found in a table: indices into its rows.
#[derive(Debug, Clone)]
pub struct Columns {
    pub(super) events: Vec<usize>,
    /// For each event, the column that is taken off it.
    pub(super) minus: Vec<Option<usize>>,
    pub(super) context: Vec<usize>,
    pub(super) label: Option<usize>,
    pub(super) group: Option<usize>,
    pub(super) filter: Option<(usize, RowFilter)>,
    pub(super) normal: Option<Vec<String>>,
    pub(super) weights: Option<usize>,
    pub(super) keep: Vec<usize>,
    /// What is computed from the past of the events, in front of the context.
    pub(super) features: Vec<Feature>,
    /// Whether the events were chosen by name, so that text in them is no reason to advise a choice.
    pub(super) chosen: bool,
    /// The columns that hold categories.
    pub(super) vocabularies: Vocabularies,
}

impl Columns {
    /// Finds the requested columns.
    ///
    /// # Errors
    /// A column is absent (the nearest name is given), its name occurs twice, it is asked for twice,
    /// or none is left for the events.
    pub fn find(file: &Table, request: &ColumnRequest) -> Result<Self, DataError> {
        let find = |name: &String| index_of(file, name);
        let context = request
            .context
            .iter()
            .map(find)
            .collect::<Result<Vec<_>, _>>()?;
        let label = request.label.as_ref().map(find).transpose()?;
        let group = request.group.as_ref().map(find).transpose()?;
        let filter = request
            .filter
            .as_ref()
            .map(|filter| find(&filter.column).map(|index| (index, filter.clone())))
            .transpose()?;
        let weights = request.weights.as_ref().map(find).transpose()?;
        let keep = request.keep.iter().map(find).collect::<Result<_, _>>()?;
        let taken = |index: &usize| {
            let filter = filter.as_ref().map(|(index, _)| *index);
            context.contains(index) || [label, group, weights, filter].contains(&Some(*index))
        };
        let (events, minus): (Vec<usize>, Vec<Option<usize>>) = match &request.events {
            Some(names) => {
                let find = |name: &String| match difference(file, name) {
                    Some((column, minus)) => Ok((column, Some(minus))),
                    None => find(name).map(|column| (column, None)),
                };
                let events = names.iter().map(find);
                events.collect::<Result<Vec<_>, _>>()?.into_iter().unzip()
            }
            None => (0..file.names().len())
                .filter(|index| !taken(index))
                .map(|index| (index, None))
                .unzip(),
        };
        if events.is_empty() {
            return Err(DataError::NoColumns);
        }
        let parts = events
            .iter()
            .chain(&context)
            .copied()
            .chain(label)
            .chain(group)
            .chain(weights);
        let mut seen = vec![false; file.names().len()];
        for index in parts {
            if core::mem::replace(&mut seen[index], true) {
                return Err(DataError::ColumnTwice {
                    name: file.names()[index].clone(),
                });
            }
        }
        if let Some(only) = file.likely_delimiter() {
            return Err(DataError::WrongDelimiter {
                name: file.names()[0].clone(),
                delimiter: only,
            });
        }
        let columns = Self {
            events,
            minus,
            context,
            label,
            group,
            filter,
            normal: request.normal.clone(),
            weights,
            keep,
            features: Vec::new(),
            chosen: request.events.is_some(),
            vocabularies: Vocabularies::default(),
        };
        columns.check_types(file)?;
        Ok(columns)
    }

    /// The same columns, and in front of the context these features of the past of the events.
    /// Rows must then be in the order of time. Another group is another recording: where the group
    /// changes, the past begins anew.
    ///
    /// # Panics
    /// If a feature is not [valid](Feature::is_valid) for the events, or there are more than an
    /// artefact's [channels](flow_embedded::artefact::MAX_CHANNELS).
    #[must_use]
    pub fn with_features(self, features: Vec<Feature>) -> Self {
        let valid = |feature: &Feature| feature.is_valid(self.events.len());
        assert!(features.iter().all(valid), "features of the events");
        assert!(
            features.len() <= flow_embedded::artefact::MAX_CHANNELS,
            "few features"
        );
        Self { features, ..self }
    }

    /// What is computed from the past.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The numbers of a row: events, features and context.
    pub(super) fn width(&self) -> usize {
        self.events.len() + self.features.len() + self.context.len()
    }

    /// Refuses columns of types that are neither numbers nor text.
    fn check_types(&self, file: &Table) -> Result<(), DataError> {
        for column in self.all() {
            if let Some(holds) = file.refused(column) {
                let advice = if self.events.contains(&column) {
                    self.advise_columns(file, &file.numeric_columns()?)
                } else {
                    "name another column, or write it as numbers or text".to_owned()
                };
                return Err(DataError::UnusableColumn {
                    column: file.names()[column].clone(),
                    holds,
                    advice,
                });
            }
        }
        Ok(())
    }

    /// What to put in place of the present choice of events, given which columns are numeric.
    pub(super) fn advise_columns(&self, file: &Table, numeric: &[bool]) -> String {
        let events: Vec<&str> = self
            .events
            .iter()
            .filter(|index| numeric[**index])
            .map(|index| file.names()[*index].as_str())
            .collect();
        if events.is_empty() {
            return "leave it out with --columns".to_owned();
        }
        let why = if self.chosen {
            ""
        } else {
            " (all columns are used when none is named)"
        };
        format!("leave it out with --columns {}{why}", events.join(","))
    }

    /// Finds a model's channels by name, as `eval`, `score` and `calibrate` do.
    ///
    /// # Errors
    /// Channels are absent (all are named); else as [`Columns::find`].
    pub fn find_for_model(file: &Table, request: &ColumnRequest) -> Result<Self, DataError> {
        let wanted = request.events.iter().flatten().chain(&request.context);
        let missing: Vec<String> = wanted
            .filter(|name| !file.names().contains(name) && difference(file, name).is_none())
            .cloned()
            .collect();
        if !missing.is_empty() && file.likely_delimiter().is_none() {
            return Err(DataError::MissingColumns {
                missing,
                available: file.names().to_vec(),
            });
        }
        Self::find(file, request)
    }

    /// Columns whose cells must be numbers: events, then context.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        self.events.iter().chain(&self.context).copied()
    }

    /// All columns that are read.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> + '_ {
        let filter = self.filter.as_ref().map(|(index, _)| *index);
        self.numbers()
            .chain(self.minus.iter().copied().flatten())
            .chain(self.label)
            .chain(self.group)
            .chain(filter)
            .chain(self.weights)
            .chain(self.keep.iter().copied())
    }

    /// The names of the events, and of the features and the context.
    pub fn names(&self, file: &Table) -> [Vec<String>; 2] {
        let name = |index: &usize| file.names()[*index].clone();
        let events = self.events.iter().zip(&self.minus);
        let events = events.map(|(index, minus)| match minus {
            Some(minus) => format!("{}-{}", name(index), name(minus)),
            None => name(index),
        });
        let events: Vec<String> = events.collect();
        let features = self.features.iter();
        let features = features.map(|feature| feature_name(*feature, &events));
        let context = features.chain(self.context.iter().map(name)).collect();
        [events, context]
    }
}

/// The two columns of a difference `a-b`, if no column is called so.
fn difference(file: &Table, name: &str) -> Option<(usize, usize)> {
    let names = file.names();
    if names.iter().any(|own| own == name) {
        return None;
    }
    let index = |name: &str| names.iter().position(|own| own == name);
    let mut pairs = name
        .match_indices('-')
        .map(|(at, _)| (&name[..at], &name[at + 1..]));
    pairs.find_map(|(from, minus)| index(from).zip(index(minus)))
}

/// The index of the column called `name`, or of the column with that number.
fn index_of(file: &Table, name: &str) -> Result<usize, DataError> {
    let names = file.names();
    let mut found = names
        .iter()
        .enumerate()
        .filter(|(_, other)| *other == name)
        .map(|(i, _)| i);
    match (found.next(), found.next()) {
        (Some(index), None) => return Ok(index),
        (Some(_), Some(_)) => {
            return Err(DataError::AmbiguousColumn {
                name: name.to_owned(),
            });
        }
        (None, _) => {}
    }
    if let Ok(index) = name.parse::<usize>()
        && let Some(own) = names.get(index)
    {
        // Its name must tell it apart later on, when only the artefact's names are known.
        return index_of(file, own);
    }
    if let Some(delimiter) = file.likely_delimiter() {
        return Err(DataError::WrongDelimiter {
            name: name.to_owned(),
            delimiter,
        });
    }
    Err(DataError::NoSuchColumn {
        name: name.to_owned(),
        nearest: nearest(name, names),
        available: names.to_vec(),
    })
}

/// The name with the fewest edits to `name`, unless more than half of it would have to change.
fn nearest(name: &str, names: &[String]) -> Option<String> {
    let lower = name.to_lowercase();
    names
        .iter()
        .map(|other| (edits(&lower, &other.to_lowercase()), other))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| 2 * distance <= name.chars().count())
        .map(|(_, other)| other.clone())
}

/// The Levenshtein distance, in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CsvFormat;
    use crate::testing::{file, names};

    fn find(text: &str, request: &ColumnRequest) -> Result<Columns, DataError> {
        let file = file(text);
        Columns::find(&Table::open(file.path(), CsvFormat::default())?, request)
    }

    #[test]
    fn columns_are_found_by_name_and_by_index_in_the_order_given() {
        let request = ColumnRequest {
            events: Some(names(&["c", "0"])),
            ..ColumnRequest::default()
        };
        assert_eq!(
            find("a,b,c\n1,2,3\n", &request).expect("found").events,
            [2, 0]
        );
    }

    #[test]
    fn a_difference_of_columns_is_a_channel() {
        let text = "gyr,ref,a-b,a,b\n5,3,1,7,9\n2,,1,7,9\n";
        let request = ColumnRequest {
            events: Some(names(&["gyr-ref", "a-b"])),
            ..ColumnRequest::default()
        };
        let file = file(text);
        let table = Table::open(file.path(), CsvFormat::default()).expect("a table");
        let columns = Columns::find_for_model(&table, &request).expect("found");
        assert_eq!(columns.names(&table)[0], ["gyr-ref", "a-b"]);
        let mut reader = crate::RowReader::new(&table, &columns).expect("a table");
        assert_eq!(
            reader.next_row().expect("a row").expect("a row").values,
            [2.0, 1.0]
        );
        let fault = reader.next_row().expect("a row").expect("a row").fault;
        assert_eq!(fault.map(|fault| fault.column), Some(1));
        let request = ColumnRequest {
            events: Some(names(&["gyr-reff"])),
            ..ColumnRequest::default()
        };
        let text = Columns::find(&table, &request)
            .expect_err("absent")
            .to_string();
        assert!(text.contains("gyr-reff"), "{text}");
    }

    #[test]
    fn without_a_choice_all_columns_but_those_with_another_part_are_events() {
        let request = ColumnRequest {
            context: names(&["b"]),
            label: Some("d".into()),
            group: Some("c".into()),
            ..ColumnRequest::default()
        };
        let columns = find("a,b,c,d,e\n1,2,3,0,5\n", &request).expect("found");
        assert_eq!((columns.events, columns.context), (vec![0, 4], vec![1]));
    }

    #[test]
    fn an_absent_column_is_answered_with_the_nearest_name() {
        let request = ColumnRequest {
            events: Some(names(&["acc_w"])),
            ..ColumnRequest::default()
        };
        let error = find("acc_x,gyr_x\n1,2\n", &request)
            .expect_err("absent")
            .to_string();
        assert_eq!(
            error,
            "has no column `acc_w` (did you mean `acc_x`?); its columns are acc_x, gyr_x"
        );
        let request = ColumnRequest {
            events: Some(names(&["speed"])),
            ..ColumnRequest::default()
        };
        let error = find("acc_x,gyr_x\n1,2\n", &request)
            .expect_err("absent")
            .to_string();
        assert_eq!(error, "has no column `speed`; its columns are acc_x, gyr_x");
    }

    #[test]
    fn a_wrong_delimiter_is_guessed() {
        let error = find("a;b\n1;2\n", &ColumnRequest::default()).expect_err("one column");
        assert!(
            error.to_string().ends_with("try --delimiter semicolon"),
            "{error}"
        );
    }

    #[test]
    fn one_name_for_two_columns_and_two_parts_for_one_column_are_refused() {
        let request = ColumnRequest {
            events: Some(names(&["1"])),
            ..ColumnRequest::default()
        };
        let error = find("a,x,x\n1,2,3\n", &request).expect_err("ambiguous");
        assert!(
            matches!(error, DataError::AmbiguousColumn { .. }),
            "{error}"
        );
        let request = ColumnRequest {
            events: Some(names(&["a"])),
            context: names(&["a"]),
            ..ColumnRequest::default()
        };
        let error = find("a,x\n1,2\n", &request).expect_err("twice");
        assert!(matches!(error, DataError::ColumnTwice { .. }), "{error}");
    }

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, distance) in [
            ("", "", 0),
            ("kitten", "sitting", 3),
            ("abc", "", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
    }
}
