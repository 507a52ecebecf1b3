//! What the caller decides about the generated module.

use crate::cost::Measured;
use crate::{Budget, Chip, Error, Functions, Optimise, Passes};
use flow_embedded::math::Backend;
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::parse::Parser as _;

/// What to emit. The default is a public type that scores and samples.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The type's name; by default the model's name in camel case.
    ///
    /// A model's name is mended until it names a type: `2nd-pump` becomes
    /// `Model2ndPump`; letters that are not ASCII are left out, because the
    /// compiler warns of some. A name given here is taken as it is, or refused.
    pub type_name: Option<String>,
    /// Who may name the type, `PROVENANCE` and `self_test`.
    pub visibility: Visibility,
    /// Traits to derive beside `Clone, Copy, Debug, Default`, such as
    /// `PartialEq` or `serde::Serialize`. The crate that includes the module
    /// must know them.
    pub derives: Vec<String>,
    /// Whether the type derives `defmt::Format`.
    pub defmt: Defmt,
    /// Elementary functions in place of the model's own. `Libm` and `Micromath`
    /// need the feature of that name of `flow-embedded` in the firmware.
    ///
    /// Thresholds hold for the functions that the model was calibrated with, so
    /// a calibrated model that scores is refused: train it with the other
    /// functions, which calibrates it through them. A model without calibration
    /// is accepted, and so is [`Functions::Sample`], which emits no threshold.
    pub math: Option<Backend>,
    /// The functions to emit.
    pub functions: Functions,
    /// Also emit `fn self_test() -> bool`, which checks golden vectors on the
    /// chip in a bounded number of evaluations, stated in its documentation.
    /// (They are always checked under `cfg(test)`.) Firmware that calls it holds
    /// the vectors: eight times event, context and one number, four times event,
    /// context and a seed, at 4 bytes each, which [`Cost`](crate::Cost) leaves
    /// out.
    pub self_test: bool,
    /// What the code is made for.
    pub optimise: Optimise,
    /// The chip whose figures the model card states.
    pub chip: Chip,
    /// What the model may cost there: what costs more is refused.
    pub budget: Budget,
    /// What was measured of the model compiled with these options: it takes the
    /// place of estimates.
    pub measured: Vec<Measured>,
    /// The passes of the compiler.
    pub passes: Passes,
}

/// Who may name what a module holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// `pub`: whoever sees the module.
    #[default]
    Public,
    /// `pub(crate)`.
    Crate,
    /// The module itself: for code that lies next to `include_flow!`.
    Private,
}

impl Visibility {
    pub(crate) fn tokens(self) -> TokenStream {
        match self {
            Self::Public => quote! { pub },
            Self::Crate => quote! { pub(crate) },
            Self::Private => TokenStream::new(),
        }
    }
}

/// When the type derives `defmt::Format`.
///
/// In a build script the crate's features are known, so that
/// `Defmt::when(cfg!(feature = "defmt"))` follows one; [`Feature`](Self::Feature)
/// is for modules that are generated once and committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Defmt {
    /// Never.
    #[default]
    Never,
    /// Always: the crate that includes the module depends on `defmt`.
    Always,
    /// If that crate has this feature on.
    Feature(String),
}

impl Defmt {
    /// Always if `on`, else never.
    pub fn when(on: bool) -> Self {
        match on {
            true => Self::Always,
            false => Self::Never,
        }
    }
}

/// What every type derives.
const ALWAYS: [&str; 4] = ["Clone", "Copy", "Debug", "Default"];

impl Options {
    /// The derive attributes of the type.
    pub(crate) fn derive_attributes(&self) -> Result<TokenStream, Error> {
        let mut paths: Vec<TokenStream> = Vec::new();
        for name in ALWAYS
            .into_iter()
            .chain(self.derives.iter().map(String::as_str))
        {
            let path = syn::Path::parse_mod_style
                .parse_str(name)
                .map_err(|_| Error::Derive {
                    name: name.to_owned(),
                })?;
            let path = path.into_token_stream();
            let same = |other: &TokenStream| other.to_string() == path.to_string();
            if !paths.iter().any(same) {
                paths.push(path);
            }
        }
        let format = match &self.defmt {
            Defmt::Never => None,
            Defmt::Always => {
                paths.push(quote! { ::defmt::Format });
                None
            }
            Defmt::Feature(name) if is_feature(name) => Some(quote! {
                #[cfg_attr(feature = #name, derive(::defmt::Format))]
            }),
            Defmt::Feature(name) => return Err(Error::Feature { name: name.clone() }),
        };
        Ok(quote! {
            #[derive(#(#paths),*)]
            #format
        })
    }
}

/// Whether cargo takes it for the name of a feature.
fn is_feature(name: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || "_-+.".contains(c);
    let first = |c: char| c.is_alphanumeric() || c == '_';
    name.starts_with(first) && name.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::{Defmt, Options};

    fn attributes(derives: &[&str], defmt: Defmt) -> String {
        let options = Options {
            derives: derives.iter().map(|name| (*name).to_owned()).collect(),
            defmt,
            ..Options::default()
        };
        match options.derive_attributes() {
            Ok(tokens) => tokens.to_string().replace(' ', ""),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn derives_follow_those_that_are_always_there() {
        let always = "#[derive(Clone,Copy,Debug,Default";
        for (derives, expected) in [
            (&[][..], ")]"),
            (&["PartialEq", "Eq", "Hash"], ",PartialEq,Eq,Hash)]"),
            (&["Debug", "Eq", "Eq"], ",Eq)]"),
            (&["serde::Serialize"], ",serde::Serialize)]"),
            (&["::serde::Serialize"], ",::serde::Serialize)]"),
        ] {
            assert_eq!(
                attributes(derives, Defmt::Never),
                format!("{always}{expected}")
            );
        }
    }

    #[test]
    fn what_cannot_be_derived_is_refused() {
        for name in [
            "",
            "1",
            "A B",
            "A, B",
            "Vec<u8>",
            "a)] struct X; #[b(",
            "a::",
        ] {
            let text = attributes(&["Eq", name], Defmt::Never);
            assert!(text.contains(&format!("{name:?} is no trait")), "{text}");
        }
    }

    #[test]
    fn format_is_derived_always_or_behind_a_feature() {
        let text = attributes(&[], Defmt::when(true));
        assert_eq!(text, "#[derive(Clone,Copy,Debug,Default,::defmt::Format)]");
        let text = attributes(&[], Defmt::when(false));
        assert_eq!(text, "#[derive(Clone,Copy,Debug,Default)]");
        let text = attributes(&[], Defmt::Feature("log-defmt".into()));
        assert!(
            text.ends_with("#[cfg_attr(feature=\"log-defmt\",derive(::defmt::Format))]"),
            "{text}"
        );
        for name in ["", "a b", "dep:defmt", "-x", "a\"b"] {
            let text = attributes(&[], Defmt::Feature(name.into()));
            assert!(text.contains("no name of a feature"), "{text}");
        }
    }
}
