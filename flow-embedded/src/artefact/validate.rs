//! The one validation of a decoded artefact: after it, nothing fails.

use super::error::invalid;
use super::frame::Frame;
use super::layout::Layout;
use super::{
    Autoregressive, Base, Channel, Conditioner, ConvolutionalCoupling, Direction, Domain, Fault,
    Form, Header, Layer, LoadError, LoadedFlow, MAX_BLOCK_UNITS, MAX_BLOCKS, MAX_HIDDEN_LAYERS,
    MAX_KERNEL, MAX_LOG_NORM, MAX_LOG_SCALE, MAX_SPLINE_BOUND, Permutation, Place, Planes,
    Quantisation, Role, Shape, Transformer,
};
use super::{calibration, mondrian, noise, sequential, text};
use crate::base::component_width;
use crate::state::Digest;
use crate::window::Feature;

impl<'a> LoadedFlow<'a> {
    /// Validates an artefact and borrows it in place, at any alignment.
    ///
    /// Reads every byte once; copies no weights and allocates nothing.
    ///
    /// # Errors
    /// Whatever is wrong with the bytes, with the place: truncated, damaged,
    /// too new, not a valid flow, or a backend that this build lacks. No input
    /// makes it panic.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let frame = Frame::open(bytes)?;
        let header = frame.header()?;
        check_header(&header)?;
        let mut layout = Layout::new(&header);
        let own_shape = layout.shape;
        let shape = &own_shape;
        let (discrete, layers) = frame
            .weights
            .split_at_checked(header.discrete_weights())
            .ok_or(invalid(Place::Header, Fault::WrongWeightCount))?;
        check_discrete(&header, discrete)?;
        let mut weights = layers;
        for (index, (place, layer)) in header.layers.places().enumerate() {
            check_layer(&layer, index, shape)?;
            let (own, rest) = weights
                .split_at_checked(layer.weights(shape))
                .ok_or(invalid(Place::Layer(index), Fault::WrongWeightCount))?;
            check_weights(&layer, index, shape, own)?;
            weights = rest;
            layout.place(index, &layer, place, layers.len() - rest.len());
        }
        let (base, rest) = weights
            .split_at_checked(header.base.weights(shape.event))
            .ok_or(invalid(Place::Base, Fault::WrongWeightCount))?;
        check_base(header.base, shape, base)?;
        weights = rest;
        let entries = header.calibration.map_or(0, |c| usize::from(c.entries));
        let (table, test) = weights
            .split_at_checked(2 * entries)
            .ok_or(invalid(Place::Calibration, Fault::WrongWeightCount))?;
        let (table, _) = table.as_chunks::<2>();
        if let Some(calibration) = &header.calibration {
            calibration::check_table(calibration.alpha, table, Place::Calibration)?;
            calibration::check_judged(&header, calibration.judges)?;
        }
        let (test, by_context) = mondrian::split(&header, test)?;
        sequential::check(&header, test)?;
        check_by_context(&header, by_context)?;
        if !header.math.is_available() {
            return Err(LoadError::BackendMissing(header.math));
        }
        Ok(Self::new(
            header,
            layout,
            Digest::new(frame.checksum),
            [discrete, layers, base, test],
            [table, by_context],
        ))
    }
}

fn check_header(header: &Header<'_>) -> Result<(), LoadError> {
    let bijected = header.continuous().next().is_some();
    if header.event.is_empty() || (bijected && header.layers.is_empty()) {
        return Err(invalid(Place::Header, Fault::Empty));
    }
    check_categorical(header, bijected)?;
    for (index, channel) in header.event.iter().enumerate() {
        check_channel(&channel, Place::Event(index))?;
    }
    for (index, channel) in header.context.iter().enumerate() {
        check_channel(&channel, Place::Context(index))?;
    }
    if !header.log_norm.is_finite() {
        return Err(invalid(Place::Header, Fault::NotFinite));
    }
    if header.log_norm.abs() > MAX_LOG_NORM {
        return Err(invalid(Place::Header, Fault::OutOfRange));
    }
    text::check(header)?;
    check_features(header)?;
    noise::check(header)?;
    header
        .quantisation
        .map_or(Ok(()), |own| check_quantisation(&own, header))
}

