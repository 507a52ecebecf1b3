//! The format of artefacts, byte for byte: `docs/artefact.md` has it, and what is said there of sections
//! holds.

use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{
    Domain, Evaluation, FORMAT_VERSION, Judged, LoadError, MAY_BE_LEFT_OUT, WeightFormat,
};
use flow_embedded::math::Backend;
use flow_tests::drafts::{draft, quantised, table};
use flow_train::artefact::{Draft, DraftCalibration, DraftChannel, DraftLayer};

/// A section: its kind and its payload.
type Section = (u16, Vec<u8>);

/// Takes an artefact apart: its sections, and its weights.
fn apart(artefact: &[u8]) -> (Vec<Section>, Vec<u8>) {
    let word = |at: usize| u32::from_le_bytes(artefact[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!(&artefact[..4], b"FLOW");
    assert_eq!(word(4), u32::from(FORMAT_VERSION));
    let end = 16 + word(8) as usize;
    let weights = artefact[end..end + 4 * word(12) as usize].to_vec();
    assert_eq!(artefact.len(), end + weights.len() + 4);
    let (mut sections, mut at) = (Vec::new(), 16);
    while at < end {
        let (kind, length) = (word(at), word(at + 4) as usize);
        let payload = artefact[at + 8..at + 8 + length].to_vec();
        sections.push((u16::try_from(kind).expect("zeros"), payload));
        at += 8 + length.next_multiple_of(4);
    }
    (sections, weights)
}

/// A section as it is written.
fn written((kind, payload): &Section) -> Vec<u8> {
    let mut bytes = u32::from(*kind).to_le_bytes().to_vec();
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An artefact of a header and weights, with its checksum.
fn framed(header: &[u8], weights: &[u8]) -> Vec<u8> {
    let mut bytes = b"FLOW".to_vec();
    bytes.extend(u32::from(FORMAT_VERSION).to_le_bytes());
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend((weights.len() as u32 / 4).to_le_bytes());
    bytes.extend(header);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(weights);
    let checksum = crc32(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// CRC-32 (IEEE 802.3, reflected), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}

/// An artefact of sections and weights.
fn together(sections: &[Section], weights: &[u8]) -> Vec<u8> {
    framed(
        &sections.iter().flat_map(written).collect::<Vec<_>>(),
        weights,
    )
}

/// Artefacts whose headers have every section among them.
fn drafts() -> Vec<Draft> {
    let own = table();
    let kinds = own.iter().filter(|(name, _)| {
        let rows = [
            "categories",
            "lines",
            "maf_lags",
            "realnvp_context",
            "domains",
        ];
        rows.contains(name)
    });
    let mut drafts: Vec<Draft> = kinds.map(|(_, kind)| draft(kind, 7)).collect();
    let (_, maf) = own.iter().find(|(name, _)| *name == "maf").expect("a row");
    drafts.push(quantised(&draft(maf, 7), WeightFormat::I8));
    drafts[0].evaluation = Some(Evaluation {
        rows: 1000,
        log_prob_mean: -3.5,
        log_prob_stderr: 0.25,
    });
    drafts
}

#[test]
fn every_section_is_written_in_order_and_read() {
    let mut all: Vec<u16> = Vec::new();
    for draft in drafts() {
        let bytes = draft.encode().expect("a valid draft");
        let (sections, weights) = apart(&bytes);
        assert_eq!(together(&sections, &weights), bytes);
        assert!(sections.is_sorted_by(|(before, _), (after, _)| before < after));
        let kinds: Vec<u16> = sections.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds[..2], [1, 2]);
        all.extend(kinds);
        let flow = LoadedFlow::from_bytes(&bytes).expect("valid");
        assert_eq!(Draft::from_loaded(&flow), draft);
    }
    all.sort_unstable();
    all.dedup();
    let evaluation = MAY_BE_LEFT_OUT | 1;
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, 8, 9, evaluation]);
}

/// Sections in all places that a newer version may have put them to.
#[test]
fn unknown_sections_are_left_out_or_refused_as_their_kind_says() {
    for draft in drafts() {
        let bytes = draft.encode().expect("a valid draft");
        let (sections, weights) = apart(&bytes);
        for (kind, length) in [
            (100, 0),
            (0x7fff, 5),
            (0x8002, 7),
            (0xffff, 0),
            (0xffff, 400),
        ] {
            let mut more = sections.clone();
            more.push((kind, vec![0xa5; length]));
            more.sort_by_key(|(kind, _)| *kind);
            let more = together(&more, &weights);
            let found = LoadedFlow::from_bytes(&more);
            if kind & MAY_BE_LEFT_OUT == 0 {
                let refused = LoadError::UnknownSection { kind };
                assert_eq!(found.err(), Some(refused));
                continue;
            }
            let flow = found.expect("left out");
            assert_eq!(Draft::from_loaded(&flow), draft);
            assert_eq!(Draft::from_loaded(&flow).encode().as_ref(), Ok(&bytes));
            let own = LoadedFlow::from_bytes(&bytes).expect("valid");
            assert_ne!(flow.digest(), own.digest());
        }
    }
}

#[test]
fn sections_that_are_missing_out_of_order_or_of_other_lengths_are_refused() {
    let refused = |bytes: &[u8], what: &str| {
        let found = LoadedFlow::from_bytes(bytes).err();
        assert_eq!(found, Some(LoadError::BadHeader), "{what}");
    };
    for draft in drafts() {
        let bytes = draft.encode().expect("a valid draft");
        let (sections, weights) = apart(&bytes);
        refused(&together(&[], &weights), "nothing");
        for at in 0..sections.len() {
            let changed = |change: &dyn Fn(&mut Vec<Section>), what| {
                let mut own = sections.clone();
                change(&mut own);
                refused(&together(&own, &weights), what);
            };
            changed(&|own| own.insert(at, sections[at].clone()), "twice");
            changed(&|own| own[at].1.push(0), "a byte more");
            changed(
                &|own| own[at].1.truncate(sections[at].1.len() - 1),
                "a byte less",
            );
            if at < 2 {
                changed(&|own| drop(own.remove(at)), "without what is always there");
            }
            if at > 0 {
                changed(&|own| own.swap(at - 1, at), "out of order");
            }
        }
        let header: Vec<u8> = sections.iter().flat_map(written).collect();
        let raw = |change: &dyn Fn(&mut Vec<u8>), what| {
            let mut own = header.clone();
            change(&mut own);
            refused(&framed(&own, &weights), what);
        };
        raw(&|own| own[2] = 1, "no zeros behind the kind");
        raw(&|own| own[3] = 128, "no zeros behind the kind");
        for length in [u32::MAX, u32::MAX - 7, 1 << 31, header.len() as u32] {
            raw(
                &|own| own[4..8].copy_from_slice(&length.to_le_bytes()),
                "a length beyond the end",
            );
        }
        raw(&|own| own.extend([0; 4]), "half a section");
        let padded = sections
            .iter()
            .position(|(_, own)| !own.len().is_multiple_of(4));
        let before = &sections[..padded.expect("one that is padded")];
        let before: usize = before.iter().map(|own| written(own).len()).sum();
        let end = before + written(&sections[padded.expect("as above")]).len();
        raw(&|own| own[end - 1] = 1, "no zeros behind the payload");
    }
}

/// The flow of the page's example.
fn example() -> Draft {
    let channel = DraftChannel {
        name: "t".into(),
        unit: "°C".into(),
        domain: Domain::Real,
        grid: None,
        mean: 20.0,
        inv_std: 0.25,
    };
    Draft {
        name: "room".into(),
        event: vec![channel],
        context: Vec::new(),
        layers: vec![DraftLayer::ElementWise(vec![[1.0, 0.0]])],
        base: flow_embedded::artefact::Base::Normal,
        base_weights: Vec::new(),
        math: Backend::Polynomial,
        calibration: Some(DraftCalibration {
            alpha: 0.1,
            rows: 19,
            judges: Judged::Events,
            table: vec![(-4.0, 0.05)],
        }),
        evaluation: None,
        created_by: "flow".into(),
        command: String::new(),
        data_digest: 300,
        rows: 200,
        seed: 1,
        quantisation: None,
        features: Vec::new(),
        sequential: None,
        noise: None,
        mondrian: None,
        vocabularies: Vec::new(),
        heads: Vec::new(),
    }
}

/// The bytes that the page shows: two hexadecimal digits each, up to two spaces.
fn shown(page: &str) -> Vec<u8> {
    let (_, rest) = page.split_once("## An example").expect("the example");
    let (_, rest) = rest.split_once("```text\n").expect("its bytes");
    let (lines, _) = rest.split_once("```").expect("their end");
    let bytes = lines.lines().flat_map(|line| {
        let digits = line.split("  ").next().expect("digits");
        digits.split_whitespace()
    });
    bytes
        .map(|digits| u8::from_str_radix(digits, 16).expect("a byte"))
        .collect()
}

#[test]
fn the_page_shows_what_is_written_and_read() {
    let page = include_str!("../../../docs/artefact.md");
    let bytes = example().encode().expect("a valid draft");
    let hex =
        |bytes: &[u8]| -> Vec<String> { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    assert_eq!(hex(&shown(page)), hex(&bytes), "{}", hex(&bytes).join(" "));
    let flow = LoadedFlow::from_bytes(&bytes).expect("an artefact");
    let log_prob = flow.log_prob(&[22.0], &[], &mut vec![0.0; flow.scratch_len()]);
    let log_prob = log_prob.expect("its shape");
    assert!(page.contains(&format!("{log_prob:.6}")), "{log_prob:.6}");
}
