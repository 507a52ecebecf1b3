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

/// From more channels than these, a loop is worth a table.
const MANY: usize = 8;

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

    /// The numbers of each channel's domain, if there are many channels and all have domains of one kind: these are
    /// mapped in a loop.
    pub(crate) fn one_kind(&self) -> Option<Vec<Vec<f32>>> {
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
    pub(crate) fn all_grids(&self) -> Option<Vec<Vec<f32>>> {
        let grids = self
            .0
            .iter()
            .map(|own| Some(vec![own.grid?.offset, own.grid?.step]));
        grids.collect::<Option<_>>().filter(|_| self.len() > MANY)
    }

    /// The numbers that they feed to a conditioner.
    pub(crate) fn features(&self) -> usize {
        self.0.iter().map(|own| own.features).sum()
    }
}
