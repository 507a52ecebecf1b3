//! Tables that are larger than the memory they may take: the same parts, every row once, any order.

use flow_data::{
    ColumnRequest, Columns, CsvFormat, DataError, Dataset, Division, Fractions, Loaded, Memory,
    Recording, RowStore, Split, SplitMethod, Survey, Table, load_columns, load_within,
};
use std::fmt::Write as _;
use std::io::Write as _;
use tempfile::{NamedTempFile, TempDir};

const ROWS: usize = 5000;

/// Values of a row that the model sees, and its weight.
const WIDTH: usize = 4;

/// Bytes of all values.
const BYTES: u64 = (ROWS * WIDTH * 4) as u64;

/// Rows whose first value is their number, in groups of uneven size, with gaps here and there.
fn csv() -> NamedTempFile {
    let mut text = String::from("number,square,load,w,run\n");
    for i in 0..ROWS {
        if i % 50 == 7 {
            text += ",0,0,1,gap\n";
        }
        let (square, load, weight) = (i * i % 977, i % 10, i % 4);
        writeln!(
            text,
            "{i},{square},{load},{weight},{}",
            (i as f64).sqrt() as u32
        )
        .expect("a String takes all");
    }
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

struct Opened {
    _file: NamedTempFile,
    table: Table,
    columns: Columns,
}

fn open(grouped: bool) -> Opened {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let file = csv();
    let table = Table::open(file.path(), CsvFormat::default()).expect("opens");
    let request = ColumnRequest {
        events: Some(names(&["number", "square"])),
        context: names(&["load"]),
        weights: Some("w".into()),
        group: grouped.then(|| "run".into()),
        ..ColumnRequest::default()
    };
    let columns = Columns::find(&table, &request).expect("found");
    Opened {
        _file: file,
        table,
        columns,
    }
}

impl Opened {
    fn whole(&self) -> Recording {
        load_columns(&self.table, &self.columns).expect("readable")
    }

    fn survey(&self, limit: u64, folder: Option<&TempDir>) -> Survey<'_> {
        let memory = Memory {
            limit,
            folder: folder.map(|folder| folder.path().to_owned()),
        };
        match load_within(&self.table, &self.columns, &memory).expect("readable") {
            Loaded::TooLarge(survey) => survey,
            Loaded::InMemory(_) => panic!("{limit} bytes are enough"),
        }
    }

    fn store(&self, limit: u64, division: Division) -> RowStore {
        self.survey(limit, None)
            .shuffle(division)
            .expect("shuffled")
    }
}

fn division(random: bool, seed: u64) -> Division {
    Division {
        fractions: Fractions::default(),
        random,
        seed,
    }
}

/// One epoch, in batches of so many rows: event, context and weight of each row.
fn epoch(store: &mut RowStore, seed: u64, batch: usize) -> Vec<[f32; WIDTH]> {
    let (mut events, mut contexts) = (vec![0.0; 2 * batch], vec![0.0; batch]);
    let mut weights = vec![0.0; batch];
    let mut visited = vec![];
    store.start_epoch(seed).expect("starts");
    loop {
        let rows = store
            .next_batch(&mut events, &mut contexts, &mut weights)
            .expect("read");
        for row in 0..rows {
            visited.push([
                events[2 * row],
                events[2 * row + 1],
                contexts[row],
                weights[row],
            ]);
        }
        if rows < batch {
            let after = store.next_batch(&mut events, &mut contexts, &mut weights);
            assert_eq!(after.expect("read"), 0);
            return visited;
        }
    }
}

/// The given rows of a recording that count, in the form of [`epoch`].
fn rows(recording: &Recording, rows: &[usize]) -> Vec<[f32; WIDTH]> {
    let weights = recording.weights.as_ref().expect("asked for");
    let data = &recording.data;
    rows.iter()
        .filter(|row| weights[**row] > 0.0)
        .map(|row| {
            let event = data.event(*row);
            [event[0], event[1], data.context(*row)[0], weights[*row]]
        })
        .collect()
}

fn sorted(mut rows: Vec<[f32; WIDTH]>) -> Vec<[f32; WIDTH]> {
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    rows
}

fn numbers(data: &Dataset) -> Vec<usize> {
    (0..data.rows())
        .map(|row| data.event(row)[0] as usize)
        .collect()
}

#[test]
fn a_table_that_fits_is_read_as_ever() {
    let opened = open(true);
    let memory = Memory {
        limit: 4 * BYTES,
        ..Memory::default()
    };
    match load_within(&opened.table, &opened.columns, &memory).expect("readable") {
        Loaded::InMemory(recording) => {
            let whole = opened.whole();
            assert!(recording.data == whole.data && recording.groups == whole.groups);
            assert!(recording.weights == whole.weights);
            assert_eq!(recording.report, whole.report);
        }
        Loaded::TooLarge(_) => panic!("it is as large as the limit allows"),
    }
    assert_eq!(
        opened.survey(4 * BYTES - 16, None).report(),
        &opened.whole().report
    );
}

