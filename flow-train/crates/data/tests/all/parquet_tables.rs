//! Parquet files: the same rows as a text file, every type, every compression, and damage.

use flow_data::{ColumnRequest, CsvFormat, DataError, Recording, RowFilter, load};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::io::Write as _;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// The values of a column; `None` is a null.
enum Column {
    Bool(Vec<Option<bool>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Int96(Vec<Option<Int96>>),
    Float(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Bytes(Vec<Option<ByteArray>>),
    Fixed(Vec<Option<FixedLenByteArray>>),
}

fn text(values: &[&str]) -> Column {
    let value = |text: &&str| (!text.is_empty()).then(|| ByteArray::from(*text));
    Column::Bytes(values.iter().map(value).collect())
}

fn properties() -> WriterProperties {
    WriterProperties::builder().build()
}

/// A file of the given columns, `group` rows to a row group. Each field is optional.
fn bytes(fields: &str, columns: &[Column], group: usize, properties: WriterProperties) -> Vec<u8> {
    fn write<T: DataType>(
        writer: &mut parquet::file::writer::SerializedColumnWriter<'_>,
        values: &[Option<T::T>],
    ) {
        let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
        let present: Vec<T::T> = values.iter().flatten().cloned().collect();
        let typed = writer.typed::<T>();
        typed
            .write_batch(&present, Some(&levels), None)
            .expect("written");
    }
    let schema = parse_message_type(&format!("message table {{ {fields} }}")).expect("a schema");
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, Arc::new(schema), Arc::new(properties))
        .expect("opens");
    let rows = match &columns[0] {
        Column::Bool(values) => values.len(),
        Column::Int32(values) => values.len(),
        Column::Int64(values) => values.len(),
        Column::Int96(values) => values.len(),
        Column::Float(values) => values.len(),
        Column::Double(values) => values.len(),
        Column::Bytes(values) => values.len(),
        Column::Fixed(values) => values.len(),
    };
    for start in (0..rows).step_by(group) {
        let range = start..rows.min(start + group);
        let mut rows = writer.next_row_group().expect("a row group");
        for column in columns {
            let mut own = rows
                .next_column()
                .expect("a column")
                .expect("as many as fields");
            let range = range.clone();
            match column {
                Column::Bool(values) => write::<BoolType>(&mut own, &values[range]),
                Column::Int32(values) => write::<Int32Type>(&mut own, &values[range]),
                Column::Int64(values) => write::<Int64Type>(&mut own, &values[range]),
                Column::Int96(values) => write::<Int96Type>(&mut own, &values[range]),
                Column::Float(values) => write::<FloatType>(&mut own, &values[range]),
                Column::Double(values) => write::<DoubleType>(&mut own, &values[range]),
                Column::Bytes(values) => write::<ByteArrayType>(&mut own, &values[range]),
                Column::Fixed(values) => write::<FixedLenByteArrayType>(&mut own, &values[range]),
            }
            own.close().expect("closes");
        }
        rows.close().expect("closes");
    }
    writer.close().expect("closes");
    file
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file
}

fn read(bytes: &[u8], request: &ColumnRequest) -> Result<Recording, DataError> {
    load(file(bytes).path(), CsvFormat::default(), request)
}

/// A column of each type that is read, with nulls here and there.
const FIELDS: &str = "
    optional float single; optional double double; optional boolean flag;
    optional int32 small (INT_8); optional int32 large (UINT_32); optional int64 long;
    optional int64 longest (UINT_64); optional int32 price (DECIMAL(6, 2));
    optional fixed_len_byte_array(2) half (FLOAT16); optional binary digits (UTF8);
    optional binary run (UTF8); optional binary kind (UTF8); optional double weight;";

/// So many rows of [`FIELDS`], and the same as a text file.
fn table(rows: usize) -> (Vec<Column>, String) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut bits = || rng.next_u64();
    // One cell in eight is empty, except for the first rows.
    let mut some = |row: usize| row < 2 || bits() % 8 > 0;
    let mut values = |make: &dyn Fn(i64) -> i64| -> Vec<Option<i64>> {
        (0..rows)
            .map(|row| some(row).then(|| make(row as i64)))
            .collect()
    };
    let small = values(&|i| i * 37 % 256 - 128);
    let large = values(&|i| 4_294_967_295 - 1_000_003 * i);
    let long = values(&|i| 9_007_199_254_740_993 * (1 - i % 3));
    let longest = values(&|i| -1 - i);
    let flag = values(&|i| i % 3 % 2);
    let price = values(&|i| 12_345 - 678 * i);
    let half = values(&|i| 0x3c00 + 7 * i % 1024);
    let single = values(&|i| i * i - 50);
    let runs = values(&|i| i / 4);
    let double = values(&|i| 3 * i);

