//! Parts in `f64` to those in `f32`.

use super::image::{ConvolutionParts, ConvolutionsParts};
use super::parts::{
    BaseParts, CategoricalParts, ConditionerParts, Dense, DenseParts, EmbeddingParts, FactorsParts,
    FlowParts, ScalesParts,
};
use flow_artefact::{Conditioned, Map, Planes};
use std::convert::Infallible;

fn all(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|own| own as f32).collect()
}

impl FlowParts<f64> {
    /// The same flow with parameters rounded to `f32`.
    #[must_use]
    pub fn narrow(self) -> FlowParts<f32> {
        FlowParts {
            event: self.event,
            context: self.context,
            circular: self.circular,
            categorical: self.categorical.narrow(),
            layers: {
                let layers = self.layers.into_iter();
                layers.map(|layer| layer.map_all(&mut Narrow)).collect()
            },
            base: self.base.narrow(),
        }
    }
}

impl CategoricalParts<f64> {
    fn narrow(self) -> CategoricalParts<f32> {
        let embedding = |own: EmbeddingParts<f64>| EmbeddingParts {
            width: own.width,
            table: all(own.table),
        };
        let heads = self.heads.into_iter();
        CategoricalParts {
            vocabularies: self.vocabularies.into_iter().map(embedding).collect(),
            event: self.event,
            context: self.context,
            heads: heads.map(ConditionerParts::narrow).collect(),
        }
    }
}

/// Rounds each number.
struct Narrow;

impl Map<Dense<f64>, Dense<f32>> for Narrow {
    type Fault = Infallible;

    fn conditioner(
        &mut self,
        _: Conditioned<'_>,
        own: ConditionerParts<f64>,
    ) -> Result<ConditionerParts<f32>, Infallible> {
        Ok(own.narrow())
    }

    fn convolutions(
        &mut self,
        _: &Planes,
        _: usize,
        own: ConvolutionsParts<f64>,
    ) -> Result<ConvolutionsParts<f32>, Infallible> {
        Ok(own.narrow())
    }

    fn factors(
        &mut self,
        _: usize,
        own: FactorsParts<f64>,
    ) -> Result<FactorsParts<f32>, Infallible> {
        Ok(FactorsParts {
            lower: all(own.lower),
            upper: all(own.upper),
            bias: all(own.bias),
        })
    }

    fn scales(&mut self, own: ScalesParts<f64>) -> Result<ScalesParts<f32>, Infallible> {
        Ok(ScalesParts {
            scale: all(own.scale),
            shift: all(own.shift),
        })
    }
}

impl ConditionerParts<f64> {
    fn narrow(self) -> ConditionerParts<f32> {
        let dense = |own: DenseParts<f64>| DenseParts {
            inputs: own.inputs,
            prefix: own.prefix,
            weights: all(own.weights),
            biases: all(own.biases),
        };
        ConditionerParts {
            activation: self.activation,
            form: self.form,
            dense: self.dense.into_iter().map(dense).collect(),
        }
    }
}

impl ConvolutionsParts<f64> {
    fn narrow(self) -> ConvolutionsParts<f32> {
        let layer = |own: ConvolutionParts<f64>| ConvolutionParts {
            features: own.features,
            kernel: own.kernel,
            weights: all(own.weights),
        };
        ConvolutionsParts {
            activation: self.activation,
            residual: self.residual,
            by_position: self.by_position,
            layers: self.layers.into_iter().map(layer).collect(),
        }
    }
}

impl BaseParts<f64> {
    fn narrow(self) -> BaseParts<f32> {
        match self {
            Self::Normal => BaseParts::Normal,
            Self::Logistic => BaseParts::Logistic,
            Self::Laplace => BaseParts::Laplace,
            Self::StudentT { degrees_of_freedom } => BaseParts::StudentT {
                degrees_of_freedom: degrees_of_freedom as f32,
            },
            Self::Mixture {
                log_weights,
                mean,
                std,
            } => BaseParts::Mixture {
                log_weights: all(log_weights),
                mean: all(mean),
                std: all(std),
            },
        }
    }
}
