//! The artefact against damage: always a typed error, never a panic, never a
//! wrong answer.

use flow_codegen::Interpreter;
use flow_embedded::artefact::{
    Activation, Base, ContextTerm, Direction, Domain, FORMAT_VERSION, Fault, FlooredSpline, Form,
    Grid, Header, LoadError, LoadedFlow, MAX_COMMAND_BYTES, MAX_NAME_BYTES, Place, PreActivation,
    Scale, Transformer, WeightFormat, encode, encoded_len,
};
use flow_embedded::window::{Feature, MAX_SHIFT, MAX_STEPS};
use flow_tests::drafts::{draft, halved, quantised, rng, table};
use flow_train::artefact::{
    Draft, DraftChannel, DraftConditioner, DraftConvolutions, DraftLayer, DraftMondrian,
    DraftNoise, DraftSequential, ExportError, Planes,
};
use rand_core::Rng;

/// Every row of the table, and some of them quantised.
fn artefacts() -> Vec<(&'static str, Draft, Vec<u8>)> {
    let table = table();
    let plain = table.iter();
    let plain: Vec<_> = plain.map(|(name, kind)| (*name, draft(kind, 7))).collect();
    let integers = plain.iter().zip(&table).step_by(2);
    // Images have none, but formats.
    let integers = integers.filter(|(_, (_, own))| own.has_integers() || own.is_image());
    let integers = integers.map(|((name, own), _)| (*name, quantised(own, WeightFormat::I8)));
    let integers: Vec<_> = integers.collect();
    let encode = |(name, draft): (&'static str, Draft)| {
        let bytes = draft.encode().expect(name);
        (name, draft, bytes)
    };
    plain.into_iter().chain(integers).map(encode).collect()
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

/// The checksum finds every single flip; what it says depends on the field. Tries one bit in `step`, from
/// another one on in each artefact.
fn flipped_bits_are_refused(step: usize) {
    for (turn, (name, _, mut bytes)) in artefacts().into_iter().enumerate() {
        for bit in (turn % step..8 * bytes.len()).step_by(step) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(LoadedFlow::from_bytes(&bytes).is_err(), "{name}, bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(LoadedFlow::from_bytes(&bytes).is_ok(), "{name}");
    }
}

#[test]
fn one_flipped_bit_in_eleven_is_refused() {
    flipped_bits_are_refused(11);
}

#[test]
#[ignore = "long: cargo xtask test sweeps"]
fn every_flipped_bit_is_refused() {
    flipped_bits_are_refused(1);
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
            if flow.is_integer() {
                // The desk interprets it, or says why it cannot.
                if let Ok(interpreter) = Interpreter::of(&flow) {
                    interpreter.log_prob(&event, &context);
                }
                continue;
            }
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

/// The place and the fault for which the changed draft is refused.
fn refusal(row: &str, change: impl FnOnce(&mut Draft)) -> (Place, Fault) {
    let (_, kind) = table()
        .into_iter()
        .find(|(name, _)| *name == row)
        .expect("a row of the table");
    let mut draft = draft(&kind, 7);
    change(&mut draft);
    match draft.encode() {
        Err(ExportError::Invalid(LoadError::Invalid { place, fault })) => (place, fault),
        other => panic!("{row}: expected a refusal, got {other:?}"),
    }
}

fn conditioner(draft: &mut Draft, layer: usize) -> &mut DraftConditioner {
    match &mut draft.layers[layer] {
        DraftLayer::Coupling { conditioner, .. }
        | DraftLayer::Autoregressive { conditioner, .. } => conditioner,
        other => panic!("no conditioner: {other:?}"),
    }
}

fn transformer(draft: &mut Draft, layer: usize) -> &mut Transformer {
    match &mut draft.layers[layer] {
        DraftLayer::Coupling { transformer, .. }
        | DraftLayer::Autoregressive { transformer, .. } => transformer,
        other => panic!("no transformer: {other:?}"),
    }
}

#[test]
fn other_formats_are_named() {
    let (_, _, bytes) = artefacts().swap_remove(0);
    let with_version = |version| {
        let mut bytes = bytes.clone();
        bytes[4] = version;
        LoadedFlow::from_bytes(&bytes).expect_err("another version")
    };
    let supported = FORMAT_VERSION;
    assert_eq!(
        with_version(10),
        LoadError::TooNew {
            found: 10,
            supported
        }
    );
    assert_eq!(
        with_version(1),
        LoadError::TooOld {
            found: 1,
            supported
        }
    );
    assert_eq!(
        LoadedFlow::from_bytes(&[0; 64]).expect_err("zeros"),
        LoadError::NotAnArtefact
    );
}

#[test]
fn what_is_wrong_with_channels_is_named() {
    let refused = |channel: usize, expected: Fault, change: fn(&mut DraftChannel)| {
        let found = refusal("domains", |draft| change(&mut draft.event[channel]));
        assert_eq!(found, (Place::Event(channel), expected));
        let found = refusal("domains", |draft| change(&mut draft.context[0]));
        assert_eq!(found, (Place::Context(0), expected));
    };
    refused(3, Fault::NotPositive, |own| own.inv_std = 0.0);
    refused(3, Fault::NotFinite, |own| own.mean = f32::NAN);
    for (low, high, fault) in [
        (1.0, 1.0, Fault::BadDomain),
        (2.0, 1.0, Fault::BadDomain),
        (f32::NAN, 1.0, Fault::NotFinite),
        (-f32::MAX, f32::MAX, Fault::NotFinite),
    ] {
        let found = refusal("domains", |draft| {
            draft.event[1].domain = Domain::Bounded { low, high };
        });
        assert_eq!(found, (Place::Event(1), fault), "{low} .. {high}");
    }
    refused(0, Fault::NotFinite, |own| {
        own.domain = Domain::Positive {
            low: f32::NEG_INFINITY,
        };
    });
    refused(2, Fault::NotPositive, |own| {
        own.domain = Domain::SoftPositive {
            low: 0.0,
            scale: 0.0,
        };
    });
    refused(0, Fault::NotPositive, |own| {
        own.grid = Some(Grid {
            offset: 0.0,
            step: -1.0,
        });
    });
    refused(0, Fault::NotFinite, |own| {
        own.grid = Some(Grid {
            offset: f32::INFINITY,
            step: 1.0,
        });
    });
}

#[test]
fn texts_that_no_one_should_print_are_refused() {
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    let evil = [
        "pump\n\n```\nfn main() {}\n```",
        "\r",
        "\u{1b}[2J",
        "\u{9b}2J",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{2028}b",
        "\0",
        &long,
    ];
    for text in evil {
        let refused = |row: &str, expected: Place, change: &dyn Fn(&mut Draft)| {
            let found = refusal(row, |draft| change(draft));
            assert_eq!(found, (expected, Fault::BadText), "{text:?}");
        };
        let own = || text.to_owned();
        refused("domains", Place::Header, &|draft| draft.name = own());
        refused("domains", Place::Event(1), &|draft| {
            draft.event[1].name = own();
        });
        refused("domains", Place::Event(0), &|draft| {
            draft.event[0].unit = own();
        });
        refused("domains", Place::Context(0), &|draft| {
            draft.context[0].name = own();
        });
        refused("domains", Place::Context(0), &|draft| {
            draft.context[0].unit = own();
        });
        refused("domains", Place::Provenance, &|draft| {
            draft.created_by = own();
        });
        refused("domains", Place::Provenance, &|draft| {
            draft.command = format!("{}{text}", "y".repeat(MAX_COMMAND_BYTES - MAX_NAME_BYTES));
        });
        refused("lines", Place::Vocabulary(0), &|draft| {
            let last = draft.vocabularies[0].names.last_mut();
            *last.expect("categories") = format!("z{text}");
        });
    }
    let kind = table().into_iter().find(|own| own.0 == "domains");
    let mut draft = draft(&kind.expect("a row").1, 7);
    draft.name = "`<b>`\u{200d}[x](y) *z* # насос".to_owned();
    draft.event[0].unit = "x".repeat(MAX_NAME_BYTES);
    draft.command = "y".repeat(MAX_COMMAND_BYTES);
    draft.encode().expect("printable texts of the largest size");
}

#[test]
fn what_is_wrong_with_layers_is_named() {
    let refused = |row: &str, layer: usize, expected: Fault, change: fn(&mut DraftLayer)| {
        let found = refusal(row, |draft| change(&mut draft.layers[layer]));
        assert_eq!(found, (Place::Layer(layer), expected), "{row}");
    };
    refused("maf", 0, Fault::BadOrder, |layer| {
        if let DraftLayer::Autoregressive { order, .. } = layer {
            order.fill(0);
        }
    });
    refused("iaf_spline_groups", 1, Fault::BadOrder, |layer| {
        if let DraftLayer::Autoregressive { groups, .. } = layer {
            groups[0] += 1;
        }
    });
    refused("iaf_spline_groups", 1, Fault::BadOrder, |layer| {
        if let DraftLayer::Autoregressive { groups, .. } = layer {
            groups.push(0);
        }
    });
    for transformed in [vec![], (0..6).collect()] {
        let found = refusal("realnvp", |draft| {
            if let DraftLayer::Coupling {
                transformed: own, ..
            } = &mut draft.layers[2]
            {
                *own = transformed;
            }
        });
        assert_eq!(found, (Place::Layer(2), Fault::Empty));
    }
    refused("realnvp", 1, Fault::BadOrder, |layer| {
        if let DraftLayer::Coupling { transformed, .. } = layer {
            transformed.reverse();
        }
    });
    refused("glow", 1, Fault::BadOrder, |layer| {
        if let DraftLayer::Linear { permutation, .. } = layer {
            permutation[0] = permutation[1];
        }
    });
    refused("glow", 3, Fault::BadOrder, |layer| {
        if let DraftLayer::Permutation(order) = layer {
            order.pop();
        }
    });
    for change in [
        (|planes| planes.places[0] = planes.places[1]) as fn(&mut Planes),
        |planes| planes.places[0] = 16,
        |planes| planes.places.truncate(5),
        |planes| planes.places.clear(),
        |planes| planes.width = 0,
        |planes| planes.width = 17,
    ] {
        for layer in [0, 1] {
            let found = refusal("image", |draft| match &mut draft.layers[layer] {
                DraftLayer::Pointwise { planes, .. } => change(planes),
                DraftLayer::Convolutional { transformed, .. } => change(transformed),
                other => panic!("{other:?}"),
            });
            assert_eq!(found, (Place::Layer(layer), Fault::BadPlanes));
        }
    }
    let convolutions = |change: fn(&mut DraftConvolutions)| {
        let found = refusal("image_residual", |draft| {
            if let DraftLayer::Convolutional { conditioner, .. } = &mut draft.layers[0] {
                change(conditioner);
            }
        });
        assert_eq!(found, (Place::Layer(0), Fault::BadConvolution));
    };
    convolutions(|own| own.hidden.clear());
    convolutions(|own| _ = own.hidden.pop());
    convolutions(|own| own.hidden[0] = 0);
    convolutions(|own| own.hidden[0] += 1);
    convolutions(|own| own.hidden[1] = 2);
    convolutions(|own| own.output_kernel = 0);
    convolutions(|own| own.output_kernel = 17);
    convolutions(|own| own.hidden.extend([6, 1, 6, 1]));
    for (row, layer) in [("maf", 2), ("nsf", 1)] {
        for bound in [f32::INFINITY, f32::NAN, 0.0, -1.0, 1e-39] {
            let found = refusal(row, |draft| match transformer(draft, layer) {
                Transformer::Affine { log_scale_bound } => *log_scale_bound = bound,
                Transformer::Spline { bound: own, .. } => *own = bound,
                _ => {}
            });
            assert_eq!(found, (Place::Layer(layer), Fault::NotPositive), "{bound}");
        }
    }
    for least in [f32::INFINITY, f32::NAN, -1e-3] {
        let found = refusal("imported_scales", |draft| {
            *transformer(draft, 0) = Transformer::Scaled {
                scale: Scale::Softplus { least },
                direction: Direction::Normalizing,
            };
        });
        assert_eq!(found, (Place::Layer(0), Fault::NotPositive), "{least}");
    }
    let spline = |change: fn(&mut FlooredSpline)| {
        refusal("imported_splines", |draft| {
            if let Transformer::FlooredSpline(own) = transformer(draft, 1) {
                change(own);
            }
        })
    };
    for found in [
        spline(|own| own.least_size = f32::NAN),
        spline(|own| own.least_size = -1e-3),
        spline(|own| own.least_size = 1.5),
        spline(|own| own.least_slope = 1.0),
        spline(|own| own.least_slope = f32::NAN),
        spline(|own| own.bound = f32::INFINITY),
    ] {
        assert_eq!(found, (Place::Layer(1), Fault::NotPositive));
    }
    for bins in [0, 1] {
        let found = refusal("nsf", |draft| {
            *transformer(draft, 0) = Transformer::Spline { bins, bound: 3.0 };
        });
        assert_eq!(found, (Place::Layer(0), Fault::TooFewBins), "{bins} bins");
    }
    let found = refusal("maf", |draft| conditioner(draft, 0).hidden[0].truncate(5));
    assert_eq!(found, (Place::Layer(0), Fault::BadUnits));
    let found = refusal("maf_residual", |draft| {
        conditioner(draft, 1).hidden[1].rotate_left(1);
    });
    assert_eq!(
        found,
        (Place::Layer(1), Fault::BadUnits),
        "a residual layer"
    );
    let bad = [-0.1, 8.1, f32::NAN, f32::INFINITY];
    let slopes = bad.map(|slope| Activation::LeakyRelu { slope });
    let alphas = bad.map(|alpha| Activation::Elu { alpha });
    for activation in slopes.into_iter().chain(alphas) {
        let found = refusal("maf", |draft| conditioner(draft, 1).activation = activation);
        assert_eq!(
            found,
            (Place::Layer(1), Fault::BadActivation),
            "{activation}"
        );
        let found = refusal("categories", |draft| draft.heads[1].activation = activation);
        assert_eq!(
            found,
            (Place::Head(1), Fault::BadActivation),
            "{activation}"
        );
        let found = refusal("image_residual", |draft| match &mut draft.layers[0] {
            DraftLayer::Convolutional { conditioner, .. } => conditioner.activation = activation,
            other => panic!("no convolutions: {other:?}"),
        });
        assert_eq!(
            found,
            (Place::Layer(0), Fault::BadActivation),
            "{activation}"
        );
    }
    for row in ["blocks_added", "blocks_gated", "blocks_linear"] {
        let refused = |what: &str, expected: Fault, change: fn(&mut DraftConditioner)| {
            let found = refusal(row, |draft| change(conditioner(draft, 1)));
            assert_eq!(found, (Place::Layer(1), expected), "{row}: {what}");
        };
        let blocks = |count: u8| {
            move |own: &mut DraftConditioner| {
                if let Form::PreActivation(own) = &mut own.form {
                    own.blocks = count;
                }
            }
        };
        for count in [0, 17, 255] {
            let found = refusal(row, |draft| blocks(count)(conditioner(draft, 1)));
            assert_eq!(found, (Place::Layer(1), Fault::BadForm), "{count} blocks");
        }
        refused("two hidden layers", Fault::BadForm, |own| {
            own.hidden.push(own.hidden[0].clone());
        });
        refused("none", Fault::BadForm, |own| own.hidden.clear());
        refused("no units", Fault::BadForm, |own| own.hidden[0].fill(0));
        refused("too many units", Fault::BadForm, |own| {
            own.hidden[0][0] = 4097;
        });
        refused("other groups", Fault::BadUnits, |own| own.hidden[0].push(1));
    }
    let found = refusal("blocks_added", |draft| {
        conditioner(draft, 1).rows.truncate(20);
    });
    assert_eq!(found, (Place::Layer(1), Fault::WrongWeightCount));
    let found = refusal("context_first", |draft| {
        conditioner(draft, 0).hidden.clear();
    });
    assert_eq!(found, (Place::Layer(0), Fault::BadForm));
    let pre_activation = |context| {
        Form::PreActivation(PreActivation {
            blocks: 1,
            activated: true,
            context,
        })
    };
    let (added, gated) = (
        pre_activation(ContextTerm::Added),
        pre_activation(ContextTerm::Gated),
    );
    for form in [Form::ContextFirst, added, gated] {
        let found = refusal("permuted", |draft| conditioner(draft, 0).form = form);
        assert_eq!(
            found,
            (Place::Layer(0), Fault::BadForm),
            "{form:?} of nothing"
        );
        let found = refusal("categories", |draft| draft.heads[1].form = form);
        assert_eq!(
            found,
            (Place::Head(1), Fault::BadForm),
            "{form:?} of a head"
        );
    }
    let found = refusal("maf", |draft| conditioner(draft, 2).rows.truncate(3));
    assert_eq!(found, (Place::Layer(2), Fault::WrongWeightCount));
}

/// Angles go through circular splines alone, and have a uniform base.
#[test]
fn what_does_not_fit_angles_is_named() {
    let layer = |layer: DraftLayer| refusal("circular", |draft| draft.layers[1] = layer);
    for layer in [
        layer(DraftLayer::Permutation(vec![1, 0, 2, 3])),
        layer(DraftLayer::ElementWise(vec![[1.0, 0.0]; 4])),
        refusal("circular", |draft| {
            *transformer(draft, 1) = Transformer::Affine {
                log_scale_bound: 2.0,
            };
        }),
        refusal("circular", |draft| {
            if let DraftLayer::Autoregressive { direction, .. } = &mut draft.layers[0] {
                *direction = Direction::Generative;
            }
            draft.layers.swap(0, 1);
        }),
    ] {
        assert_eq!(layer, (Place::Layer(1), Fault::NotCircular));
    }
    let found = refusal("circular", |draft| {
        draft.base = Base::Mixture { components: 1 };
        draft.base_weights = vec![1.0; 10];
    });
    assert_eq!(found, (Place::Base, Fault::NotCircular));
}

#[test]
fn what_is_wrong_with_numbers_is_named() {
    let found = refusal("maf", |draft| conditioner(draft, 1).rows[2].bias = f32::NAN);
    assert_eq!(
        found,
        (Place::Weight { layer: 1, index: 2 }, Fault::NotFinite)
    );
    let found = refusal("glow", |draft| draft.base_weights[3] = -0.5);
    assert_eq!(found, (Place::Base, Fault::NotPositive));
    let found = refusal("glow", |draft| draft.base_weights[2] = f32::NAN);
    assert_eq!(found, (Place::Base, Fault::NotFinite));
    let found = refusal("glow", |draft| {
        draft.base = Base::Mixture { components: 0 };
        draft.base_weights.clear();
    });
    assert_eq!(found, (Place::Base, Fault::Empty));
    let found = refusal("glow", |draft| {
        draft.base_weights.truncate(9);
        draft.calibration = None;
    });
    assert_eq!(found, (Place::Base, Fault::WrongWeightCount));
    let found = refusal("maf", |draft| {
        if let Some(calibration) = &mut draft.calibration {
            calibration.table.swap(0, 1);
        }
    });
    assert_eq!(found, (Place::Calibration, Fault::BadTable));
}

#[test]
fn quantisations_that_do_not_fit_are_refused() {
    let refused = |row, weights, change: fn(&mut Vec<u8>)| {
        let found = refusal(row, |own| {
            *own = quantised(own, weights);
            if let Some(quantisation) = &mut own.quantisation {
                change(&mut quantisation.fractions);
            }
        });
        assert_eq!(found, (Place::Quantisation, Fault::BadFractions), "{row}");
    };
    for weights in [WeightFormat::I8, WeightFormat::I16] {
        refused("maf", weights, |fractions| fractions.push(8));
        refused("maf", weights, |fractions| {
            fractions.pop();
        });
        refused("maf", weights, |fractions| fractions[1] = 16);
        // Input, hidden, hidden: the hidden ones are added to each other.
        refused("maf_residual", weights, |fractions| fractions[2] ^= 1);
    }
    let found = refusal("maf", |own| {
        *own = halved(own);
        if let Some(quantisation) = &mut own.quantisation {
            quantisation.fractions.push(8);
        }
    });
    assert_eq!(found, (Place::Quantisation, Fault::BadFractions));
}

#[test]
fn what_is_wrong_with_features_of_the_past_is_named() {
    let refused = |index: usize, expected: Fault, change: fn(&mut Vec<Feature>)| {
        let found = refusal("maf_lags", |own| change(&mut own.features));
        assert_eq!(found, (Place::Feature(index), expected));
    };
    fn lag(channel: u8, steps: u16) -> Feature {
        Feature::Lag { channel, steps }
    }
    refused(0, Fault::BadFeature, |own| own[0] = lag(2, 1));
    refused(0, Fault::BadFeature, |own| own[0] = lag(0, 0));
    refused(1, Fault::BadFeature, |own| own[1] = lag(0, MAX_STEPS + 1));
    refused(2, Fault::BadFeature, |own| own[2] = own[1]);
    refused(3, Fault::BadFeature, |own| {
        own[3] = Feature::Deviation {
            channel: 0,
            steps: 1,
        };
    });
    for shift in [0, MAX_SHIFT + 1] {
        let found = refusal("maf_lags", |own| {
            own.features[2] = Feature::Average { channel: 0, shift };
        });
        assert_eq!(found, (Place::Feature(2), Fault::BadFeature));
    }
    refused(5, Fault::NoChannel, |own| {
        own.extend([lag(0, 7), lag(0, 8)]);
    });
}

#[test]
fn what_is_wrong_with_a_sequential_test_is_named() {
    let refused = |expected: Fault, change: fn(&mut DraftSequential)| {
        let found = refusal("maf_lags", |own| {
            change(own.sequential.as_mut().expect("a test"));
        });
        assert_eq!(found, (Place::Sequential, expected));
    };
    refused(Fault::WrongWeightCount, |own| own.edges += 1);
    refused(Fault::WrongWeightCount, |own| own.common.push(0.0));
    refused(Fault::NotFinite, |own| own.common[3] = f32::NAN);
    refused(Fault::NotFinite, |own| own.thresholds[0] = f32::NAN);
    refused(Fault::NotFinite, |own| {
        own.thresholds[2] = f32::INFINITY;
    });
    refused(Fault::BadTest, |own| own.thresholds[1] = -4.0);
    refused(Fault::BadTest, |own| own.scores.push(0));
    refused(Fault::BadTest, |own| own.bets.clear());
    refused(Fault::BadTest, |own| own.bets.push(0));
    // A statistic, a pattern and a row that are not there; a threshold of zero.
    refused(Fault::BadTest, |own| own.bets[0] = 3);
    refused(Fault::BadTest, |own| own.bets[1] = 2);
    refused(Fault::BadTest, |own| own.bets[2] = 2);
    refused(Fault::BadTest, |own| own.bets[4] = 0);
    refused(Fault::BadTest, |own| own.run_length = f32::INFINITY);
    refused(Fault::BadTest, |own| own.delta = 1.0);
    refused(Fault::WrongWeightCount, |own| {
        own.common.pop();
    });
}

#[test]
fn what_is_wrong_with_the_noise_of_a_sensor_is_named() {
    let refused = |expected: Fault, start: &[f32], ranges: &[[f32; 2]]| {
        let found = refusal("maf_lags", |own| {
            own.noise = Some(DraftNoise::new(
                start.iter().copied(),
                ranges.iter().copied(),
            ));
        });
        assert_eq!(found, (Place::Noise, expected));
    };
    let (start, ranges) = ([0.0; 2], [[-1.0, 1.0]; 5]);
    refused(Fault::WrongWeightCount, &start[..1], &ranges);
    refused(Fault::WrongWeightCount, &start, &ranges[..4]);
    refused(Fault::NotFinite, &[0.0, f32::NAN], &ranges);
    let mut broken = ranges;
    broken[3] = [-1.0, f32::INFINITY];
    refused(Fault::NotFinite, &start, &broken);
    broken[3] = [1.0, -1.0];
    refused(Fault::BadDomain, &start, &broken);
    let found = refusal("maf_context", |own| {
        own.noise = Some(DraftNoise::default());
    });
    assert_eq!(found, (Place::Noise, Fault::BadFeature));
}

#[test]
fn what_is_wrong_with_tables_by_context_is_named() {
    let refused = |expected: Fault, change: fn(&mut DraftMondrian)| {
        let found = refusal("realnvp_context", |own| {
            change(own.mondrian.as_mut().expect("tables by context"));
        });
        assert_eq!(found, (Place::Mondrian, expected));
    };
    refused(Fault::NoChannel, |own| own.channel += 1);
    refused(Fault::BadTable, |own| own.categories.clear());
    refused(Fault::BadTable, |own| own.categories.swap(0, 1));
    refused(Fault::BadTable, |own| own.categories[1].value = -1.0);
    refused(Fault::BadTable, |own| own.categories[1].value = f32::NAN);
    refused(Fault::NotFinite, |own| {
        own.categories[2].value = f32::INFINITY;
    });
    refused(Fault::BadTable, |own| own.categories[0].table.clear());
    refused(Fault::BadTable, |own| own.categories[2].table.swap(0, 1));
    refused(Fault::BadTable, |own| own.categories[1].table[0].1 = 0.0);
    let found = refusal("realnvp_context", |own| own.calibration = None);
    assert_eq!(found, (Place::Mondrian, Fault::BadTable));
}

/// A draft cannot say these without a constant that is not finite, so header and
/// weights are changed in a valid artefact.
#[test]
fn what_samples_are_divided_by_is_positive() {
    let refused = |row: &str, change: &dyn Fn(&mut Header<'_>, &mut Vec<f32>)| {
        let (_, _, bytes) = artefacts()
            .into_iter()
            .find(|(name, ..)| *name == row)
            .expect("a row of the table");
        let flow = LoadedFlow::from_bytes(&bytes).expect(row);
        let mut header = flow.header().clone();
        let layers = 0..header.layers.len();
        let mut weights: Vec<f32> = layers.flat_map(|i| flow.layer_weights(i)).collect();
        weights.extend(flow.base_weights());
        weights.extend(flow.calibration().into_iter().flat_map(|table| {
            let entries: Vec<_> = table.entries().collect();
            entries
                .into_iter()
                .flat_map(|(score, p_value)| [score, p_value])
        }));
        change(&mut header, &mut weights);
        let mut buffer = vec![0; encoded_len(&header, weights.len()).expect(row)];
        let bytes = encode(&header, &weights, &mut buffer).expect(row);
        LoadedFlow::from_bytes(bytes).expect_err(row)
    };
    let weight = |layer, index| LoadError::Invalid {
        place: Place::Weight { layer, index },
        fault: Fault::NotPositive,
    };
    // Four pairs of scale and shift, then U: rows of 4, 3, 2 and 1 numbers.
    let scale = refused("glow", &|_, weights| weights[4] = 0.0);
    assert_eq!(scale, weight(0, 4));
    let diagonal = refused("glow", &|_, weights| weights[8 + 7] = -1.0);
    assert_eq!(diagonal, weight(1, 7));
    for degrees_of_freedom in [0.0, -1.0, f32::INFINITY, f32::NAN] {
        let found = refused("domains", &|header, _| {
            header.base = Base::StudentT { degrees_of_freedom };
        });
        let expected = LoadError::Invalid {
            place: Place::Base,
            fault: Fault::NotPositive,
        };
        assert_eq!(found, expected, "{degrees_of_freedom}");
    }
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