/// Vocabularies, what refers to them, and the heads.
fn check_categorical(header: &Header<'_>, bijected: bool) -> Result<(), LoadError> {
    for (index, own) in header.vocabularies.iter().enumerate() {
        if !own.is_valid() {
            return Err(invalid(Place::Vocabulary(index), Fault::BadVocabulary));
        }
    }
    let known = |own: &Channel<'_>| match own.vocabulary() {
        Some(index) => header.vocabularies.get(index).is_some(),
        None => true,
    };
    for (index, channel) in header.event.iter().enumerate() {
        if !known(&channel) {
            return Err(invalid(Place::Event(index), Fault::BadVocabulary));
        }
    }
    for (index, channel) in header.context.iter().enumerate() {
        if !known(&channel) {
            return Err(invalid(Place::Context(index), Fault::BadVocabulary));
        }
    }
    let event = header.event.iter();
    let categorical = event.filter(|own| own.vocabulary().is_some()).count();
    let idle = !bijected && (!header.layers.is_empty() || header.base != Base::Normal);
    if header.heads.len() != categorical || idle {
        return Err(invalid(Place::Header, Fault::BadHeads));
    }
    for (index, conditioner) in header.heads.iter().enumerate() {
        let fail = |fault| invalid(Place::Head(index), fault);
        if !conditioner.form.is_chain() {
            return Err(fail(Fault::BadForm));
        }
        check_units(&conditioner, 1, 0).map_err(fail)?;
    }
    Ok(())
}

/// The numbers of embeddings and heads.
fn check_discrete(header: &Header<'_>, weights: &[[u8; 4]]) -> Result<(), LoadError> {
    let finite = |own: &[[u8; 4]]| own.iter().all(|w| f32::from_le_bytes(*w).is_finite());
    let vocabularies = header.vocabularies.iter().enumerate();
    let vocabularies = vocabularies.map(|(index, own)| (Place::Vocabulary(index), own.weights()));
    let heads = header.categorical().enumerate();
    let heads = heads.map(|(index, own)| (Place::Head(index), own.weights()));
    let mut rest = weights;
    for (place, length) in vocabularies.chain(heads) {
        let Some((own, behind)) = rest.split_at_checked(length) else {
            return Err(invalid(place, Fault::WrongWeightCount));
        };
        if !finite(own) {
            return Err(invalid(place, Fault::NotFinite));
        }
        rest = behind;
    }
    Ok(())
}

fn check_features(header: &Header<'_>) -> Result<(), LoadError> {
    let features = &header.features;
    for (index, feature) in features.iter().enumerate() {
        let fail = |fault| Err(invalid(Place::Feature(index), fault));
        let again = features.iter().take(index).any(|own| own == feature);
        if again || !feature.is_valid(header.event.len()) {
            return fail(Fault::BadFeature);
        }
        let Some(channel) = header.context.get(index) else {
            return fail(Fault::NoChannel);
        };
        // A code can be looked up and not computed with.
        let event = header.event.get(usize::from(feature.channel()));
        let event = event.and_then(|own| own.vocabulary());
        let lag = matches!(feature, Feature::Lag { .. });
        if event != channel.vocabulary() || (event.is_some() && !lag) {
            return fail(Fault::BadFeature);
        }
    }
    Ok(())
}

fn check_quantisation(own: &Quantisation<'_>, header: &Header<'_>) -> Result<(), LoadError> {
    let mut rest = own.fractions;
    if own.weights.is_integer() && !header.vocabularies.is_empty() {
        return Err(invalid(Place::Quantisation, Fault::BadHeads));
    }
    for layer in header.layers.iter().filter(|_| own.weights.is_integer()) {
        let Some((_, conditioner)) = layer.conditional() else {
            continue;
        };
        let kinds = rest.split_at_checked(conditioner.dense_layers());
        let (kinds, behind) = kinds.ok_or(BAD_FRACTIONS)?;
        // There is one input.
        let input = same(kinds, conditioner, |role| {
            role.sees_context() || role == Role::Hidden(0)
        });
        // What is added must have the same unit.
        let added = same(kinds, conditioner, |role| role != Role::Hidden(0));
        if !input || (conditioner.form == Form::Residual && !added) {
            return Err(BAD_FRACTIONS);
        }
        rest = behind;
    }
    if !rest.is_empty() || own.fractions.iter().any(|bits| *bits > 15) {
        return Err(BAD_FRACTIONS);
    }
    Ok(())
}