    let widened = |i: i64| 1.0 + (i - 0x3c00) as f32 / 1024.0;
    let as_single = |i: i64| i as f32 / 7.0;
    let as_double = |i: i64| i as f64 / 8.0;
    let columns = vec![
        Column::Float(single.iter().map(|v| v.map(as_single)).collect()),
        Column::Double(double.iter().map(|v| v.map(as_double)).collect()),
        Column::Bool(flag.iter().map(|v| v.map(|i| i == 1)).collect()),
        Column::Int32(small.iter().map(|v| v.map(|i| i as i32)).collect()),
        Column::Int32(large.iter().map(|v| v.map(|i| i as u32 as i32)).collect()),
        Column::Int64(long.clone()),
        Column::Int64(longest.clone()),
        Column::Int32(price.iter().map(|v| v.map(|i| i as i32)).collect()),
        Column::Fixed(
            half.iter()
                .map(|v| v.map(|i| ByteArray::from((i as u16).to_le_bytes().to_vec()).into()))
                .collect(),
        ),
        Column::Bytes(
            small
                .iter()
                .map(|v| v.map(|i| ByteArray::from(format!(" {i}.5").as_str())))
                .collect(),
        ),
        Column::Bytes(
            runs.iter()
                .map(|v| v.map(|i| ByteArray::from(format!("run {i}").as_str())))
                .collect(),
        ),
        Column::Bytes(
            (0..rows)
                .map(|i| Some(ByteArray::from(["ok", "warm", "hot"][i % 3])))
                .collect(),
        ),
        Column::Double((0..rows).map(|i| Some(i as f64 / 4.0)).collect()),
    ];
    let mut csv = String::from(
        "single,double,flag,small,large,long,longest,price,half,digits,run,kind,weight\n",
    );
    let cell = |value: Option<String>| value.unwrap_or_default();
    for i in 0..rows {
        let cells = [
            cell(single[i].map(|i| as_single(i).to_string())),
            cell(double[i].map(|i| as_double(i).to_string())),
            cell(flag[i].map(|i| i.to_string())),
            cell(small[i].map(|i| i.to_string())),
            cell(large[i].map(|i| i.to_string())),
            cell(long[i].map(|i| i.to_string())),
            cell(longest[i].map(|i| i.cast_unsigned().to_string())),
            cell(price[i].map(|i| format!("{}", i as f64 / 100.0))),
            cell(half[i].map(|i| widened(i).to_string())),
            cell(small[i].map(|i| format!(" {i}.5"))),
            cell(runs[i].map(|i| format!("run {i}"))),
            ["ok", "warm", "hot"][i % 3].to_owned(),
            (i as f64 / 4.0).to_string(),
        ];
        csv += &cells.join(",");
        csv += "\n";
    }
    (columns, csv)
}

fn request() -> ColumnRequest {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    ColumnRequest {
        context: names(&["flag"]),
        label: Some("kind".into()),
        normal: Some(names(&["ok", "warm"])),
        group: Some("run".into()),
        weights: Some("weight".into()),
        ..ColumnRequest::default()
    }
}

/// Everything but the places of faults, which are lines in one and rows in the other.
fn assert_same(parquet: &Recording, csv: &Recording) {
    assert!(parquet.data == csv.data, "the rows differ");
    assert_eq!(parquet.data.digest(), csv.data.digest());
    assert!(parquet.anomalies == csv.anomalies, "the labels differ");
    assert!(parquet.groups == csv.groups, "the groups differ");
    assert!(parquet.weights == csv.weights, "the weights differ");
    let counts = |recording: &Recording| {
        let report = &recording.report;
        let dropped = report.dropped.iter();
        (
            (
                report.rows_read,
                report.rows_left_out,
                report.rows_used,
                report.rows_repeated,
            ),
            dropped
                .map(|faults| (faults.column.clone(), faults.missing, faults.non_finite))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(counts(parquet), counts(csv));
}

fn compressions() -> [Compression; 6] {
    [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
    ]
}

#[test]
fn a_parquet_file_and_a_text_file_of_the_same_rows_are_the_same_recording() {
    let (columns, csv) = table(3000);
    let expected = read(csv.as_bytes(), &request()).expect("readable");
    assert!(expected.data.rows() > 500 && expected.data.event_dim() == 9);
    for compression in compressions() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for (group, dictionary) in [(3000, true), (700, false), (1, true)] {
                if group == 1 && compression != Compression::SNAPPY {
                    continue;
                }
                let properties = WriterProperties::builder()
                    .set_compression(compression)
                    .set_writer_version(version)
                    .set_dictionary_enabled(dictionary)
                    .set_data_page_row_count_limit(500)
                    .set_write_batch_size(100)
                    .build();
                let bytes = bytes(FIELDS, &columns, group, properties);
                assert_same(&read(&bytes, &request()).expect("readable"), &expected);
            }
        }
    }
}

#[test]
fn filters_compare_numbers_and_text() {
    let (columns, csv) = table(200);
    let parquet = bytes(FIELDS, &columns, 64, properties());
    for (column, values) in [
        ("kind", "hot"),
        ("flag", "1"),
        ("double", "1.5"),
        ("long", "0"),
    ] {
        let filter = Some(RowFilter {
            column: column.into(),
            values: vec![values.into()],
        });
        let request = ColumnRequest {
            events: Some(vec!["small".into()]),
            filter,
            ..ColumnRequest::default()
        };
        let expected = read(csv.as_bytes(), &request).expect("some pass");
        assert_same(&read(&parquet, &request).expect("some pass"), &expected);
    }
}

