//! The generated type's name.

use crate::Error;

/// The name given, or the model's name mended.
///
/// # Errors
/// The name given cannot name the type.
pub(crate) fn of_type(given: Option<&str>, model: &str) -> Result<String, Error> {
    match given {
        None => Ok(mend(model)),
        Some(name) if !is_identifier(name) => Err(Error::TypeName {
            name: name.to_owned(),
        }),
        Some(name) if is_taken(name) => Err(Error::NameTaken {
            name: name.to_owned(),
        }),
        Some(name) => Ok(name.to_owned()),
    }
}

/// `basic-motions 2` becomes `BasicMotions2`; what gives no free identifier
/// becomes `Model…`. Letters that are not ASCII are left out: the compiler warns
/// of those that look like others.
fn mend(model: &str) -> String {
    let splits = |c: char| !c.is_alphanumeric();
    let words = model.split(splits).map(|word| {
        let mut letters = word.chars().filter(char::is_ascii);
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters)
    });
    let joined: String = words.flatten().collect();
    match is_identifier(&joined) && !is_taken(&joined) {
        true => joined,
        false => format!("Model{joined}"),
    }
}

fn is_identifier(name: &str) -> bool {
    // The parser also takes an identifier with spaces or comments around it.
    syn::parse_str::<syn::Ident>(name).is_ok_and(|ident| ident == name)
}

/// Whether the module needs the name for something else: its own items, and the
/// types that its signatures name.
fn is_taken(name: &str) -> bool {
    let items = [
        "Math",
        "PROVENANCE",
        "MEAN",
        "INV_STD",
        "CONTEXT_MEAN",
        "CONTEXT_INV_STD",
        "BASE",
        "CALIBRATION",
        "GOLDEN",
        "GOLDEN_SAMPLES",
        "golden",
        "self_test",
        "features",
    ];
    let types = ["bool", "f32", "u32"];
    // A keyword since the edition of 2024, which the parser lets pass.
    let keywords = ["gen"];
    let numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let of_a_layer = ["normalize_", "generate_", "L"]
        .into_iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(numbered));
    items.contains(&name) || types.contains(&name) || keywords.contains(&name) || of_a_layer
}

#[cfg(test)]
mod tests {
    use super::{is_identifier, is_taken, of_type};
    use proptest::prelude::*;

    fn mended(model: &str) -> String {
        of_type(None, model).expect("a model's name is never refused")
    }

    #[test]
    fn names_of_models_are_mended() {
        for (model, expected) in [
            ("imu", "Imu"),
            ("basic-motions 2", "BasicMotions2"),
            ("two_words", "TwoWords"),
            ("alreadyCamel", "AlreadyCamel"),
            ("2nd", "Model2nd"),
            ("", "Model"),
            ("…", "Model"),
            ("_", "Model"),
            ("self", "ModelSelf"),
            ("fn", "Fn"),
            ("größe", "Gre"),
            ("насос", "Model"),
            ("ポンプ 3", "Model3"),
            ("a/../b.flow", "ABFlow"),
            ("\"quoted\"\nlines", "QuotedLines"),
            // Names that the module has for its own items.
            ("math", "ModelMath"),
            ("MEAN", "ModelMEAN"),
            ("PROVENANCE", "ModelPROVENANCE"),
            ("L0-7", "ModelL07"),
        ] {
            assert_eq!(mended(model), expected, "{model:?}");
        }
    }

    #[test]
    fn names_given_are_taken_or_refused() {
        for name in ["Pump", "X", "_Private", "Größe"] {
            assert_eq!(of_type(Some(name), "imu").expect(name), name);
        }
        for (name, part) in [
            ("", "cannot name a type"),
            ("2fast", "cannot name a type"),
            ("a b", "cannot name a type"),
            (" Pump", "cannot name a type"),
            ("Pump /* old */", "cannot name a type"),
            ("fn", "cannot name a type"),
            ("Self", "cannot name a type"),
            ("_", "cannot name a type"),
            ("gen", "needs the name"),
            ("Math", "needs the name"),
            ("f32", "needs the name"),
            ("MEAN", "needs the name"),
            ("L0_OUTPUT", "needs the name"),
        ] {
            let error = of_type(Some(name), "imu").expect_err(name).to_string();
            assert!(error.contains(part), "{name:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_name_of_a_model_gives_a_free_identifier(model in any::<String>()) {
            let name = mended(&model);
            prop_assert!(is_identifier(&name) && !is_taken(&name), "{name:?}");
            prop_assert!(name.is_ascii());
        }
    }
}
