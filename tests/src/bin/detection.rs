//! What promises come to on four real recordings, and how soon faults are found beside control
//! charts: writes `docs/detection.md`. Run it by `cargo run -p flow-tests --bin detection`, with the
//! folder of the recordings if it is not `../shared/data`.

use anyhow::{Context, Result, bail};
use flow_tests::detection::sets::{Parts, SETS, Set};
use flow_tests::detection::subject::{self, ALPHA, Observed, Promise, Subject};
use flow_tests::detection::trials::{self, CHARTS, Charts, FAULTS};
use flow_train::calibrate::{Statistics, clopper_pearson};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use xtask::workspace;

const PREFACE: &str = "\
# Promises and delays on real recordings

Four recordings of normal rows in the order of time, of which one part trains a model (`flow train`
with nothing said but the features of the past), another calibrates it (`flow calibrate --alpha 0.01
--false-alarms …`), and the rest is held out.

| set | what | divided | promised |
|---|---|---|---|
";

const PROMISES: &str = "
## Promises

What `flow calibrate` said beforehand, beside what the held-out rows gave: the rate with its exact
95 % interval (Clopper & Pearson 1934), of single samples at alpha = 1 % and of the test over the
stream, in 1,000 samples. A promise is *kept* if the interval holds or lies below what was promised.
*Worth* is how many independent rows the calibration rows are worth, of the statistic of which they
are worth least.

| set | past | said | rows (worth) | alarms of single samples | alarms over the stream |
|---|---|---|---|---|---|
";

const SAID: &str = "
The method has seen these held-out rows once: a rule that left out statistics which depend on their
past, and then let the promise stand, was tried on this page and given up, since a promise broke by it
that was said to stand (imu_xsens_static, --lags 1,2,3: 5.40 alarms in 1,000 samples, 2.17 to 11.09,
where 2.00 were promised). Now any such statistic makes the promise one that does not stand.

In its own words:
";

const DELAYS: &str = "
## Delays

Faults of one channel, each channel in turn, put into held-out rows at 45 times; sizes are in standard
deviations (sd) of the channel. The mean number of samples to the alarm; one that is not found in 400
samples, or until the recording ends, counts as that many. Control charts (CUSUM and EWMA on z-scores
of each channel, a threshold on the Mahalanobis distance) have the thresholds that give the
calibration rows the promised number of alarms. *As promised* is the designed test, whose alarms are
fewer, since it answers for the luck of its calibration; *same rate* is the test that is designed for
as many alarms on these rows as the charts have. Where the promise does not stand, held-out rows give
more alarms than the calibration rows, and some charts more than others: the last four columns have
thresholds, and a test, that give the *held-out* rows the promised number of alarms. Of the models of a
set it is the one whose promise stands, or else the one whose calibration rows are worth most.

Sooner, as soon, later than each chart, over all sets, faults and sizes:

| | CUSUM | EWMA | Mahalanobis |
|---|---|---|---|
";

const BLAME: &str = "
## Blame

How often the channel to blame is the one that is off by five standard deviations: in single samples,
and at the alarm of an offset that lasts.

| set | past | in single samples | at the alarm |
|---|---|---|---|
";

const END: &str = "
This page is generated: `cargo run --package flow-tests --bin detection`.
";

/// A model of a set, calibrated, with rows that were held out.
struct Case {
    past: &'static str,
    subject: Subject,
    promise: Promise,
    calibration: Vec<Vec<Observed>>,
    held_out: Vec<Vec<Observed>>,
}

/// Sections of the page.
#[derive(Default)]
struct Page {
    promises: String,
    verdicts: String,
    delays: String,
    blame: String,
    /// Of the test at the same rate against each chart: sooner, as soon, later.
    tally: [[u32; 3]; CHARTS.len() - 2],
    /// The same of the test as promised.
    promised: [[u32; 3]; CHARTS.len() - 2],
    /// And of all at the same rate over the held-out rows.
    afterwards: [[u32; 3]; CHARTS.len() - 2],
}

