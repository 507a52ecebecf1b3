//! The channels of event and context.

use flow_embedded::artefact::{Channel, Domain, Grid, Header, Vocabulary};

/// The channels of the event or of the context.
pub struct Channels(pub Vec<ChannelPlan>);

/// One channel: the map of its domain, then `(x − mean) · inv_std`.
pub struct ChannelPlan {
    /// What values it can take.
    pub domain: Domain,
    /// The grid that it is rounded to, if to any.
    pub grid: Option<Grid>,
    /// The mean, after the map of the domain.
    pub mean: f32,
    /// One over the standard deviation, likewise.
    pub inv_std: f32,
    /// The numbers that it feeds to a conditioner.
    pub features: usize,
}

/// From more channels than these, a loop is worth a table.
const MANY: usize = 8;

impl ChannelPlan {
    /// Whether it is an angle.
    pub fn is_circular(&self) -> bool {
        self.domain == Domain::Circular
    }

    /// The place of its vocabulary, if it is categorical.
    pub fn vocabulary(&self) -> Option<usize> {
        match self.domain {
            Domain::Categorical { vocabulary } => Some(usize::from(vocabulary)),
            _ => None,
        }
    }
}

impl Channels {
    pub(super) fn new<'a>(
        header: &Header<'_>,
        channels: impl IntoIterator<Item = Channel<'a>>,
    ) -> Self {
        let features = |channel: &Channel<'_>| match channel.domain {
            Domain::Circular => 2,
            _ => header
                .vocabulary_of(channel)
                .map_or(1, Vocabulary::embedding),
        };
        let plan = |channel: Channel<'_>| ChannelPlan {
            features: features(&channel),
            domain: channel.domain,
            grid: channel.grid,
            mean: channel.mean,
            inv_std: channel.inv_std,
        };
        Self(channels.into_iter().map(plan).collect())
    }

    /// The number of channels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether standardisation is all that happens to them.
    pub fn all_real(&self) -> bool {
        self.0.iter().all(|channel| channel.domain == Domain::Real)
    }

    /// Whether a channel is an angle.
    pub fn is_circular(&self, channel: usize) -> bool {
        self.0[channel].is_circular()
    }

    /// The numbers of each channel's domain, if there are many channels and all have domains of one kind: these are
    /// mapped in a loop.
    pub fn one_kind(&self) -> Option<Vec<Vec<f32>>> {
        let first = std::mem::discriminant(&self.0.first()?.domain);
        let same = |own: &ChannelPlan| std::mem::discriminant(&own.domain) == first;
        let numbers = |own: &ChannelPlan| match own.domain {
            Domain::Real | Domain::Circular | Domain::Categorical { .. } => None,
            Domain::Positive { low } => Some(vec![low]),
            Domain::SoftPositive { low, scale } => Some(vec![low, scale]),
            Domain::Bounded { low, high } => Some(vec![low, high]),
            Domain::HeavyTailed { centre, scale } => Some(vec![centre, scale]),
        };
        match self.len() > MANY && self.0.iter().all(same) {
            true => self.0.iter().map(numbers).collect(),
            false => None,
        }
    }

    /// The grids of many channels that all have one: they are rounded in a loop.
    pub fn all_grids(&self) -> Option<Vec<Vec<f32>>> {
        let grids = self
            .0
            .iter()
            .map(|own| Some(vec![own.grid?.offset, own.grid?.step]));
        grids.collect::<Option<_>>().filter(|_| self.len() > MANY)
    }

    /// The numbers that they feed to a conditioner.
    pub fn features(&self) -> usize {
        self.0.iter().map(|own| own.features).sum()
    }
}

/// Channels of the artefact as places of the event's array.
pub(super) fn channels(channels: &[u8]) -> Vec<usize> {
    channels
        .iter()
        .map(|channel| usize::from(*channel))
        .collect()
}
