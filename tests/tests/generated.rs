//! Generated code: its text against golden files, its results against the
//! loaded artefact, bit for bit.
//!
//! `BLESS=1 cargo test -p flow-tests --test generated` rewrites the golden
//! files; review the difference before committing it.

use flow_codegen::{Options, compile};
use flow_embedded::{Calibrated, Density, LoadedFlow, Sampler};
use flow_tests::drafts::{draft, rng, table, uniform};
use std::path::Path;

/// The seed of the golden drafts.
const SEED: u64 = 11;

fn artefact(name: &str) -> Vec<u8> {
    let (_, kind) = table()
        .into_iter()
        .find(|(own, _)| *own == name)
        .expect("a row of the table");
    draft(&kind, SEED).encode().expect("a valid draft")
}

#[test]
fn the_text_is_golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let options = Options {
        self_test: true,
        ..Options::default()
    };
    let mut differing = Vec::new();
    for (name, _) in table() {
        let source = format!("{name}.flow");
        let (text, _) = compile(&artefact(name), Path::new(&source), &options).expect(name);
        let path = folder.join(name).with_extension("rs");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, text).expect("golden folder is writable");
        } else if std::fs::read_to_string(&path).ok() != Some(text) {
            differing.push(name);
        }
    }
    assert!(
        differing.is_empty(),
        "golden files differ: {differing:?}; see the head of this file"
    );
}

/// Compares one golden module with the loaded artefact: `log_prob` on ordinary
/// and extreme events, samples, p-values.
fn compare<F, const D: usize, const C: usize>(name: &str, flow: &F)
where
    F: Density<D, C> + Sampler<D, C> + Calibrated,
{
    let bytes = artefact(name);
    let loaded = LoadedFlow::from_bytes(&bytes).expect(name);
    let calibration = loaded.calibration().expect(name);
    let shaped = loaded.clone().shaped::<D, C, 256>().expect(name);
    let mut scratch = vec![f32::NAN; loaded.scratch_len()];
    let rng_values = &mut rng(5);
    let scales = [1.0, 10.0, 1e3, 1e9, 1e20, 3e38, 0.0];
    let mut finite = 0;
    for row in 0..5_000 {
        let scale = if row < 3_000 {
            10.0
        } else {
            scales[row % scales.len()]
        };
        let event: [f32; D] = std::array::from_fn(|_| scale * uniform(rng_values));
        let context: [f32; C] = std::array::from_fn(|_| scale * uniform(rng_values));
        let own = flow.log_prob(&event, &context);
        let other = loaded.log_prob(&event, &context, &mut scratch).expect(name);
        assert_eq!(
            own.to_bits(),
            other.to_bits(),
            "{name}: {event:?} given {context:?}"
        );
        assert_eq!(
            own.to_bits(),
            shaped.log_prob(&event, &context).to_bits(),
            "{name}"
        );
        assert!(!own.is_nan(), "{name}: {event:?} given {context:?}");
        assert_eq!(
            flow.p_value(own).to_bits(),
            calibration.p_value(own).to_bits(),
            "{name}"
        );
        finite += usize::from(own.is_finite());
    }
    assert!(finite > 3_500, "{name}: only {finite} finite");

    let (left, right) = (&mut rng(6), &mut rng(6));
    for _ in 0..2_000 {
        let context: [f32; C] = std::array::from_fn(|_| uniform(rng_values));
        let own = flow.sample(left, &context);
        let mut other = [0.0; D];
        loaded
            .sample(right, &context, &mut other, &mut scratch)
            .expect(name);
        assert_eq!(own.map(f32::to_bits), other.map(f32::to_bits), "{name}");
        assert!(own.iter().all(|x| x.is_finite()), "{name}");
    }

    let mut event = [0.5; D];
    event[D - 1] = f32::INFINITY;
    assert!(flow.log_prob(&event, &[0.0; C]).is_nan(), "{name}");
    event[D - 1] = f32::NAN;
    assert!(flow.log_prob(&event, &[0.0; C]).is_nan(), "{name}");
    assert_eq!(
        flow.p_value(f32::NAN),
        flow.p_value(f32::NEG_INFINITY),
        "{name}"
    );
}

macro_rules! golden {
    ($($name:ident, $event:literal, $context:literal;)*) => {
        $(
            #[allow(unreachable_pub)]
            mod $name {
                include!(concat!("../golden/", stringify!($name), ".rs"));

                #[test]
                fn has_the_bits_of_the_loaded_artefact() {
                    super::compare::<_, $event, $context>(stringify!($name), &Random);
                    assert!(self_test());
                }
            }
        )*

        #[test]
        fn every_row_of_the_table_is_here() {
            let here = [$(stringify!($name)),*];
            let table: Vec<&str> = table().iter().map(|(name, _)| *name).collect();
            assert_eq!(table, here);
        }
    };
}

golden! {
    maf, 6, 0;
    maf_context, 4, 2;
    maf_one_channel, 1, 1;
    maf_no_hidden, 3, 0;
    maf_few_units, 8, 0;
    realnvp, 6, 0;
    realnvp_context, 3, 2;
    realnvp_no_hidden, 2, 0;
    mixed, 5, 1;
}