fn main() -> Result<()> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = given.unwrap_or_else(|| workspace::root().join("../shared/data"));
    let mut page = Page::default();
    for set in &SETS {
        let Some(parts) = set.read(&folder)? else {
            bail!(
                "{} is not in {}: docs/detection.md is left as it is; give the folder of the recordings",
                set.name,
                folder.display()
            );
        };
        let cases = cases(set, &parts)?;
        for case in &cases {
            promised(&mut page, set, case)?;
        }
        let stands = |case: &&Case| case.promise.verdict.promise_stands();
        let worth = |case: &Case| case.promise.verdict.effective;
        let most = cases.iter().max_by(|a, b| worth(a).total_cmp(&worth(b)));
        if let Some(case) = cases.iter().find(stands).or(most) {
            found(&mut page, set, &parts, case)?;
        }
    }
    let mut text = String::from(PREFACE);
    for Set {
        name,
        what,
        divided,
        promise,
        ..
    } in &SETS
    {
        writeln!(text, "| {name} | {what} | {divided} | {} |", promise[0])?;
    }
    write!(
        text,
        "{PROMISES}{}{SAID}\n{}{DELAYS}",
        page.promises, page.verdicts
    )?;
    for (name, tally) in [
        ("as promised", page.promised),
        ("same rate over the calibration rows", page.tally),
        ("same rate over the held-out rows", page.afterwards),
    ] {
        let cells = tally.map(|[sooner, same, later]| format!("{sooner} / {same} / {later}"));
        writeln!(text, "| {name} | {} |", cells.join(" | "))?;
    }
    write!(text, "{}{BLAME}{}{END}", page.delays, page.blame)?;
    fs::write(workspace::root().join("docs/detection.md"), text)?;
    Ok(())
}

/// The set without a past, and with each cure.
fn cases(set: &Set, parts: &Parts) -> Result<Vec<Case>> {
    let cures = set.cures.iter().map(|(past, cure)| (*past, Some(*cure)));
    let case = |(past, cure)| {
        let subject = Subject::trained(set, &parts.train, cure)?;
        let calibration = subject.observe(&parts.calibrate)?;
        let case = Case {
            past,
            promise: Subject::promise(set, &calibration)?,
            held_out: subject.observe(&parts.held_out)?,
            subject,
            calibration,
        };
        println!("{}, {past}: {}", set.name, case.promise.verdict);
        Ok(case)
    };
    std::iter::once(("none", None))
        .chain(cures)
        .map(case)
        .collect()
}

/// A rate with its interval, and what became of the promise.
fn measured(
    alarms: u64,
    samples: u64,
    promised: f64,
    stands: bool,
    show: impl Fn(f64) -> String,
) -> String {
    let (low, high) = clopper_pearson(alarms, samples, 0.95);
    let kept = match (low <= promised, stands) {
        (true, _) => "kept",
        (false, false) => "broken, as announced",
        (false, true) => "**broken**",
    };
    let rate = alarms as f64 / samples as f64;
    format!("{} ({} to {}), {kept}", show(rate), show(low), show(high))
}

/// Its lines about the promises.
fn promised(page: &mut Page, set: &Set, case: &Case) -> Result<()> {
    let Promise {
        table,
        verdict,
        run_length,
        design,
    } = &case.promise;
    let stands = verdict.promise_stands();
    let rows: Vec<&Observed> = case.held_out.iter().flatten().collect();
    let count = rows.len() as u64;
    let alarm = |row: &&&Observed| table.p_value(row.statistics[0]) <= table.alpha();
    let single = rows.iter().filter(alarm).count() as u64;
    let percent = |rate| format!("{:.2} %", 100.0 * rate);
    let single = measured(single, count, ALPHA, stands, percent);
    let streamed = match design {
        Ok(design) => {
            let artefact = case
                .subject
                .artefact(&case.promise, design, &case.calibration)?;
            let alarms = subject::alarms(&artefact, &case.held_out)?;
            let of_1000 = |rate: f64| format!("{:.2}", 1e3 * rate);
            let rate = measured(alarms, count, 1.0 / run_length, stands, of_1000);
            format!("{rate}; promised {:.2}", 1e3 / run_length)
        }
        Err(_) => "refused".to_owned(),
    };
    writeln!(
        page.promises,
        "| {} | {} | {} | {} ({:.0}) | {single} | {streamed} |",
        set.name,
        case.past,
        if stands { "stands" } else { "does not stand" },
        verdict.rows,
        verdict.effective
    )?;
    let sentence = verdict.sentence(Statistics::name);
    write!(page.verdicts, "- {}, {}: {sentence}", set.name, case.past)?;
    if let Err(fault) = design {
        write!(page.verdicts, ". Refused: {fault}")?;
    }
    writeln!(page.verdicts, ".")?;
    Ok(())
}

