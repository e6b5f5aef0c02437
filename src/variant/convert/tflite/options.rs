//! An operator as the format stores it: its code, version, options, and the constants that it takes as inputs.
//!
//! Versions are those of the engine's own rules (`tflite/tools/versioning/op_version.cc`, as of ai-edge-litert 2.3.0).

use super::graph::Kind;
use super::op::Activation;
use super::op::Arithmetic;
use super::op::Binary;
use super::op::Op;
use super::op::Padding;
use super::op::Pool;
use super::op::Reduction;
use super::op::Resize;
use super::op::Unary;
use super::op::alike;
use crate::model::tflite::schema;
use crate::model::tflite::schema::ActivationFunctionType;
use crate::model::tflite::schema::BuiltinOperator as Code;
use crate::model::tflite::schema::BuiltinOptions;
use crate::model::tflite::schema::MirrorPadMode;
use crate::model::tflite::schema::TensorType;

/// A constant that an operator takes beside its tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Extra {
    /// A tensor of the node, by its place among the inputs.
    Input(usize),
    /// Integers: a list, or a scalar.
    List(Vec<i32>),
    Number(i32),
    /// Pairs: rows of two.
    Pairs(Vec<i32>),
    Float(f32),
}

/// An operator, ready to be written.
pub(super) struct Stored {
    pub(super) code: Code,
    pub(super) version: i32,
    pub(super) options: Option<BuiltinOptions>,
    pub(super) inputs: Vec<Extra>,
    /// The first release of the engine that has it, where it is younger than the others.
    pub(super) since: (u32, u32),
}

fn fused(activation: Activation) -> ActivationFunctionType {
    match activation {
        Activation::None => ActivationFunctionType::NONE,
        Activation::Relu => ActivationFunctionType::RELU,
        Activation::ReluN1To1 => ActivationFunctionType::RELU_N1_TO_1,
        Activation::Relu6 => ActivationFunctionType::RELU6,
    }
}

fn padded(padding: Padding) -> schema::Padding {
    match padding {
        Padding::Same => schema::Padding::SAME,
        Padding::Valid => schema::Padding::VALID,
    }
}

/// The format's number for a type.
pub(super) fn tensor_type(kind: Kind) -> TensorType {
    match kind {
        Kind::F32 => TensorType::FLOAT32,
        Kind::I32 => TensorType::INT32,
        Kind::U8 => TensorType::UINT8,
        Kind::I64 => TensorType::INT64,
        Kind::Bool => TensorType::BOOL,
        Kind::I8 => TensorType::INT8,
    }
}

/// Sizes as the format counts them; tensors beyond 32 bits are refused where they are made.
pub(super) fn ints(values: &[usize]) -> Vec<i32> {
    values.iter().map(|value| *value as i32).collect()
}

fn pairs(before: &[usize], after: &[usize]) -> Extra {
    let pairs = before.iter().zip(after);
    Extra::Pairs(
        pairs
            .flat_map(|(before, after)| [*before as i32, *after as i32])
            .collect(),
    )
}

/// What an operator's form depends on besides its options.
pub(super) struct Site<'a> {
    /// How many tensors it reads.
    pub(super) count: usize,
    /// The number of dimensions of the first.
    pub(super) rank: usize,
    /// The type of the first.
    pub(super) kind: Kind,
    /// Its weights are smaller than the data's channels.
    pub(super) grouped: bool,
    /// The shape of what it makes.
    pub(super) made: &'a [usize],
}

impl Stored {
    fn plain(code: Code, inputs: Vec<Extra>) -> Self {
        Self {
            code,
            version: 1,
            options: None,
            inputs,
            since: (1, 14),
        }
    }

    fn with(code: Code, options: impl Into<BuiltinOptions>, inputs: Vec<Extra>) -> Self {
        Self {
            options: Some(options.into()),
            ..Self::plain(code, inputs)
        }
    }
}

