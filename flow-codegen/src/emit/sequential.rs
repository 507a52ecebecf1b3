//! The sequential test over a stream.

use super::tokens::{float, number};
use super::{tables, window};
use flow_embedded::artefact::COMMON_VALUES;
use flow_embedded::detect::evidence::{Bet, Pattern};
use flow_plan::plan::{Plan, SequentialPlan};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// `Sequential` for a model that scores and has a test; nothing for others.
pub(super) fn sequential(plan: &Plan, name: &Ident) -> TokenStream {
    let Some(own) = test(plan) else {
        return TokenStream::new();
    };
    let event = number(plan.all.len());
    let statistics = number(1 + plan.all.len());
    let (bets, edges) = (number(own.bets.len()), number(own.edges));
    let run_length = float(own.run_length);
    let past = window::past(plan).map(|own| {
        quote! { const PAST: &'static [::flow_embedded::window::Feature] = &#own; }
    });
    let values = number(COMMON_VALUES);
    quote! {
        impl ::flow_embedded::detect::Sequential<#event, #statistics, #bets> for #name {
            const EVIDENCE: ::flow_embedded::detect::EvidenceTable<'static> =
                ::flow_embedded::detect::EvidenceTable::new(
                    #edges,
                    &EVIDENCE_THRESHOLDS,
                    &EVIDENCE_SCORES,
                    &EVIDENCE_BETS,
                );
            const COMMON: &'static [[f32; #values]; #event] = &COMMON_VALUES;
            const RUN_LENGTH: f32 = #run_length;
            #past
        }
    }
}

/// Its tables.
pub(super) fn statics(plan: &Plan) -> String {
    let Some(own) = test(plan) else {
        return String::new();
    };
    let float = |value: &f32| match *value {
        f32::NEG_INFINITY => "f32::NEG_INFINITY".to_owned(),
        value => format!("{value:?}"),
    };
    let floats = |values: &[f32]| tables::wrap(values.iter().map(float));
    let scores = tables::wrap(own.scores.iter().map(i8::to_string));
    let bets: Vec<String> = own.bets.iter().map(bet).collect();
    let common: Vec<String> = own
        .common
        .chunks(COMMON_VALUES)
        .map(|values| format!("[{}]", floats(values).join(", ")))
        .collect();
    format!(
        "\n// Thresholds of one statistic after another: the log-likelihood, then each latent.\n{}\
         \n// Rows of what bets score by bin, and without a repeat.\n{}\
         \n// Statistic, row of scores, threshold.\n{}\
         \n// Values of each channel that are common.\n{}",
        tables::statics(
            "EVIDENCE_THRESHOLDS",
            &format!("[f32; {}]", own.thresholds.len()),
            &floats(&own.thresholds)
        ),
        tables::statics(
            "EVIDENCE_SCORES",
            &format!("[i8; {}]", own.scores.len()),
            &scores
        ),
        tables::statics(
            "EVIDENCE_BETS",
            &format!("[::flow_embedded::detect::evidence::Bet; {}]", bets.len()),
            &bets
        ),
        tables::statics(
            "COMMON_VALUES",
            &format!("[[f32; {COMMON_VALUES}]; {}]", common.len()),
            &common
        ),
    )
}

fn test(plan: &Plan) -> Option<&SequentialPlan> {
    plan.sequential.as_ref().filter(|_| plan.functions.score())
}

fn bet(own: &Bet) -> String {
    let kind = match own.pattern {
        Pattern::Level => "level",
        Pattern::Repeat => "repeat",
    };
    format!(
        "::flow_embedded::detect::evidence::Bet::{kind}({}, {}, {})",
        own.statistic, own.row, own.threshold
    )
}
