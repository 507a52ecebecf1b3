//! Models that are conditioned on the past of their own stream, on the command line.

use super::flow::Folder;
use std::fmt::Write as _;

/// Two recordings of a slow and a quick channel, whose past says much; line 14 has a gap.
fn stream() -> Folder {
    Folder::new()
        .with("stream.csv", recordings(1))
        .with("other.csv", recordings(2))
}

fn recordings(seed: u64) -> String {
    let mut text = "run,slow,quick\n".to_owned();
    let mut state = seed;
    for run in ["r1", "r2", "r3"] {
        let [mut slow, mut quick] = [0.0f64; 2];
        for row in 0..400 {
            let mut noise = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
            };
            slow = 0.95 * slow + noise();
            quick = -0.7 * quick + noise() + 0.3 * slow;
            match (run, row) {
                ("r1", 12) => writeln!(text, "{run},,{quick:.6}"),
                _ => writeln!(text, "{run},{slow:.6},{quick:.6}"),
            }
            .expect("text");
        }
    }
    text
}

const TRAIN: &str = "train stream.csv -o past.flow --columns slow,quick --group run --lags 1,2 \
                     --averages 2 --family maf --layers 2 --hidden 8 --epochs 8 --alpha 0.05";

#[test]
fn a_model_of_the_past_goes_through_every_command() {
    let folder = stream();
    let run = folder.flow(TRAIN).done();
    // Three starts of four rows, and one gap of which two more rows lack the past.
    let told = "1200 rows read, 1 dropped (`slow`: 1 missing, first in line 14), 14 without \
                enough past, 1185 used";
    assert!(run.err.contains(told), "{}", run.err);

    let inspected = folder.flow("inspect past.flow --json").json();
    let names: Vec<&str> = inspected["context"]
        .as_array()
        .expect("channels")
        .iter()
        .filter_map(|channel| channel["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "slow[t-1]",
            "slow[t-2]",
            "quick[t-1]",
            "quick[t-2]",
            "ema2(slow)",
            "ema2(quick)"
        ]
    );
    assert_eq!(inspected["warm_up"], 4);
    assert_eq!(inspected["features"][4]["Average"]["shift"], 2);
    let command = inspected["provenance"]["command"].as_str().expect("text");
    assert!(
        command.contains("--columns slow,quick --lags 1,2 --averages 2 --group run"),
        "{command}"
    );
    assert!(!command.contains("--context"), "{command}");

    // As many scores as rows were used, and the rows without a past are empty.
    let scored = folder
        .flow("score past.flow stream.csv --group run -o scores.csv --json")
        .json();
    assert_eq!([&scored["rows"], &scored["scored"]], [1200, 1185]);
    let scores = folder.read("scores.csv");
    let empty = scores
        .lines()
        .skip(1)
        .enumerate()
        .filter(|(_, line)| *line == ",,");
    let empty: Vec<usize> = empty.map(|(row, _)| row).collect();
    let starts = (0..3).flat_map(|run| (0..4).map(move |row| 400 * run + row));
    let mut expected: Vec<usize> = starts.chain([12, 13, 14]).collect();
    expected.sort_unstable();
    assert_eq!(empty, expected);
    // Without --group the second recording goes on where the first one ends.
    let scored = folder
        .flow("score past.flow stream.csv -o all.csv --json")
        .json();
    assert_eq!(scored["scored"], 1193);

    let eval = folder
        .flow("eval past.flow stream.csv --group run --json")
        .json();
    assert_eq!(eval["rows"], 1185);
    let report = folder
        .flow("calibrate past.flow other.csv --group run --alpha 0.1 -o other.flow --json")
        .json();
    assert_eq!(report["rows"], 1185);
    folder
        .flow("codegen past.flow -o small.rs --weights i8 --rows other.csv --group run")
        .done();
    folder
        .flow("quantise past.flow other.csv --group run --weights f16 -o half.flow")
        .done();
    for module in ["past.rs", "half.rs"] {
        let model = module.replace(".rs", ".flow");
        folder.flow(&format!("codegen {model} -o {module}")).done();
        assert!(
            folder.read(module).contains("Windowed<2, 6, 2, 2> for"),
            "{module}"
        );
    }
    assert!(folder.read("small.rs").contains("Windowed<2, 6, 2, 2> for"));
}

#[test]
fn a_past_is_worth_its_gain() {
    let folder = stream();
    let mean = |run: super::flow::Run| run.json()["log_prob_mean"].as_f64().expect("a number");
    let long = TRAIN.replace("--epochs 8", "--epochs 100 --learning-rate 0.01");
    let with = mean(folder.flow(&format!("{long} --json")));
    let without = long.replace("--lags 1,2 --averages 2", "--json");
    let without = mean(folder.flow(&without));
    assert!(with > without + 0.5, "{with} {without}");
}

#[test]
fn samples_need_a_past_to_go_on_from() {
    let folder = stream();
    folder.flow(TRAIN).done();
    folder.flow("sample past.flow -n 3 -o new.csv").fails(
        2,
        &[
            "past of its own stream (slow[t-1], ",
            "--context-from RECORDING",
        ],
    );
    folder
        .flow("sample past.flow -n 1185 --context-from stream.csv --group run -o new.csv")
        .done();
    let new = folder.read("new.csv");
    let header = "slow,quick,slow[t-1],slow[t-2],quick[t-1],quick[t-2],ema2(slow),ema2(quick)";
    assert_eq!(new.lines().next(), Some(header));
    assert_eq!(new.lines().count(), 1186);
    let given = "slow[t-1]=0,slow[t-2]=0,quick[t-1]=0,quick[t-2]=0,ema2(slow)=0,ema2(quick)=0";
    folder
        .flow(&format!("sample past.flow -n 3 --given {given} -o new.csv"))
        .done();
}

#[test]
fn features_that_make_no_sense_are_refused() {
    let folder = stream();
    for (options, code, part) in [
        ("--lags 0", 2, "1..=1024"),
        ("--deviations 1", 2, "2..=1024"),
        ("--averages 17", 2, "1..=16"),
        ("--lags 2,3,2", 2, "--lags has 2 twice"),
        (
            "--means 3 --domain slow=circular:0:360",
            2,
            "mean3(slow): `slow` is an angle",
        ),
    ] {
        let run = folder.flow(&format!(
            "train stream.csv -o x.flow --columns slow,quick {options}"
        ));
        assert_eq!(run.code, Some(code), "{options}: {}", run.err);
        assert!(run.err.contains(part), "{options}: {}", run.err);
    }
    let many: Vec<String> = (1..=129).map(|lag| lag.to_string()).collect();
    let run = format!(
        "train stream.csv -o x.flow --columns slow,quick --lags {}",
        many.join(",")
    );
    folder
        .flow(&run)
        .fails(2, &["129 features of 2 columns are 258 context channels"]);
    folder
        .flow("train stream.csv -o x.flow --columns slow,quick --lags 600 --group run")
        .fails(
            1,
            &[
                "has no row with enough past among its 1200",
                "need 600 rows before",
            ],
        );
    assert_eq!(folder.names(), ["other.csv", "stream.csv"]);
}
