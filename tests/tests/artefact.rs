//! The artefact against damage: always a typed error, never a panic, never a
//! wrong answer.

use flow_embedded::artefact::{Fault, LoadError, LoadedFlow, Place};
use flow_tests::drafts::{draft, rng, table};
use flow_train::export::{Draft, ExportError};
use rand_core::Rng;

fn artefacts() -> Vec<(&'static str, Draft, Vec<u8>)> {
    let encode = |(name, kind)| {
        let draft = draft(&kind, 7);
        let bytes = draft.encode().expect(name);
        (name, draft, bytes)
    };
    table().into_iter().map(encode).collect()
}

#[test]
fn a_draft_survives_the_round_trip_and_gives_the_same_bytes() {
    for (name, draft, bytes) in artefacts() {
        let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
        assert_eq!(Draft::from_loaded(&loaded), draft, "{name}");
        assert_eq!(draft.encode().expect(name), bytes, "{name}");
    }
}

#[test]
fn loads_at_any_alignment() {
    let (name, _, bytes) = artefacts().swap_remove(0);
    for shift in 0..4 {
        let mut moved = vec![0; shift];
        moved.extend_from_slice(&bytes);
        assert!(
            LoadedFlow::from_bytes(&moved[shift..]).is_ok(),
            "{name} at {shift}"
        );
    }
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    for (name, _, bytes) in artefacts() {
        for length in 0..bytes.len() {
            let error = LoadedFlow::from_bytes(&bytes[..length]).expect_err(name);
            assert!(
                matches!(error, LoadError::Truncated { .. }),
                "{name} at {length}: {error}"
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        let error = LoadedFlow::from_bytes(&longer).expect_err(name);
        assert!(
            matches!(error, LoadError::TrailingBytes { .. }),
            "{name}: {error}"
        );
    }
}

/// The checksum finds every single flip; what it says depends on the field.
#[test]
fn every_flipped_bit_is_refused() {
    for (name, _, mut bytes) in artefacts() {
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(LoadedFlow::from_bytes(&bytes).is_err(), "{name}, bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(LoadedFlow::from_bytes(&bytes).is_ok(), "{name}");
    }
}

#[test]
fn two_hundred_thousand_random_damages_are_refused() {
    let rng = &mut rng(1);
    let artefacts = artefacts();
    for _ in 0..200_000 {
        let (name, _, bytes) = &artefacts[rng.next_u32() as usize % artefacts.len()];
        let mut damaged = bytes.clone();
        for _ in 0..=rng.next_u32() % 8 {
            let at = rng.next_u32() as usize % damaged.len();
            damaged[at] = rng.next_u32() as u8;
        }
        if damaged != *bytes {
            assert!(LoadedFlow::from_bytes(&damaged).is_err(), "{name}");
        }
    }
}

#[test]
fn random_bytes_are_refused() {
    let rng = &mut rng(2);
    for _ in 0..200_000 {
        let mut bytes = vec![0; rng.next_u32() as usize % 200];
        rng.fill_bytes(&mut bytes);
        if bytes.len() >= 4 && rng.next_u32().is_multiple_of(2) {
            bytes[..4].copy_from_slice(b"FLOW");
        }
        assert!(LoadedFlow::from_bytes(&bytes).is_err());
    }
}

/// Damage that carries a right checksum reaches the decoder and the validator:
/// no panic, and what is accepted evaluates without one.
#[test]
fn damage_behind_a_right_checksum_does_no_harm() {
    let rng = &mut rng(3);
    let artefacts = artefacts();
    let mut accepted = 0;
    for _ in 0..200_000 {
        let (_, _, bytes) = &artefacts[rng.next_u32() as usize % artefacts.len()];
        let mut damaged = bytes.clone();
        let payload = damaged.len() - 4;
        for _ in 0..=rng.next_u32() % 3 {
            let at = 16 + rng.next_u32() as usize % (payload - 16);
            damaged[at] = rng.next_u32() as u8;
        }
        let checksum = crc32(&damaged[..payload]).to_le_bytes();
        damaged[payload..].copy_from_slice(&checksum);
        if let Ok(flow) = LoadedFlow::from_bytes(&damaged) {
            accepted += 1;
            let mut scratch = vec![0.0; flow.scratch_len()];
            let event = vec![0.5; flow.header().event.len()];
            let context = vec![0.5; flow.header().context.len()];
            let mut sample = event.clone();
            flow.log_prob(&event, &context, &mut scratch)
                .expect("shapes fit");
            flow.sample(rng, &context, &mut sample, &mut scratch)
                .expect("shapes fit");
        }
    }
    assert!(
        accepted > 1000,
        "damaged weights alone should often be accepted: {accepted}"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let (_, draft, bytes) = artefacts().swap_remove(0);
    let mut newer = bytes.clone();
    newer[4] = 9;
    assert_eq!(
        LoadedFlow::from_bytes(&newer).expect_err("too new"),
        LoadError::TooNew {
            found: 9,
            supported: 1
        }
    );
    assert_eq!(
        LoadedFlow::from_bytes(&[0; 64]).expect_err("zeros"),
        LoadError::NotAnArtefact
    );

    let refused = |change: fn(&mut Draft)| {
        let mut draft = draft.clone();
        change(&mut draft);
        match draft.encode() {
            Err(ExportError::Invalid(LoadError::Invalid { place, fault })) => (place, fault),
            other => panic!("expected a refusal, got {other:?}"),
        }
    };
    assert_eq!(
        refused(|draft| draft.layers[1].rows[2].bias = f32::NAN),
        (Place::Weight { layer: 1, index: 2 }, Fault::NotFinite)
    );
    assert_eq!(
        refused(|draft| draft.event[3].inv_std = 0.0),
        (Place::Event(3), Fault::NotPositive)
    );
    assert_eq!(
        refused(|draft| draft.layers[2].log_scale_bound = f32::INFINITY),
        (Place::Layer(2), Fault::NotPositive)
    );
    assert_eq!(
        refused(|draft| {
            draft.layers[0].transform =
                flow_train::export::DraftTransform::MaskedAutoregressive(vec![0; 6]);
        }),
        (Place::Layer(0), Fault::BadOrder)
    );
    assert_eq!(
        refused(|draft| draft.layers[0].hidden[0].truncate(5)),
        (Place::Layer(0), Fault::BadUnits)
    );
    assert_eq!(
        refused(|draft| draft.layers[2].rows.truncate(3)),
        (Place::Layer(2), Fault::WrongWeightCount)
    );
    assert_eq!(
        refused(|draft| {
            if let Some(calibration) = &mut draft.calibration {
                calibration.table.swap(0, 1);
            }
        }),
        (Place::Calibration, Fault::BadTable)
    );
}

/// CRC-32 bit by bit, written apart from the one under test.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
