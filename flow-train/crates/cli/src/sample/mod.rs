//! `flow sample`: draws new rows.

mod image;
mod text;

use super::files::{Given, Target};
use super::model_file::{self, ModelFile};
use super::number;
use flow_host::shown;
use flow_report::picture;

use super::options::{self, RecordingOptions, Size, TableOptions};
use super::output::Output;
use super::ui::Ui;
use crate::Error;
use flow_data::{ColumnRequest, Columns, Dataset, load_columns};
use flow_embedded::artefact::{Channel, Channels, Header, LoadedFlow};
use flow_evaluate::{BatchFlow, Draw};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;
use serde::Serialize;
use std::io::{self, Write as _};
use std::iter::Cycle;
use std::slice;

/// Draw new rows from a model
///
/// Writes the model's columns, in the units of the data. A model with context also needs the
/// context's values: the same for all rows with --given, or row by row from a table with
/// --context-from (from its start again when it ends); they are written behind the events. For a
/// model that is conditioned on the past of its own stream, --context-from takes a raw recording with
/// the model's columns: each row drawn is one that might have come next, given the recording so far.
/// A model of a sensor's noise (flow train --noise) goes on from its own rows instead, on the grid of
/// the converter; its context is what it was trained with as --context, and a value outside the range
/// that it had there counts as the nearest within.
/// The same seed gives the same rows, on every machine and on the chip.
///
/// A model of a text (flow train --text) writes so many characters, each given those before it. Rows
/// whose columns are the pixels of an image become a picture with --image.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  flow sample model.flow -n 1000 --seed 7 -o new.csv
  flow sample model.flow -n 1000 --given speed=1.5,load=0 -o new.csv
  flow sample model.flow -n 1000 --context-from test.csv -o new.csv
  flow sample gyro.flow -n 360000 --given temperature=25 -o noise.csv
  flow sample digits.flow -n 64 --image 8x8 --beside test.csv -o digits.png")]
pub(super) struct Args {
    /// The model
    model: Given,
    /// How many rows
    #[arg(short = 'n', long = "rows", value_name = "N")]
    rows: u64,
    /// Seed of the random numbers (ChaCha8)
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// The table to write, or with --image the picture (PNG); - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// The context's values, the same for all rows
    #[arg(long, value_name = "COLUMN=VALUE,…", value_delimiter = ',', value_parser = options::given)]
    given: Vec<(String, String)>,
    /// Round the columns that the model knows as rounded back to their grid, as an ADC would
    #[arg(long)]
    round: bool,
    /// For a model of noise, how many rows to draw and leave before the first: slow noise builds up
    /// meanwhile [default: as many as the past reaches back]
    #[arg(long, value_name = "N")]
    warm_up: Option<usize>,
    /// A table with the context's columns: CSV or Parquet; - for standard input
    #[arg(long, value_name = "TABLE", conflicts_with = "given")]
    context_from: Option<Given>,
    /// Draw rows as grey images: the columns are their pixels, row by row; black and white are the ends of
    /// the columns' domains, where all have some
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = |text: &str| text.parse::<Size>())]
    image: Option<Size>,
    /// A table with real images, the first of which are shown on the left; - for standard input
    #[arg(long, value_name = "TABLE", requires = "image")]
    beside: Option<Given>,
    #[command(flatten)]
    recordings: RecordingOptions,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    rows: u64,
    seed: u64,
    output: &'a std::path::Path,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<(), Error> {
    let model = ModelFile::read(&args.model)?;
    let flow = model.load()?;
    if flow.is_integer() {
        return Err(Error::Usage(format!(
            "{} is quantised to integers, which score and do not sample: sample from the model that \
             it was made from",
            args.model
        )));
    }
    if flow.header().noise.is_none() && args.warm_up.is_some() {
        return Err(Error::Usage(
            "--warm-up: the model is none of a sensor's noise; flow train --noise makes one".into(),
        ));
    }
    if model_file::text(flow.header()).is_some()
        && args.context_from.is_none()
        && args.given.is_empty()
    {
        let mut output = Output::create(&args.output)?;
        text::write(args, &flow, &mut output)?;
        output.commit()?;
        ui.note(format_args!(
            "{} characters drawn with seed {}",
            args.rows, args.seed
        ));
        return Ok(());
    }
    let contexts = contexts(args, &flow, ui)?;
    let real = real_images(args, &flow, ui)?;
    let mut output = Output::create(&args.output)?;
    let batch = BatchFlow::new(&flow);
    let drawn = Drawn::new(args, &batch, &contexts);
    match args.image {
        Some(size) => picture(args, size, &flow, &real, drawn, &mut output)?,
        None => table(args, &flow, drawn, &mut output)?,
    }
    let to_stdout = output.is_stdout();
    output.commit()?;
    if ui.json && !to_stdout {
        let report = Report {
            rows: args.rows,
            seed: args.seed,
            output: args.output.path(),
        };
        return ui.result(&report, &[]);
    }
    ui.note(format_args!(
        "{} rows drawn with seed {}",
        args.rows, args.seed
    ));
    Ok(())
}

