//! Planes of an image transformed given others.

use super::bodies::Bodies;
use super::transformer::inv_bound;
use crate::emit::activation;
use crate::emit::tables::{self, Owner};
use crate::emit::tokens::{array, float, number};
use flow_embedded::artefact::Transformer;
use flow_plan::plan::{Array, Convolutional, Filters, Plan};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

pub(super) fn bodies(plan: &Plan, own: &Convolutional, index: usize) -> Bodies {
    let body = |forward| {
        let convolutions = convolutions(plan, own, index);
        let transformed = tables::identifier(Owner::Layer(index), "TRANSFORMED");
        let transform = transform(own.transformer, forward);
        let end = (!forward || own.transformer == Transformer::Shift).then(|| quote! { ; });
        quote! {
            #convolutions
            transform_places(x, &#transformed, output.as_flattened_mut(), #transform) #end
        }
    };
    Bodies {
        normalize: body(true),
        generate: body(false),
    }
}

/// What happens to a channel, as a closure.
fn transform(transformer: Transformer, forward: bool) -> TokenStream {
    match transformer {
        Transformer::Shift => {
            let value = match forward {
                true => quote! { x + *shift },
                false => quote! { x - *shift },
            };
            quote! { |x, [shift]: &mut [f32; 1]| (#value, 0.0) }
        }
        Transformer::Affine { .. } => {
            let inv_bound = inv_bound(transformer);
            let kernel = match forward {
                true => quote! { affine_forward },
                false => quote! { affine_inverse },
            };
            quote! { |x, [shift, a]: &mut [f32; 2]| #kernel::<Math>(x, *shift, *a, #inv_bound) }
        }
        Transformer::Spline { bound, .. } => {
            let (count, bound) = (number(transformer.parameters()), float(bound));
            let value = match forward {
                true => quote! { spline_forward::<Math>(x, parameters, #bound) },
                false => quote! { (spline_inverse::<Math>(x, parameters, #bound), 0.0) },
            };
            quote! { |x, parameters: &mut [f32; #count]| #value }
        }
        Transformer::Scaled { .. } | Transformer::FlooredSpline(_) => {
            unreachable!("an artefact with such a layer does not load")
        }
    }
}

/// All convolutions, from the given planes to `output`.
fn convolutions(plan: &Plan, own: &Convolutional, index: usize) -> TokenStream {
    let (planes, positions) = (number(own.inputs()), number(own.positions()));
    let given = tables::identifier(Owner::Layer(index), "GIVEN");
    let layers = own.layers.iter().enumerate().map(|(layer, filters)| {
        let input = match layer.checked_sub(1) {
            None => format_ident!("input"),
            Some(before) => array(Array::Hidden(before)),
        };
        let output = match layer == own.output() {
            true => format_ident!("output"),
            false => array(Array::Hidden(layer)),
        };
        let features = number(filters.features());
        let calls = calls(plan, own, index, layer, &input, &output);
        let residual = own.adds_input(layer).then(|| {
            quote! {
                for (unit, input) in #output.as_flattened_mut().iter_mut().zip(#input.as_flattened()) {
                    *unit += input;
                }
            }
        });
        quote! {
            let mut #output = [[0.0; #features]; #positions];
            #calls
            #residual
        }
    });
    quote! {
        let mut input = [[0.0; #planes]; #positions];
        gather_places(x, &#given, input.as_flattened_mut());
        #(#layers)*
    }
}

/// The calls that multiply the panels of a convolution.
fn calls(
    plan: &Plan,
    own: &Convolutional,
    index: usize,
    layer: usize,
    input: &Ident,
    output: &Ident,
) -> TokenStream {
    let Filters { sizes, table } = &own.layers[layer];
    let activation = match layer == own.output() {
        true => quote! { Identity },
        false => activation::float(own.activation),
    };
    let context = match layer == 0 && plan.given() > 0 {
        true => quote! { given },
        false => quote! { &[] },
    };
    let (kernel, width, heads) = (
        number(sizes.kernel),
        number(sizes.width),
        number(sizes.heads),
    );
    let mut offset = 0;
    let parts = tables::parts(table, &tables::filters(own, index, layer));
    let calls = parts.into_iter().map(|part| {
        let (place, name) = (number(offset), part.name);
        offset += part.rows.len();
        quote! {
            convolve::<#activation, #place, #kernel, #width, #heads, _, _, _, _, _, _, _>(
                &#name, #context, &#input, &mut #output,
            );
        }
    });
    calls.collect()
}