#[test]
fn parts_are_those_of_a_table_in_memory() {
    for (grouped, random) in [(false, false), (false, true), (true, false)] {
        let opened = open(grouped);
        let whole = opened.whole();
        let method = match &whole.groups {
            Some(groups) => SplitMethod::Group { groups, seed: 3 },
            None if random => SplitMethod::Random { seed: 3 },
            None => SplitMethod::Time,
        };
        let split = Split::new(ROWS, Fractions::default(), method).expect("enough rows");
        let survey = opened.survey(2 * BYTES, None);
        let division = division(random, 3);
        let parts = [&split.train, &split.validation, &split.calibration].map(Vec::len);
        assert_eq!(survey.parts(division).expect("enough rows"), parts);
        let mut store = survey.shuffle(division).expect("shuffled");
        let training = rows(&whole, &split.train);
        assert_eq!(store.rows(), training.len());
        let visited = sorted(epoch(&mut store, 0, 64));
        assert!(visited == training, "training rows");
        for (held_out, rows) in [
            (store.validation(), &split.validation),
            (store.calibration(), &split.calibration),
        ] {
            assert!(!held_out.is_sample());
            let weights = whole.weights.as_ref().expect("asked for");
            let counts = |row: &usize| weights[*row] > 0.0;
            let rows: Vec<usize> = rows.iter().copied().filter(counts).collect();
            assert_eq!(held_out.rows, rows.len());
            assert!(held_out.data == whole.data.select(&rows), "held-out rows");
            let expected: Vec<f32> = rows.iter().map(|row| weights[*row]).collect();
            assert_eq!(held_out.weights, Some(expected));
        }
        assert_eq!(store.digest(), whole.data.digest());
    }
}

#[test]
fn an_epoch_visits_each_row_once_whatever_the_limit_and_the_batch() {
    let opened = open(false);
    let whole = opened.whole();
    let training: Vec<usize> = (0..ROWS * 7 / 10).collect();
    let expected = rows(&whole, &training);
    for limit in [6_000, 20_000, BYTES, 3 * BYTES] {
        let mut store = opened.store(limit, division(false, 1));
        for batch in [1, 256, 257, ROWS] {
            let visited = epoch(&mut store, batch as u64, batch);
            assert!(sorted(visited) == expected, "limit {limit}, batch {batch}");
        }
    }
}

#[test]
fn the_seed_alone_decides_the_order() {
    let opened = open(false);
    let mut store = opened.store(20_000, division(false, 1));
    let first = epoch(&mut store, 5, 100);
    assert!(first == epoch(&mut store, 5, 100), "the same seed");
    assert!(first == epoch(&mut store, 5, 33), "another batch size");
    assert!(first != epoch(&mut store, 6, 100), "another seed");
    let mut again = opened.store(20_000, division(false, 1));
    assert!(first == epoch(&mut again, 5, 100), "another store");
    // An epoch that was left half-way leaves nothing behind.
    let _ = store
        .start_epoch(9)
        .and_then(|()| store.next_batch(&mut [0.0; 20], &mut [0.0; 10], &mut [0.0; 10]));
    assert!(first == epoch(&mut store, 5, 100), "after half an epoch");
}

#[test]
fn the_rows_of_a_batch_are_from_all_over_the_table() {
    let opened = open(false);
    let mut store = opened.store(20_000, division(false, 1));
    let training = ROWS * 7 / 10;
    let visited = epoch(&mut store, 2, 100);
    for batch in visited.chunks_exact(100) {
        let mean = batch.iter().map(|row| f64::from(row[0])).sum::<f64>() / 100.0;
        // The mean of 100 uniform numbers has this standard deviation; five of them.
        let deviation = training as f64 / 12f64.sqrt() / 10.0;
        assert!(
            (mean - training as f64 / 2.0).abs() < 5.0 * deviation,
            "{mean}"
        );
        // In how many tenths of the table are they? All but surely in each.
        let mut tenths = [0; 10];
        batch
            .iter()
            .for_each(|row| tenths[row[0] as usize * 10 / training] += 1);
        assert!(
            tenths.iter().filter(|rows| **rows > 0).count() >= 9,
            "{tenths:?}"
        );
    }
}

