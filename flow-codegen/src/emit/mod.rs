//! Plan to source text.
//!
//! Items are built as tokens and formatted with `prettyplease`; tables and the
//! file's header are laid out here, because token streams hold no comments and
//! formatters put one weight on a line.

mod base;
mod card;
mod categorical;
mod channels;
mod golden;
mod integer;
mod layer;
mod model;
mod noise;
mod sequential;
mod tables;
mod window;

use crate::plan::Plan;
use crate::{Cost, Error, Options};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// The text of the module for a plan. `artefact` is the file's name.
pub(crate) fn module(
    plan: &Plan,
    cost: &Cost,
    artefact: &str,
    options: &Options,
) -> Result<String, Error> {
    let implementations = model::implementations(plan, options);
    let heads = plan.categorical.heads.iter().enumerate();
    let heads = heads.map(|(index, own)| layer::head(plan, own, index));
    let layers = plan.steps().map(|(index, own)| match plan.is_integer() {
        true => integer::items(plan, own, index),
        false => layer::items(plan, own, index),
    });
    let layers: Vec<TokenStream> = heads.chain(layers).collect();
    let mut named = layer::names(&implementations);
    named.extend(layers.iter().flat_map(layer::names));
    let head = model::head(plan, cost, options, named.contains("Math"))?;

    let mut text = card::file_header(plan, artefact);
    text += &pretty(quote! { #head #implementations })?;
    for layer in layers {
        text.push('\n');
        text += &pretty(layer)?;
    }
    text.push('\n');
    text += &match plan.is_integer() {
        true => integer::tables(plan),
        false => tables::numbers(plan),
    };
    text += &tables::calibration(plan);
    text += &sequential::statics(plan);
    text += &noise::statics(plan);
    text.push('\n');
    text += &golden::all(plan, options)?;
    Ok(text)
}

/// Formats items, with an empty line between them.
fn pretty(items: TokenStream) -> Result<String, Error> {
    let file: syn::File = syn::parse2(items)?;
    let items = file.items.into_iter().map(|item| {
        prettyplease::unparse(&syn::File {
            items: vec![item],
            ..empty_file()
        })
    });
    Ok(items.collect::<Vec<_>>().join("\n"))
}

fn empty_file() -> syn::File {
    syn::File {
        shebang: None,
        frontmatter: None,
        attrs: Vec::new(),
        items: Vec::new(),
    }
}

/// A number as people write it: `4`, not `4usize`.
fn number(value: usize) -> Literal {
    Literal::usize_unsuffixed(value)
}

/// As [`number`], for a finite `f32`.
fn float(value: f32) -> TokenStream {
    let size = Literal::f32_unsuffixed(value.abs());
    if value.is_sign_negative() {
        quote! { -#size }
    } else {
        quote! { #size }
    }
}

/// `array[index]`
fn at(array: &str, index: usize) -> TokenStream {
    let (array, index) = (format_ident!("{array}"), number(index));
    quote! { #array[#index] }
}
