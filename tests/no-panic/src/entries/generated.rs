//! Generated modules: the golden ones, which hold every kind of layer, base and domain, with and without context.

use super::{density, detector};
use crate::unknown::{AnyRng, bytes, keep, keep_all, model, numbers, word};
use flow_embedded::detect::adaptive::{AdaptiveDetector, Bounds, Recalibrator};
use flow_embedded::{Change, LineDetector, NoiseSource, Posterior, StreamDetector};

/// A module with a golden file's flow, and the entry that exercises it.
macro_rules! golden {
    ($($entry:ident $module:ident $file:literal;)*) => {$(
        mod $module {
            include!(concat!(env!("OUT_DIR"), "/golden/", $file));
        }

        #[inline(never)]
        #[unsafe(no_mangle)]
        pub(crate) fn $entry() {
            density(&$module::Random);
            detector($module::Random);
            keep(f32::from(u8::from($module::self_test())));
        }
    )*};
}

/// A detector of streams, from any state.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_stream() {
    type Stream = StreamDetector<maf_lags::Random, 3, 6>;
    let mut detector = match Stream::restore(maf_lags::Random, bytes()) {
        Ok(detector) => detector,
        Err(_) => Stream::new(maf_lags::Random),
    };
    for _ in 0..2 {
        match detector.observe(&numbers::<2>(), &numbers::<5>()) {
            Ok(verdict) => {
                keep_all(&[verdict.log_prob, verdict.p_value, verdict.evidence]);
                keep(verdict.alarm.into());
                keep((verdict.change == Some(Change::Drift)).into());
                keep((verdict.channel.unwrap_or(9) ^ verdict.statistic.unwrap_or(9)) as f32);
            }
            Err(_) => keep(-1.0),
        }
    }
    keep((detector.observed() ^ detector.alarms()) as f32);
    keep(detector.save(&mut [0; Stream::BYTES]).is_ok().into());
    detector.reset();
}

/// A detector that recalibrates itself, within any bounds and from any state.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_adaptive() {
    type Adaptive = AdaptiveDetector<maf_lags::Random>;
    let [shift] = numbers();
    let bounds = Bounds {
        shift,
        steps: word() as u16,
        rest: word() as u16,
    };
    let mut detector = match Adaptive::restore(maf_lags::Random, bounds, bytes()) {
        Ok(detector) => detector,
        Err(_) => Adaptive::new(maf_lags::Random, bounds),
    };
    for _ in 0..2 {
        match detector.observe(&numbers::<2>(), &numbers::<5>()) {
            Ok(verdict) => keep_all(&[verdict.log_prob, verdict.p_value]),
            Err(_) => keep(-1.0),
        }
    }
    keep(detector.raised());
    keep(detector.is_exhausted().into());
    keep((detector.observed() ^ detector.alarms()) as f32);
    keep(detector.save(&mut [0; Adaptive::BYTES]).is_ok().into());
    detector.reset();
    let [alpha] = numbers();
    if let Ok(mut own) = Recalibrator::restore(&model(), bounds, alpha, bytes()) {
        own.count(word() == 0);
        keep(
            own.save(&model(), &mut [0; Recalibrator::BYTES])
                .is_ok()
                .into(),
        );
    }
}

/// The noise of a sensor, from any state.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_noise() {
    let mut source = match NoiseSource::restore(maf_lags::Random, bytes()) {
        Ok(source) => source,
        Err(_) => NoiseSource::new(maf_lags::Random),
    };
    for _ in 0..2 {
        keep_all(&source.next(&mut AnyRng, &numbers::<1>()));
    }
    keep(source.warm_up() as f32);
    keep(source.save(&mut [0; 64]).is_ok().into());
    source.reset();
}

/// A posterior, of whatever is observed.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_posterior() {
    let posterior = Posterior::new(maf_context::Random);
    keep(posterior.log_prob(&numbers(), &numbers()).unwrap_or(-1.0));
    match posterior.sample(&numbers(), &mut AnyRng) {
        Ok(draw) => keep_all(&draw),
        Err(_) => keep(-1.0),
    }
    match posterior.mean_and_sd::<9>(&numbers(), &mut AnyRng) {
        Ok(found) => found.iter().for_each(|own| keep_all(&[own.mean, own.sd])),
        Err(_) => keep(-1.0),
    }
    match posterior.interval::<9, 2>(&numbers(), &mut AnyRng) {
        Ok(found) => found
            .iter()
            .for_each(|(low, high)| keep_all(&[*low, *high])),
        Err(_) => keep(-1.0),
    }
}

/// Lines of any characters.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_lines() {
    mod lines {
        include!(concat!(env!("OUT_DIR"), "/golden/lines.rs"));
    }
    density(&lines::Random);
    keep(f32::from(u8::from(lines::self_test())));
    let mut detector = LineDetector::new(lines::Random);
    for _ in 0..8 {
        let character = char::from_u32(word()).unwrap_or('\n');
        if let Some(verdict) = detector.observe(character) {
            keep_all(&[verdict.log_prob, verdict.p_value]);
            keep(verdict.least_likely as f32);
        }
    }
    keep(detector.alarms() as f32);
    keep(detector.observed() as f32);
}

golden! {
    entry_maf maf "maf.rs";
    entry_maf_context maf_context "maf_context.rs";
    entry_realnvp realnvp "realnvp.rs";
    entry_realnvp_context realnvp_context "realnvp_context.rs";
    entry_mixed mixed "mixed.rs";
    entry_maf_no_hidden maf_no_hidden "maf_no_hidden.rs";
    entry_nice nice "nice.rs";
    entry_nsf nsf "nsf.rs";
    entry_nsf_ar nsf_ar "nsf_ar.rs";
    entry_iaf iaf "iaf.rs";
    entry_iaf_spline_groups iaf_spline_groups "iaf_spline_groups.rs";
    entry_glow glow "glow.rs";
    entry_domains domains "domains.rs";
    entry_circular circular "circular.rs";
    entry_torus torus "torus.rs";
    entry_permuted permuted "permuted.rs";
    entry_permuted_mixture permuted_mixture "permuted_mixture.rs";
    entry_image image "image.rs";
    entry_image_residual image_residual "image_residual.rs";
    entry_image_f16 image_f16 "f16/image.rs";
    entry_maf_lags maf_lags "maf_lags.rs";
    entry_maf_residual maf_residual "maf_residual.rs";
    entry_text text "text.rs";
    entry_categories categories "categories.rs";
    entry_blocks_added blocks_added "blocks_added.rs";
    entry_blocks_gated blocks_gated "blocks_gated.rs";
    entry_context_first context_first "context_first.rs";
    entry_imported_scales imported_scales "imported_scales.rs";
    entry_imported_splines imported_splines "imported_splines.rs";
    entry_mixed_permuted mixed_permuted "mixed_permuted.rs";
    entry_category category "category.rs";
    entry_leaky_relu leaky_relu "leaky_relu.rs";
    entry_gelu gelu "gelu.rs";
    entry_gelu_tanh gelu_tanh "gelu_tanh.rs";
    entry_elu elu "elu.rs";
}
