use flow_embedded::artefact::{Channel, Domain, Grid};

/// The channels of the event or of the context.
pub(crate) struct Channels(pub(crate) Vec<ChannelPlan>);

/// One channel: the map of its domain, then `(x − mean) · inv_std`.
pub(crate) struct ChannelPlan {
    pub(crate) domain: Domain,
    pub(crate) grid: Option<Grid>,
    pub(crate) mean: f32,
    pub(crate) inv_std: f32,
}

impl ChannelPlan {
    pub(crate) fn is_circular(&self) -> bool {
        self.domain == Domain::Circular
    }
}

impl Channels {
    pub(super) fn new(channels: &[Channel<'_>]) -> Self {
        let plan = |channel: &Channel<'_>| ChannelPlan {
            domain: channel.domain,
            grid: channel.grid,
            mean: channel.mean,
            inv_std: channel.inv_std,
        };
        Self(channels.iter().map(plan).collect())
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
        let circular = (0..self.len()).filter(|channel| self.is_circular(*channel));
        self.len() + circular.count()
    }
}
