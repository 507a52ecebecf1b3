use flow_embedded::artefact::{Channel, Domain, Grid, Header, Vocabulary};

/// The channels of the event or of the context.
pub(crate) struct Channels(pub(crate) Vec<ChannelPlan>);

/// One channel: the map of its domain, then `(x − mean) · inv_std`.
pub(crate) struct ChannelPlan {
    pub(crate) domain: Domain,
    pub(crate) grid: Option<Grid>,
    pub(crate) mean: f32,
    pub(crate) inv_std: f32,
    /// The numbers that it feeds to a conditioner.
    pub(crate) features: usize,
}

impl ChannelPlan {
    pub(crate) fn is_circular(&self) -> bool {
        self.domain == Domain::Circular
    }

    /// The place of its vocabulary, if it is categorical.
    pub(crate) fn vocabulary(&self) -> Option<usize> {
        match self.domain {
            Domain::Categorical { vocabulary } => Some(usize::from(vocabulary)),
            _ => None,
        }
    }
}

impl Channels {
    pub(super) fn new<'h, 'a: 'h>(
        header: &Header<'_>,
        channels: impl IntoIterator<Item = &'h Channel<'a>>,
    ) -> Self {
        let features = |channel: &Channel<'_>| match channel.domain {
            Domain::Circular => 2,
            _ => header
                .vocabulary_of(channel)
                .map_or(1, Vocabulary::embedding),
        };
        let plan = |channel: &Channel<'_>| ChannelPlan {
            features: features(channel),
            domain: channel.domain,
            grid: channel.grid,
            mean: channel.mean,
            inv_std: channel.inv_std,
        };
        Self(channels.into_iter().map(plan).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether standardisation is all that happens to them.
    pub(crate) fn all_real(&self) -> bool {
        self.0.iter().all(|channel| channel.domain == Domain::Real)
    }

    pub(crate) fn is_circular(&self, channel: usize) -> bool {
        self.0[channel].is_circular()
    }

    /// The numbers that they feed to a conditioner.
    pub(crate) fn features(&self) -> usize {
        self.0.iter().map(|own| own.features).sum()
    }
}
