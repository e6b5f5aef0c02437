//! The operators of TensorFlow Lite that the conversion makes, each with its options.
//!
//! What the format wants as a constant input and never as an option (axes, shapes, permutations, pads) is an option here, so that
//! passes can work with it; it becomes a tensor when the model is written.

use super::graph::Kind;

/// An activation that an operator computes along with its own work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Activation {
    None,
    Relu,
    ReluN1To1,
    Relu6,
}

/// How a window's outside is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Padding {
    /// Zeros (nothing, for pools) so that there are ⌈size / stride⌉ windows; the odd one goes behind.
    Same,
    /// None.
    Valid,
}

/// Operators of two inputs that can have an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

/// Operators of two inputs, element by element with broadcasting, without options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Binary {
    Maximum,
    Minimum,
    Pow,
    FloorMod,
    LogicalAnd,
    LogicalOr,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// The second input is the slope below zero.
    Prelu,
}

impl Binary {
    /// True where the result is a truth value.
    pub(super) fn is_boolean(self) -> bool {
        matches!(
            self,
            Self::LogicalAnd
                | Self::LogicalOr
                | Self::Equal
                | Self::NotEqual
                | Self::Less
                | Self::LessEqual
                | Self::Greater
                | Self::GreaterEqual
        )
    }
}

/// Operators of one input, element by element, without options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unary {
    Abs,
    Ceil,
    Cos,
    Elu,
    Exp,
    Floor,
    HardSwish,
    Log,
    LogicalNot,
    Logistic,
    Neg,
    Relu,
    Relu0To1,
    Relu6,
    ReluN1To1,
    Round,
    Rsqrt,
    Sign,
    Sin,
    Sqrt,
    Square,
    Tanh,
}

/// What a pool makes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pool {
    Average,
    Max,
}

/// What a reduction makes of its axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reduction {
    Max,
    Mean,
    Min,
    Prod,
    Sum,
}

/// What a resize puts between the given points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Resize {
    Bilinear,
    Nearest,
}

/// One operator. Windows work on NHWC; pairs are height, width.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    /// Inputs: data, weights OHWI (I smaller than the data's channels where it is grouped), optional bias.
    Conv {
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        activation: Activation,
    },
    /// Inputs: data, weights 1HW(C·multiplier), optional bias.
    DepthwiseConv {
        stride: [usize; 2],
        dilation: [usize; 2],
        padding: Padding,
        multiplier: usize,
        activation: Activation,
    },
    /// Inputs: data, weights OHWI, optional bias. `size` is the output's height and width.
    TransposeConv {
        stride: [usize; 2],
        padding: Padding,
        size: [usize; 2],
    },
    /// Inputs: data [.., K], weights [N, K], optional bias [N].
    FullyConnected {
        activation: Activation,
    },
    /// Inputs: two stacks of matrices; each may be taken as transposed.
    BatchMatMul {
        adj_x: bool,
        adj_y: bool,
    },
    Arithmetic(Arithmetic, Activation),
    Binary(Binary),
    Unary(Unary),
    LeakyRelu {
        alpha: f32,
    },
    Gelu {
        approximate: bool,
    },
    /// The error function, which the format lacks: written as a polynomial in the end.
    Erf,
    /// Inputs: condition, where true, where false.
    Select,
    /// Over the last axis.
    Softmax,
    /// Over the last axis.
    LogSoftmax,
    Pool {
        kind: Pool,
        filter: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
        activation: Activation,
    },
    Reduce {
        kind: Reduction,
        axes: Vec<usize>,
        keep: bool,
    },
    /// The index of the greatest (or least) element; the axis goes.
    ArgExtreme {
        max: bool,
        axis: usize,
    },
    Reshape(Vec<usize>),
    Transpose(Vec<usize>),
    Concat {
        axis: usize,
    },
    Split {
        axis: usize,
        sizes: Vec<usize>,
    },
    Slice {
        begin: Vec<usize>,
        size: Vec<usize>,
    },
    StridedSlice {
        begin: Vec<i64>,
        strides: Vec<i64>,
        size: Vec<usize>,
    },
    /// Inputs: data, indices.
    Gather {
        axis: usize,
    },
    /// Inputs: data, indices [.., depth].
    GatherNd,
    /// Filled with `value`.
    Pad {
        before: Vec<usize>,
        after: Vec<usize>,
        value: f32,
    },
    MirrorPad {
        before: Vec<usize>,
        after: Vec<usize>,
        /// Without the border itself.
        reflect: bool,
    },
    Tile(Vec<usize>),
    BroadcastTo(Vec<usize>),
    Cast(Kind),
    /// On NHWC, to `size` height and width.
    Resize {
        kind: Resize,
        size: [usize; 2],
        align_corners: bool,
        half_pixel: bool,
    },
    DepthToSpace {
        block: usize,
    },
    SpaceToDepth {
        block: usize,
    },
    /// The greatest of the last axis, sorted, and their indices.
    TopK {
        k: usize,
    },
    Cumsum {
        axis: usize,
        exclusive: bool,
        reverse: bool,
    },
    /// Over the last axis, `2 · radius + 1` channels wide.
    LocalResponseNorm {
        radius: usize,
        bias: f32,
        alpha: f32,
        beta: f32,
    },
}