/// Its lines about faults.
fn found(page: &mut Page, set: &Set, parts: &Parts, case: &Case) -> Result<()> {
    let past = case.past;
    let Ok(design) = &case.promise.design else {
        writeln!(
            page.delays,
            "\n### {}, {past}\n\nNo test can be designed.",
            set.name
        )?;
        return Ok(());
    };
    let run_length = case.promise.run_length;
    let same = |rows| {
        let own = trials::tuned(&case.calibration, &case.promise, rows);
        own.with_context(|| format!("{}, {past}", set.name))
    };
    let (before, afterwards) = (same(&case.calibration)?, same(&case.held_out)?);
    let mut charts = Charts::new([design, &before], &case.calibration, run_length);
    let mut later = Charts::new([design, &afterwards], &case.held_out, run_length);
    let names = [&CHARTS[..], &CHARTS[1..]].concat().join(" | ");
    write!(
        page.delays,
        "\n### {}, {past}\n\n| | | {names} |\n|---|---|",
        set.name
    )?;
    writeln!(page.delays, "{}", "---|".repeat(2 * CHARTS.len() - 1))?;
    for (what, rows) in [
        ("calibration", &case.calibration),
        ("held-out", &case.held_out),
    ] {
        let samples: usize = rows.iter().map(Vec::len).sum();
        let alarms = [&charts.alarms(rows)[..], &later.alarms(rows)[1..]].concat();
        let alarms: Vec<String> = alarms.iter().map(u64::to_string).collect();
        writeln!(
            page.delays,
            "| alarms | in {samples} {what} rows | {} |",
            alarms.join(" | ")
        )?;
    }
    let mut here = [[0; 3]; CHARTS.len() - 2];
    for (name, sizes) in FAULTS {
        for fault in sizes {
            let streams = trials::faulty(set, &case.subject, &parts.held_out, fault)?;
            let (own, all) = (charts.delays(&streams), later.delays(&streams));
            let delays = [&own[..], &all[1..]].concat();
            let cells: Vec<String> = delays.iter().map(|delay| format!("{delay:.1}")).collect();
            writeln!(
                page.delays,
                "| {name} | {} | {} |",
                fault.size(),
                cells.join(" | ")
            )?;
            let count = |tally: &mut [[u32; 3]], own: f64, peers: &[f64]| {
                for (tally, peer) in tally.iter_mut().zip(peers) {
                    tally[usize::from(own >= *peer) + usize::from(own > *peer)] += 1;
                }
            };
            count(&mut page.promised, own[0], &own[2..]);
            count(&mut page.tally, own[1], &own[2..]);
            count(&mut page.afterwards, all[1], &all[2..]);
            count(&mut here, all[1], &all[2..]);
        }
    }
    let cells = here.map(|[sooner, same, later]| format!("{sooner} / {same} / {later}"));
    let [cusum, ewma, mahalanobis] = cells;
    writeln!(
        page.delays,
        "\nSooner, as soon, later at the same rate over the held-out rows: CUSUM {cusum}, EWMA {ewma}, \
         Mahalanobis {mahalanobis}."
    )?;
    let artefact = case
        .subject
        .artefact(&case.promise, design, &case.calibration)?;
    let found = trials::blame(set, &case.subject, &artefact, &parts.held_out)?;
    let cells = found
        .map(|(right, all)| format!("{:.1} % of {all}", 100.0 * right as f64 / all.max(1) as f64));
    if set.columns.len() > 1 {
        writeln!(
            page.blame,
            "| {} | {past} | {} | {} |",
            set.name, cells[0], cells[1]
        )?;
    }
    println!("{}", page.delays);
    Ok(())
}
