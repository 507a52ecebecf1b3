//! The numbers that decide how weights are laid out.

use super::{Domain, Header, MAX_CHANNELS};

/// The numbers that decide how the weights of a layer are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Event channels that bijections act on: all but the categorical ones.
    pub event: usize,
    /// Numbers that the context feeds to a conditioner: one for each channel,
    /// cosine and sine for a circular one, the embedding of a categorical one; then
    /// the embeddings of the categorical event channels.
    pub context: usize,
    /// The circular ones among these event channels.
    pub circular: ChannelSet,
}

impl Shape {
    /// Whether an event channel is circular.
    pub const fn is_circular(&self, channel: usize) -> bool {
        self.circular.contains(channel)
    }

    /// The numbers that an event channel feeds to a conditioner: itself, or
    /// cosine and sine.
    pub const fn features(&self, channel: usize) -> usize {
        1 + self.is_circular(channel) as usize
    }
}

impl Header<'_> {
    /// The numbers that decide how weights are laid out.
    pub fn shape(&self) -> Shape {
        let circular = self.bijected().enumerate();
        let circular = circular.filter(|(_, own)| own.domain == Domain::Circular);
        Shape {
            event: self.bijected().count(),
            context: self.context_features() + self.event_embeddings(),
            circular: circular.map(|(index, _)| index).collect(),
        }
    }
}

/// Bits of a word.
const BITS: usize = 32;

/// A set of channels, each below [`MAX_CHANNELS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelSet([u32; MAX_CHANNELS / BITS]);

impl ChannelSet {
    /// Whether a channel is in it.
    pub const fn contains(&self, channel: usize) -> bool {
        let word = channel / BITS;
        word < self.0.len() && self.0[word] >> (channel % BITS) & 1 != 0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; MAX_CHANNELS / BITS]
    }
}

/// Channels that no artefact can have are left out.
impl FromIterator<usize> for ChannelSet {
    fn from_iter<I: IntoIterator<Item = usize>>(channels: I) -> Self {
        let mut own = Self::default();
        for channel in channels {
            if let Some(word) = own.0.get_mut(channel / BITS) {
                *word |= 1 << (channel % BITS);
            }
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::ChannelSet;

    #[test]
    fn a_set_holds_every_channel() {
        for channel in [0, 31, 32, 200, 255] {
            let own: ChannelSet = [channel].into_iter().collect();
            let held = (0..300).filter(|own_channel| own.contains(*own_channel));
            assert!(held.eq([channel]) && !own.is_empty());
        }
        let none: ChannelSet = [256, usize::MAX].into_iter().collect();
        assert!(none.is_empty() && none == ChannelSet::default());
        assert!(!none.contains(256) && !none.contains(usize::MAX));
    }
}
