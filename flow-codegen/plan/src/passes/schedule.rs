//! Each hidden unit is evaluated once where one group of channels must be known
//! before the next: sampling of an autoregressive layer, scoring of an inverse
//! one.
//!
//! Units of a degree wait for the groups below it and no longer, so they are
//! interleaved with the groups: the work is that of one pass, and not of one a
//! group. A unit's own order of operations stays, and with it the bits.

use crate::plan::Plan;

pub(super) fn run(mut plan: Plan) -> Plan {
    for own in plan.conditionals_mut() {
        own.scheduled = true;
    }
    plan
}
