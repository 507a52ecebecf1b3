//! How tables lie in flash: for speed in panels as wide as the registers hold,
//! for size in the few widths whose kernels all layers share. A row keeps its
//! order of operations, so the bits stay the same.

use crate::plan::{Layout, Plan};

pub(super) fn run(mut plan: Plan, layout: Layout) -> Plan {
    for own in plan.conditionals_mut() {
        for table in own.tables_mut() {
            table.layout = layout;
        }
    }
    plan
}
