//! What the examples show of themselves is what they do.

use flow_tests::detection::picture;
use std::fs;
use xtask::workspace;

/// The picture in the README is of the run whose output is committed; `BLESS=1` draws it anew.
#[test]
fn the_picture_is_of_the_run() {
    let folder = workspace::root().join("examples/anomaly-firmware");
    let printed = fs::read_to_string(folder.join("expected.txt")).expect("the output");
    let picture = picture::svg(&printed).expect("drawn");
    let path = folder.join("evidence.svg");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &picture).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == picture,
        "evidence.svg is not of expected.txt: BLESS=1 cargo test -p flow-tests --test all examples"
    );
    assert!(picture.contains("<circle"), "no alarm to be seen");
}
