//! Which operators have kernels in 8-bit integers, and what these ask of scales.
//!
//! Scales are those of TensorFlow Lite's 8-bit quantization specification, versions those of the engine's own rules
//! (`tflite/tools/versioning/op_version.cc`).

use crate::model::tflite::schema::ActivationFunctionType;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::BuiltinOptions;
use crate::variant::quantize::Params;

/// What a kernel asks of the scales of its activations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule {
    /// Nothing: every tensor has its own.
    Free,
    /// Outputs have the input's: elements are moved, or picked.
    LikeInput,
    /// Inputs have the output's: elements of several tensors are brought together.
    LikeOutput,
    /// The output has this one.
    Fixed(Params),
}

/// The places of a layer's tensors among its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) input: usize,
    pub(super) weight: usize,
    pub(super) bias: usize,
    /// The weight's axis of output channels.
    pub(super) axis: usize,
}

/// An operator's kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kernel {
    pub(super) rule: Rule,
    /// The operator's version from which on it exists.
    pub(super) version: i32,
    /// Of an operator with weights.
    pub(super) layer: Option<Layer>,
}

impl Kernel {
    /// True of one that only moves elements: alone it is worth no conversion.
    pub(super) fn carries(&self) -> bool {
        matches!(self.rule, Rule::LikeInput | Rule::LikeOutput)
    }
}

/// The kernel of `kind`; `None` where it computes in floats.
pub(super) fn kernel(kind: BuiltinOperator) -> Option<Kernel> {
    let with = |rule, version| Kernel {
        rule,
        version,
        layer: None,
    };
    let fixed = |scale, zero_point| Rule::Fixed(Params { scale, zero_point });
    let layer = |input, weight, bias, axis, version| Kernel {
        rule: Rule::Free,
        version,
        layer: Some(Layer {
            input,
            weight,
            bias,
            axis,
        }),
    };
    Some(match kind {
        BuiltinOperator::CONV_2D => layer(0, 1, 2, 0, 3),
        BuiltinOperator::DEPTHWISE_CONV_2D => layer(0, 1, 2, 3, 3),
        BuiltinOperator::FULLY_CONNECTED => layer(0, 1, 2, 0, 4),
        BuiltinOperator::TRANSPOSE_CONV => layer(2, 1, 3, 0, 2),
        BuiltinOperator::BATCH_MATMUL
        | BuiltinOperator::ADD
        | BuiltinOperator::SUB
        | BuiltinOperator::MUL
        | BuiltinOperator::MEAN
        | BuiltinOperator::SUM
        | BuiltinOperator::GELU
        | BuiltinOperator::RELU
        | BuiltinOperator::RELU6
        | BuiltinOperator::RSQRT
        | BuiltinOperator::ABS
        | BuiltinOperator::SQUARED_DIFFERENCE => with(Rule::Free, 2),
        BuiltinOperator::DIV
        | BuiltinOperator::SQRT
        | BuiltinOperator::ELU
        | BuiltinOperator::HARD_SWISH
        | BuiltinOperator::LEAKY_RELU
        | BuiltinOperator::PRELU
        | BuiltinOperator::RELU_0_TO_1
        | BuiltinOperator::RELU_N1_TO_1 => with(Rule::Free, 1),
        BuiltinOperator::SOFTMAX | BuiltinOperator::LOGISTIC => with(fixed(1.0 / 256.0, -128), 2),
        BuiltinOperator::TANH | BuiltinOperator::L2_NORMALIZATION => with(fixed(1.0 / 128.0, 0), 2),
        BuiltinOperator::LOG_SOFTMAX => with(fixed(16.0 / 256.0, 127), 2),
        BuiltinOperator::AVERAGE_POOL_2D
        | BuiltinOperator::MAX_POOL_2D
        | BuiltinOperator::BATCH_TO_SPACE_ND
        | BuiltinOperator::SPACE_TO_BATCH_ND
        | BuiltinOperator::DEPTH_TO_SPACE
        | BuiltinOperator::SPACE_TO_DEPTH
        | BuiltinOperator::GATHER
        | BuiltinOperator::MIRROR_PAD
        | BuiltinOperator::PAD
        | BuiltinOperator::REDUCE_MAX
        | BuiltinOperator::REDUCE_MIN
        | BuiltinOperator::RESIZE_BILINEAR
        | BuiltinOperator::RESIZE_NEAREST_NEIGHBOR
        | BuiltinOperator::SLICE
        | BuiltinOperator::STRIDED_SLICE
        | BuiltinOperator::SPLIT
        | BuiltinOperator::SPLIT_V
        | BuiltinOperator::TRANSPOSE
        | BuiltinOperator::UNPACK => with(Rule::LikeInput, 2),
        BuiltinOperator::EXPAND_DIMS
        | BuiltinOperator::GATHER_ND
        | BuiltinOperator::RESHAPE
        | BuiltinOperator::SQUEEZE => with(Rule::LikeInput, 1),
        BuiltinOperator::BROADCAST_TO | BuiltinOperator::REVERSE_V2 | BuiltinOperator::TILE => with(Rule::LikeInput, 3),
        BuiltinOperator::CONCATENATION
        | BuiltinOperator::MAXIMUM
        | BuiltinOperator::MINIMUM
        | BuiltinOperator::PACK
        | BuiltinOperator::PADV2
        | BuiltinOperator::SELECT => with(Rule::LikeOutput, 2),
        BuiltinOperator::SELECT_V2 | BuiltinOperator::DYNAMIC_UPDATE_SLICE => with(Rule::LikeOutput, 1),
        _ => return None,
    })
}

/// The activation that an operator applies to its result.
pub(super) fn activation(options: Option<&BuiltinOptions>) -> ActivationFunctionType {
    match options {
        Some(BuiltinOptions::AddOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::SubOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::MulOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::DivOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::Conv2DOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::DepthwiseConv2DOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::FullyConnectedOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::TransposeConvOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::Pool2DOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::ConcatenationOptions(options)) => options.fused_activation_function,
        Some(BuiltinOptions::L2NormOptions(options)) => options.fused_activation_function,
        _ => ActivationFunctionType::NONE,
    }
}

/// True where kernels in integers can clip their result to it.
pub(super) fn clips(activation: ActivationFunctionType) -> bool {
    matches!(
        activation,
        ActivationFunctionType::NONE
            | ActivationFunctionType::RELU
            | ActivationFunctionType::RELU6
            | ActivationFunctionType::RELU_N1_TO_1
    )
}
