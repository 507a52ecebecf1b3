//! A window of any features over any stream, and its state from any bytes.

use flow_embedded::window::{Feature, Window};

use crate::unknown::{bytes, keep, keep_all, model, numbers, slice, word};

/// Any features, any many.
fn features() -> &'static [Feature] {
    let any = || Feature::Lag {
        channel: word() as u8,
        steps: word() as u16,
    };
    let other = Feature::Deviation {
        channel: word() as u8,
        steps: word() as u16,
    };
    // SAFETY: not run; the features are written where the compiler knows nothing of the rest.
    unsafe {
        let place = word() as *mut Feature;
        place.write_volatile(any());
        place.add(1).write_volatile(other);
        core::slice::from_raw_parts(place, word() as usize)
    }
}

fn any<const D: usize, const N: usize, const A: usize>() {
    let mut window = Window::<D, N, A>::restore(&model(), bytes()).unwrap_or_default();
    let features = features();
    for _ in 0..word() {
        window.push(features, &numbers());
    }
    window.missing();
    let values = slice();
    if window.features(features, values) {
        keep_all(values);
    }
    if let Some(context) = window.context::<5>(features, slice()) {
        keep_all(&context);
    }
    let mut buffer = [0; 600];
    keep(
        window
            .save(&model(), &mut buffer)
            .map_or(0.0, |state| state.len() as f32),
    );
    keep(f32::from(u8::from(window.is_primed(features))));
    window.reset();
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) fn entry_window() {
    any::<3, 7, 2>();
    any::<1, 64, 0>();
    any::<2, 0, 1>();
}
