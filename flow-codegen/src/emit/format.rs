//! Tokens to text.

use crate::Error;
use proc_macro2::TokenStream;

/// Formats items, with an empty line between them.
pub(super) fn pretty(items: TokenStream) -> Result<String, Error> {
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
