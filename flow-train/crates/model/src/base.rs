//! Base distributions: the density of what a flow maps events to.
//!
//! Independent over the channels and in standard form, but for the mixture of normals with diagonal covariance, whose
//! weights, means and deviations are trained with the flow. Angles are uniform instead.

use super::panel::Panel;
use super::parts::{BaseParts, check_finite};
use super::real::Real;
use flow_artefact::{log_norm, student_t_log_norm};
use flow_embedded::artefact;
use flow_host::random::Random;
use pulp::Arch;
use std::f64::consts::TAU;
use std::fmt;
use std::str::FromStr;

/// Which distribution. As text: `normal`, `logistic`, `laplace`, `student-t:DEGREES`, `mixture:COMPONENTS`,
/// `contaminated:SHARE:SCALE`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BaseSpec {
    /// Normal.
    Normal,
    /// Logistic of scale 1: tails like `e^-|z|`.
    Logistic,
    /// Laplace of scale 1: tails like `e^-|z|`, and a cusp.
    Laplace,
    /// Student's t: tails like `|z|^-(degrees of freedom + 1)`.
    StudentT {
        /// Positive; above 2 for a finite variance.
        degrees_of_freedom: f64,
    },
    /// A mixture of normals with diagonal covariance, trained with the flow.
    Mixture {
        /// 1 to 255.
        components: usize,
    },
    /// A standard normal, of which a share is wider in all channels at once (Tukey 1960): what lies far out costs a
    /// fraction of what it costs under the normal alone. An artefact holds it as a mixture.
    Contaminated {
        /// In (0, 1).
        share: f64,
        /// Standard deviation of the wider part, above 1.
        scale: f64,
    },
}

/// Why a text names no base distribution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no base distribution; write normal, logistic, laplace, student-t:DEGREES, mixture:COMPONENTS or contaminated:SHARE:SCALE"
)]
pub struct NoSuchBase(String);

impl FromStr for BaseSpec {
    type Err = NoSuchBase;

    fn from_str(text: &str) -> Result<Self, NoSuchBase> {
        let fault = || NoSuchBase(text.to_owned());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        Ok(match (name, number) {
            ("normal", None) => Self::Normal,
            ("logistic", None) => Self::Logistic,
            ("laplace", None) => Self::Laplace,
            ("student-t", Some(number)) => Self::StudentT {
                degrees_of_freedom: number.parse().map_err(|_| fault())?,
            },
            ("contaminated", Some(numbers)) => {
                let (share, scale) = numbers.split_once(':').ok_or_else(fault)?;
                Self::Contaminated {
                    share: share.parse().map_err(|_| fault())?,
                    scale: scale.parse().map_err(|_| fault())?,
                }
            }
            ("mixture", Some(number)) => Self::Mixture {
                components: number.parse().map_err(|_| fault())?,
            },
            _ => return Err(fault()),
        })
    }
}

impl fmt::Display for BaseSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Logistic => f.write_str("logistic"),
            Self::Laplace => f.write_str("laplace"),
            Self::StudentT { degrees_of_freedom } => write!(f, "student-t:{degrees_of_freedom}"),
            Self::Mixture { components } => write!(f, "mixture:{components}"),
            Self::Contaminated { share, scale } => write!(f, "contaminated:{share}:{scale}"),
        }
    }
}

impl BaseSpec {
    /// `ln` of the normalizing constant for each channel that isn't an angle.
    #[must_use]
    pub fn log_norm(self) -> f64 {
        match self {
            Self::Normal | Self::Mixture { .. } | Self::Contaminated { .. } => {
                log_norm(artefact::Base::Normal)
            }
            Self::Logistic => log_norm(artefact::Base::Logistic),
            Self::Laplace => log_norm(artefact::Base::Laplace),
            Self::StudentT { degrees_of_freedom } => student_t_log_norm(degrees_of_freedom),
        }
    }
}

/// The base of a flow, the parameters of a mixture from `offset` on: logits of the weights, means
/// `[components x event]`, and logarithms of the deviations, likewise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Base {
    pub(crate) spec: BaseSpec,
    event: usize,
    /// Channels that aren't angles.
    straight: Vec<usize>,
    angles: Vec<usize>,
    offset: usize,
}