impl Op {
    /// Its name in the format.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "CONV_2D",
            Self::DepthwiseConv { .. } => "DEPTHWISE_CONV_2D",
            Self::TransposeConv { .. } => "TRANSPOSE_CONV",
            Self::FullyConnected { .. } => "FULLY_CONNECTED",
            Self::BatchMatMul { .. } => "BATCH_MATMUL",
            Self::Arithmetic(Arithmetic::Add, _) => "ADD",
            Self::Arithmetic(Arithmetic::Sub, _) => "SUB",
            Self::Arithmetic(Arithmetic::Mul, _) => "MUL",
            Self::Arithmetic(Arithmetic::Div, _) => "DIV",
            Self::Binary(binary) => match binary {
                Binary::Maximum => "MAXIMUM",
                Binary::Minimum => "MINIMUM",
                Binary::Pow => "POW",
                Binary::FloorMod => "FLOOR_MOD",
                Binary::LogicalAnd => "LOGICAL_AND",
                Binary::LogicalOr => "LOGICAL_OR",
                Binary::Equal => "EQUAL",
                Binary::NotEqual => "NOT_EQUAL",
                Binary::Less => "LESS",
                Binary::LessEqual => "LESS_EQUAL",
                Binary::Greater => "GREATER",
                Binary::GreaterEqual => "GREATER_EQUAL",
                Binary::Prelu => "PRELU",
            },
            Self::Unary(unary) => match unary {
                Unary::Abs => "ABS",
                Unary::Ceil => "CEIL",
                Unary::Cos => "COS",
                Unary::Elu => "ELU",
                Unary::Exp => "EXP",
                Unary::Floor => "FLOOR",
                Unary::HardSwish => "HARD_SWISH",
                Unary::Log => "LOG",
                Unary::LogicalNot => "LOGICAL_NOT",
                Unary::Logistic => "LOGISTIC",
                Unary::Neg => "NEG",
                Unary::Relu => "RELU",
                Unary::Relu0To1 => "RELU_0_TO_1",
                Unary::Relu6 => "RELU6",
                Unary::ReluN1To1 => "RELU_N1_TO_1",
                Unary::Round => "ROUND",
                Unary::Rsqrt => "RSQRT",
                Unary::Sign => "SIGN",
                Unary::Sin => "SIN",
                Unary::Sqrt => "SQRT",
                Unary::Square => "SQUARE",
                Unary::Tanh => "TANH",
            },
            Self::LeakyRelu { .. } => "LEAKY_RELU",
            Self::Gelu { .. } => "GELU",
            Self::Erf => "ERF",
            Self::Select => "SELECT_V2",
            Self::Softmax => "SOFTMAX",
            Self::LogSoftmax => "LOG_SOFTMAX",
            Self::Pool {
                kind: Pool::Average, ..
            } => "AVERAGE_POOL_2D",
            Self::Pool { kind: Pool::Max, .. } => "MAX_POOL_2D",
            Self::Reduce { kind, .. } => match kind {
                Reduction::Max => "REDUCE_MAX",
                Reduction::Mean => "MEAN",
                Reduction::Min => "REDUCE_MIN",
                Reduction::Prod => "REDUCE_PROD",
                Reduction::Sum => "SUM",
            },
            Self::ArgExtreme { max: true, .. } => "ARG_MAX",
            Self::ArgExtreme { max: false, .. } => "ARG_MIN",
            Self::Reshape(_) => "RESHAPE",
            Self::Transpose(_) => "TRANSPOSE",
            Self::Concat { .. } => "CONCATENATION",
            Self::Split { sizes, .. } if alike(sizes) => "SPLIT",
            Self::Split { .. } => "SPLIT_V",
            Self::Slice { .. } => "SLICE",
            Self::StridedSlice { .. } => "STRIDED_SLICE",
            Self::Gather { .. } => "GATHER",
            Self::GatherNd => "GATHER_ND",
            Self::Pad { value, .. } if *value == 0.0 => "PAD",
            Self::Pad { .. } => "PADV2",
            Self::MirrorPad { .. } => "MIRROR_PAD",
            Self::Tile(_) => "TILE",
            Self::BroadcastTo(_) => "BROADCAST_TO",
            Self::Cast(_) => "CAST",
            Self::Resize {
                kind: Resize::Bilinear, ..
            } => "RESIZE_BILINEAR",
            Self::Resize {
                kind: Resize::Nearest, ..
            } => "RESIZE_NEAREST_NEIGHBOR",
            Self::DepthToSpace { .. } => "DEPTH_TO_SPACE",
            Self::SpaceToDepth { .. } => "SPACE_TO_DEPTH",
            Self::TopK { .. } => "TOPK_V2",
            Self::Cumsum { .. } => "CUMSUM",
            Self::LocalResponseNorm { .. } => "LOCAL_RESPONSE_NORMALIZATION",
        }
    }

    /// The activation that the operator computes along with its work; `None` where it can compute none.
    pub(super) fn activation(&self) -> Option<Activation> {
        self.clone().activation_mut().copied()
    }

    /// Where the operator can compute an activation along with its work, that activation.
    pub(super) fn activation_mut(&mut self) -> Option<&mut Activation> {
        match self {
            Self::Conv { activation, .. }
            | Self::DepthwiseConv { activation, .. }
            | Self::FullyConnected { activation }
            | Self::Arithmetic(_, activation)
            | Self::Pool { activation, .. } => Some(activation),
            _ => None,
        }
    }
}

/// True where all parts have one size.
pub(super) fn alike(sizes: &[usize]) -> bool {
    sizes.windows(2).all(|pair| pair.first() == pair.last())
}