#[test]
fn held_out_rows_that_are_too_many_are_sampled() {
    let opened = open(false);
    let limit = 20_000;
    let store = opened.store(limit, division(false, 1));
    let most = limit as usize / 8 / (4 * WIDTH);
    let (validation, calibration) = (store.validation(), store.calibration());
    assert!(validation.is_sample() && calibration.is_sample());
    // A row in four has the weight 0.
    assert_eq!(
        (validation.rows, calibration.rows),
        (ROWS * 3 / 40, ROWS * 3 / 20)
    );
    for (held_out, part) in [(validation, 3500..4000), (calibration, 4000..5000)] {
        let numbers = numbers(&held_out.data);
        assert!(numbers.len() <= most && numbers.len() > most / 2);
        assert!(
            numbers.is_sorted_by(|a, b| a < b),
            "in the order of the file, each once"
        );
        assert!(numbers.iter().all(|number| part.contains(number)));
        let mean = numbers.iter().sum::<usize>() as f64 / numbers.len() as f64;
        let deviation = part.len() as f64 / 12f64.sqrt() / (most as f64).sqrt();
        let middle = (part.start + part.end) as f64 / 2.0;
        assert!((mean - middle).abs() < 4.0 * deviation, "{mean}");
    }
}

#[test]
fn statistics_and_samples_see_the_training_rows() {
    let opened = open(false);
    let mut store = opened.store(20_000, division(false, 1));
    let mut visited = vec![];
    store
        .for_each_row(|event, context, weight| {
            visited.push([event[0], event[1], context[0], weight]);
        })
        .expect("read");
    let training: Vec<usize> = (0..ROWS * 7 / 10).collect();
    let expected = rows(&opened.whole(), &training);
    assert!(sorted(visited) == expected);
    let (sample, weights) = store.sample(100).expect("read");
    let weights = weights.expect("asked for");
    let numbers = numbers(&sample);
    assert_eq!((numbers.len(), weights.len()), (100, 100));
    assert!(numbers.is_sorted_by(|a, b| a < b) && numbers[99] < ROWS * 7 / 10);
    assert!(
        numbers[50].abs_diff(ROWS * 7 / 20) < ROWS / 10,
        "{numbers:?}"
    );
    for (number, weight) in numbers.iter().zip(&weights) {
        assert_eq!(*weight, (number % 4) as f32);
    }
    // All of a bucket is the most there is.
    let (bucket, _) = store.sample(usize::MAX).expect("read");
    assert!(bucket.rows() > 100 && bucket.rows() < store.rows());
}

#[cfg(unix)]
#[test]
fn the_temporary_file_has_no_name_to_be_left_behind() {
    let folder = TempDir::new().expect("a folder");
    let opened = open(false);
    let survey = opened.survey(20_000, Some(&folder));
    let mut store = survey.shuffle(division(false, 1)).expect("shuffled");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);
    // A row in four has the weight 0.
    assert_eq!(epoch(&mut store, 1, 100).len(), ROWS * 7 / 10 * 3 / 4);
}

#[test]
fn each_fault_has_its_sentence() {
    let opened = open(true);
    let folder = TempDir::new().expect("a folder");
    let survey = opened.survey(2 * BYTES, Some(&folder));
    let gone = folder.path().to_owned();
    drop(folder);
    let error = survey
        .shuffle(division(false, 1))
        .expect_err("no folder")
        .to_string();
    let start = format!(
        "is too large for the memory limit and can't be shuffled on disk: a temporary file of {} \
         bytes in {} failed (",
        survey.parts(division(false, 1)).expect("enough rows")[0] * WIDTH * 4,
        gone.display()
    );
    assert!(error.starts_with(&start), "{error}");
    assert!(error.ends_with("name a folder with more room in TMPDIR, or allow more memory"));

    let survey = |limit| {
        let memory = Memory {
            limit,
            ..Memory::default()
        };
        load_within(&opened.table, &opened.columns, &memory).map(|_| ())
    };
    assert_eq!(
        survey(10_240).expect_err("71 groups").to_string(),
        "has more than 9 groups in column `run`, too many for the memory limit of 10240 bytes; \
         allow more, or name a column that tells recordings apart rather than rows"
    );

    let opened = open(false);
    let survey = opened.survey(500, None);
    let error = survey
        .shuffle(division(false, 1))
        .expect_err("too little memory");
    let DataError::MemoryLimit { need, limit: 500 } = error else {
        panic!("{error}");
    };
    assert!(
        opened
            .survey(need + need / 4, None)
            .shuffle(division(false, 1))
            .is_ok()
    );
}

#[test]
fn a_table_that_changes_while_it_is_read_is_refused() {
    for more in ["9,9,9,1,9\n", ",,,1,\n"] {
        let mut opened = open(false);
        let Opened {
            _file: file,
            table,
            columns,
        } = &mut opened;
        let memory = Memory {
            limit: BYTES,
            ..Memory::default()
        };
        let Loaded::TooLarge(survey) = load_within(table, columns, &memory).expect("readable")
        else {
            panic!("too large");
        };
        file.as_file_mut()
            .write_all(more.as_bytes())
            .expect("written");
        let error = survey.shuffle(division(false, 1)).expect_err("changed");
        assert!(matches!(error, DataError::Changed), "{error}");
    }
}