/// Memory of a mixture's passes; without rows for other bases.
#[derive(Debug)]
pub(crate) struct BaseTrace<T> {
    /// The joint log-density of each component, then its responsibility.
    components: Panel<T>,
    /// What they sum to.
    total: Panel<T>,
    /// The parameters of a contaminated normal, which are not trained, and room for their gradient.
    fixed: Vec<T>,
    d_fixed: Vec<T>,
}

impl Base {
    pub(crate) fn new(spec: BaseSpec, event: usize, circular: &[usize], offset: usize) -> Self {
        Self {
            spec,
            event,
            straight: (0..event)
                .filter(|channel| !circular.contains(channel))
                .collect(),
            angles: circular.to_vec(),
            offset,
        }
    }

    /// Takes the distribution of `parts`, and its parameters.
    pub(crate) fn from_parts<T: Real>(
        parts: BaseParts<T>,
        event: usize,
        circular: &[usize],
        offset: usize,
    ) -> Result<(Self, Vec<T>), String> {
        let mut parameters = Vec::new();
        let spec = match parts {
            BaseParts::Normal => BaseSpec::Normal,
            BaseParts::Logistic => BaseSpec::Logistic,
            BaseParts::Laplace => BaseSpec::Laplace,
            BaseParts::StudentT { degrees_of_freedom } => BaseSpec::StudentT {
                degrees_of_freedom: degrees_of_freedom.to_f64(),
            },
            BaseParts::Mixture {
                log_weights,
                mean,
                std,
            } => {
                let components = log_weights.len();
                let size = components * event;
                if components == 0 || mean.len() != size || std.len() != size {
                    return Err(format!(
                        "a mixture of {components} components for {event} channels needs {size} means and deviations"
                    ));
                }
                if std.iter().any(|std| *std <= T::ZERO) {
                    return Err("deviations must be positive".into());
                }
                parameters.extend(log_weights);
                parameters.extend(mean);
                parameters.extend(std.into_iter().map(|std| T::from_f64(std.to_f64().ln())));
                BaseSpec::Mixture { components }
            }
        };
        check_finite(&parameters)?;
        Ok((Self::new(spec, event, circular, offset), parameters))
    }

    pub(crate) fn to_parts<T: Real>(&self, parameters: &[T]) -> BaseParts<T> {
        match self.spec {
            BaseSpec::Normal => BaseParts::Normal,
            BaseSpec::Logistic => BaseParts::Logistic,
            BaseSpec::Laplace => BaseParts::Laplace,
            BaseSpec::StudentT { degrees_of_freedom } => BaseParts::StudentT {
                degrees_of_freedom: T::from_f64(degrees_of_freedom),
            },
            BaseSpec::Mixture { .. } | BaseSpec::Contaminated { .. } => {
                let fixed = self.fixed();
                let [logits, mean, log_std] = self.split(parameters, &fixed);
                let norm = log_sum(logits.iter().map(|logit| logit.to_f64()));
                BaseParts::Mixture {
                    log_weights: logits
                        .iter()
                        .map(|logit| T::from_f64(logit.to_f64() - norm))
                        .collect(),
                    mean: mean.to_vec(),
                    std: log_std.iter().map(|log_std| log_std.exp()).collect(),
                }
            }
        }
    }

    /// `ln` of the normalizing constant of the whole base.
    pub(crate) fn log_norm(&self) -> f64 {
        self.spec.log_norm() * self.straight.len() as f64 - TAU.ln() * self.angles.len() as f64
    }

    fn components(&self) -> usize {
        match self.spec {
            BaseSpec::Mixture { components } => components,
            BaseSpec::Contaminated { .. } => 2,
            _ => 0,
        }
    }

    /// Number of parameters in the flow's vector.
    pub(crate) fn parameters(&self) -> usize {
        match self.spec {
            BaseSpec::Contaminated { .. } => 0,
            _ => self.size(),
        }
    }

    /// Numbers that an artefact stores: with each component its share of all before it.
    pub(crate) fn stored(&self) -> usize {
        self.size() + self.components()
    }

    /// Numbers of a mixture.
    fn size(&self) -> usize {
        self.components() * (1 + 2 * self.event)
    }

    /// The numbers that are not trained.
    fn fixed<T: Real>(&self) -> Vec<T> {
        let BaseSpec::Contaminated { share, scale } = self.spec else {
            return Vec::new();
        };
        let logits = [1.0 - share, share].map(f64::ln);
        let log_std = [0.0, scale.ln()].map(|log| std::iter::repeat_n(log, self.event));
        let mean = std::iter::repeat_n(0.0, 2 * self.event);
        let all = logits
            .into_iter()
            .chain(mean)
            .chain(log_std.into_iter().flatten());
        all.map(T::from_f64).collect()
    }

