//! From parameters to channels.

use super::emitter::{Emitter, Output, sum};
use crate::emit::tokens::{at, float, scale_map_name};
use flow_embedded::artefact::{Scale, Transformer};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

impl Emitter<'_> {
    /// Whether the log-determinant depends on the event.
    pub(super) fn transforms_scale(&self) -> bool {
        self.own.transformer != Transformer::Shift
    }

    /// The output layer, and all channels.
    pub(super) fn transform_all(&self, forward: bool, log_det: bool) -> TokenStream {
        let log_det = log_det && self.transforms_scale();
        let buffer = self.output_buffer();
        if self.own.channel_by_channel() {
            let (start, end) = sum(log_det);
            let groups = 0..self.own.groups.len();
            let channels = groups.map(|group| self.splines(group, "x", forward, log_det));
            return quote! { #buffer #start #(#channels)* #end };
        }
        let outputs = self.all_outputs();
        let gather = self.own.transformed().map(|channel| at("x", channel));
        let scatter = self.own.transformed().enumerate().map(|(place, channel)| {
            let (channel, own) = (at("x", channel), at("own", place));
            quote! { #channel = #own; }
        });
        let kernel = match (self.own.transformer, forward) {
            (Transformer::Shift, true) => quote! { shift_forward_each(&mut own, &output) },
            (Transformer::Shift, false) => quote! { shift_inverse_each(&mut own, &output) },
            (Transformer::Scaled { scale, direction }, forward) => {
                let map = scale_map(scale);
                match direction.as_it_stands(forward) {
                    true => {
                        quote! { scaled_forward_each::<Math, _, _, _>(&mut own, &output, #map) }
                    }
                    false => {
                        quote! { scaled_inverse_each::<Math, _, _, _>(&mut own, &output, #map) }
                    }
                }
            }
            (_, true) => {
                let inv_bound = self.inv_bound();
                quote! { affine_forward_each::<Math, _, _>(&mut own, &output, #inv_bound) }
            }
            (_, false) => {
                let inv_bound = self.inv_bound();
                quote! { affine_inverse_each::<Math, _, _>(&mut own, &output, #inv_bound) }
            }
        };
        let (result, end) = log_det
            .then(|| (quote! { let log_det = }, quote! { log_det }))
            .unzip();
        quote! {
            #buffer
            #outputs
            let mut own = [#(#gather),*];
            #result #kernel;
            #(#scatter)*
            #end
        }
    }

    /// The output layer of all groups.
    fn all_outputs(&self) -> TokenStream {
        let mut offset = 0;
        let tables = self.own.output.iter().enumerate().map(|(group, tables)| {
            let output = self.output(group, 0, Output::ALL, offset);
            offset += tables.iter().map(|table| table.rows.len()).sum::<usize>();
            output
        });
        tables.collect()
    }

    /// The output layer of one group, and its channels, inverted, from the array
    /// `from` to `x`. `first` is the place of its first channel among all that
    /// are transformed.
    pub(super) fn transform_group(
        &self,
        group: usize,
        first: usize,
        from: &str,
        log_det: bool,
    ) -> TokenStream {
        if self.own.channel_by_channel() {
            return self.splines(group, from, false, log_det);
        }
        let parameters = self.own.transformer.parameters();
        let output = self.output(group, 0, Output::ALL, parameters * first);
        let channels = self.own.groups[group].iter().enumerate();
        let channels = channels.map(|(place, channel)| {
            let (z, x) = (at(from, *channel), at("x", *channel));
            let shift = at(Output::ALL, parameters * (first + place));
            if self.own.transformer == Transformer::Shift {
                return match from {
                    "x" => quote! { #x -= #shift; },
                    _ => quote! { #x = #z - #shift; },
                };
            }
            let a = at(Output::ALL, parameters * (first + place) + 1);
            let call = match self.own.transformer {
                Transformer::Scaled { scale, direction } => {
                    let map = scale_map(scale);
                    match direction.as_it_stands(false) {
                        true => quote! { scaled_forward::<Math, _>(#z, #shift, #a, #map) },
                        false => quote! { scaled_inverse::<Math, _>(#z, #shift, #a, #map) },
                    }
                }
                _ => {
                    let inv_bound = self.inv_bound();
                    quote! { affine_inverse::<Math>(#z, #shift, #a, #inv_bound) }
                }
            };
            assign(&x, &call, log_det)
        });
        quote! { #output #(#channels)* }
    }

    /// The splines of a group from the array `from` to `x`, each after the part
    /// of the output layer that gives its parameters.
    fn splines(&self, group: usize, from: &str, forward: bool, log_det: bool) -> TokenStream {
        let parameters = format_ident!("{}", Output::PARAMETERS);
        let channels = self.own.groups[group].iter().enumerate();
        let channels = channels.map(|(table, channel)| {
            let output = self.output(group, table, Output::PARAMETERS, 0);
            let (z, x) = (at(from, *channel), at("x", *channel));
            let circular = self.plan.event.is_circular(*channel);
            let spline = Spline::of(self.own.transformer, circular, forward);
            let transform = spline.transform(&z, &x, &quote! { &mut #parameters }, log_det);
            quote! { #output #transform }
        });
        quote! { #(#channels)* }
    }

    fn inv_bound(&self) -> TokenStream {
        inv_bound(self.own.transformer)
    }
}

/// The kernels of a spline: their names begin alike.
struct Spline {
    kernels: &'static str,
    /// What follows the parameters.
    arguments: TokenStream,
    /// Whether the spline runs as it stands.
    forward: bool,
}

impl Spline {
    fn of(transformer: Transformer, circular: bool, forward: bool) -> Self {
        match transformer {
            Transformer::FlooredSpline(own) => {
                let (bound, size) = (float(own.bound), float(own.least_size));
                let (slope, free) = (float(own.least_slope), own.floor().free_ends);
                Self {
                    kernels: "floored_spline",
                    arguments: quote! {
                        , #bound, Floor { size: #size, slope: #slope, free_ends: #free }
                    },
                    forward: own.direction.as_it_stands(forward),
                }
            }
            Transformer::Spline { bound, .. } if !circular => {
                let bound = float(bound);
                Self {
                    kernels: "spline",
                    arguments: quote! { , #bound },
                    forward,
                }
            }
            _ => Self {
                kernels: "circular",
                arguments: TokenStream::new(),
                forward,
            },
        }
    }

    /// From `z` to `x`. There is no inverse with its log-determinant for circular ones.
    fn transform(
        &self,
        z: &TokenStream,
        x: &TokenStream,
        parameters: &TokenStream,
        log_det: bool,
    ) -> TokenStream {
        let kernel = |what| format_ident!("{}_{what}", self.kernels);
        let arguments = &self.arguments;
        let call = |name| quote! { #name::<Math>(#z, #parameters #arguments) };
        match (self.forward, log_det) {
            (true, _) => assign(x, &call(kernel("forward")), log_det),
            (false, true) => assign(x, &call(kernel("inverse_and_log_det")), true),
            (false, false) => {
                let call = call(kernel("inverse"));
                quote! { #x = #call; }
            }
        }
    }
}

/// The map from a parameter to a scale, as its kernels take it.
fn scale_map(scale: Scale) -> TokenStream {
    let (name, least) = (scale_map_name(scale), float(scale.least()));
    quote! { #name { least: #least } }
}

/// One over the bound of the log-scale.
pub(super) fn inv_bound(transformer: Transformer) -> TokenStream {
    match transformer {
        Transformer::Affine { log_scale_bound } => float(1.0 / log_scale_bound),
        _ => float(1.0),
    }
}

/// Assigns what a kernel returns, value and log-determinant.
fn assign(x: &TokenStream, call: &TokenStream, log_det: bool) -> TokenStream {
    match log_det {
        true => quote! {
            let (value, log_slope) = #call;
            #x = value;
            log_det += log_slope;
        },
        false => quote! { (#x, _) = #call; },
    }
}
