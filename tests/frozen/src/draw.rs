use crate::{Channel, Words};

/// How an input differs from ordinary ones.
#[derive(Clone, Copy)]
enum Class {
    Ordinary,
    Tail,
    Power,
    Extreme,
}

/// Half of all inputs are ordinary.
const CLASSES: [Class; 8] = [
    Class::Ordinary,
    Class::Tail,
    Class::Ordinary,
    Class::Extreme,
    Class::Ordinary,
    Class::Power,
    Class::Ordinary,
    Class::Extreme,
];

/// Draws input `index` of a seed: the event into `event_values`, the context into `context_values`,
/// which are as long as the channels.
///
/// Half of the inputs are ordinary. The others have one channel in a tail, at a power of ten or at an
/// extreme, or all channels. A context channel counts as an event channel does.
pub fn draw(
    event: &[Channel],
    context: &[Channel],
    seed: u64,
    index: u32,
    event_values: &mut [f32],
    context_values: &mut [f32],
) {
    let words = &mut Words::of(seed, index);
    let class = CLASSES[index as usize % CLASSES.len()];
    // Most inputs with an extreme in all channels only have a NaN to check.
    let one_in = match class {
        Class::Extreme => 4,
        _ => 2,
    };
    let all = words.below(one_in) == 0;
    let chosen = words.below(event.len() + context.len());
    let channels = event.iter().chain(context);
    let values = event_values.iter_mut().chain(context_values);
    for (place, (channel, value)) in channels.zip(values).enumerate() {
        *value = match class {
            _ if !all && place != chosen => channel.ordinary(words),
            Class::Ordinary => channel.ordinary(words),
            Class::Tail => channel.tail(words),
            Class::Power => channel.power(words),
            Class::Extreme => channel.extreme(words),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::Channel;

    /// One of each kind, the last one of the context.
    const CHANNELS: [Channel; 4] = [
        Channel::Real {
            centre: 3.0,
            spread: 0.5,
        },
        Channel::Above {
            low: -0.5,
            spread: 2.0,
        },
        Channel::Between {
            low: 10.0,
            high: 30.0,
        },
        Channel::Codes { count: 5 },
    ];

    fn inputs(count: u32) -> impl Iterator<Item = [f32; 4]> {
        (0..count).map(|index| {
            let (mut event, mut context) = ([0.0; 3], [0.0]);
            draw(
                &CHANNELS[..3],
                &CHANNELS[3..],
                7,
                index,
                &mut event,
                &mut context,
            );
            [event[0], event[1], event[2], context[0]]
        })
    }

    /// FNV-1a of many inputs' bits: what is drawn never changes.
    #[test]
    fn inputs_are_the_frozen_ones() {
        let bits = inputs(4000).flatten().map(f32::to_bits);
        let bytes = bits.flat_map(u32::to_le_bytes);
        let digest = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(digest, 0xf6b6_fa9b_3260_8099);
    }

    /// Every kind of corner comes up in every channel, alone and with others.
    #[test]
    fn each_channel_gets_every_kind_of_value() {
        type Is = fn(f32) -> bool;
        let kinds: [(&str, Is); 9] = [
            ("NaN", f32::is_nan),
            ("an infinity", f32::is_infinite),
            ("subnormal", f32::is_subnormal),
            ("0", |x| x.to_bits() == 0),
            ("-0", |x| x.to_bits() == 1 << 31),
            ("the largest", |x| x == f32::MAX),
            ("the least", |x| x == f32::MIN),
            ("far out", |x| x.abs() > 1e9),
            ("ordinary", |x| x.abs() < 100.0),
        ];
        for channel in 0..4 {
            for (name, is) in kinds {
                let found = |alone: bool| {
                    inputs(64_000).any(|input| {
                        let others = (0..4).filter(|other| *other != channel);
                        let many = others.filter(|other| !input[*other].is_finite()).count();
                        is(input[channel]) && (many == 0) == alone
                    })
                };
                assert!(found(true) && found(false), "{name} in channel {channel}");
            }
        }
    }

    #[test]
    fn ends_and_what_lies_beside_them_are_drawn() {
        let all = [
            (1, -0.5),
            (1, (-0.5f32).next_up()),
            (1, (-0.5f32).next_down()),
            (2, 10.0),
            (2, 30.0),
            (2, 30f32.next_down()),
            (2, 31.0),
            (3, 5.0),
            (3, 0.5),
        ];
        for (channel, value) in all {
            let found = inputs(8000).any(|input| input[channel].to_bits() == f32::to_bits(value));
            assert!(found, "{value} in channel {channel}");
        }
    }
}