    /// Equal weights, deviations 1, and means that are spread out.
    pub(crate) fn initialise<T: Real>(&self, parameters: &mut [T], random: &mut Random) {
        if self.parameters() == 0 {
            return;
        }
        let [logits, mean, log_std] = self.split_mut(parameters, &mut []);
        logits.fill(T::from_f64(-(self.components() as f64).ln()));
        mean.fill_with(|| T::from_f64(f64::from(random.normal())));
        log_std.fill(T::ZERO);
    }

    pub(crate) fn trace<T: Real>(&self, columns: usize) -> BaseTrace<T> {
        let components = self.components();
        BaseTrace {
            components: Panel::new(components, columns),
            total: Panel::new(components.min(1), columns),
            fixed: self.fixed(),
            d_fixed: self.fixed(),
        }
    }

    /// Adds `-ln p(z)`, without the normalizing constant, to `energies`.
    pub(crate) fn energy<T: Real>(
        &self,
        parameters: &[T],
        z: &Panel<T>,
        trace: &mut BaseTrace<T>,
        energies: &mut [T],
    ) {
        if self.components() > 0 {
            return self.mixture_energy(parameters, z, trace, energies);
        }
        // Uniform; but what is no number has no density.
        for &channel in &self.angles {
            add(energies, z.row(channel), |z| T::ZERO * z);
        }
        let half = T::from_f64(0.5);
        for &channel in &self.straight {
            let z = z.row(channel);
            match self.spec {
                BaseSpec::Normal => add(energies, z, |z| half * z * z),
                BaseSpec::Laplace => add(energies, z, T::abs),
                BaseSpec::Logistic => add(energies, z, |z| {
                    let size = z.abs();
                    let log = (T::ONE + (-size).exp()).ln();
                    size + (log + log)
                }),
                BaseSpec::StudentT { degrees_of_freedom } => {
                    let inverse = T::from_f64(degrees_of_freedom.recip());
                    let power = T::from_f64(0.5 * (degrees_of_freedom + 1.0));
                    add(energies, z, |z| power * (T::ONE + z * z * inverse).ln());
                }
                BaseSpec::Mixture { .. } | BaseSpec::Contaminated { .. } => {}
            }
        }
    }

    /// Writes the gradient of `sum of weights * energies` by `z`, and that by the parameters at their places.
    pub(crate) fn backward<T: Real>(
        &self,
        parameters: &[T],
        z: &Panel<T>,
        trace: &mut BaseTrace<T>,
        weights: &[T],
        gradient: &mut Panel<T>,
        d_parameters: &mut [T],
    ) {
        for channel in 0..self.event {
            gradient.row_mut(channel).fill(T::ZERO);
        }
        if self.components() > 0 {
            return self.mixture_backward(parameters, z, trace, weights, gradient, d_parameters);
        }
        let half = T::from_f64(0.5);
        for &channel in &self.straight {
            let (g, z) = (gradient.row_mut(channel), z.row(channel));
            match self.spec {
                BaseSpec::Normal => derive(g, weights, z, |z| z),
                BaseSpec::Laplace => derive(g, weights, z, |z| match z < T::ZERO {
                    true => -T::ONE,
                    false => T::ONE,
                }),
                BaseSpec::Logistic => derive(g, weights, z, |z| (half * z).tanh()),
                BaseSpec::StudentT { degrees_of_freedom } => {
                    let nu = T::from_f64(degrees_of_freedom);
                    derive(g, weights, z, |z| (nu + T::ONE) * z / (nu + z * z));
                }
                BaseSpec::Mixture { .. } | BaseSpec::Contaminated { .. } => {}
            }
        }
    }

