//! Models of integers: they score, by `flow_embedded::fixed` alone.

mod conditioner;
mod emitter;
mod layer;
mod model;
mod tables;

pub(super) use layer::items;
pub(super) use model::implementations;
pub(super) use tables::all as tables;
