//! Two models in one crate. Both are called `random`, so both types are: each has a module of its
//! own.
//!
//! `tests/crates.rs` of flow-tests writes the artefacts on request, holds them to the drafts that
//! they come from, and shows when cargo builds this crate again.
#![no_std]
#![deny(warnings)]

/// The first model.
pub mod pump {
    flow_embedded::include_flow!("pump");
}

/// The second model, which only scores.
pub mod second {
    flow_embedded::include_flow!("2nd pump");
}

#[cfg(test)]
mod tests {
    use super::{pump, second};
    use flow_embedded::{Calibrated, Density};

    fn channels<const D: usize>(_: &impl Density<D>) -> usize {
        D
    }

    #[test]
    fn each_is_itself() {
        assert!(pump::self_test() && second::self_test());
        assert_eq!((channels(&pump::Random), channels(&second::Random)), (3, 1));
        assert_eq!(pump::Random.alpha(), second::Random.alpha());
        assert_ne!(pump::PROVENANCE, second::PROVENANCE);
    }
}