/// Writes rows as a table.
fn table(
    args: &Args,
    flow: &LoadedFlow<'_>,
    mut drawn: Drawn<'_, '_, '_>,
    output: &mut Output,
) -> Result<(), Error> {
    let header = flow.header();
    let in_output = Error::write(args.output.path());
    let mut csv = csv::Writer::from_writer(&mut *output);
    let channels = header.event.iter().chain(given_channels(header));
    // The categories of columns that hold codes.
    let names: Vec<Option<Vec<&str>>> = channels
        .clone()
        .map(|channel| Some(header.vocabulary_of(&channel)?.names().collect()))
        .collect();
    csv.write_record(channels.clone().map(|channel| channel.name))
        .map_err(|fault| in_output(io_error(fault)))?;
    csv.flush().map_err(&in_output)?;
    drop(csv);

    let mut texts = Vec::new();
    while let Some(rows) = drawn.next()? {
        lines(&drawn.events, &drawn.given, rows, &names, &mut texts);
        for text in &texts {
            output.write_all(text).map_err(&in_output)?;
        }
    }
    output.flush().map_err(&in_output)
}

/// Writes rows as a picture, beside real ones.
fn picture(
    args: &Args,
    size: Size,
    flow: &LoadedFlow<'_>,
    real: &[f32],
    mut drawn: Drawn<'_, '_, '_>,
    output: &mut Output,
) -> Result<(), Error> {
    let mut images = Vec::new();
    while drawn.next()?.is_some() {
        images.extend_from_slice(&drawn.events);
    }
    let both = [real, &images].concat();
    let range = image::range(flow.header().event, &both);
    let sheets = [real, &images];
    let shown = &sheets[usize::from(real.is_empty())..];
    let sides = [size.width, size.height];
    picture::write(sides, shown, range, output).map_err(Error::write(args.output.path()))
}

/// The first rows of `--beside`, after a look at whether rows can be images; none without.
fn real_images(args: &Args, flow: &LoadedFlow<'_>, ui: Ui) -> Result<Vec<f32>, Error> {
    let Some(size) = args.image else {
        return Ok(vec![]);
    };
    image::check(size, flow.header().event.len())?;
    if args.rows > image::MOST {
        let text = format!("--image: at most {} images make a picture", image::MOST);
        return Err(Error::Usage(text));
    }
    let Some(path) = &args.beside else {
        return Ok(vec![]);
    };
    let data = read(path, flow.header().event, args, ui)?;
    let rows = data.rows().min(args.rows as usize);
    Ok(data.events()[..rows * data.event_dim()].to_vec())
}

/// The columns of a table that are channels, as events.
fn read(given: &Given, channels: Channels<'_>, args: &Args, ui: Ui) -> Result<Dataset, Error> {
    let path = given.path();
    let file = given.table(args.table.format())?;
    let request = ColumnRequest {
        events: Some(model_file::names(channels)),
        filter: args.table.only.clone(),
        ..ColumnRequest::default()
    };
    let columns = Columns::find_for_model(&file, &request).map_err(Error::data(path))?;
    let recording = load_columns(&file, &columns).map_err(Error::data(path))?;
    ui.read(&file, &recording.report);
    Ok(recording.data)
}

/// Rows as they are drawn, piece by piece.
struct Drawn<'b, 'f, 'a> {
    draw: Draw<'b, 'f, 'a>,
    rng: ChaCha8Rng,
    contexts: Cycle<slice::Iter<'b, Vec<f32>>>,
    channels: usize,
    left: u64,
    /// The events of the last piece, row-major.
    events: Vec<f32>,
    /// Their contexts.
    given: Vec<f32>,
}

impl<'b, 'f, 'a> Drawn<'b, 'f, 'a> {
    fn new(args: &Args, batch: &'b BatchFlow<'f, 'a>, contexts: &'b [Vec<f32>]) -> Self {
        Self {
            draw: Draw::new(batch, args.round, args.warm_up),
            rng: ChaCha8Rng::seed_from_u64(args.seed),
            contexts: contexts.iter().cycle(),
            channels: batch.flow().header().event.len(),
            left: args.rows,
            events: Vec::new(),
            given: Vec::new(),
        }
    }

    /// Draws the next piece, and says how many rows it has; none when all are drawn.
    fn next(&mut self) -> Result<Option<usize>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let rows = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        self.left -= rows as u64;
        self.events.resize(rows * self.channels, 0.0);
        self.given.clear();
        let given = self.contexts.by_ref().take(rows).flatten();
        self.given.extend(given.copied());
        self.draw
            .fill(&mut self.rng, &self.given, &mut self.events)
            .map_err(usage)?;
        Ok(Some(rows))
    }
}

fn usage(fault: flow_embedded::artefact::ShapeError) -> Error {
    Error::Usage(fault.to_string())
}

/// The context channels that are given: for noise, all but the past.
fn given_channels<'a>(header: &Header<'a>) -> Channels<'a> {
    match header.noise {
        Some(_) => header.context.skip(header.features.len()),
        None => header.context,
    }
}