/// Whether some dense layers of a conditioner read activations of the same fraction.
fn same(kinds: &[u8], conditioner: &Conditioner<'_>, of: impl Fn(Role) -> bool) -> bool {
    let own = kinds.iter().enumerate();
    let mut own = own.filter(|(dense, _)| of(conditioner.role(*dense)));
    let first = own.next();
    own.all(|(_, bits)| first.is_none_or(|(_, first)| bits == first))
}

const BAD_FRACTIONS: LoadError = LoadError::Invalid {
    place: Place::Quantisation,
    fault: Fault::BadFractions,
};

fn check_channel(channel: &Channel<'_>, place: Place) -> Result<(), LoadError> {
    let fail = |fault| Err(invalid(place, fault));
    let (ends, scale) = match channel.domain {
        Domain::Real | Domain::Circular | Domain::Categorical { .. } => ([0.0, 1.0], 1.0),
        Domain::Positive { low } => ([low, f32::INFINITY], 1.0),
        Domain::SoftPositive { low, scale } => ([low, f32::INFINITY], scale),
        Domain::Bounded { low, high } => ([low, high], high - low),
        Domain::HeavyTailed { centre, scale } => ([centre, f32::INFINITY], scale),
    };
    let [low, high] = ends;
    if low >= high {
        return fail(Fault::BadDomain);
    }
    let (offset, step) = channel
        .grid
        .map_or((0.0, 1.0), |grid| (grid.offset, grid.step));
    let finite = [channel.mean, channel.inv_std, low, scale, offset, step];
    if !finite.iter().all(|x| x.is_finite()) || high.is_nan() {
        return fail(Fault::NotFinite);
    }
    if channel.inv_std <= 0.0 || scale <= 0.0 || step <= 0.0 {
        return fail(Fault::NotPositive);
    }
    Ok(())
}

fn check_layer(layer: &Layer<'_>, index: usize, shape: &Shape) -> Result<(), LoadError> {
    let fail = |fault| Err(invalid(Place::Layer(index), fault));
    let blocks = match layer {
        Layer::Coupling(layer) => {
            let transformed = layer.transformed;
            if transformed.is_empty() || transformed.len() >= shape.event {
                return fail(Fault::Empty);
            }
            let ascending = transformed.is_sorted_by(|a, b| a < b);
            if !ascending || !transformed.iter().all(|c| usize::from(*c) < shape.event) {
                return fail(Fault::BadOrder);
            }
            1
        }
        Layer::Autoregressive(Autoregressive { order, groups, .. }) => {
            let channels: usize = groups.iter().map(|group| usize::from(*group)).sum();
            if !is_permutation(order, shape.event) || channels != shape.event || groups.contains(&0)
            {
                return fail(Fault::BadOrder);
            }
            groups.len()
        }
        Layer::Linear(Permutation(order)) | Layer::Permutation(Permutation(order)) => {
            if !is_permutation(order, shape.event) {
                return fail(Fault::BadOrder);
            }
            0
        }
        Layer::Pointwise(planes) => {
            check_planes(&[planes], shape).map_err(|fault| invalid(Place::Layer(index), fault))?;
            0
        }
        Layer::Convolutional(own) => {
            check_image(own, shape).map_err(|fault| invalid(Place::Layer(index), fault))?;
            if own.transformer.is_imported() {
                return fail(Fault::BadConvolution);
            }
            check_transformer(own.transformer)
                .map_err(|fault| invalid(Place::Layer(index), fault))?;
            0
        }
        Layer::ElementWise => 0,
    };
    let Some((transformer, conditioner)) = layer.conditional() else {
        return match shape.circular.is_empty() {
            true => Ok(()),
            false => fail(Fault::NotCircular),
        };
    };
    let generative = matches!(
        layer,
        Layer::Autoregressive(Autoregressive {
            direction: Direction::Generative,
            ..
        })
    );
    let spline = matches!(transformer, Transformer::Spline { .. });
    if !shape.circular.is_empty() && (generative || !spline) {
        return fail(Fault::NotCircular);
    }
    check_transformer(transformer).map_err(|fault| invalid(Place::Layer(index), fault))?;
    check_units(conditioner, blocks, shape.context)
        .map_err(|fault| invalid(Place::Layer(index), fault))
}