/// `op` at its place; `None` for what the format lacks.
pub(super) fn stored(op: &Op, site: &Site<'_>) -> Option<Stored> {
    let &Site {
        count,
        rank,
        kind: from,
        grouped,
        made,
    } = site;
    let all = || (0..count).map(Extra::Input).collect::<Vec<_>>();
    let and = |extras: Vec<Extra>| all().into_iter().chain(extras).collect::<Vec<_>>();
    Some(match op {
        Op::Conv {
            stride,
            dilation,
            padding,
            activation,
        } => {
            let options = schema::Conv2DOptions {
                padding: padded(*padding),
                stride_w: stride[1] as i32,
                stride_h: stride[0] as i32,
                fused_activation_function: fused(*activation),
                dilation_w_factor: dilation[1] as i32,
                dilation_h_factor: dilation[0] as i32,
                ..schema::Conv2DOptions::default()
            };
            Stored {
                version: if grouped { 6 } else { 1 },
                ..Stored::with(Code::CONV_2D, options, all())
            }
        }
        Op::DepthwiseConv {
            stride,
            dilation,
            padding,
            multiplier,
            activation,
        } => {
            let options = schema::DepthwiseConv2DOptions {
                padding: padded(*padding),
                stride_w: stride[1] as i32,
                stride_h: stride[0] as i32,
                depth_multiplier: *multiplier as i32,
                fused_activation_function: fused(*activation),
                dilation_w_factor: dilation[1] as i32,
                dilation_h_factor: dilation[0] as i32,
            };
            Stored {
                version: if *dilation == [1, 1] { 1 } else { 2 },
                ..Stored::with(Code::DEPTHWISE_CONV_2D, options, all())
            }
        }
        // The size stands among the inputs, before weights and data.
        Op::TransposeConv { stride, padding, .. } => {
            let options = schema::TransposeConvOptions {
                padding: padded(*padding),
                stride_w: stride[1] as i32,
                stride_h: stride[0] as i32,
                ..schema::TransposeConvOptions::default()
            };
            let inputs = [Extra::List(ints(made)), Extra::Input(1), Extra::Input(0)];
            let inputs = inputs.into_iter().chain((2..count).map(Extra::Input)).collect();
            Stored {
                version: if count > 2 { 3 } else { 1 },
                since: if count > 2 { (2, 4) } else { (1, 14) },
                ..Stored::with(Code::TRANSPOSE_CONV, options, inputs)
            }
        }
        Op::FullyConnected { activation } => {
            let options = schema::FullyConnectedOptions {
                fused_activation_function: fused(*activation),
                keep_num_dims: rank > 2,
                ..schema::FullyConnectedOptions::default()
            };
            Stored {
                version: match (rank > 2, count > 2) {
                    (_, false) => 6,
                    (true, true) => 5,
                    (false, true) => 1,
                },
                ..Stored::with(Code::FULLY_CONNECTED, options, all())
            }
        }
        Op::BatchMatMul { adj_x, adj_y } => {
            let options = schema::BatchMatMulOptions {
                adj_x: *adj_x,
                adj_y: *adj_y,
                ..schema::BatchMatMulOptions::default()
            };
            Stored {
                since: (2, 3),
                ..Stored::with(Code::BATCH_MATMUL, options, all())
            }
        }
        Op::Arithmetic(kind, activation) => arithmetic(*kind, *activation, all()),
        Op::Binary(kind) => binary(*kind, all()),
        Op::Unary(kind) => unary(*kind, all()),
        Op::LeakyRelu { alpha } => {
            let options = schema::LeakyReluOptions { alpha: *alpha };
            Stored::with(Code::LEAKY_RELU, options, all())
        }
        Op::Gelu { approximate } => {
            let options = schema::GeluOptions {
                approximate: *approximate,
            };
            Stored {
                since: (2, 9),
                ..Stored::with(Code::GELU, options, all())
            }
        }
        // A pass has put operators of the format in its place.
        Op::Erf => return None,
        Op::Select => Stored {
            since: (2, 2),
            ..Stored::with(Code::SELECT_V2, schema::SelectV2Options::default(), all())
        },
        Op::Softmax => Stored::with(Code::SOFTMAX, schema::SoftmaxOptions { beta: 1.0 }, all()),
        Op::LogSoftmax => Stored::with(Code::LOG_SOFTMAX, schema::LogSoftmaxOptions::default(), all()),
        Op::Pool {
            kind,
            filter,
            stride,
            padding,
            activation,
        } => {
            let code = match kind {
                Pool::Average => Code::AVERAGE_POOL_2D,
                Pool::Max => Code::MAX_POOL_2D,
            };
            let options = schema::Pool2DOptions {
                padding: padded(*padding),
                stride_w: stride[1] as i32,
                stride_h: stride[0] as i32,
                filter_width: filter[1] as i32,
                filter_height: filter[0] as i32,
                fused_activation_function: fused(*activation),
            };
            Stored::with(code, options, all())
        }
        Op::Reduce { kind, axes, keep } => {
            let code = match kind {
                Reduction::Max => Code::REDUCE_MAX,
                Reduction::Mean => Code::MEAN,
                Reduction::Min => Code::REDUCE_MIN,
                Reduction::Prod => Code::REDUCE_PROD,
                Reduction::Sum => Code::SUM,
            };
            let options = schema::ReducerOptions { keep_dims: *keep };
            Stored::with(code, options, and(vec![Extra::List(ints(axes))]))
        }
        Op::ArgExtreme { max, axis } => {
            let inputs = and(vec![Extra::Number(*axis as i32)]);
            let output_type = TensorType::INT32;
            if *max {
                Stored::with(Code::ARG_MAX, schema::ArgMaxOptions { output_type }, inputs)
            } else {
                Stored::with(Code::ARG_MIN, schema::ArgMinOptions { output_type }, inputs)
            }
        }
        Op::Reshape(shape) => {
            let new_shape = Some(ints(shape));
            let inputs = and(vec![Extra::List(ints(shape))]);
            Stored::with(Code::RESHAPE, schema::ReshapeOptions { new_shape }, inputs)
        }
        Op::Transpose(order) => {
            let inputs = and(vec![Extra::List(ints(order))]);
            Stored {
                version: match rank {
                    0..=4 => 1,
                    5 => 4,
                    _ => 6,
                },
                ..Stored::with(Code::TRANSPOSE, schema::TransposeOptions::default(), inputs)
            }
        }
        Op::Concat { axis } => {
            let options = schema::ConcatenationOptions {
                axis: *axis as i32,
                ..schema::ConcatenationOptions::default()
            };
            Stored::with(Code::CONCATENATION, options, all())
        }
        Op::Split { axis, sizes } => {
            let (num_splits, axis) = (sizes.len() as i32, Extra::Number(*axis as i32));
            if alike(sizes) {
                let inputs = vec![axis, Extra::Input(0)];
                Stored::with(Code::SPLIT, schema::SplitOptions { num_splits }, inputs)
            } else {
                let inputs = and(vec![Extra::List(ints(sizes)), axis]);
                Stored::with(Code::SPLIT_V, schema::SplitVOptions { num_splits }, inputs)
            }
        }
        Op::Slice { begin, size } => {
            let inputs = and(vec![Extra::List(ints(begin)), Extra::List(ints(size))]);
            Stored {
                version: if rank > 4 { 5 } else { 1 },
                ..Stored::with(Code::SLICE, schema::SliceOptions::default(), inputs)
            }
        }
        Op::StridedSlice { begin, strides, size } => {
            let ends = begin.iter().zip(strides).zip(size);
            let ends: Vec<i64> = ends
                .map(|((begin, stride), size)| begin + stride * *size as i64)
                .collect();
            // An end before the first element cannot be said by a number, which would count from the end.
            let open = ends.iter().enumerate().filter(|(_, end)| **end < 0);
            let options = schema::StridedSliceOptions {
                end_mask: open.fold(0, |mask, (axis, _)| mask | 1 << axis),
                ..schema::StridedSliceOptions::default()
            };
            let narrow = |values: &[i64]| Extra::List(values.iter().map(|value| *value as i32).collect());
            let inputs = and(vec![narrow(begin), narrow(&ends), narrow(strides)]);
            Stored {
                version: if rank > 4 { 4 } else { 1 },
                ..Stored::with(Code::STRIDED_SLICE, options, inputs)
            }
        }
        Op::Gather { axis } => {
            let options = schema::GatherOptions {
                axis: *axis as i32,
                ..schema::GatherOptions::default()
            };
            Stored::with(Code::GATHER, options, all())
        }
        Op::GatherNd => Stored::with(Code::GATHER_ND, schema::GatherNdOptions::default(), all()),
        Op::Pad { before, after, value } if *value == 0.0 => {
            let inputs = and(vec![pairs(before, after)]);
            Stored::with(Code::PAD, schema::PadOptions::default(), inputs)
        }
        Op::Pad { before, after, value } => {
            let inputs = and(vec![pairs(before, after), Extra::Float(*value)]);
            Stored::with(Code::PADV2, schema::PadV2Options::default(), inputs)
        }
        Op::MirrorPad { before, after, reflect } => {
            let mode = if *reflect {
                MirrorPadMode::REFLECT
            } else {
                MirrorPadMode::SYMMETRIC
            };
            let inputs = and(vec![pairs(before, after)]);
            Stored::with(Code::MIRROR_PAD, schema::MirrorPadOptions { mode }, inputs)
        }
        Op::Tile(times) => {
            let inputs = and(vec![Extra::List(ints(times))]);
            Stored::with(Code::TILE, schema::TileOptions::default(), inputs)
        }
        Op::BroadcastTo(shape) => {
            let inputs = and(vec![Extra::List(ints(shape))]);
            Stored {
                version: 2,
                since: (2, 5),
                ..Stored::with(Code::BROADCAST_TO, schema::BroadcastToOptions::default(), inputs)
            }
        }
        Op::Cast(to) => {
            let options = schema::CastOptions {
                in_data_type: tensor_type(from),
                out_data_type: tensor_type(*to),
            };
            Stored::with(Code::CAST, options, all())
        }
        Op::Resize {
            kind,
            size,
            align_corners,
            half_pixel,
        } => {
            let inputs = and(vec![Extra::List(ints(size))]);
            let (align_corners, half_pixel_centers) = (*align_corners, *half_pixel);
            match kind {
                Resize::Bilinear => {
                    let options = schema::ResizeBilinearOptions {
                        align_corners,
                        half_pixel_centers,
                    };
                    Stored {
                        version: if half_pixel_centers { 3 } else { 1 },
                        ..Stored::with(Code::RESIZE_BILINEAR, options, inputs)
                    }
                }
                Resize::Nearest => {
                    let options = schema::ResizeNearestNeighborOptions {
                        align_corners,
                        half_pixel_centers,
                    };
                    Stored {
                        version: if half_pixel_centers || align_corners { 3 } else { 1 },
                        ..Stored::with(Code::RESIZE_NEAREST_NEIGHBOR, options, inputs)
                    }
                }
            }
        }
        Op::DepthToSpace { block } => {
            let block_size = *block as i32;
            Stored::with(Code::DEPTH_TO_SPACE, schema::DepthToSpaceOptions { block_size }, all())
        }
        Op::SpaceToDepth { block } => {
            let block_size = *block as i32;
            Stored::with(Code::SPACE_TO_DEPTH, schema::SpaceToDepthOptions { block_size }, all())
        }
        Op::TopK { k } => {
            let inputs = and(vec![Extra::Number(*k as i32)]);
            Stored::with(Code::TOPK_V2, schema::TopKV2Options::default(), inputs)
        }
        Op::Cumsum {
            axis,
            exclusive,
            reverse,
        } => {
            let options = schema::CumsumOptions {
                exclusive: *exclusive,
                reverse: *reverse,
            };
            Stored {
                since: (2, 4),
                ..Stored::with(Code::CUMSUM, options, and(vec![Extra::Number(*axis as i32)]))
            }
        }
        Op::LocalResponseNorm {
            radius,
            bias,
            alpha,
            beta,
        } => {
            let options = schema::LocalResponseNormalizationOptions {
                radius: *radius as i32,
                bias: *bias,
                alpha: *alpha,
                beta: *beta,
            };
            Stored::with(Code::LOCAL_RESPONSE_NORMALIZATION, options, all())
        }
    })
}

