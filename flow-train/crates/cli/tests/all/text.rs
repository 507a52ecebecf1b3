//! Texts, judged by their lines.

use super::flow::Folder;

/// A log of so many lines: a temperature of two digits that scatters, and now and then something else.
fn log(lines: u32, seed: u64) -> String {
    let mut state = seed;
    let mut below = |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut line = |_| match below(8) {
        0 => "door shut\n".to_owned(),
        _ => format!("t={} ok\n", 20 + below(4) + below(4)),
    };
    (0..lines).map(&mut line).collect()
}

const TRAIN: &str =
    "train log.txt -o log.flow --text 4 --head 8 --embedding 3 --epochs 4 --alpha 0.02";

/// A folder with a log, another one, and a model of the first.
pub(crate) fn trained() -> Folder {
    let folder = Folder::new()
        .with("log.txt", log(5000, 1))
        .with("other.txt", log(3000, 2));
    folder.flow(TRAIN).done();
    folder
}

#[test]
fn the_rows_of_a_text_are_its_lines() {
    let folder = trained();
    let inspected = folder.flow("inspect log.flow --json").json();
    assert_eq!(inspected["calibration"]["judges"], "lines");
    // 6 % of 5,000 lines, but for those at the ends.
    let rows = inspected["calibration"]["rows"].as_u64().expect("a number");
    assert!((270..330).contains(&rows), "{rows}");
    let evaluated = folder.flow("eval log.flow other.txt").done();
    assert!(
        evaluated.out.contains("2 % (not examined) of normal lines"),
        "{}",
        evaluated.out
    );
    folder.flow("codegen log.flow -o log.rs").done();
    let code = folder.read("log.rs");
    assert!(code.contains("CalibratedLines for Log"));
    assert!(!code.contains("flow_embedded::Calibrated for"));
    folder
        .flow("quantise log.flow other.txt --weights f16 -o small.flow")
        .done();
    let inspected = folder.flow("inspect small.flow --json").json();
    assert_eq!(inspected["calibration"]["judges"], "lines");
}

#[test]
fn lines_are_scored_whatever_stands_in_them() {
    let folder = trained();
    let mut text = log(400, 3);
    text += "t=21 ok\nt=21 ök\ndoor t=20 ok\nt=71 ok\nt=23 ok";
    let folder = folder.with("new.txt", &text);
    let run = folder.flow("score log.flow new.txt -o scores.csv").done();
    assert!(run.err.contains("405 lines, 404 scored"), "{}", run.err);
    let scores = folder.read("scores.csv");
    let rows: Vec<Vec<&str>> = scores.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0], ["log_prob", "p_value", "alarm", "least_likely"]);
    assert_eq!(rows[1], [""; 4], "the first line has no past");
    assert_eq!(rows.len(), 406);
    let alarms: Vec<&str> = rows[401..].iter().map(|row| row[2]).collect();
    assert_eq!(alarms, ["0", "1", "1", "1", "0"]);
    // A character that the log never had; where another message goes on; a digit.
    let places: Vec<&str> = rows[402..405].iter().map(|row| row[3]).collect();
    assert_eq!(places, ["6", "6", "3"]);
    assert_eq!(rows[402][0], "-inf");
    let false_alarms = rows[2..402].iter().filter(|row| row[2] == "1").count();
    assert!(false_alarms < 24, "{false_alarms} of 400, 2 % promised");
}

#[test]
fn a_log_calibrates_line_by_line() {
    let folder = trained();
    let report = folder
        .flow("calibrate log.flow other.txt --alpha 0.01 --json")
        .json();
    assert_eq!(report["rows"], 2999);
    assert_eq!(report["promise_stands"], true);
    let verdict = report["verdict"].as_str().expect("a sentence");
    assert!(verdict.contains("independent ones"), "{verdict}");
    // A log that is another in its second half.
    let changed = log(1500, 4) + &"t=26 ok\n".repeat(1500);
    let folder = folder.with("changed.txt", changed);
    let report = folder
        .flow("calibrate log.flow changed.txt -o x.flow --json")
        .json();
    assert_eq!(report["promise_stands"], false);
    let verdict = report["verdict"].as_str().expect("a sentence");
    assert!(verdict.contains("too few"), "{verdict}");
    let folder = folder.with("odd.txt", log(300, 5) + "§\n");
    let run = folder
        .flow("calibrate log.flow odd.txt -o x.flow --alpha 0.01")
        .done();
    assert!(run.err.contains("1 lines hold a character"), "{}", run.err);
}

#[test]
fn what_texts_have_not_is_refused() {
    let folder = trained()
        .with("few.txt", "t=21 ok\n")
        .with("empty.txt", "")
        .with("binary.txt", [b't', b'\n', 0xff]);
    for option in ["--group x", "--by x", "--false-alarms '1 per day'"] {
        let mut arguments = vec!["calibrate", "log.flow", "other.txt"];
        arguments.extend(option.splitn(2, ' ').map(|word| word.trim_matches('\'')));
        folder.run(arguments).fails(2, &["one after another"]);
    }
    for option in ["--stream", "--group x", "--only x=1"] {
        let line = format!("score log.flow other.txt -o x.csv {option}");
        folder.flow(&line).fails(2, &["one after another"]);
    }
    folder
        .flow("calibrate log.flow few.txt -o x.flow")
        .fails(1, &["few.txt", "0"]);
    for (name, part) in [
        ("empty.txt", "a text needs characters"),
        ("binary.txt", "byte 2"),
    ] {
        let score = format!("score log.flow {name} -o x.csv");
        folder.flow(&score).fails(1, &[name, part]);
        let calibrate = format!("calibrate log.flow {name} -o x.flow");
        folder.flow(&calibrate).fails(1, &[name, part]);
    }
    assert!(!folder.names().iter().any(|name| name.starts_with("x.")));
}

/// Without line breaks there are no lines, and every character is a row.
#[test]
fn letters_are_rows() {
    let folder = Folder::new().with("log.txt", log(3000, 1));
    folder
        .run(TRAIN.split(' ').chain(["--alphabet", "letters"]))
        .done();
    let inspected = folder.flow("inspect log.flow --json").json();
    assert_eq!(inspected["calibration"]["judges"], "rows");
    folder.flow("score log.flow log.txt -o scores.csv").done();
    let rows = folder.read("scores.csv").lines().count();
    assert_eq!(rows, 1 + folder.read("log.txt").len());
}
