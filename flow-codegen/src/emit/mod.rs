//! Plan to source text.
//!
//! Items are built as tokens and formatted with `prettyplease`; tables and the
//! file's header are laid out here, because token streams hold no comments and
//! formatters put one weight on a line.

mod activation;
mod base;
mod card;
mod categorical;
mod channels;
mod format;
mod golden;
mod imports;
mod integer;
mod layer;
mod model;
mod noise;
mod sequential;
mod tables;
mod tokens;
mod window;

use crate::{Cost, Error, Options, name};
use flow_plan::plan::Plan;
use format::pretty;
use imports::names;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// The text of the module for a plan. `artefact` is the file's name.
pub(crate) fn module(
    plan: &Plan,
    cost: &Cost,
    artefact: &str,
    options: &Options,
) -> Result<String, Error> {
    let name = name::of_type(options.type_name.as_deref(), &plan.card.name)?;
    let name = format_ident!("{name}");
    let implementations = model::implementations(plan, &name, options);
    let heads = plan.categorical.heads.iter().enumerate();
    let heads = heads.map(|(index, own)| layer::head(plan, own, index));
    let layers = plan.steps().map(|(index, own)| match plan.is_integer() {
        true => integer::items(plan, own, index),
        false => layer::items(plan, own, index),
    });
    let layers: Vec<TokenStream> = heads.chain(layers).collect();
    let mut named = names(&implementations);
    named.extend(layers.iter().flat_map(names));
    let head = model::head(plan, &name, cost, options, named.contains("Math"))?;

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
    text += &golden::all(plan, &name, options)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checked, Chip, Functions, Optimise};
    use flow_plan::passes;
    use flow_plan::plan::{MondrianPlan, SequentialPlan};

    /// The artefact of the test firmware.
    const ARTEFACT: &[u8] = include_bytes!("../../../tests/case/model.flow");

    /// The module of a model whose every text is `text`, though no artefact may hold it.
    fn with_texts(text: &str) -> String {
        let checked = Checked::new(ARTEFACT).expect("a valid artefact");
        let plan = Plan::new(&checked);
        // A name as the artefact has it is mended, which `name` tests.
        let options = Options {
            type_name: Some("Own".to_owned()),
            ..Options::default()
        };
        let mut plan = passes::run(plan, options.passes, Optimise::Speed, None).expect("passes");
        plan.functions = Functions::All;
        let card = &mut plan.card;
        for own in [&mut card.name, &mut card.created_by, &mut card.command] {
            text.clone_into(own);
        }
        card.channels.fill(text.to_owned());
        card.context = vec![text.to_owned(); plan.context.len()];
        plan.mondrian = Some(MondrianPlan {
            channel: 0,
            column: text.to_owned(),
            categories: Vec::new(),
        });
        plan.sequential = Some(SequentialPlan {
            edges: 1,
            thresholds: vec![0.0; 1 + plan.all.len()],
            scores: vec![0, 0],
            bets: Vec::new(),
            common: Vec::new(),
            run_length: 1000.0,
            delta: 0.05,
            promise: text.to_owned(),
        });
        let cost = Cost::of(&plan, Optimise::Speed, Chip::default());
        module(&plan, &cost, text, &options).expect("a module")
    }

    /// A line of Markdown without its code spans and its escaped characters.
    fn prose(line: &str) -> String {
        let (mut prose, mut code, mut escaped) = (String::new(), false, false);
        for own in line.chars() {
            match own {
                _ if escaped => escaped = false,
                '\\' if !code => escaped = true,
                '`' => code = !code,
                own if !code => prose.push(own),
                _ => {}
            }
        }
        assert!(!code, "a code span has no end: {line}");
        prose
    }

    #[test]
    fn no_text_of_an_artefact_becomes_code() {
        for text in [
            "pump\n\n```\nstd::fs::write(\"PWNED\", \"x\").unwrap();\n```\n",
            "*/ fn main() {} /*",
            "\r\nfn main() {}",
            "a\rb",
            "a\u{202e}b\u{2066}c\u{200f}d",
            "\u{1b}[2J\u{9b}2J\u{0}",
            "`]<script>alert(1)</script>[a](javascript:b) *c* # d",
        ] {
            let module = with_texts(text);
            let file = syn::parse_file(&module).expect("Rust");
            let plain = syn::parse_file(&with_texts("x")).expect("Rust");
            assert_eq!(file.items.len(), plain.items.len(), "{text:?}");
            let printed = |c: char| c == '\n' || !c.is_control();
            assert!(module.chars().all(printed), "{text:?}");
            assert!(!module.contains(['\u{202e}', '\u{2066}', '\u{200f}']));
            assert!(
                !module.contains("/**") && !module.contains("# ["),
                "{text:?}"
            );
            let card = module.lines().filter(|line| line.starts_with("///"));
            let card: Vec<&str> = card.collect();
            assert!(card.len() >= 10, "the card has one line for each fact");
            for line in &card {
                assert!(!line.contains("```"), "{line}");
                let prose = prose(line);
                assert!(!prose.contains(['<', '[', '*', '\u{1b}']), "{prose}");
            }
        }
    }

    #[test]
    fn a_long_text_makes_no_long_module() {
        let short = with_texts("x").len();
        let long = with_texts(&"x".repeat(3_000_000)).len();
        assert!(long < short + 100_000, "{long} bytes beside {short}");
    }

    #[test]
    fn names_of_categories_stay_exactly_themselves() {
        let names = ["\n", "\u{202e}", "\u{1b}", "\"", "```", "\r"];
        let literals = quote! { [#(#names),*] }.to_string();
        let printed = |c: char| !c.is_control() && c != '\u{202e}';
        assert!(literals.chars().all(printed), "{literals}");
        let parsed: syn::ExprArray = syn::parse_str(&literals).expect("an array");
        let parsed = parsed.elems.iter().map(|own| match own {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(own),
                ..
            }) => own.value(),
            _ => panic!("no string in {literals}"),
        });
        assert_eq!(parsed.collect::<Vec<_>>(), names);
    }
}
