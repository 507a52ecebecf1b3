//! Loading an artefact from any bytes, and everything a loaded flow offers.

use flow_embedded::LoadedFlow;
use flow_embedded::math::Backend;

use super::{density, detector};
use crate::unknown::{AnyRng, bytes, keep, keep_all, number, slice};

/// What the documentation of [`LoadedFlow`] says of its size: "less than 1 KiB on a 32-bit core".
const _: () = assert!(size_of::<usize>() != 4 || size_of::<LoadedFlow<'_>>() < 1_024);

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_loader() {
    let Ok(flow) = LoadedFlow::from_bytes(bytes()) else {
        return;
    };
    if let Ok(log_prob) = flow.log_prob_and_latents(slice(), slice(), slice(), slice()) {
        keep(log_prob);
    }
    if let Ok(log_prob) = flow.log_prob(slice(), slice(), slice()) {
        keep(log_prob);
    }
    let event = slice();
    if flow.sample(&mut AnyRng, slice(), event, slice()).is_ok() {
        keep_all(event);
    }
    flow.round_to_grid(event);
    keep_all(event);
    if let Some(table) = flow.calibration() {
        keep_all(&[table.alpha(), table.p_value(number())]);
        table.entries().for_each(|(a, b)| keep_all(&[a, b]));
    }
    for index in 0..flow.header().layers.len() {
        flow.layer_weights(index).for_each(keep);
    }
    flow.base_weights().for_each(keep);
    if let Ok(flow) = flow.with_math(Backend::Libm)
        && let Ok(log_prob) = flow.log_prob(slice(), slice(), slice())
    {
        keep(log_prob);
    }
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_shaped() {
    let Ok(flow) = LoadedFlow::from_bytes(bytes()) else {
        return;
    };
    if let Ok(flow) = flow.shaped::<6, 2, 256>() {
        density(&flow);
        if let Some(flow) = flow.calibrated() {
            detector(flow);
        }
    }
}