fn check_transformer(transformer: Transformer) -> Result<(), Fault> {
    // A bound so small that its inverse overflows would make every scale NaN.
    let bound = match transformer {
        Transformer::Shift => 1.0,
        Transformer::Affine { log_scale_bound } => log_scale_bound,
        Transformer::Spline { bins, .. } if bins < 2 => return Err(Fault::TooFewBins),
        Transformer::Spline { bound, .. } => bound,
        Transformer::Scaled { scale, .. } => match not_negative(scale.least()) {
            true => 1.0,
            false => return Err(Fault::NotPositive),
        },
        Transformer::FlooredSpline(own) if own.bins < 2 => return Err(Fault::TooFewBins),
        Transformer::FlooredSpline(own) => {
            let least = f32::from(own.bins) * own.least_size;
            let sound = not_negative(own.least_size) && least < 2.0 * own.bound;
            match sound && not_negative(own.least_slope) && own.least_slope < 1.0 {
                true => own.bound,
                false => return Err(Fault::NotPositive),
            }
        }
    };
    if !(bound.is_finite() && bound > 0.0 && (1.0 / bound).is_finite()) {
        return Err(Fault::NotPositive);
    }
    let sound = match transformer {
        Transformer::Affine { .. } => bound <= MAX_LOG_SCALE,
        _ if transformer.is_spline() => {
            (1.0 / MAX_SPLINE_BOUND..=MAX_SPLINE_BOUND).contains(&bound)
        }
        _ => true,
    };
    match sound {
        true => Ok(()),
        false => Err(Fault::OutOfRange),
    }
}

fn not_negative(least: f32) -> bool {
    least.is_finite() && least >= 0.0
}

/// Checks that planes of one image are made of different channels.
fn check_planes(images: &[&Planes<'_>], shape: &Shape) -> Result<(), Fault> {
    let sized = |own: &&Planes<'_>| {
        let positions = own.positions();
        positions > 0 && !own.places.is_empty() && own.places.len().is_multiple_of(positions)
    };
    let places = || images.iter().flat_map(|own| own.places);
    let within = |place: &u8| usize::from(*place) < shape.event;
    let once = |channel| places().filter(|own| usize::from(**own) == channel).count() <= 1;
    match images.iter().all(sized) && places().all(within) && (0..shape.event).all(once) {
        true => Ok(()),
        false => Err(Fault::BadPlanes),
    }
}

fn check_image(own: &ConvolutionalCoupling<'_>, shape: &Shape) -> Result<(), Fault> {
    let size = |planes: &Planes<'_>| [planes.width, planes.height];
    if size(&own.given) != size(&own.transformed) {
        return Err(Fault::BadPlanes);
    }
    check_planes(&[&own.given, &own.transformed], shape)?;
    let conditioner = own.conditioner;
    let (hidden, rest) = conditioner.hidden.as_chunks::<2>();
    let odd = |kernel: u8| kernel % 2 == 1 && usize::from(kernel) <= MAX_KERNEL;
    let counted = (1..=MAX_HIDDEN_LAYERS).contains(&hidden.len()) && rest.is_empty();
    let sound = hidden
        .iter()
        .all(|[features, kernel]| *features > 0 && odd(*kernel));
    let mut pairs = hidden.iter().zip(hidden.iter().skip(1));
    let even = !conditioner.residual || pairs.all(|([before, _], [after, _])| before == after);
    if !conditioner.activation.is_valid() {
        return Err(Fault::BadActivation);
    }
    match counted && sound && odd(conditioner.output_kernel) && even {
        true => Ok(()),
        false => Err(Fault::BadConvolution),
    }
}

/// Checks hidden layers of so many blocks of units, given so many features of the context.
fn check_units(conditioner: &Conditioner<'_>, blocks: usize, context: usize) -> Result<(), Fault> {
    let (hidden, form) = (&conditioner.hidden, conditioner.form);
    if !conditioner.activation.is_valid() {
        return Err(Fault::BadActivation);
    }
    let counted = hidden.iter().all(|units| units.0.len() == 2 * blocks);
    let mut pairs = hidden.iter().zip(hidden.iter().skip(1));
    if !counted || (form == Form::Residual && !pairs.all(|(before, after)| before == after)) {
        return Err(Fault::BadUnits);
    }
    let fits = match (form, hidden.as_slice()) {
        (Form::Plain | Form::Residual, _) => true,
        (Form::ContextFirst, hidden) => !hidden.is_empty(),
        (Form::PreActivation(own), [units]) => {
            (1..=MAX_BLOCKS).contains(&usize::from(own.blocks))
                && (1..=MAX_BLOCK_UNITS).contains(&units.total())
        }
        (Form::PreActivation(_), _) => false,
    };
    match fits && (context > 0 || !form.needs_context()) {
        true => Ok(()),
        false => Err(Fault::BadForm),
    }
}

