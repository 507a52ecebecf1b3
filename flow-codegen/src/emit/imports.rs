//! What generated functions import: the kernels that their statements name.

use super::activation;
use proc_macro2::{TokenStream, TokenTree};
use quote::{format_ident, quote};
use std::collections::BTreeSet;

/// One `use` for the kernels of a module of `flow_embedded`, activations among them, that the
/// statements name.
pub(super) fn imports(module: &str, kernels: &[&str], body: &TokenStream) -> TokenStream {
    let (names, module) = (names(body), format_ident!("{module}"));
    let known = |name: &&str| kernels.contains(name) || activation::KERNELS.contains(name);
    let names: Vec<_> = names
        .iter()
        .map(String::as_str)
        .filter(known)
        .map(|kernel| format_ident!("{kernel}"))
        .collect();
    match names.as_slice() {
        [] => TokenStream::new(),
        [name] => quote! { use ::flow_embedded::#module::#name; },
        _ => quote! { use ::flow_embedded::#module::{#(#names),*}; },
    }
}

/// The identifiers among some tokens.
pub(super) fn names(tokens: &TokenStream) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(tokens, &mut names);
    names
}

fn collect(tokens: &TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(name) => {
                names.insert(name.to_string());
            }
            TokenTree::Group(group) => collect(&group.stream(), names),
            _ => {}
        }
    }
}
