//! As many channels as an artefact can have, angles among the last: the loader, the batch evaluator and
//! what is compiled have the same bits.

use flow_codegen::{Checked, Interpreter, Passes};
use flow_embedded::LoadedFlow;
use flow_embedded::artefact::{Domain, MAX_CHANNELS};
use flow_tests::drafts::{Kind, draft, rng, table, uniform};
use flow_train::artefact::{Draft, ExportError};
use flow_train::evaluate::BatchFlow;

const ROWS: usize = 20;

fn wide(channels: usize) -> Draft {
    let circular = table().into_iter().find(|(name, _)| *name == "circular");
    let (_, circular) = circular.expect("a row of the table");
    let turn = |channel: usize| match channel % 5 {
        0 => Domain::Circular,
        _ => Domain::Real,
    };
    let domains: Vec<Domain> = (0..channels).map(turn).collect();
    let kind = Kind {
        event: channels,
        context: channels,
        domains: domains.clone(),
        context_domains: domains,
        ..circular
    };
    draft(&kind, 3)
}

#[test]
fn as_many_channels_as_there_may_be_have_the_same_bits_everywhere() {
    let draft = wide(MAX_CHANNELS);
    let bytes = draft.encode().expect("a valid draft");
    let flow = LoadedFlow::from_bytes(&bytes).expect("an artefact");
    assert_eq!(Draft::from_loaded(&flow), draft);
    let shape = flow.header().shape();
    let angles = (0..MAX_CHANNELS).filter(|channel| shape.is_circular(*channel));
    assert!(angles.eq((0..MAX_CHANNELS).step_by(5)));

    let rng_values = &mut rng(4);
    let mut values = || -> Vec<f32> {
        let count = ROWS * MAX_CHANNELS;
        (0..count).map(|_| uniform(rng_values)).collect()
    };
    let (events, contexts) = (values(), values());
    let batch = BatchFlow::new(&flow);
    let (mut log_probs, mut samples) = (vec![0.0; ROWS], vec![0.0; events.len()]);
    batch.log_prob(&events, &contexts, &mut log_probs);
    batch.sample(&mut rng(5), &contexts, &mut samples);
    let checked = Checked::new(&bytes).expect("an artefact");
    let interpreter = Interpreter::new(&checked, Passes::default()).expect("a plan");
    let mut scratch = vec![0.0; flow.scratch_len()];
    let words = &mut rng(5);
    for (row, scored) in log_probs.iter().enumerate() {
        let own = row * MAX_CHANNELS..(row + 1) * MAX_CHANNELS;
        let (event, context) = (&events[own.clone()], &contexts[own.clone()]);
        let log_prob = flow.log_prob(event, context, &mut scratch).expect("fits");
        assert!(log_prob.is_finite());
        assert_eq!(log_prob.to_bits(), scored.to_bits());
        let (compiled, ..) = interpreter.log_prob(event, context);
        assert_eq!(log_prob.to_bits(), compiled.to_bits());
        let mut sample = vec![0.0; MAX_CHANNELS];
        let drawn = flow.sample(words, context, &mut sample, &mut scratch);
        assert_eq!((drawn, &sample[..]), (Ok(()), &samples[own]));
    }
}

#[test]
fn one_channel_more_is_refused() {
    let mut draft = wide(MAX_CHANNELS);
    draft.event.push(draft.event[0].clone());
    let refused = |what| ExportError::TooMany {
        what,
        found: MAX_CHANNELS + 1,
        limit: MAX_CHANNELS,
    };
    assert_eq!(draft.encode(), Err(refused("event channels")));
    draft.event.pop();
    draft.context.push(draft.context[0].clone());
    assert_eq!(draft.encode(), Err(refused("context channels")));
}
