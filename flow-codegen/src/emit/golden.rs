//! Golden vectors: events and the bits of their log-likelihoods, seeds and the
//! bits of their samples.

use super::format::pretty;
use super::tables::ATTRIBUTES;
use crate::{Error, Options};
use flow_plan::plan::Plan;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// The tables, the unit tests under `cfg(test)` and, on request, `self_test`.
/// Without it the tables are the tests' alone.
pub(super) fn all(plan: &Plan, name: &Ident, options: &Options) -> Result<String, Error> {
    let kinds = kinds(plan, name);
    let tables: Vec<String> = kinds.iter().map(Kind::table).collect();
    let tests: TokenStream = kinds.iter().map(Kind::unit_test).collect();
    let tests = pretty(tests)?;
    let tables = tables.join("\n");
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let names = names.join(", ");
    if !options.self_test {
        let body = format!("use super::{name};\n\n{tables}\n{tests}");
        return Ok(test_module(&body));
    }
    let function = pretty(self_test(&kinds, &options.visibility.tokens()))?;
    let module = test_module(&format!("use super::{{{names}, {name}}};\n\n{tests}"));
    Ok(format!("{function}\n{tables}\n{module}"))
}

/// The tests; what includes the module may go on after it.
fn test_module(body: &str) -> String {
    let body = indented(body);
    format!("#[cfg(test)]\n#[allow(clippy::items_after_test_module)]\nmod golden {{\n{body}}}\n")
}

/// One kind of golden vectors.
struct Kind {
    name: &'static str,
    /// What is called once for each.
    calls: &'static str,
    /// The names of a row's parts.
    parts: TokenStream,
    /// Whether a row keeps its bits.
    matches: TokenStream,
    /// The trait, and what else the expression needs.
    imports: TokenStream,
    row_type: String,
    rows: Vec<String>,
    test: &'static str,
    complaint: &'static str,
}

fn kinds(plan: &Plan, name: &Ident) -> Vec<Kind> {
    let (event, context) = (plan.all.len(), plan.context.len());
    let scores = || Kind {
        name: "GOLDEN",
        calls: "log_prob",
        parts: quote! { (event, context, bits) },
        matches: quote! { #name.log_prob(event, context).to_bits() == *bits },
        imports: quote! { use ::flow_embedded::Density as _; },
        row_type: format!("([f32; {event}], [f32; {context}], u32)"),
        rows: plan
            .golden
            .iter()
            .map(|own| {
                let bits = own.log_prob.to_bits();
                format!("({:?}, {:?}, {bits:#010x})", own.event, own.context)
            })
            .collect(),
        test: "golden_vectors_keep_their_bits",
        complaint: "{event:?} given {context:?} changed",
    };
    let samples = || Kind {
        name: "GOLDEN_SAMPLES",
        calls: "sample",
        parts: quote! { (seed, context, bits) },
        matches: quote! {
            #name.sample(&mut Words::new(*seed), context).map(f32::to_bits) == *bits
        },
        imports: quote! {
            use ::flow_embedded::Sampler as _;
            use ::flow_embedded::golden::Words;
        },
        row_type: format!("(u32, [f32; {context}], [u32; {event}])"),
        rows: plan
            .golden_samples
            .iter()
            .map(|own| {
                let bits: Vec<String> = own
                    .event
                    .iter()
                    .map(|x| format!("{:#010x}", x.to_bits()))
                    .collect();
                format!("({}, {:?}, [{}])", own.seed, own.context, bits.join(", "))
            })
            .collect(),
        test: "golden_samples_keep_their_bits",
        complaint: "the sample of seed {seed} given {context:?} changed",
    };
    let scores = plan.functions.score().then(scores);
    let samples = plan.functions.sample().then(samples);
    scores.into_iter().chain(samples).collect()
}

impl Kind {
    fn table(&self) -> String {
        let rows: String = self
            .rows
            .iter()
            .map(|row| format!("    {row},\n"))
            .collect();
        format!(
            "{ATTRIBUTES}static {}: [{}; {}] = [\n{rows}];\n",
            self.name,
            self.row_type,
            self.rows.len()
        )
    }

    fn unit_test(&self) -> TokenStream {
        let (test, table) = (
            format_ident!("{}", self.test),
            format_ident!("{}", self.name),
        );
        let Self {
            parts,
            matches,
            imports,
            complaint,
            ..
        } = self;
        quote! {
            #[test]
            fn #test() {
                #imports
                for #parts in &#table {
                    let same = #matches;
                    assert!(same, #complaint);
                }
            }
        }
    }

    /// `TABLE.iter().all(|…| …)`
    fn all_match(&self) -> TokenStream {
        let table = format_ident!("{}", self.name);
        let (parts, matches) = (&self.parts, &self.matches);
        quote! { #table.iter().all(|#parts| #matches) }
    }
}

/// `fn self_test() -> bool`, for the chip.
fn self_test(kinds: &[Kind], visibility: &TokenStream) -> TokenStream {
    let calls: Vec<String> = kinds
        .iter()
        .map(|kind| format!("`{}` {} times", kind.calls, kind.rows.len()))
        .collect();
    let bound = format!(
        " Calls {}, and stops at the first that differs.",
        calls.join(" and ")
    );
    let imports = kinds.iter().map(|kind| &kind.imports);
    let all_match = kinds.iter().map(Kind::all_match);
    quote! {
        /// Whether every golden vector keeps its bits on this machine.
        ///
        #[doc = #bound]
        #[allow(dead_code)]
        #visibility fn self_test() -> bool {
            #(#imports)*
            #(#all_match)&&*
        }
    }
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            _ => format!("    {line}\n"),
        })
        .collect()
}
