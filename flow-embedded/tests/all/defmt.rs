//! What a firmware logs implements `defmt::Format`.

use flow_embedded::artefact::{EncodeError, Fault, Place, ShapeError};
use flow_embedded::math::Backend;
use flow_embedded::{LoadError, ObserveError, Provenance, Verdict};

const fn is_format<T: defmt::Format>() {}

const _: () = {
    is_format::<Verdict>();
    is_format::<ObserveError>();
    is_format::<LoadError>();
    is_format::<Place>();
    is_format::<Fault>();
    is_format::<ShapeError>();
    is_format::<EncodeError>();
    is_format::<Backend>();
    is_format::<Provenance>();
};
