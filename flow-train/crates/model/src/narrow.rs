//! Parts in `f64` to those in `f32`.

use super::image::{ConvolutionParts, ConvolutionsParts};
use super::parts::{
    BaseParts, CategoricalParts, ConditionerParts, DenseParts, EmbeddingParts, FlowParts,
    LayerParts,
};

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
            layers: self.layers.into_iter().map(LayerParts::narrow).collect(),
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

impl LayerParts<f64> {
    fn narrow(self) -> LayerParts<f32> {
        match self {
            Self::Coupling {
                transformed,
                transformer,
                conditioner,
            } => LayerParts::Coupling {
                transformed,
                transformer,
                conditioner: conditioner.narrow(),
            },
            Self::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner,
            } => LayerParts::Autoregressive {
                order,
                groups,
                direction,
                transformer,
                conditioner: conditioner.narrow(),
            },
            Self::Linear {
                permutation,
                lower,
                upper,
                bias,
            } => LayerParts::Linear {
                permutation,
                lower: all(lower),
                upper: all(upper),
                bias: all(bias),
            },
            Self::ElementWise { scale, shift } => LayerParts::ElementWise {
                scale: all(scale),
                shift: all(shift),
            },
            Self::Permutation(own) => LayerParts::Permutation(own),
            Self::Convolutional {
                given,
                transformed,
                transformer,
                conditioner,
            } => LayerParts::Convolutional {
                given,
                transformed,
                transformer,
                conditioner: conditioner.narrow(),
            },
            Self::Pointwise {
                planes,
                lower,
                upper,
                bias,
            } => LayerParts::Pointwise {
                planes,
                lower: all(lower),
                upper: all(upper),
                bias: all(bias),
            },
        }
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
