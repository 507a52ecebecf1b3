//! The front page fits two screens, every page is one click from it, and every link leads somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::{text, tracked};
use xtask::workspace;

/// The most words of the front page, code included.
const FRONT_PAGE_WORDS: usize = 1_500;

/// A link of a page: the line it stands in, counted from 1, and what it names.
#[derive(Debug, PartialEq)]
struct Link {
    line: usize,
    target: String,
}

/// The lines of a page that are no code, with their numbers, and their code spans blanked.
fn prose(page: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fence = None;
    page.lines().enumerate().filter_map(move |(index, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(own), Some(other)) if own == other => fence = None,
            (None, None) => return Some((index + 1, without_code(line))),
            _ => {}
        }
        None
    })
}

/// A line in which code spans are spaces.
fn without_code(line: &str) -> String {
    let spans: Vec<&str> = line.split('`').collect();
    // The last mark of an odd number of them opens nothing.
    let paired = spans.len() % 2 == 1;
    let mut shown = String::new();
    for (index, span) in spans.iter().enumerate() {
        let is_code = index % 2 == 1 && (paired || index + 1 < spans.len());
        match is_code {
            true => shown.extend(span.chars().map(|_| ' ')),
            false => shown += span,
        }
    }
    shown
}

/// The links of a page to files and anchors of the repository. A link's text may end a line before its target, so
/// it is the bracket between them that is looked for.
fn links(page: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, own) in prose(page) {
        for rest in own.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            let elsewhere = ["http:", "https:", "mailto:"];
            if !elsewhere.iter().any(|scheme| target.starts_with(scheme)) {
                let target = target.to_owned();
                links.push(Link { line, target });
            }
        }
    }
    links
}

/// The anchors of a page's headings, as forges make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut fence = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        fence ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fence || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = |own: &char| own.is_alphanumeric() || matches!(own, ' ' | '-' | '_');
        let slug: String = title
            .trim()
            .chars()
            .filter(kept)
            .flat_map(char::to_lowercase)
            .map(|own| if own == ' ' { '-' } else { own })
            .collect();
        let count = counts.entry(slug.clone()).or_default();
        anchors.insert(match *count {
            0 => slug,
            count => format!("{slug}-{count}"),
        });
        *count += 1;
    }
    anchors
}

/// A path with `..` taken out, where it does not leave the root.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut own = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => own.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !own.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(own)
}

/// Where a link of a page leads, relative to the root, and its anchor.
fn destination<'l>(page: &Path, link: &'l Link) -> Option<(PathBuf, Option<&'l str>)> {
    let (path, anchor) = match link.target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link.target.as_str(), None),
    };
    let own = match path {
        "" => page.to_owned(),
        path => normal(&page.parent()?.join(path))?,
    };
    Some((own, anchor))
}

/// What is wrong with a link of a page, if it leads nowhere.
fn fault(page: &Path, link: &Link) -> Option<String> {
    let place = || format!("{}:{}: `{}`", page.display(), link.line, link.target);
    let Some((path, anchor)) = destination(page, link) else {
        return Some(format!("{} leaves the repository", place()));
    };
    if !workspace::root().join(&path).exists() {
        return Some(format!("{}: there is no {}", place(), path.display()));
    }
    let anchor = anchor.filter(|_| path.extension().is_some_and(|own| own == "md"))?;
    match anchors(&text(&path)).contains(anchor) {
        true => None,
        false => Some(format!(
            "{}: {} has no such heading",
            place(),
            path.display()
        )),
    }
}

#[test]
fn the_front_page_fits_two_screens() {
    let words = text("README.md").split_whitespace().count();
    assert!(
        words <= FRONT_PAGE_WORDS,
        "README.md has {words} words of at most {FRONT_PAGE_WORDS}: move some to a page under docs"
    );
}

#[test]
fn the_front_page_names_the_two_commands() {
    let page = text("README.md");
    for command in ["cargo xtask test", "cargo xtask demo"] {
        assert!(
            page.contains(command),
            "README.md does not name `{command}`"
        );
    }
}

#[test]
fn every_page_is_one_click_from_the_front_page() {
    let front = Path::new("README.md");
    let linked: BTreeSet<PathBuf> = links(&text(front))
        .iter()
        .filter_map(|link| Some(destination(front, link)?.0))
        .collect();
    let mut pages = tracked("docs/*.md");
    pages.extend(
        [
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "docs/flow.svg",
        ]
        .map(PathBuf::from),
    );
    for page in pages {
        assert!(
            linked.contains(&page),
            "README.md does not link {}",
            page.display()
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut faults = Vec::new();
    for page in tracked("*.md") {
        for link in links(&text(&page)) {
            count += 1;
            faults.extend(fault(&page, &link));
        }
    }
    assert!(
        faults.is_empty(),
        "links that lead nowhere:\n{}",
        faults.join("\n")
    );
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn links_are_found_outside_code() {
    let page = "[a](docs/a.md) ![b](b.svg \"B\") `[c](c.md)` [d](https://d.e) [f\ng](g.md#h)\n\
                ```\n[i](i.md)\n```\n[`j`](#k)\n";
    let found: Vec<(usize, String)> = links(page)
        .into_iter()
        .map(|link| (link.line, link.target))
        .collect();
    let expected = [(1, "docs/a.md"), (1, "b.svg"), (2, "g.md#h"), (6, "#k")];
    let expected = expected.map(|(line, target)| (line, target.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn broken_links_are_named() {
    let page = Path::new("docs/cost.md");
    let fault = |target: &str| {
        let target = target.to_owned();
        fault(page, &Link { line: 1, target })
    };
    assert_eq!(fault("../README.md#quick-start-a-cortex-m"), None);
    assert_eq!(fault("detection.md"), None);
    assert_eq!(fault("#errors-of-the-predictions"), None);
    for (target, word) in [
        ("nowhere.md", "there is no docs/nowhere.md"),
        ("README.md", "there is no docs/README.md"),
        ("../../elsewhere.md", "leaves the repository"),
        ("detection.md#nowhere", "no such heading"),
    ] {
        let found = fault(target).unwrap_or_default();
        assert!(found.contains(word), "{target}: {found}");
    }
}

#[test]
fn anchors_are_those_of_forges() {
    let page = "# A model: what's `it`?\n## Twice\n```\n# no heading\n```\n## Twice\n#no\n";
    let expected = ["a-model-whats-it", "twice", "twice-1"].map(str::to_owned);
    assert_eq!(anchors(page), BTreeSet::from(expected));
}
