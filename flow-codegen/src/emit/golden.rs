//! Golden vectors: events and the bits of their log-likelihoods.

use super::tables::ATTRIBUTES;
use crate::Error;
use crate::plan::{Golden, Plan};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// A unit test of the module, under `cfg(test)`.
pub(super) fn unit_test(plan: &Plan) -> Result<String, Error> {
    let check = check(plan);
    let test = super::pretty(quote! {
        #[test]
        fn golden_vectors_keep_their_bits() {
            use ::flow_embedded::Density as _;
            #check
        }
    })?;
    let body = format!("{}\n{test}", table("GOLDEN", plan));
    let indented: String = body
        .lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("    {line}\n")
            }
        })
        .collect();
    let name = &plan.type_name;
    Ok(format!(
        "#[cfg(test)]\nmod golden {{\n    use super::{name};\n\n{indented}}}\n"
    ))
}

/// `pub fn self_test() -> bool`, for the chip.
pub(super) fn self_test(plan: &Plan) -> Result<String, Error> {
    let matches = matches(plan);
    let function = super::pretty(quote! {
        /// Whether every golden vector keeps its bits on this machine.
        pub fn self_test() -> bool {
            use ::flow_embedded::Density as _;
            SELF_TEST.iter().all(|(event, context, bits)| #matches)
        }
    })?;
    Ok(format!("{function}\n{}", table("SELF_TEST", plan)))
}

fn check(plan: &Plan) -> TokenStream {
    let matches = matches(plan);
    quote! {
        for (event, context, bits) in &GOLDEN {
            let same = #matches;
            assert!(same, "{event:?} given {context:?} changed");
        }
    }
}

fn matches(plan: &Plan) -> TokenStream {
    let name = format_ident!("{}", plan.type_name);
    quote! { #name.log_prob(event, context).to_bits() == *bits }
}

fn table(name: &str, plan: &Plan) -> String {
    let (event, context) = (plan.event.len(), plan.context.len());
    let rows: String = plan.golden.iter().map(row).collect();
    format!(
        "{ATTRIBUTES}static {name}: [([f32; {event}], [f32; {context}], u32); {}] = [\n{rows}];\n",
        plan.golden.len()
    )
}

fn row(golden: &Golden) -> String {
    format!(
        "    ({:?}, {:?}, {:#010x}),\n",
        golden.event,
        golden.context,
        golden.log_prob.to_bits()
    )
}
