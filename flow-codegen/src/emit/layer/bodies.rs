//! What the kinds of layers give.

use proc_macro2::TokenStream;

/// A layer's statements, in both directions.
pub(super) struct Bodies {
    pub(super) normalize: TokenStream,
    pub(super) generate: TokenStream,
}