#[test]
fn each_fault_has_its_sentence() {
    let all = ColumnRequest::default();
    let numbers = || Column::Double(vec![Some(1.0), None, Some(3.0)]);
    let case = |fields: &str, columns: &[Column], request: &ColumnRequest| {
        read(&bytes(fields, columns, 10, properties()), request)
            .expect_err(fields)
            .to_string()
    };
    let refused = |kind: &str, column: Column, holds: &str| {
        let fields = format!("optional double a; optional {kind};");
        assert_eq!(
            case(&fields, &[numbers(), column], &all),
            format!(
                "column `t` holds {holds}, which are neither numbers nor text; leave it out with \
                 --columns a (all columns are used when none is named)"
            )
        );
    };
    let int64 = || Column::Int64(vec![None; 3]);
    let int32 = || Column::Int32(vec![None; 3]);
    refused("int64 t (TIMESTAMP_MILLIS)", int64(), "timestamps");
    refused("int64 t (TIMESTAMP(NANOS,true))", int64(), "timestamps");
    refused("int96 t", Column::Int96(vec![None; 3]), "timestamps");
    refused("int32 t (DATE)", int32(), "dates");
    refused("int32 t (TIME_MILLIS)", int32(), "times of day");
    refused(
        "fixed_len_byte_array(16) t",
        Column::Fixed(vec![None; 3]),
        "bytes of fixed length",
    );
    assert_eq!(
        case(
            "optional group s { optional double x; }",
            &[numbers()],
            &all
        ),
        "column `s.x` holds parts of a structure, which are neither numbers nor text; leave it out \
         with --columns"
    );
    let texts = || text(&["7", "warm", "8"]);
    assert_eq!(
        case(
            "optional double a; optional binary b (UTF8);",
            &[numbers(), texts()],
            &all
        ),
        "row 2, column `b`: \"warm\" is not a number; the column holds text: leave it out with \
         --columns a (all columns are used when none is named)"
    );
    let labelled = ColumnRequest {
        label: Some("b".into()),
        ..ColumnRequest::default()
    };
    assert_eq!(
        case(
            "optional double a; optional binary b (UTF8);",
            &[numbers(), texts()],
            &labelled
        ),
        "row 1, column `b`: the label \"7\" is neither 0 (normal) nor 1 (anomaly); if its values \
         have other names, list the normal ones with --normal"
    );
    let weighted = ColumnRequest {
        weights: Some("w".into()),
        ..ColumnRequest::default()
    };
    assert_eq!(
        case(
            "optional double a; optional double w;",
            &[
                numbers(),
                Column::Double(vec![Some(1.0), Some(2.0), Some(-0.5)])
            ],
            &weighted
        ),
        "row 3, column `w`: the weight \"-0.5\" is not a finite number of at least 0; mend it, or \
         give rows that shall not count the weight 0"
    );
    assert_eq!(
        case(
            "optional double a;",
            &[Column::Double(vec![None, None])],
            &all
        ),
        "has no usable row: each of its 2 rows has a missing or non-finite cell (`a`: 2 missing, \
         first in row 1); mend them, or leave the column out with --columns"
    );
    assert_eq!(
        case("optional double a;", &[Column::Double(vec![])], &all),
        "holds no row"
    );
    assert!(
        read(b"PARE....PARE", &all)
            .expect_err("encrypted")
            .to_string()
            .starts_with("is an encrypted Parquet file")
    );
}

/// What reading a damaged file came to: a recording, or a sentence.
fn survives(bytes: &[u8]) -> bool {
    match read(bytes, &request()) {
        Ok(_) => true,
        Err(error) => {
            let sentence = error.to_string();
            assert!(
                !sentence.is_empty() && !sentence.contains('\n'),
                "{sentence:?}"
            );
            false
        }
    }
}

#[test]
fn a_file_cut_short_is_damaged_wherever_it_ends() {
    let (columns, _) = table(60);
    let whole = bytes(FIELDS, &columns, 25, properties());
    assert!(survives(&whole));
    for length in (0..whole.len()).step_by(7) {
        assert!(!survives(&whole[..length]), "{length}");
    }
}

#[test]
fn flipped_bits_end_in_a_recording_or_a_sentence() {
    let (columns, _) = table(60);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in compressions() {
            let properties = WriterProperties::builder()
                .set_compression(compression)
                .set_writer_version(version)
                .build();
            let whole = bytes(FIELDS, &columns, 25, properties);
            let mut refused = 0;
            for _ in 0..FLIPS {
                let mut damaged = whole.clone();
                for _ in 0..1 + rng.next_u64() % 3 {
                    let bit = (rng.next_u64() % (8 * whole.len() as u64)) as usize;
                    damaged[bit / 8] ^= 1 << (bit % 8);
                }
                refused += usize::from(!survives(&damaged));
            }
            assert!(refused > FLIPS / 20, "{refused}");
        }
    }
}

/// Damaged files of each kind.
const FLIPS: usize = 500;