/// Rows drawn before they are written: memory stays constant, and there is enough for all cores.
const PIECE: usize = 16_384;

/// Rows written by one thread at a time.
const LINES: usize = 512;

/// The lines of `rows` events, each followed by its context, in order; replaces what `texts` held.
fn lines(
    events: &[f32],
    contexts: &[f32],
    rows: usize,
    names: &[Option<Vec<&str>>],
    texts: &mut Vec<Vec<u8>>,
) {
    texts.resize_with(rows.div_ceil(LINES), Vec::new);
    let (event, context) = (events.len() / rows, contexts.len() / rows);
    texts.par_iter_mut().enumerate().for_each(|(index, text)| {
        text.clear();
        for row in (index * LINES)..rows.min((index + 1) * LINES) {
            let event = &events[row * event..][..event];
            let context = &contexts[row * context..][..context];
            for (value, names) in event.iter().chain(context).zip(names) {
                match names {
                    Some(names) => push_name(text, names, *value),
                    None => number::push(text, *value),
                }
                text.push(b',');
            }
            // In place of the last comma; there is at least one channel.
            text.pop();
            text.push(b'\n');
        }
    });
}

/// A category as a cell, in quotes where its name needs them.
fn push_name(text: &mut Vec<u8>, names: &[&str], code: f32) {
    let code = flow_embedded::kernels::code(code, names.len());
    let name = code.map_or("", |code| names[code]);
    if name.contains([',', '"', '\n', '\r']) {
        let quoted = name.replace('"', "\"\"");
        text.extend_from_slice(format!("\"{quoted}\"").as_bytes());
    } else {
        text.extend_from_slice(name.as_bytes());
    }
}

/// What the writer met, with its kind.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(fault) => fault,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The contexts to go through; one empty context for a model without.
fn contexts(args: &Args, flow: &LoadedFlow<'_>, ui: Ui) -> Result<Vec<Vec<f32>>, Error> {
    let channels = given_channels(flow.header());
    let features = !flow.header().features.is_empty() && flow.header().noise.is_none();
    let asked = !args.given.is_empty() || args.context_from.is_some();
    if channels.is_empty() {
        return if asked {
            Err(Error::Usage(
                "the model has no context: leave --given and --context-from out".into(),
            ))
        } else {
            Ok(vec![vec![]])
        };
    }
    if let Some(given) = &args.context_from {
        if features {
            let file = model_file::table(given, args.table.format(), flow.header())?;
            let others = args.recordings.request(&args.table);
            let columns = model_file::columns(&file, flow.header(), others)?;
            let recording = load_columns(&file, &columns).map_err(Error::data(given.path()))?;
            ui.read(&file, &recording.report);
            let data = recording.data;
            return Ok((0..data.rows())
                .map(|row| data.context(row).to_vec())
                .collect());
        }
        // The context's columns take the part of the events: they are all that is needed.
        let data = read(given, channels, args, ui)?;
        return Ok((0..data.rows())
            .map(|row| data.event(row).to_vec())
            .collect());
    }
    if args.given.is_empty() && features {
        return Err(Error::Usage(format!(
            "the model is conditioned on the past of its own stream ({}): give --context-from \
             RECORDING with raw rows of its columns in the order of time, or --given {}=…",
            model_file::names(channels).join(", "),
            model_file::names(channels).join("=…,")
        )));
    }
    given(&args.given, flow.header(), channels).map(|context| vec![context])
}

/// The values of `--given` in the order of the channels.
fn given(
    values: &[(String, String)],
    header: &Header<'_>,
    channels: Channels<'_>,
) -> Result<Vec<f32>, Error> {
    let known = || model_file::names(channels).join(", ");
    for (name, _) in values {
        if !channels.iter().any(|channel| channel.name == name) {
            let text = format!("--given {name}: the model's context is {}", known());
            return Err(Error::Usage(text));
        }
    }
    let value = |channel: Channel<'_>| {
        let mut asked = values.iter().rev();
        let (_, value) = asked
            .find(|(name, _)| name == channel.name)
            .ok_or_else(|| {
                Error::Usage(format!(
                    "the model needs a value for each column of its context ({}): give --given {}=… or \
                     --context-from TABLE",
                    known(),
                    model_file::names(channels).join("=…,")
                ))
            })?;
        value_of(&channel, header, value)
    };
    channels.iter().map(value).collect()
}

/// A category by its name, or a finite number.
fn value_of(channel: &Channel<'_>, header: &Header<'_>, text: &str) -> Result<f32, Error> {
    let refused =
        |wanted: String| Error::Usage(format!("--given {}={text}: {wanted}", channel.name));
    match header.vocabulary_of(channel) {
        Some(own) => own.code(text).map(|code| code as f32).ok_or_else(|| {
            let names: Vec<String> = own.names().map(shown::line).collect();
            refused(format!(
                "the model knows the categories {}",
                names.join(", ")
            ))
        }),
        None => options::number(text).ok_or_else(|| refused("a finite number is needed".into())),
    }
}
