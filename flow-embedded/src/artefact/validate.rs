//! The one validation of a decoded artefact: after it, nothing fails.

use super::frame::Frame;
use super::{
    Calibration, Channel, Coupling, Fault, Header, Layer, LoadError, LoadedFlow,
    MaskedAutoregressive, Place,
};

impl<'a> LoadedFlow<'a> {
    /// Validates an artefact and borrows it in place, at any alignment.
    ///
    /// Reads every byte once; copies no weights and allocates nothing.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes, with the place: truncated, damaged,
    /// too new, not a valid flow, or a backend that this build lacks. No input
    /// makes it panic.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let frame = Frame::open(bytes)?;
        let (header, rest) = postcard::take_from_bytes::<Header<'a>>(frame.header)
            .map_err(|_| LoadError::BadHeader)?;
        if !rest.is_empty() {
            return Err(LoadError::BadHeader);
        }
        check_header(&header)?;
        let mut weights = frame.weights;
        let (event, context) = (header.event.len(), header.context.len());
        for (index, layer) in header.layers.iter().enumerate() {
            check_layer(layer, index, event)?;
            let (own, rest) = weights
                .split_at_checked(layer.weights(event, context))
                .ok_or(invalid(Place::Layer(index), Fault::WrongWeightCount))?;
            if let Some(at) = own.iter().position(|w| !f32::from_le_bytes(*w).is_finite()) {
                return Err(invalid(
                    Place::Weight {
                        layer: index,
                        index: at,
                    },
                    Fault::NotFinite,
                ));
            }
            weights = rest;
        }
        let (table, rest) = weights.as_chunks::<2>();
        let entries = header.calibration.map_or(0, |c| usize::from(c.entries));
        if table.len() != entries || !rest.is_empty() {
            return Err(invalid(Place::Calibration, Fault::WrongWeightCount));
        }
        if let Some(calibration) = &header.calibration {
            check_calibration(calibration, table)?;
        }
        if !header.math.is_available() {
            return Err(LoadError::BackendMissing(header.math));
        }
        Ok(Self::new(header, frame.weights, table))
    }
}

fn invalid(place: Place, fault: Fault) -> LoadError {
    LoadError::Invalid { place, fault }
}

fn check_header(header: &Header<'_>) -> Result<(), LoadError> {
    if header.event.is_empty() || header.layers.is_empty() {
        return Err(invalid(Place::Header, Fault::Empty));
    }
    for (index, channel) in header.event.iter().enumerate() {
        check_channel(channel, Place::Event(index))?;
    }
    for (index, channel) in header.context.iter().enumerate() {
        check_channel(channel, Place::Context(index))?;
    }
    if !header.log_norm.is_finite() {
        return Err(invalid(Place::Header, Fault::NotFinite));
    }
    Ok(())
}

fn check_channel(channel: &Channel<'_>, place: Place) -> Result<(), LoadError> {
    if !channel.mean.is_finite() || !channel.inv_std.is_finite() {
        return Err(invalid(place, Fault::NotFinite));
    }
    if channel.inv_std <= 0.0 {
        return Err(invalid(place, Fault::NotPositive));
    }
    Ok(())
}

fn check_layer(layer: &Layer<'_>, index: usize, event: usize) -> Result<(), LoadError> {
    let fail = |fault| Err(invalid(Place::Layer(index), fault));
    let (bound, blocks) = match layer {
        Layer::Coupling(Coupling {
            transformed,
            log_scale_bound,
            ..
        }) => {
            if transformed.is_empty() || transformed.len() >= event {
                return fail(Fault::Empty);
            }
            let ascending = transformed.is_sorted_by(|a, b| a < b);
            if !ascending || !transformed.iter().all(|c| usize::from(*c) < event) {
                return fail(Fault::BadOrder);
            }
            (log_scale_bound, 1)
        }
        Layer::MaskedAutoregressive(MaskedAutoregressive {
            order,
            log_scale_bound,
            ..
        }) => {
            let complete = (0..event)
                .all(|channel| order.iter().filter(|c| usize::from(**c) == channel).count() == 1);
            if order.len() != event || !complete {
                return fail(Fault::BadOrder);
            }
            (log_scale_bound, event)
        }
    };
    // A bound so small that its inverse overflows would make every scale NaN.
    if !(bound.is_finite() && *bound > 0.0 && (1.0 / bound).is_finite()) {
        return fail(Fault::NotPositive);
    }
    for units in &layer.conditioner().hidden {
        if units.0.len() != 2 * blocks {
            return fail(Fault::BadUnits);
        }
    }
    Ok(())
}

fn check_calibration(calibration: &Calibration, table: &[[[u8; 4]; 2]]) -> Result<(), LoadError> {
    let probability = |p: f32| p > 0.0 && p <= 1.0;
    let ascending = table.is_sorted_by(|[score_a, p_a], [score_b, p_b]| {
        f32::from_le_bytes(*score_a) <= f32::from_le_bytes(*score_b)
            && f32::from_le_bytes(*p_a) <= f32::from_le_bytes(*p_b)
    });
    let sound = table.iter().all(|[score, p]| {
        !f32::from_le_bytes(*score).is_nan() && probability(f32::from_le_bytes(*p))
    });
    if table.is_empty() || !ascending || !sound || !probability(calibration.alpha) {
        return Err(invalid(Place::Calibration, Fault::BadTable));
    }
    Ok(())
}