fn arithmetic(kind: Arithmetic, activation: Activation, inputs: Vec<Extra>) -> Stored {
    let fused_activation_function = fused(activation);
    match kind {
        Arithmetic::Add => {
            let options = schema::AddOptions {
                fused_activation_function,
                ..schema::AddOptions::default()
            };
            Stored::with(Code::ADD, options, inputs)
        }
        Arithmetic::Sub => {
            let options = schema::SubOptions {
                fused_activation_function,
                ..schema::SubOptions::default()
            };
            Stored::with(Code::SUB, options, inputs)
        }
        Arithmetic::Mul => {
            let options = schema::MulOptions {
                fused_activation_function,
            };
            Stored::with(Code::MUL, options, inputs)
        }
        Arithmetic::Div => {
            let options = schema::DivOptions {
                fused_activation_function,
            };
            Stored::with(Code::DIV, options, inputs)
        }
    }
}

fn binary(kind: Binary, inputs: Vec<Extra>) -> Stored {
    match kind {
        Binary::Maximum => Stored::with(Code::MAXIMUM, schema::MaximumMinimumOptions::default(), inputs),
        Binary::Minimum => Stored::with(Code::MINIMUM, schema::MaximumMinimumOptions::default(), inputs),
        Binary::Pow => Stored::with(Code::POW, schema::PowOptions::default(), inputs),
        Binary::FloorMod => Stored::with(Code::FLOOR_MOD, schema::FloorModOptions::default(), inputs),
        Binary::LogicalAnd => Stored::with(Code::LOGICAL_AND, schema::LogicalAndOptions::default(), inputs),
        Binary::LogicalOr => Stored::with(Code::LOGICAL_OR, schema::LogicalOrOptions::default(), inputs),
        Binary::Equal => Stored::with(Code::EQUAL, schema::EqualOptions::default(), inputs),
        Binary::NotEqual => Stored::with(Code::NOT_EQUAL, schema::NotEqualOptions::default(), inputs),
        Binary::Less => Stored::with(Code::LESS, schema::LessOptions::default(), inputs),
        Binary::LessEqual => Stored::with(Code::LESS_EQUAL, schema::LessEqualOptions::default(), inputs),
        Binary::Greater => Stored::with(Code::GREATER, schema::GreaterOptions::default(), inputs),
        Binary::GreaterEqual => Stored::with(Code::GREATER_EQUAL, schema::GreaterEqualOptions::default(), inputs),
        Binary::Prelu => Stored::plain(Code::PRELU, inputs),
    }
}