fn is_permutation(order: &[u8], event: usize) -> bool {
    let once = |channel| order.iter().filter(|c| usize::from(**c) == channel).count() == 1;
    order.len() == event && (0..event).all(once)
}

fn check_weights(
    layer: &Layer<'_>,
    index: usize,
    shape: &Shape,
    weights: &[[u8; 4]],
) -> Result<(), LoadError> {
    let fail = |at, fault| {
        Err(invalid(
            Place::Weight {
                layer: index,
                index: at,
            },
            fault,
        ))
    };
    if let Some(at) = weights
        .iter()
        .position(|w| !f32::from_le_bytes(*w).is_finite())
    {
        return fail(at, Fault::NotFinite);
    }
    // What samples are divided by.
    let position = match layer {
        Layer::ElementWise => weights
            .iter()
            .step_by(2)
            .position(|w| !positive(w))
            .map(|channel| 2 * channel),
        Layer::Linear(_) => not_positive(weights, shape.event),
        Layer::Pointwise(planes) => not_positive(weights, planes.count()),
        _ => None,
    };
    position.map_or(Ok(()), |at| fail(at, Fault::NotPositive))
}

fn positive(weight: &[u8; 4]) -> bool {
    f32::from_le_bytes(*weight) > 0.0
}

/// Where the first number of U's diagonal stands that is not positive. Row by row, U has one number
/// less in each row.
fn not_positive(weights: &[[u8; 4]], channels: usize) -> Option<usize> {
    let mut at = 0;
    for row in 0..channels {
        if !weights.get(at).is_some_and(positive) {
            return Some(at);
        }
        at += channels - row;
    }
    None
}

fn check_base(base: Base, shape: &Shape, weights: &[[u8; 4]]) -> Result<(), LoadError> {
    let fail = |fault| Err(invalid(Place::Base, fault));
    match base {
        Base::Normal | Base::Logistic | Base::Laplace => Ok(()),
        Base::StudentT { degrees_of_freedom } => {
            match degrees_of_freedom.is_finite() && degrees_of_freedom > 0.0 {
                true => Ok(()),
                false => fail(Fault::NotPositive),
            }
        }
        Base::Mixture { components: 0 } => fail(Fault::Empty),
        Base::Mixture { .. } if !shape.circular.is_empty() => fail(Fault::NotCircular),
        Base::Mixture { .. } => {
            if !weights.iter().all(|w| f32::from_le_bytes(*w).is_finite()) {
                return fail(Fault::NotFinite);
            }
            let positive = weights
                .chunks_exact(component_width(shape.event))
                .all(|component| {
                    let mut inv_std = component.iter().skip(3).step_by(2);
                    inv_std.all(|w| f32::from_le_bytes(*w) > 0.0)
                });
            if !positive {
                return fail(Fault::NotPositive);
            }
            // Each begins with the logarithm of its weight and its scales.
            let mut components = weights.chunks_exact(component_width(shape.event));
            let small = |w: &[u8; 4]| f32::from_le_bytes(*w).abs() <= MAX_LOG_NORM;
            match components.all(|own| own.first().is_none_or(small)) {
                true => Ok(()),
                false => fail(Fault::OutOfRange),
            }
        }
    }
}

/// The tables of the listed values, one after another.
fn check_by_context(header: &Header<'_>, tables: &[[[u8; 4]; 2]]) -> Result<(), LoadError> {
    let (Some(own), Some(calibration)) = (&header.mondrian, header.calibration) else {
        return Ok(());
    };
    let mut rest = tables;
    for category in own.categories() {
        let Some((table, behind)) = rest.split_at_checked(category.entries.into()) else {
            return Err(invalid(Place::Mondrian, Fault::WrongWeightCount));
        };
        calibration::check_table(calibration.alpha, table, Place::Mondrian)?;
        rest = behind;
    }
    Ok(())
}