    fn mixture_energy<T: Real>(
        &self,
        parameters: &[T],
        z: &Panel<T>,
        trace: &mut BaseTrace<T>,
        energies: &mut [T],
    ) {
        let BaseTrace {
            components,
            total,
            fixed,
            ..
        } = trace;
        let [logits, mean, log_std] = self.split(parameters, fixed);
        let norm = T::from_f64(log_sum(logits.iter().map(|logit| logit.to_f64())));
        let half = T::from_f64(0.5);
        for (index, &logit) in logits.iter().enumerate() {
            let own = index * self.event..(index + 1) * self.event;
            let log_det: T = log_std[own.clone()].iter().copied().sum();
            let joint = components.row_mut(index);
            joint.fill(logit - norm - log_det);
            for (channel, (&mean, log_std)) in
                mean[own.clone()].iter().zip(&log_std[own]).enumerate()
            {
                let scale = (-*log_std).exp();
                add(joint, z.row(channel), |z| {
                    let deviation = (z - mean) * scale;
                    -(half * deviation * deviation)
                });
            }
        }
        // The largest first, so that no exponential overflows.
        let (components, total) = (&*components, total.row_mut(0));
        total.copy_from_slice(components.row(0));
        for index in 1..logits.len() {
            let pairs = total.iter_mut().zip(components.row(index));
            pairs.for_each(|(most, &joint)| *most = if joint > *most { joint } else { *most });
        }
        for (column, total) in total.iter_mut().enumerate() {
            let most = *total;
            let terms = (0..logits.len()).map(|index| (components.row(index)[column] - most).exp());
            *total = most + terms.sum::<T>().ln();
        }
        for (energy, &total) in energies.iter_mut().zip(&*total) {
            *energy += -total;
        }
    }

    fn mixture_backward<T: Real>(
        &self,
        parameters: &[T],
        z: &Panel<T>,
        trace: &mut BaseTrace<T>,
        weights: &[T],
        gradient: &mut Panel<T>,
        d_parameters: &mut [T],
    ) {
        let [logits, mean, log_std] = self.split(parameters, &trace.fixed);
        let [d_logits, d_mean, d_log_std] = self.split_mut(d_parameters, &mut trace.d_fixed);
        let norm = T::from_f64(log_sum(logits.iter().map(|logit| logit.to_f64())));
        let whole: T = weights.iter().copied().sum();
        let total = trace.total.row(0);
        for (index, &logit) in logits.iter().enumerate() {
            let joint = trace.components.row(index);
            let share = |column: usize| weights[column] * (joint[column] - total[column]).exp();
            let responsible: T = (0..weights.len()).map(share).sum();
            d_logits[index] = whole * (logit - norm).exp() - responsible;
            for channel in 0..self.event {
                let at = index * self.event + channel;
                let scale = (-log_std[at]).exp();
                let (mut by_mean, mut by_log_std) = (T::ZERO, T::ZERO);
                let (g, z) = (gradient.row_mut(channel), z.row(channel));
                for column in 0..weights.len() {
                    let deviation = (z[column] - mean[at]) * scale;
                    let pull = share(column) * deviation;
                    g[column] += pull * scale;
                    by_mean += pull;
                    by_log_std += share(column) - pull * deviation;
                }
                d_mean[at] = -(by_mean * scale);
                d_log_std[at] = by_log_std;
            }
        }
    }

    /// Logits, means and logarithms of deviations, trained or fixed.
    fn split<'a, T>(&self, parameters: &'a [T], fixed: &'a [T]) -> [&'a [T]; 3] {
        let own = match self.parameters() {
            0 => fixed,
            count => &parameters[self.offset..][..count],
        };
        let (logits, rest) = own.split_at(self.components());
        let (mean, log_std) = rest.split_at(rest.len() / 2);
        [logits, mean, log_std]
    }

    fn split_mut<'a, T>(&self, parameters: &'a mut [T], fixed: &'a mut [T]) -> [&'a mut [T]; 3] {
        let own = match self.parameters() {
            0 => fixed,
            count => &mut parameters[self.offset..][..count],
        };
        let (logits, rest) = own.split_at_mut(self.components());
        let (mean, log_std) = rest.split_at_mut(rest.len() / 2);
        [logits, mean, log_std]
    }
}

/// `ln` of the sum of exponentials.
fn log_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    most + terms.map(|term| (term - most).exp()).sum::<f64>().ln()
}

fn add<T: Real>(sums: &mut [T], z: &[T], of: impl Fn(T) -> T) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            sums.iter_mut().zip(z).for_each(|(sum, &z)| *sum += of(z));
        },
    );
}

fn derive<T: Real>(gradient: &mut [T], weights: &[T], z: &[T], of: impl Fn(T) -> T) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let inputs = weights.iter().zip(z);
            gradient
                .iter_mut()
                .zip(inputs)
                .for_each(|(g, (&weight, &z))| *g = weight * of(z));
        },
    );
}