fn unary(kind: Unary, inputs: Vec<Extra>) -> Stored {
    match kind {
        Unary::Abs => Stored::with(Code::ABS, schema::AbsOptions::default(), inputs),
        Unary::Ceil => Stored::plain(Code::CEIL, inputs),
        Unary::Cos => Stored::with(Code::COS, schema::CosOptions::default(), inputs),
        Unary::Elu => Stored::plain(Code::ELU, inputs),
        Unary::Exp => Stored::with(Code::EXP, schema::ExpOptions::default(), inputs),
        Unary::Floor => Stored::plain(Code::FLOOR, inputs),
        Unary::HardSwish => Stored {
            since: (1, 15),
            ..Stored::with(Code::HARD_SWISH, schema::HardSwishOptions::default(), inputs)
        },
        Unary::Log => Stored::plain(Code::LOG, inputs),
        Unary::LogicalNot => Stored::with(Code::LOGICAL_NOT, schema::LogicalNotOptions::default(), inputs),
        Unary::Logistic => Stored::plain(Code::LOGISTIC, inputs),
        Unary::Neg => Stored::with(Code::NEG, schema::NegOptions::default(), inputs),
        Unary::Relu => Stored::plain(Code::RELU, inputs),
        Unary::Relu0To1 => Stored {
            since: (2, 12),
            ..Stored::plain(Code::RELU_0_TO_1, inputs)
        },
        Unary::Relu6 => Stored::plain(Code::RELU6, inputs),
        Unary::ReluN1To1 => Stored::plain(Code::RELU_N1_TO_1, inputs),
        Unary::Round => Stored::plain(Code::ROUND, inputs),
        Unary::Rsqrt => Stored::plain(Code::RSQRT, inputs),
        Unary::Sign => Stored {
            since: (2, 12),
            ..Stored::with(Code::SIGN, schema::SignOptions::default(), inputs)
        },
        Unary::Sin => Stored::plain(Code::SIN, inputs),
        Unary::Sqrt => Stored::plain(Code::SQRT, inputs),
        Unary::Square => Stored::with(Code::SQUARE, schema::SquareOptions::default(), inputs),
        Unary::Tanh => Stored::plain(Code::TANH, inputs),
    }
}
