//! Channels over time, in stretches without a gap.

use flow_data::{CleaningReport, Columns, DataError, RowReader, Table};
use std::collections::HashMap;

/// A recording of a sensor as a series in time.
///
/// It consists of segments that were sampled without a gap. A row that can't be used ends a segment, and so does a
/// change of group; statistics are taken within segments and pooled over them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signal {
    names: Vec<String>,
    /// For each channel its segments.
    channels: Vec<Vec<Vec<f64>>>,
}

impl Signal {
    /// A signal of named channels in one segment each.
    ///
    /// # Panics
    /// If there is not one series for each name, or their lengths differ.
    pub fn new(names: Vec<String>, channels: Vec<Vec<f64>>) -> Self {
        assert_eq!(names.len(), channels.len(), "a series for each name");
        assert!(
            channels
                .windows(2)
                .all(|pair| pair[0].len() == pair[1].len()),
            "series of one length"
        );
        Self {
            names,
            channels: channels.into_iter().map(|series| vec![series]).collect(),
        }
    }

    /// Reads the events of a table, in the order of the file; what was dropped is in the report.
    ///
    /// # Errors
    /// As [`RowReader::next_row`].
    pub fn read(table: &Table, columns: &Columns) -> Result<(Self, CleaningReport), DataError> {
        let [names, _] = columns.names(table);
        let mut report = CleaningReport::default();
        let mut channels = vec![Vec::<Vec<f64>>::new(); names.len()];
        // The segment that each group is writing: groups may be interleaved in the file.
        let mut open: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut reader = RowReader::new(table, columns)?;
        let (mut values, mut last, mut group) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let left_out = reader.left_out();
            let Some(row) = reader.next_row()? else {
                break;
            };
            report.rows_read += 1;
            values.clear();
            values.extend(row.values.iter().take(names.len()).copied().map(f64::from));
            group.clear();
            group.extend_from_slice(row.group.unwrap_or_default());
            if let Some(fault) = row.fault {
                report.drop_row(row.place, fault, table.names());
                // A row whose group is missing may be missing anywhere.
                if group.is_empty() {
                    open.clear();
                } else {
                    open.remove(&group);
                }
                continue;
            }
            if reader.left_out() != left_out {
                open.clear();
            }
            report.rows_used += 1;
            report.rows_repeated += u64::from(values == last);
            let segment = *open.entry(group.clone()).or_insert_with(|| {
                for channel in &mut channels {
                    channel.push(Vec::new());
                }
                channels.first().map_or(0, |channel| channel.len() - 1)
            });
            for (channel, value) in channels.iter_mut().zip(&values) {
                channel[segment].push(*value);
            }
            last.clone_from(&values);
        }
        report.rows_left_out = reader.left_out();
        Ok((Self { names, channels }, report))
    }

    /// The names of the channels.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The segments of one channel.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn segments(&self, channel: usize) -> &[Vec<f64>] {
        &self.channels[channel]
    }

    /// Samples of each channel, over all segments.
    pub fn rows(&self) -> usize {
        self.lengths().sum()
    }

    /// Samples of the longest segment.
    pub fn longest(&self) -> usize {
        self.lengths().max().unwrap_or(0)
    }

    fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        self.channels.first().into_iter().flatten().map(Vec::len)
    }
}
