//! A table far larger than the memory limit is read, shuffled and visited within the limit: bytes are
//! counted as they are allocated.

use flow_data::{
    ColumnRequest, Columns, CsvFormat, Division, Fractions, Loaded, Memory, Table, load_within,
};
use flow_shared_tests::alone::{alone, most_bytes};
use parquet::data_type::DoubleType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const ROWS: usize = 200_000;
const COLUMNS: usize = 5;
const LIMIT: usize = 1 << 19;

/// Bytes of a page of the Parquet file.
const PAGE: usize = 1 << 16;

fn value(row: usize, column: usize) -> f64 {
    ((row * (2 * column + 3)) % 10_007) as f64 / 8.0
}

fn write_csv(path: &Path) {
    let mut file = BufWriter::new(std::fs::File::create(path).expect("created"));
    writeln!(file, "a,b,c,d,e").expect("written");
    for row in 0..ROWS {
        let cells: Vec<String> = (0..COLUMNS).map(|c| value(row, c).to_string()).collect();
        writeln!(file, "{}", cells.join(",")).expect("written");
    }
}

fn write_parquet(path: &Path) {
    let fields = "required double a; required double b; required double c; required double d; \
                  required double e;";
    let schema = parse_message_type(&format!("message t {{ {fields} }}")).expect("a schema");
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(PAGE)
        .build();
    let file = std::fs::File::create(path).expect("created");
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).expect("opens");
    let mut group = writer.next_row_group().expect("a row group");
    for column in 0..COLUMNS {
        let values: Vec<f64> = (0..ROWS).map(|row| value(row, column)).collect();
        let mut own = group
            .next_column()
            .expect("a column")
            .expect("five of them");
        own.typed::<DoubleType>()
            .write_batch(&values, None, None)
            .expect("written");
        own.close().expect("closes");
    }
    group.close().expect("closes");
    writer.close().expect("closes");
}

#[test]
fn a_table_larger_than_the_limit_is_visited_within_it() {
    alone(
        "memory_limit::a_table_larger_than_the_limit_is_visited_within_it",
        visit_a_large_table,
    );
}

fn visit_a_large_table() {
    let folder = TempDir::new().expect("a folder");
    let bytes = ROWS * COLUMNS * 4;
    assert!(bytes > 7 * LIMIT);
    let mut digests = vec![];
    // A page of each column is in memory beside what the limit is for.
    for (name, write, pages) in [
        ("t.csv", write_csv as fn(&Path), 0),
        ("t.parquet", write_parquet, COLUMNS * PAGE),
    ] {
        let path = folder.path().join(name);
        write(&path);
        let mut digest = None;
        let most = most_bytes(|| digest = Some(visit(&path)));
        assert!(most < LIMIT + pages, "{name}: {most} bytes");
        digests.push(digest);
    }
    assert_eq!(digests[0], digests[1]);
}

/// Shuffles a table and visits its rows three times. Gives their digest.
fn visit(path: &Path) -> u64 {
    let table = Table::open(path, CsvFormat::default()).expect("opens");
    let columns = Columns::find(&table, &ColumnRequest::default()).expect("found");
    let memory = Memory {
        limit: LIMIT as u64,
        ..Memory::default()
    };
    let Loaded::TooLarge(survey) = load_within(&table, &columns, &memory).expect("readable") else {
        panic!("too large for the limit");
    };
    let division = Division {
        fractions: Fractions::default(),
        random: true,
        seed: 1,
    };
    let mut store = survey.shuffle(division).expect("shuffled");
    let mut events = vec![0.0; 256 * COLUMNS];
    for seed in 0..3 {
        store.start_epoch(seed).expect("starts");
        let mut visited = 0;
        loop {
            let rows = store
                .next_batch(&mut events, &mut [], &mut [])
                .expect("read");
            visited += rows;
            if rows == 0 {
                break;
            }
        }
        assert_eq!(visited, ROWS * 7 / 10);
    }
    store.digest()
}
