//! What of an operation lies on the stack.

use super::evaluation::Evaluation;
use super::{Counter, Tally, Way, buffers, operation};
use flow_embedded::artefact::{Activation, Domain, Transformer};
use flow_plan::plan::{Array, Bijection, Conditional, LayerPlan, Layout};
use std::collections::BTreeSet;

impl Counter<'_> {
    pub(super) fn stack(&self, way: Way) -> Tally {
        let plan = self.plan;
        let mut tally = Tally::default();
        let name = operation(way);
        let event = plan.event.len();
        tally.add(name, 1);
        tally.add("event bytes", 4 * event);
        tally.add("context bytes", 4 * plan.given());
        let mapped = plan.event.0.iter().filter(|own| own.domain != Domain::Real);
        tally.add(
            "mapped bytes",
            if mapped.count() > 0 { 4 * event } else { 0 },
        );
        let own: Vec<(&Conditional, Evaluation)> = plan
            .steps()
            .filter_map(|(_, layer)| {
                let own = layer.bijection.conditional()?;
                Some((own, Evaluation::of(&layer.bijection, way)))
            })
            .collect();
        let word = if plan.is_integer() { 2 } else { 4 };
        let arrays = |own: &Conditional, how: &Evaluation| {
            let inputs = own.conditioning.len() + plan.given();
            let arrays = own.arrays(how.sequential && own.scheduled).into_iter();
            let hidden = arrays.map(|(array, units)| match own.holds_sums(array) {
                // And what the output layer reads of them.
                true if matches!(array, Array::Hidden(_)) && plan.is_integer() => 6 * units,
                true => 4 * units,
                false => word * units,
            });
            let hidden: usize = hidden.sum();
            let parameters = match own.channel_by_channel() {
                true => own.transformer.parameters(),
                false => own.parameters() + own.transformed().count(),
            };
            word * inputs + hidden + 4 * parameters
        };
        let images = plan
            .steps()
            .filter_map(|(_, layer)| match &layer.bijection {
                Bijection::Convolutional(own) => Some(word * own.buffers()),
                _ => None,
            });
        let sizes = own.iter().map(|(own, how)| arrays(own, how)).chain(images);
        let sizes: Vec<usize> = sizes.collect();
        let heads = plan.categorical.heads.iter();
        let heads = heads.map(|head| 4 * buffers(&head.conditioner, false));
        let largest = sizes.iter().copied().chain(heads).max();
        tally.add("largest layer bytes", largest.unwrap_or_default());
        let all: usize = sizes.iter().sum();
        let rest = all.saturating_sub(largest.unwrap_or_default());
        tally.add("other layers bytes", rest);
        tally.add(format!("{name} layers"), own.len());
        let linear = |layer: &LayerPlan| matches!(layer.bijection, Bijection::Linear { .. });
        let linear = plan.steps().any(|(_, layer)| linear(layer));
        tally.add("linear", linear.into());
        // Called with one number of columns alone, the small kernel is unrolled.
        let small = own.iter().flat_map(|(own, _)| own.output.iter().flatten());
        let small = small.filter(|table| table.layout == Layout::Small && !plan.is_integer());
        let columns: BTreeSet<usize> = small.map(|table| table.stored).collect();
        tally.add(
            "small parameters of one width",
            usize::from(columns.len() == 1),
        );
        let small = own.iter().flat_map(|(own, _)| own.hidden.iter().flatten());
        let small = small.filter(|table| table.layout == Layout::Small && !plan.is_integer());
        let columns: BTreeSet<usize> = small.map(|table| table.stored).collect();
        tally.add("small units of one width", usize::from(columns.len() == 1));
        tally.add("small units of two widths", usize::from(columns.len() == 2));
        tally.add("conditional", usize::from(!own.is_empty()));
        let any = |wanted: &dyn Fn(&Conditional) -> bool| own.iter().any(|(own, _)| wanted(own));
        tally.add("splines", any(&|own| own.channel_by_channel()).into());
        let affine = any(&|own| {
            let own = own.transformer;
            matches!(own, Transformer::Affine { .. } | Transformer::Scaled { .. })
        });
        tally.add("affine", affine.into());
        let sequential = own.iter().any(|(_, how)| how.sequential);
        tally.add("sequential", sequential.into());
        let smooth = any(&|own| own.activation != Activation::Relu && !own.hidden.is_empty());
        tally.add("smooth units", smooth.into());
        let tables = own.iter().flat_map(|(own, _)| own.tables());
        for kernel in tables
            .map(|table| self.kernel(table))
            .collect::<BTreeSet<_>>()
        {
            tally.add(kernel, 1);
        }
        let rows = own.iter().flat_map(|(own, _)| own.tables());
        let rows = rows.flat_map(|table| table.layout.panels(table.rows.len()));
        tally.add("widest panel", rows.max().unwrap_or_default());
        tally.add(format!("{name} {}", plan.base.distribution.name()), 1);
        tally
    }
}
