//! TensorFlow Lite's FlatBuffers tables as owned values, generated; do not edit.
//!
//! Generated from the schema of ai-edge-litert 2.3.0 (`schema_py_generated.py`, the FlatBuffers compiler's output for
//! LiteRT's `schema.fbs`; Apache-2.0, Copyright The TensorFlow Authors and Google AI Edge Authors). The generator is
//! `tests/reference/tflite/generate_schema.py`. Fields that a file may leave out are options: `Some` of an empty vector and `None`
//! are different files. Numbers that stand for something are open: a value that this schema does not name is kept.
#![allow(missing_docs, unreachable_pub, non_upper_case_globals, clippy::all)]

use bytes::Bytes;

use crate::model::tflite::build::Slots;
use crate::model::tflite::build::Writer;
use crate::model::tflite::wire::Table;
use crate::model::tflite::wire::TableRef;
use crate::model::tflite::wire::WireError;
use crate::model::tflite::wire::enumeration;

enumeration! { TensorType(i8) { FLOAT32 = 0, FLOAT16 = 1, INT32 = 2, UINT8 = 3, INT64 = 4, STRING = 5, BOOL = 6, INT16 = 7, COMPLEX64 = 8, INT8 = 9, FLOAT64 = 10, COMPLEX128 = 11, UINT64 = 12, RESOURCE = 13, VARIANT = 14, UINT32 = 15, UINT16 = 16, INT4 = 17, BFLOAT16 = 18, INT2 = 19, UINT4 = 20, FLOAT8_E4M3FN = 21, FLOAT8_E5M2 = 22, } }
enumeration! { DimensionType(i8) { DENSE = 0, SPARSE_CSR = 1, } }
enumeration! { BuiltinOperator(i32) { ADD = 0, AVERAGE_POOL_2D = 1, CONCATENATION = 2, CONV_2D = 3, DEPTHWISE_CONV_2D = 4, DEPTH_TO_SPACE = 5, DEQUANTIZE = 6, EMBEDDING_LOOKUP = 7, FLOOR = 8, FULLY_CONNECTED = 9, HASHTABLE_LOOKUP = 10, L2_NORMALIZATION = 11, L2_POOL_2D = 12, LOCAL_RESPONSE_NORMALIZATION = 13, LOGISTIC = 14, LSH_PROJECTION = 15, LSTM = 16, MAX_POOL_2D = 17, MUL = 18, RELU = 19, RELU_N1_TO_1 = 20, RELU6 = 21, RESHAPE = 22, RESIZE_BILINEAR = 23, RNN = 24, SOFTMAX = 25, SPACE_TO_DEPTH = 26, SVDF = 27, TANH = 28, CONCAT_EMBEDDINGS = 29, SKIP_GRAM = 30, CALL = 31, CUSTOM = 32, EMBEDDING_LOOKUP_SPARSE = 33, PAD = 34, UNIDIRECTIONAL_SEQUENCE_RNN = 35, GATHER = 36, BATCH_TO_SPACE_ND = 37, SPACE_TO_BATCH_ND = 38, TRANSPOSE = 39, MEAN = 40, SUB = 41, DIV = 42, SQUEEZE = 43, UNIDIRECTIONAL_SEQUENCE_LSTM = 44, STRIDED_SLICE = 45, BIDIRECTIONAL_SEQUENCE_RNN = 46, EXP = 47, TOPK_V2 = 48, SPLIT = 49, LOG_SOFTMAX = 50, DELEGATE = 51, BIDIRECTIONAL_SEQUENCE_LSTM = 52, CAST = 53, PRELU = 54, MAXIMUM = 55, ARG_MAX = 56, MINIMUM = 57, LESS = 58, NEG = 59, PADV2 = 60, GREATER = 61, GREATER_EQUAL = 62, LESS_EQUAL = 63, SELECT = 64, SLICE = 65, SIN = 66, TRANSPOSE_CONV = 67, SPARSE_TO_DENSE = 68, TILE = 69, EXPAND_DIMS = 70, EQUAL = 71, NOT_EQUAL = 72, LOG = 73, SUM = 74, SQRT = 75, RSQRT = 76, SHAPE = 77, POW = 78, ARG_MIN = 79, FAKE_QUANT = 80, REDUCE_PROD = 81, REDUCE_MAX = 82, PACK = 83, LOGICAL_OR = 84, ONE_HOT = 85, LOGICAL_AND = 86, LOGICAL_NOT = 87, UNPACK = 88, REDUCE_MIN = 89, FLOOR_DIV = 90, REDUCE_ANY = 91, SQUARE = 92, ZEROS_LIKE = 93, FILL = 94, FLOOR_MOD = 95, RANGE = 96, RESIZE_NEAREST_NEIGHBOR = 97, LEAKY_RELU = 98, SQUARED_DIFFERENCE = 99, MIRROR_PAD = 100, ABS = 101, SPLIT_V = 102, UNIQUE = 103, CEIL = 104, REVERSE_V2 = 105, ADD_N = 106, GATHER_ND = 107, COS = 108, WHERE = 109, RANK = 110, ELU = 111, REVERSE_SEQUENCE = 112, MATRIX_DIAG = 113, QUANTIZE = 114, MATRIX_SET_DIAG = 115, ROUND = 116, HARD_SWISH = 117, IF = 118, WHILE = 119, NON_MAX_SUPPRESSION_V4 = 120, NON_MAX_SUPPRESSION_V5 = 121, SCATTER_ND = 122, SELECT_V2 = 123, DENSIFY = 124, SEGMENT_SUM = 125, BATCH_MATMUL = 126, PLACEHOLDER_FOR_GREATER_OP_CODES = 127, CUMSUM = 128, CALL_ONCE = 129, BROADCAST_TO = 130, RFFT2D = 131, CONV_3D = 132, IMAG = 133, REAL = 134, COMPLEX_ABS = 135, HASHTABLE = 136, HASHTABLE_FIND = 137, HASHTABLE_IMPORT = 138, HASHTABLE_SIZE = 139, REDUCE_ALL = 140, CONV_3D_TRANSPOSE = 141, VAR_HANDLE = 142, READ_VARIABLE = 143, ASSIGN_VARIABLE = 144, BROADCAST_ARGS = 145, RANDOM_STANDARD_NORMAL = 146, BUCKETIZE = 147, RANDOM_UNIFORM = 148, MULTINOMIAL = 149, GELU = 150, DYNAMIC_UPDATE_SLICE = 151, RELU_0_TO_1 = 152, UNSORTED_SEGMENT_PROD = 153, UNSORTED_SEGMENT_MAX = 154, UNSORTED_SEGMENT_SUM = 155, ATAN2 = 156, UNSORTED_SEGMENT_MIN = 157, SIGN = 158, BITCAST = 159, BITWISE_XOR = 160, RIGHT_SHIFT = 161, STABLEHLO_LOGISTIC = 162, STABLEHLO_ADD = 163, STABLEHLO_DIVIDE = 164, STABLEHLO_MULTIPLY = 165, STABLEHLO_MAXIMUM = 166, STABLEHLO_RESHAPE = 167, STABLEHLO_CLAMP = 168, STABLEHLO_CONCATENATE = 169, STABLEHLO_BROADCAST_IN_DIM = 170, STABLEHLO_CONVOLUTION = 171, STABLEHLO_SLICE = 172, STABLEHLO_CUSTOM_CALL = 173, STABLEHLO_REDUCE = 174, STABLEHLO_ABS = 175, STABLEHLO_AND = 176, STABLEHLO_COSINE = 177, STABLEHLO_EXPONENTIAL = 178, STABLEHLO_FLOOR = 179, STABLEHLO_LOG = 180, STABLEHLO_MINIMUM = 181, STABLEHLO_NEGATE = 182, STABLEHLO_OR = 183, STABLEHLO_POWER = 184, STABLEHLO_REMAINDER = 185, STABLEHLO_RSQRT = 186, STABLEHLO_SELECT = 187, STABLEHLO_SUBTRACT = 188, STABLEHLO_TANH = 189, STABLEHLO_SCATTER = 190, STABLEHLO_COMPARE = 191, STABLEHLO_CONVERT = 192, STABLEHLO_DYNAMIC_SLICE = 193, STABLEHLO_DYNAMIC_UPDATE_SLICE = 194, STABLEHLO_PAD = 195, STABLEHLO_IOTA = 196, STABLEHLO_DOT_GENERAL = 197, STABLEHLO_REDUCE_WINDOW = 198, STABLEHLO_SORT = 199, STABLEHLO_WHILE = 200, STABLEHLO_GATHER = 201, STABLEHLO_TRANSPOSE = 202, DILATE = 203, STABLEHLO_RNG_BIT_GENERATOR = 204, REDUCE_WINDOW = 205, STABLEHLO_COMPOSITE = 206, STABLEHLO_SHIFT_LEFT = 207, STABLEHLO_CBRT = 208, STABLEHLO_CASE = 209, } }
enumeration! { StablehloPrecisionConfig(u32) { DEFAULT = 0, HIGH = 1, HIGHEST = 2, } }
enumeration! { StablehloComparisonDirection(u32) { STABLEHLO_COMPARISON_DIRECTION_EQ = 0, STABLEHLO_COMPARISON_DIRECTION_NE = 1, STABLEHLO_COMPARISON_DIRECTION_GE = 2, STABLEHLO_COMPARISON_DIRECTION_GT = 3, STABLEHLO_COMPARISON_DIRECTION_LE = 4, STABLEHLO_COMPARISON_DIRECTION_LT = 5, } }
enumeration! { StablehloComparisonType(u32) { STABLEHLO_COMPARISON_TYPE_NOTYPE = 0, STABLEHLO_COMPARISON_TYPE_FLOAT = 1, STABLEHLO_COMPARISON_TYPE_FLOAT_TOTAL_ORDER = 2, STABLEHLO_COMPARISON_TYPE_SIGNED = 3, STABLEHLO_COMPARISON_TYPE_UNSIGNED = 4, } }
enumeration! { RngAlgorithm(i8) { DEFAULT = 0, PHILOX = 1, THREEFRY = 2, } }
enumeration! { Padding(i8) { SAME = 0, VALID = 1, } }
enumeration! { ActivationFunctionType(i8) { NONE = 0, RELU = 1, RELU_N1_TO_1 = 2, RELU6 = 3, TANH = 4, SIGN_BIT = 5, } }
enumeration! { LSHProjectionType(i8) { UNKNOWN = 0, SPARSE = 1, DENSE = 2, } }
enumeration! { FullyConnectedOptionsWeightsFormat(i8) { DEFAULT = 0, SHUFFLED4x16INT8 = 1, } }
enumeration! { LSTMKernelType(i8) { FULL = 0, BASIC = 1, } }
enumeration! { CombinerType(i8) { SUM = 0, MEAN = 1, SQRTN = 2, } }
enumeration! { MirrorPadMode(i8) { REFLECT = 0, SYMMETRIC = 1, } }
enumeration! { ReduceWindowFunction(i32) { UNSUPPORTED = 0, ADD = 1, MUL = 2, MINIMUM = 3, MAXIMUM = 4, ALL = 5, ANY = 6, } }
enumeration! { CustomOptionsFormat(i8) { FLEXBUFFERS = 0, } }
#[derive(Clone, Debug, PartialEq)]
pub enum QuantizationDetails {
    CustomQuantization(CustomQuantization),
    BlockwiseQuantization(BlockwiseQuantization),
    MultiAxisQuantization(MultiAxisQuantization),
}
impl QuantizationDetails {
    /// Its number in the file.
    pub fn kind(&self) -> u8 {
        match self {
            Self::CustomQuantization(_) => 1,
            Self::BlockwiseQuantization(_) => 2,
            Self::MultiAxisQuantization(_) => 3,
        }
    }
    fn read(table: &TableRef<'_>, slot: u16, name: &'static str) -> Result<Option<Self>, WireError> {
        Ok(match table.scalar::<u8>(slot - 1, name, 0)? {
            0 => None,
            1 => table
                .table::<CustomQuantization>(slot, name)?
                .map(Self::CustomQuantization),
            2 => table
                .table::<BlockwiseQuantization>(slot, name)?
                .map(Self::BlockwiseQuantization),
            3 => table
                .table::<MultiAxisQuantization>(slot, name)?
                .map(Self::MultiAxisQuantization),
            other => return table.unknown_union(name, other),
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        match self {
            Self::CustomQuantization(value) => value.write(writer),
            Self::BlockwiseQuantization(value) => value.write(writer),
            Self::MultiAxisQuantization(value) => value.write(writer),
        }
    }
}
impl From<CustomQuantization> for QuantizationDetails {
    fn from(value: CustomQuantization) -> Self {
        Self::CustomQuantization(value)
    }
}
impl From<BlockwiseQuantization> for QuantizationDetails {
    fn from(value: BlockwiseQuantization) -> Self {
        Self::BlockwiseQuantization(value)
    }
}
impl From<MultiAxisQuantization> for QuantizationDetails {
    fn from(value: MultiAxisQuantization) -> Self {
        Self::MultiAxisQuantization(value)
    }
}
#[derive(Clone, Debug, PartialEq)]
pub enum SparseIndexVector {
    Int32Vector(Int32Vector),
    Uint16Vector(Uint16Vector),
    Uint8Vector(Uint8Vector),
}
impl SparseIndexVector {
    /// Its number in the file.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Int32Vector(_) => 1,
            Self::Uint16Vector(_) => 2,
            Self::Uint8Vector(_) => 3,
        }
    }
    fn read(table: &TableRef<'_>, slot: u16, name: &'static str) -> Result<Option<Self>, WireError> {
        Ok(match table.scalar::<u8>(slot - 1, name, 0)? {
            0 => None,
            1 => table.table::<Int32Vector>(slot, name)?.map(Self::Int32Vector),
            2 => table.table::<Uint16Vector>(slot, name)?.map(Self::Uint16Vector),
            3 => table.table::<Uint8Vector>(slot, name)?.map(Self::Uint8Vector),
            other => return table.unknown_union(name, other),
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        match self {
            Self::Int32Vector(value) => value.write(writer),
            Self::Uint16Vector(value) => value.write(writer),
            Self::Uint8Vector(value) => value.write(writer),
        }
    }
}
impl From<Int32Vector> for SparseIndexVector {
    fn from(value: Int32Vector) -> Self {
        Self::Int32Vector(value)
    }
}
impl From<Uint16Vector> for SparseIndexVector {
    fn from(value: Uint16Vector) -> Self {
        Self::Uint16Vector(value)
    }
}
impl From<Uint8Vector> for SparseIndexVector {
    fn from(value: Uint8Vector) -> Self {
        Self::Uint8Vector(value)
    }
}
#[derive(Clone, Debug, PartialEq)]
pub enum BuiltinOptions {
    Conv2DOptions(Conv2DOptions),
    DepthwiseConv2DOptions(DepthwiseConv2DOptions),
    ConcatEmbeddingsOptions(ConcatEmbeddingsOptions),
    LSHProjectionOptions(LSHProjectionOptions),
    Pool2DOptions(Pool2DOptions),
    SVDFOptions(SVDFOptions),
    RNNOptions(RNNOptions),
    FullyConnectedOptions(FullyConnectedOptions),
    SoftmaxOptions(SoftmaxOptions),
    ConcatenationOptions(ConcatenationOptions),
    AddOptions(AddOptions),
    L2NormOptions(L2NormOptions),
    LocalResponseNormalizationOptions(LocalResponseNormalizationOptions),
    LSTMOptions(LSTMOptions),
    ResizeBilinearOptions(ResizeBilinearOptions),
    CallOptions(CallOptions),
    ReshapeOptions(ReshapeOptions),
    SkipGramOptions(SkipGramOptions),
    SpaceToDepthOptions(SpaceToDepthOptions),
    EmbeddingLookupSparseOptions(EmbeddingLookupSparseOptions),
    MulOptions(MulOptions),
    PadOptions(PadOptions),
    GatherOptions(GatherOptions),
    BatchToSpaceNDOptions(BatchToSpaceNDOptions),
    SpaceToBatchNDOptions(SpaceToBatchNDOptions),
    TransposeOptions(TransposeOptions),
    ReducerOptions(ReducerOptions),
    SubOptions(SubOptions),
    DivOptions(DivOptions),
    SqueezeOptions(SqueezeOptions),
    SequenceRNNOptions(SequenceRNNOptions),
    StridedSliceOptions(StridedSliceOptions),
    ExpOptions(ExpOptions),
    TopKV2Options(TopKV2Options),
    SplitOptions(SplitOptions),
    LogSoftmaxOptions(LogSoftmaxOptions),
    CastOptions(CastOptions),
    DequantizeOptions(DequantizeOptions),
    MaximumMinimumOptions(MaximumMinimumOptions),
    ArgMaxOptions(ArgMaxOptions),
    LessOptions(LessOptions),
    NegOptions(NegOptions),
    PadV2Options(PadV2Options),
    GreaterOptions(GreaterOptions),
    GreaterEqualOptions(GreaterEqualOptions),
    LessEqualOptions(LessEqualOptions),
    SelectOptions(SelectOptions),
    SliceOptions(SliceOptions),
    TransposeConvOptions(TransposeConvOptions),
    SparseToDenseOptions(SparseToDenseOptions),
    TileOptions(TileOptions),
    ExpandDimsOptions(ExpandDimsOptions),
    EqualOptions(EqualOptions),
    NotEqualOptions(NotEqualOptions),
    ShapeOptions(ShapeOptions),
    PowOptions(PowOptions),
    ArgMinOptions(ArgMinOptions),
    FakeQuantOptions(FakeQuantOptions),
    PackOptions(PackOptions),
    LogicalOrOptions(LogicalOrOptions),
    OneHotOptions(OneHotOptions),
    LogicalAndOptions(LogicalAndOptions),
    LogicalNotOptions(LogicalNotOptions),
    UnpackOptions(UnpackOptions),
    FloorDivOptions(FloorDivOptions),
    SquareOptions(SquareOptions),
    ZerosLikeOptions(ZerosLikeOptions),
    FillOptions(FillOptions),
    BidirectionalSequenceLSTMOptions(BidirectionalSequenceLSTMOptions),
    BidirectionalSequenceRNNOptions(BidirectionalSequenceRNNOptions),
    UnidirectionalSequenceLSTMOptions(UnidirectionalSequenceLSTMOptions),
    FloorModOptions(FloorModOptions),
    RangeOptions(RangeOptions),
    ResizeNearestNeighborOptions(ResizeNearestNeighborOptions),
    LeakyReluOptions(LeakyReluOptions),
    SquaredDifferenceOptions(SquaredDifferenceOptions),
    MirrorPadOptions(MirrorPadOptions),
    AbsOptions(AbsOptions),
    SplitVOptions(SplitVOptions),
    UniqueOptions(UniqueOptions),
    ReverseV2Options(ReverseV2Options),
    AddNOptions(AddNOptions),
    GatherNdOptions(GatherNdOptions),
    CosOptions(CosOptions),
    WhereOptions(WhereOptions),
    RankOptions(RankOptions),
    ReverseSequenceOptions(ReverseSequenceOptions),
    MatrixDiagOptions(MatrixDiagOptions),
    QuantizeOptions(QuantizeOptions),
    MatrixSetDiagOptions(MatrixSetDiagOptions),
    HardSwishOptions(HardSwishOptions),
    IfOptions(IfOptions),
    WhileOptions(WhileOptions),
    DepthToSpaceOptions(DepthToSpaceOptions),
    NonMaxSuppressionV4Options(NonMaxSuppressionV4Options),
    NonMaxSuppressionV5Options(NonMaxSuppressionV5Options),
    ScatterNdOptions(ScatterNdOptions),
    SelectV2Options(SelectV2Options),
    DensifyOptions(DensifyOptions),
    SegmentSumOptions(SegmentSumOptions),
    BatchMatMulOptions(BatchMatMulOptions),
    CumsumOptions(CumsumOptions),
    CallOnceOptions(CallOnceOptions),
    BroadcastToOptions(BroadcastToOptions),
    Rfft2dOptions(Rfft2dOptions),
    Conv3DOptions(Conv3DOptions),
    HashtableOptions(HashtableOptions),
    HashtableFindOptions(HashtableFindOptions),
    HashtableImportOptions(HashtableImportOptions),
    HashtableSizeOptions(HashtableSizeOptions),
    VarHandleOptions(VarHandleOptions),
    ReadVariableOptions(ReadVariableOptions),
    AssignVariableOptions(AssignVariableOptions),
    RandomOptions(RandomOptions),
    BucketizeOptions(BucketizeOptions),
    GeluOptions(GeluOptions),
    DynamicUpdateSliceOptions(DynamicUpdateSliceOptions),
    UnsortedSegmentProdOptions(UnsortedSegmentProdOptions),
    UnsortedSegmentMaxOptions(UnsortedSegmentMaxOptions),
    UnsortedSegmentMinOptions(UnsortedSegmentMinOptions),
    UnsortedSegmentSumOptions(UnsortedSegmentSumOptions),
    ATan2Options(ATan2Options),
    SignOptions(SignOptions),
    BitcastOptions(BitcastOptions),
    BitwiseXorOptions(BitwiseXorOptions),
    RightShiftOptions(RightShiftOptions),
}
impl BuiltinOptions {
    /// Its number in the file.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Conv2DOptions(_) => 1,
            Self::DepthwiseConv2DOptions(_) => 2,
            Self::ConcatEmbeddingsOptions(_) => 3,
            Self::LSHProjectionOptions(_) => 4,
            Self::Pool2DOptions(_) => 5,
            Self::SVDFOptions(_) => 6,
            Self::RNNOptions(_) => 7,
            Self::FullyConnectedOptions(_) => 8,
            Self::SoftmaxOptions(_) => 9,
            Self::ConcatenationOptions(_) => 10,
            Self::AddOptions(_) => 11,
            Self::L2NormOptions(_) => 12,
            Self::LocalResponseNormalizationOptions(_) => 13,
            Self::LSTMOptions(_) => 14,
            Self::ResizeBilinearOptions(_) => 15,
            Self::CallOptions(_) => 16,
            Self::ReshapeOptions(_) => 17,
            Self::SkipGramOptions(_) => 18,
            Self::SpaceToDepthOptions(_) => 19,
            Self::EmbeddingLookupSparseOptions(_) => 20,
            Self::MulOptions(_) => 21,
            Self::PadOptions(_) => 22,
            Self::GatherOptions(_) => 23,
            Self::BatchToSpaceNDOptions(_) => 24,
            Self::SpaceToBatchNDOptions(_) => 25,
            Self::TransposeOptions(_) => 26,
            Self::ReducerOptions(_) => 27,
            Self::SubOptions(_) => 28,
            Self::DivOptions(_) => 29,
            Self::SqueezeOptions(_) => 30,
            Self::SequenceRNNOptions(_) => 31,
            Self::StridedSliceOptions(_) => 32,
            Self::ExpOptions(_) => 33,
            Self::TopKV2Options(_) => 34,
            Self::SplitOptions(_) => 35,
            Self::LogSoftmaxOptions(_) => 36,
            Self::CastOptions(_) => 37,
            Self::DequantizeOptions(_) => 38,
            Self::MaximumMinimumOptions(_) => 39,
            Self::ArgMaxOptions(_) => 40,
            Self::LessOptions(_) => 41,
            Self::NegOptions(_) => 42,
            Self::PadV2Options(_) => 43,
            Self::GreaterOptions(_) => 44,
            Self::GreaterEqualOptions(_) => 45,
            Self::LessEqualOptions(_) => 46,
            Self::SelectOptions(_) => 47,
            Self::SliceOptions(_) => 48,
            Self::TransposeConvOptions(_) => 49,
            Self::SparseToDenseOptions(_) => 50,
            Self::TileOptions(_) => 51,
            Self::ExpandDimsOptions(_) => 52,
            Self::EqualOptions(_) => 53,
            Self::NotEqualOptions(_) => 54,
            Self::ShapeOptions(_) => 55,
            Self::PowOptions(_) => 56,
            Self::ArgMinOptions(_) => 57,
            Self::FakeQuantOptions(_) => 58,
            Self::PackOptions(_) => 59,
            Self::LogicalOrOptions(_) => 60,
            Self::OneHotOptions(_) => 61,
            Self::LogicalAndOptions(_) => 62,
            Self::LogicalNotOptions(_) => 63,
            Self::UnpackOptions(_) => 64,
            Self::FloorDivOptions(_) => 65,
            Self::SquareOptions(_) => 66,
            Self::ZerosLikeOptions(_) => 67,
            Self::FillOptions(_) => 68,
            Self::BidirectionalSequenceLSTMOptions(_) => 69,
            Self::BidirectionalSequenceRNNOptions(_) => 70,
            Self::UnidirectionalSequenceLSTMOptions(_) => 71,
            Self::FloorModOptions(_) => 72,
            Self::RangeOptions(_) => 73,
            Self::ResizeNearestNeighborOptions(_) => 74,
            Self::LeakyReluOptions(_) => 75,
            Self::SquaredDifferenceOptions(_) => 76,
            Self::MirrorPadOptions(_) => 77,
            Self::AbsOptions(_) => 78,
            Self::SplitVOptions(_) => 79,
            Self::UniqueOptions(_) => 80,
            Self::ReverseV2Options(_) => 81,
            Self::AddNOptions(_) => 82,
            Self::GatherNdOptions(_) => 83,
            Self::CosOptions(_) => 84,
            Self::WhereOptions(_) => 85,
            Self::RankOptions(_) => 86,
            Self::ReverseSequenceOptions(_) => 87,
            Self::MatrixDiagOptions(_) => 88,
            Self::QuantizeOptions(_) => 89,
            Self::MatrixSetDiagOptions(_) => 90,
            Self::HardSwishOptions(_) => 91,
            Self::IfOptions(_) => 92,
            Self::WhileOptions(_) => 93,
            Self::DepthToSpaceOptions(_) => 94,
            Self::NonMaxSuppressionV4Options(_) => 95,
            Self::NonMaxSuppressionV5Options(_) => 96,
            Self::ScatterNdOptions(_) => 97,
            Self::SelectV2Options(_) => 98,
            Self::DensifyOptions(_) => 99,
            Self::SegmentSumOptions(_) => 100,
            Self::BatchMatMulOptions(_) => 101,
            Self::CumsumOptions(_) => 102,
            Self::CallOnceOptions(_) => 103,
            Self::BroadcastToOptions(_) => 104,
            Self::Rfft2dOptions(_) => 105,
            Self::Conv3DOptions(_) => 106,
            Self::HashtableOptions(_) => 107,
            Self::HashtableFindOptions(_) => 108,
            Self::HashtableImportOptions(_) => 109,
            Self::HashtableSizeOptions(_) => 110,
            Self::VarHandleOptions(_) => 111,
            Self::ReadVariableOptions(_) => 112,
            Self::AssignVariableOptions(_) => 113,
            Self::RandomOptions(_) => 114,
            Self::BucketizeOptions(_) => 115,
            Self::GeluOptions(_) => 116,
            Self::DynamicUpdateSliceOptions(_) => 117,
            Self::UnsortedSegmentProdOptions(_) => 118,
            Self::UnsortedSegmentMaxOptions(_) => 119,
            Self::UnsortedSegmentMinOptions(_) => 120,
            Self::UnsortedSegmentSumOptions(_) => 121,
            Self::ATan2Options(_) => 122,
            Self::SignOptions(_) => 123,
            Self::BitcastOptions(_) => 124,
            Self::BitwiseXorOptions(_) => 125,
            Self::RightShiftOptions(_) => 126,
        }
    }
    fn read(table: &TableRef<'_>, slot: u16, name: &'static str) -> Result<Option<Self>, WireError> {
        Ok(match table.scalar::<u8>(slot - 1, name, 0)? {
            0 => None,
            1 => table.table::<Conv2DOptions>(slot, name)?.map(Self::Conv2DOptions),
            2 => table
                .table::<DepthwiseConv2DOptions>(slot, name)?
                .map(Self::DepthwiseConv2DOptions),
            3 => table
                .table::<ConcatEmbeddingsOptions>(slot, name)?
                .map(Self::ConcatEmbeddingsOptions),
            4 => table
                .table::<LSHProjectionOptions>(slot, name)?
                .map(Self::LSHProjectionOptions),
            5 => table.table::<Pool2DOptions>(slot, name)?.map(Self::Pool2DOptions),
            6 => table.table::<SVDFOptions>(slot, name)?.map(Self::SVDFOptions),
            7 => table.table::<RNNOptions>(slot, name)?.map(Self::RNNOptions),
            8 => table
                .table::<FullyConnectedOptions>(slot, name)?
                .map(Self::FullyConnectedOptions),
            9 => table.table::<SoftmaxOptions>(slot, name)?.map(Self::SoftmaxOptions),
            10 => table
                .table::<ConcatenationOptions>(slot, name)?
                .map(Self::ConcatenationOptions),
            11 => table.table::<AddOptions>(slot, name)?.map(Self::AddOptions),
            12 => table.table::<L2NormOptions>(slot, name)?.map(Self::L2NormOptions),
            13 => table
                .table::<LocalResponseNormalizationOptions>(slot, name)?
                .map(Self::LocalResponseNormalizationOptions),
            14 => table.table::<LSTMOptions>(slot, name)?.map(Self::LSTMOptions),
            15 => table
                .table::<ResizeBilinearOptions>(slot, name)?
                .map(Self::ResizeBilinearOptions),
            16 => table.table::<CallOptions>(slot, name)?.map(Self::CallOptions),
            17 => table.table::<ReshapeOptions>(slot, name)?.map(Self::ReshapeOptions),
            18 => table.table::<SkipGramOptions>(slot, name)?.map(Self::SkipGramOptions),
            19 => table
                .table::<SpaceToDepthOptions>(slot, name)?
                .map(Self::SpaceToDepthOptions),
            20 => table
                .table::<EmbeddingLookupSparseOptions>(slot, name)?
                .map(Self::EmbeddingLookupSparseOptions),
            21 => table.table::<MulOptions>(slot, name)?.map(Self::MulOptions),
            22 => table.table::<PadOptions>(slot, name)?.map(Self::PadOptions),
            23 => table.table::<GatherOptions>(slot, name)?.map(Self::GatherOptions),
            24 => table
                .table::<BatchToSpaceNDOptions>(slot, name)?
                .map(Self::BatchToSpaceNDOptions),
            25 => table
                .table::<SpaceToBatchNDOptions>(slot, name)?
                .map(Self::SpaceToBatchNDOptions),
            26 => table.table::<TransposeOptions>(slot, name)?.map(Self::TransposeOptions),
            27 => table.table::<ReducerOptions>(slot, name)?.map(Self::ReducerOptions),
            28 => table.table::<SubOptions>(slot, name)?.map(Self::SubOptions),
            29 => table.table::<DivOptions>(slot, name)?.map(Self::DivOptions),
            30 => table.table::<SqueezeOptions>(slot, name)?.map(Self::SqueezeOptions),
            31 => table
                .table::<SequenceRNNOptions>(slot, name)?
                .map(Self::SequenceRNNOptions),
            32 => table
                .table::<StridedSliceOptions>(slot, name)?
                .map(Self::StridedSliceOptions),
            33 => table.table::<ExpOptions>(slot, name)?.map(Self::ExpOptions),
            34 => table.table::<TopKV2Options>(slot, name)?.map(Self::TopKV2Options),
            35 => table.table::<SplitOptions>(slot, name)?.map(Self::SplitOptions),
            36 => table
                .table::<LogSoftmaxOptions>(slot, name)?
                .map(Self::LogSoftmaxOptions),
            37 => table.table::<CastOptions>(slot, name)?.map(Self::CastOptions),
            38 => table
                .table::<DequantizeOptions>(slot, name)?
                .map(Self::DequantizeOptions),
            39 => table
                .table::<MaximumMinimumOptions>(slot, name)?
                .map(Self::MaximumMinimumOptions),
            40 => table.table::<ArgMaxOptions>(slot, name)?.map(Self::ArgMaxOptions),
            41 => table.table::<LessOptions>(slot, name)?.map(Self::LessOptions),
            42 => table.table::<NegOptions>(slot, name)?.map(Self::NegOptions),
            43 => table.table::<PadV2Options>(slot, name)?.map(Self::PadV2Options),
            44 => table.table::<GreaterOptions>(slot, name)?.map(Self::GreaterOptions),
            45 => table
                .table::<GreaterEqualOptions>(slot, name)?
                .map(Self::GreaterEqualOptions),
            46 => table.table::<LessEqualOptions>(slot, name)?.map(Self::LessEqualOptions),
            47 => table.table::<SelectOptions>(slot, name)?.map(Self::SelectOptions),
            48 => table.table::<SliceOptions>(slot, name)?.map(Self::SliceOptions),
            49 => table
                .table::<TransposeConvOptions>(slot, name)?
                .map(Self::TransposeConvOptions),
            50 => table
                .table::<SparseToDenseOptions>(slot, name)?
                .map(Self::SparseToDenseOptions),
            51 => table.table::<TileOptions>(slot, name)?.map(Self::TileOptions),
            52 => table
                .table::<ExpandDimsOptions>(slot, name)?
                .map(Self::ExpandDimsOptions),
            53 => table.table::<EqualOptions>(slot, name)?.map(Self::EqualOptions),
            54 => table.table::<NotEqualOptions>(slot, name)?.map(Self::NotEqualOptions),
            55 => table.table::<ShapeOptions>(slot, name)?.map(Self::ShapeOptions),
            56 => table.table::<PowOptions>(slot, name)?.map(Self::PowOptions),
            57 => table.table::<ArgMinOptions>(slot, name)?.map(Self::ArgMinOptions),
            58 => table.table::<FakeQuantOptions>(slot, name)?.map(Self::FakeQuantOptions),
            59 => table.table::<PackOptions>(slot, name)?.map(Self::PackOptions),
            60 => table.table::<LogicalOrOptions>(slot, name)?.map(Self::LogicalOrOptions),
            61 => table.table::<OneHotOptions>(slot, name)?.map(Self::OneHotOptions),
            62 => table
                .table::<LogicalAndOptions>(slot, name)?
                .map(Self::LogicalAndOptions),
            63 => table
                .table::<LogicalNotOptions>(slot, name)?
                .map(Self::LogicalNotOptions),
            64 => table.table::<UnpackOptions>(slot, name)?.map(Self::UnpackOptions),
            65 => table.table::<FloorDivOptions>(slot, name)?.map(Self::FloorDivOptions),
            66 => table.table::<SquareOptions>(slot, name)?.map(Self::SquareOptions),
            67 => table.table::<ZerosLikeOptions>(slot, name)?.map(Self::ZerosLikeOptions),
            68 => table.table::<FillOptions>(slot, name)?.map(Self::FillOptions),
            69 => table
                .table::<BidirectionalSequenceLSTMOptions>(slot, name)?
                .map(Self::BidirectionalSequenceLSTMOptions),
            70 => table
                .table::<BidirectionalSequenceRNNOptions>(slot, name)?
                .map(Self::BidirectionalSequenceRNNOptions),
            71 => table
                .table::<UnidirectionalSequenceLSTMOptions>(slot, name)?
                .map(Self::UnidirectionalSequenceLSTMOptions),
            72 => table.table::<FloorModOptions>(slot, name)?.map(Self::FloorModOptions),
            73 => table.table::<RangeOptions>(slot, name)?.map(Self::RangeOptions),
            74 => table
                .table::<ResizeNearestNeighborOptions>(slot, name)?
                .map(Self::ResizeNearestNeighborOptions),
            75 => table.table::<LeakyReluOptions>(slot, name)?.map(Self::LeakyReluOptions),
            76 => table
                .table::<SquaredDifferenceOptions>(slot, name)?
                .map(Self::SquaredDifferenceOptions),
            77 => table.table::<MirrorPadOptions>(slot, name)?.map(Self::MirrorPadOptions),
            78 => table.table::<AbsOptions>(slot, name)?.map(Self::AbsOptions),
            79 => table.table::<SplitVOptions>(slot, name)?.map(Self::SplitVOptions),
            80 => table.table::<UniqueOptions>(slot, name)?.map(Self::UniqueOptions),
            81 => table.table::<ReverseV2Options>(slot, name)?.map(Self::ReverseV2Options),
            82 => table.table::<AddNOptions>(slot, name)?.map(Self::AddNOptions),
            83 => table.table::<GatherNdOptions>(slot, name)?.map(Self::GatherNdOptions),
            84 => table.table::<CosOptions>(slot, name)?.map(Self::CosOptions),
            85 => table.table::<WhereOptions>(slot, name)?.map(Self::WhereOptions),
            86 => table.table::<RankOptions>(slot, name)?.map(Self::RankOptions),
            87 => table
                .table::<ReverseSequenceOptions>(slot, name)?
                .map(Self::ReverseSequenceOptions),
            88 => table
                .table::<MatrixDiagOptions>(slot, name)?
                .map(Self::MatrixDiagOptions),
            89 => table.table::<QuantizeOptions>(slot, name)?.map(Self::QuantizeOptions),
            90 => table
                .table::<MatrixSetDiagOptions>(slot, name)?
                .map(Self::MatrixSetDiagOptions),
            91 => table.table::<HardSwishOptions>(slot, name)?.map(Self::HardSwishOptions),
            92 => table.table::<IfOptions>(slot, name)?.map(Self::IfOptions),
            93 => table.table::<WhileOptions>(slot, name)?.map(Self::WhileOptions),
            94 => table
                .table::<DepthToSpaceOptions>(slot, name)?
                .map(Self::DepthToSpaceOptions),
            95 => table
                .table::<NonMaxSuppressionV4Options>(slot, name)?
                .map(Self::NonMaxSuppressionV4Options),
            96 => table
                .table::<NonMaxSuppressionV5Options>(slot, name)?
                .map(Self::NonMaxSuppressionV5Options),
            97 => table.table::<ScatterNdOptions>(slot, name)?.map(Self::ScatterNdOptions),
            98 => table.table::<SelectV2Options>(slot, name)?.map(Self::SelectV2Options),
            99 => table.table::<DensifyOptions>(slot, name)?.map(Self::DensifyOptions),
            100 => table
                .table::<SegmentSumOptions>(slot, name)?
                .map(Self::SegmentSumOptions),
            101 => table
                .table::<BatchMatMulOptions>(slot, name)?
                .map(Self::BatchMatMulOptions),
            102 => table.table::<CumsumOptions>(slot, name)?.map(Self::CumsumOptions),
            103 => table.table::<CallOnceOptions>(slot, name)?.map(Self::CallOnceOptions),
            104 => table
                .table::<BroadcastToOptions>(slot, name)?
                .map(Self::BroadcastToOptions),
            105 => table.table::<Rfft2dOptions>(slot, name)?.map(Self::Rfft2dOptions),
            106 => table.table::<Conv3DOptions>(slot, name)?.map(Self::Conv3DOptions),
            107 => table.table::<HashtableOptions>(slot, name)?.map(Self::HashtableOptions),
            108 => table
                .table::<HashtableFindOptions>(slot, name)?
                .map(Self::HashtableFindOptions),
            109 => table
                .table::<HashtableImportOptions>(slot, name)?
                .map(Self::HashtableImportOptions),
            110 => table
                .table::<HashtableSizeOptions>(slot, name)?
                .map(Self::HashtableSizeOptions),
            111 => table.table::<VarHandleOptions>(slot, name)?.map(Self::VarHandleOptions),
            112 => table
                .table::<ReadVariableOptions>(slot, name)?
                .map(Self::ReadVariableOptions),
            113 => table
                .table::<AssignVariableOptions>(slot, name)?
                .map(Self::AssignVariableOptions),
            114 => table.table::<RandomOptions>(slot, name)?.map(Self::RandomOptions),
            115 => table.table::<BucketizeOptions>(slot, name)?.map(Self::BucketizeOptions),
            116 => table.table::<GeluOptions>(slot, name)?.map(Self::GeluOptions),
            117 => table
                .table::<DynamicUpdateSliceOptions>(slot, name)?
                .map(Self::DynamicUpdateSliceOptions),
            118 => table
                .table::<UnsortedSegmentProdOptions>(slot, name)?
                .map(Self::UnsortedSegmentProdOptions),
            119 => table
                .table::<UnsortedSegmentMaxOptions>(slot, name)?
                .map(Self::UnsortedSegmentMaxOptions),
            120 => table
                .table::<UnsortedSegmentMinOptions>(slot, name)?
                .map(Self::UnsortedSegmentMinOptions),
            121 => table
                .table::<UnsortedSegmentSumOptions>(slot, name)?
                .map(Self::UnsortedSegmentSumOptions),
            122 => table.table::<ATan2Options>(slot, name)?.map(Self::ATan2Options),
            123 => table.table::<SignOptions>(slot, name)?.map(Self::SignOptions),
            124 => table.table::<BitcastOptions>(slot, name)?.map(Self::BitcastOptions),
            125 => table
                .table::<BitwiseXorOptions>(slot, name)?
                .map(Self::BitwiseXorOptions),
            126 => table
                .table::<RightShiftOptions>(slot, name)?
                .map(Self::RightShiftOptions),
            other => return table.unknown_union(name, other),
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        match self {
            Self::Conv2DOptions(value) => value.write(writer),
            Self::DepthwiseConv2DOptions(value) => value.write(writer),
            Self::ConcatEmbeddingsOptions(value) => value.write(writer),
            Self::LSHProjectionOptions(value) => value.write(writer),
            Self::Pool2DOptions(value) => value.write(writer),
            Self::SVDFOptions(value) => value.write(writer),
            Self::RNNOptions(value) => value.write(writer),
            Self::FullyConnectedOptions(value) => value.write(writer),
            Self::SoftmaxOptions(value) => value.write(writer),
            Self::ConcatenationOptions(value) => value.write(writer),
            Self::AddOptions(value) => value.write(writer),
            Self::L2NormOptions(value) => value.write(writer),
            Self::LocalResponseNormalizationOptions(value) => value.write(writer),
            Self::LSTMOptions(value) => value.write(writer),
            Self::ResizeBilinearOptions(value) => value.write(writer),
            Self::CallOptions(value) => value.write(writer),
            Self::ReshapeOptions(value) => value.write(writer),
            Self::SkipGramOptions(value) => value.write(writer),
            Self::SpaceToDepthOptions(value) => value.write(writer),
            Self::EmbeddingLookupSparseOptions(value) => value.write(writer),
            Self::MulOptions(value) => value.write(writer),
            Self::PadOptions(value) => value.write(writer),
            Self::GatherOptions(value) => value.write(writer),
            Self::BatchToSpaceNDOptions(value) => value.write(writer),
            Self::SpaceToBatchNDOptions(value) => value.write(writer),
            Self::TransposeOptions(value) => value.write(writer),
            Self::ReducerOptions(value) => value.write(writer),
            Self::SubOptions(value) => value.write(writer),
            Self::DivOptions(value) => value.write(writer),
            Self::SqueezeOptions(value) => value.write(writer),
            Self::SequenceRNNOptions(value) => value.write(writer),
            Self::StridedSliceOptions(value) => value.write(writer),
            Self::ExpOptions(value) => value.write(writer),
            Self::TopKV2Options(value) => value.write(writer),
            Self::SplitOptions(value) => value.write(writer),
            Self::LogSoftmaxOptions(value) => value.write(writer),
            Self::CastOptions(value) => value.write(writer),
            Self::DequantizeOptions(value) => value.write(writer),
            Self::MaximumMinimumOptions(value) => value.write(writer),
            Self::ArgMaxOptions(value) => value.write(writer),
            Self::LessOptions(value) => value.write(writer),
            Self::NegOptions(value) => value.write(writer),
            Self::PadV2Options(value) => value.write(writer),
            Self::GreaterOptions(value) => value.write(writer),
            Self::GreaterEqualOptions(value) => value.write(writer),
            Self::LessEqualOptions(value) => value.write(writer),
            Self::SelectOptions(value) => value.write(writer),
            Self::SliceOptions(value) => value.write(writer),
            Self::TransposeConvOptions(value) => value.write(writer),
            Self::SparseToDenseOptions(value) => value.write(writer),
            Self::TileOptions(value) => value.write(writer),
            Self::ExpandDimsOptions(value) => value.write(writer),
            Self::EqualOptions(value) => value.write(writer),
            Self::NotEqualOptions(value) => value.write(writer),
            Self::ShapeOptions(value) => value.write(writer),
            Self::PowOptions(value) => value.write(writer),
            Self::ArgMinOptions(value) => value.write(writer),
            Self::FakeQuantOptions(value) => value.write(writer),
            Self::PackOptions(value) => value.write(writer),
            Self::LogicalOrOptions(value) => value.write(writer),
            Self::OneHotOptions(value) => value.write(writer),
            Self::LogicalAndOptions(value) => value.write(writer),
            Self::LogicalNotOptions(value) => value.write(writer),
            Self::UnpackOptions(value) => value.write(writer),
            Self::FloorDivOptions(value) => value.write(writer),
            Self::SquareOptions(value) => value.write(writer),
            Self::ZerosLikeOptions(value) => value.write(writer),
            Self::FillOptions(value) => value.write(writer),
            Self::BidirectionalSequenceLSTMOptions(value) => value.write(writer),
            Self::BidirectionalSequenceRNNOptions(value) => value.write(writer),
            Self::UnidirectionalSequenceLSTMOptions(value) => value.write(writer),
            Self::FloorModOptions(value) => value.write(writer),
            Self::RangeOptions(value) => value.write(writer),
            Self::ResizeNearestNeighborOptions(value) => value.write(writer),
            Self::LeakyReluOptions(value) => value.write(writer),
            Self::SquaredDifferenceOptions(value) => value.write(writer),
            Self::MirrorPadOptions(value) => value.write(writer),
            Self::AbsOptions(value) => value.write(writer),
            Self::SplitVOptions(value) => value.write(writer),
            Self::UniqueOptions(value) => value.write(writer),
            Self::ReverseV2Options(value) => value.write(writer),
            Self::AddNOptions(value) => value.write(writer),
            Self::GatherNdOptions(value) => value.write(writer),
            Self::CosOptions(value) => value.write(writer),
            Self::WhereOptions(value) => value.write(writer),
            Self::RankOptions(value) => value.write(writer),
            Self::ReverseSequenceOptions(value) => value.write(writer),
            Self::MatrixDiagOptions(value) => value.write(writer),
            Self::QuantizeOptions(value) => value.write(writer),
            Self::MatrixSetDiagOptions(value) => value.write(writer),
            Self::HardSwishOptions(value) => value.write(writer),
            Self::IfOptions(value) => value.write(writer),
            Self::WhileOptions(value) => value.write(writer),
            Self::DepthToSpaceOptions(value) => value.write(writer),
            Self::NonMaxSuppressionV4Options(value) => value.write(writer),
            Self::NonMaxSuppressionV5Options(value) => value.write(writer),
            Self::ScatterNdOptions(value) => value.write(writer),
            Self::SelectV2Options(value) => value.write(writer),
            Self::DensifyOptions(value) => value.write(writer),
            Self::SegmentSumOptions(value) => value.write(writer),
            Self::BatchMatMulOptions(value) => value.write(writer),
            Self::CumsumOptions(value) => value.write(writer),
            Self::CallOnceOptions(value) => value.write(writer),
            Self::BroadcastToOptions(value) => value.write(writer),
            Self::Rfft2dOptions(value) => value.write(writer),
            Self::Conv3DOptions(value) => value.write(writer),
            Self::HashtableOptions(value) => value.write(writer),
            Self::HashtableFindOptions(value) => value.write(writer),
            Self::HashtableImportOptions(value) => value.write(writer),
            Self::HashtableSizeOptions(value) => value.write(writer),
            Self::VarHandleOptions(value) => value.write(writer),
            Self::ReadVariableOptions(value) => value.write(writer),
            Self::AssignVariableOptions(value) => value.write(writer),
            Self::RandomOptions(value) => value.write(writer),
            Self::BucketizeOptions(value) => value.write(writer),
            Self::GeluOptions(value) => value.write(writer),
            Self::DynamicUpdateSliceOptions(value) => value.write(writer),
            Self::UnsortedSegmentProdOptions(value) => value.write(writer),
            Self::UnsortedSegmentMaxOptions(value) => value.write(writer),
            Self::UnsortedSegmentMinOptions(value) => value.write(writer),
            Self::UnsortedSegmentSumOptions(value) => value.write(writer),
            Self::ATan2Options(value) => value.write(writer),
            Self::SignOptions(value) => value.write(writer),
            Self::BitcastOptions(value) => value.write(writer),
            Self::BitwiseXorOptions(value) => value.write(writer),
            Self::RightShiftOptions(value) => value.write(writer),
        }
    }
}
impl From<Conv2DOptions> for BuiltinOptions {
    fn from(value: Conv2DOptions) -> Self {
        Self::Conv2DOptions(value)
    }
}
impl From<DepthwiseConv2DOptions> for BuiltinOptions {
    fn from(value: DepthwiseConv2DOptions) -> Self {
        Self::DepthwiseConv2DOptions(value)
    }
}
impl From<ConcatEmbeddingsOptions> for BuiltinOptions {
    fn from(value: ConcatEmbeddingsOptions) -> Self {
        Self::ConcatEmbeddingsOptions(value)
    }
}
impl From<LSHProjectionOptions> for BuiltinOptions {
    fn from(value: LSHProjectionOptions) -> Self {
        Self::LSHProjectionOptions(value)
    }
}
impl From<Pool2DOptions> for BuiltinOptions {
    fn from(value: Pool2DOptions) -> Self {
        Self::Pool2DOptions(value)
    }
}
impl From<SVDFOptions> for BuiltinOptions {
    fn from(value: SVDFOptions) -> Self {
        Self::SVDFOptions(value)
    }
}
impl From<RNNOptions> for BuiltinOptions {
    fn from(value: RNNOptions) -> Self {
        Self::RNNOptions(value)
    }
}
impl From<FullyConnectedOptions> for BuiltinOptions {
    fn from(value: FullyConnectedOptions) -> Self {
        Self::FullyConnectedOptions(value)
    }
}
impl From<SoftmaxOptions> for BuiltinOptions {
    fn from(value: SoftmaxOptions) -> Self {
        Self::SoftmaxOptions(value)
    }
}
impl From<ConcatenationOptions> for BuiltinOptions {
    fn from(value: ConcatenationOptions) -> Self {
        Self::ConcatenationOptions(value)
    }
}
impl From<AddOptions> for BuiltinOptions {
    fn from(value: AddOptions) -> Self {
        Self::AddOptions(value)
    }
}
impl From<L2NormOptions> for BuiltinOptions {
    fn from(value: L2NormOptions) -> Self {
        Self::L2NormOptions(value)
    }
}
impl From<LocalResponseNormalizationOptions> for BuiltinOptions {
    fn from(value: LocalResponseNormalizationOptions) -> Self {
        Self::LocalResponseNormalizationOptions(value)
    }
}
impl From<LSTMOptions> for BuiltinOptions {
    fn from(value: LSTMOptions) -> Self {
        Self::LSTMOptions(value)
    }
}
impl From<ResizeBilinearOptions> for BuiltinOptions {
    fn from(value: ResizeBilinearOptions) -> Self {
        Self::ResizeBilinearOptions(value)
    }
}
impl From<CallOptions> for BuiltinOptions {
    fn from(value: CallOptions) -> Self {
        Self::CallOptions(value)
    }
}
impl From<ReshapeOptions> for BuiltinOptions {
    fn from(value: ReshapeOptions) -> Self {
        Self::ReshapeOptions(value)
    }
}
impl From<SkipGramOptions> for BuiltinOptions {
    fn from(value: SkipGramOptions) -> Self {
        Self::SkipGramOptions(value)
    }
}
impl From<SpaceToDepthOptions> for BuiltinOptions {
    fn from(value: SpaceToDepthOptions) -> Self {
        Self::SpaceToDepthOptions(value)
    }
}
impl From<EmbeddingLookupSparseOptions> for BuiltinOptions {
    fn from(value: EmbeddingLookupSparseOptions) -> Self {
        Self::EmbeddingLookupSparseOptions(value)
    }
}
impl From<MulOptions> for BuiltinOptions {
    fn from(value: MulOptions) -> Self {
        Self::MulOptions(value)
    }
}
impl From<PadOptions> for BuiltinOptions {
    fn from(value: PadOptions) -> Self {
        Self::PadOptions(value)
    }
}
impl From<GatherOptions> for BuiltinOptions {
    fn from(value: GatherOptions) -> Self {
        Self::GatherOptions(value)
    }
}
impl From<BatchToSpaceNDOptions> for BuiltinOptions {
    fn from(value: BatchToSpaceNDOptions) -> Self {
        Self::BatchToSpaceNDOptions(value)
    }
}
impl From<SpaceToBatchNDOptions> for BuiltinOptions {
    fn from(value: SpaceToBatchNDOptions) -> Self {
        Self::SpaceToBatchNDOptions(value)
    }
}
impl From<TransposeOptions> for BuiltinOptions {
    fn from(value: TransposeOptions) -> Self {
        Self::TransposeOptions(value)
    }
}
impl From<ReducerOptions> for BuiltinOptions {
    fn from(value: ReducerOptions) -> Self {
        Self::ReducerOptions(value)
    }
}
impl From<SubOptions> for BuiltinOptions {
    fn from(value: SubOptions) -> Self {
        Self::SubOptions(value)
    }
}
impl From<DivOptions> for BuiltinOptions {
    fn from(value: DivOptions) -> Self {
        Self::DivOptions(value)
    }
}
impl From<SqueezeOptions> for BuiltinOptions {
    fn from(value: SqueezeOptions) -> Self {
        Self::SqueezeOptions(value)
    }
}
impl From<SequenceRNNOptions> for BuiltinOptions {
    fn from(value: SequenceRNNOptions) -> Self {
        Self::SequenceRNNOptions(value)
    }
}
impl From<StridedSliceOptions> for BuiltinOptions {
    fn from(value: StridedSliceOptions) -> Self {
        Self::StridedSliceOptions(value)
    }
}
impl From<ExpOptions> for BuiltinOptions {
    fn from(value: ExpOptions) -> Self {
        Self::ExpOptions(value)
    }
}
impl From<TopKV2Options> for BuiltinOptions {
    fn from(value: TopKV2Options) -> Self {
        Self::TopKV2Options(value)
    }
}
impl From<SplitOptions> for BuiltinOptions {
    fn from(value: SplitOptions) -> Self {
        Self::SplitOptions(value)
    }
}
impl From<LogSoftmaxOptions> for BuiltinOptions {
    fn from(value: LogSoftmaxOptions) -> Self {
        Self::LogSoftmaxOptions(value)
    }
}
impl From<CastOptions> for BuiltinOptions {
    fn from(value: CastOptions) -> Self {
        Self::CastOptions(value)
    }
}
impl From<DequantizeOptions> for BuiltinOptions {
    fn from(value: DequantizeOptions) -> Self {
        Self::DequantizeOptions(value)
    }
}
impl From<MaximumMinimumOptions> for BuiltinOptions {
    fn from(value: MaximumMinimumOptions) -> Self {
        Self::MaximumMinimumOptions(value)
    }
}
impl From<ArgMaxOptions> for BuiltinOptions {
    fn from(value: ArgMaxOptions) -> Self {
        Self::ArgMaxOptions(value)
    }
}
impl From<LessOptions> for BuiltinOptions {
    fn from(value: LessOptions) -> Self {
        Self::LessOptions(value)
    }
}
impl From<NegOptions> for BuiltinOptions {
    fn from(value: NegOptions) -> Self {
        Self::NegOptions(value)
    }
}
impl From<PadV2Options> for BuiltinOptions {
    fn from(value: PadV2Options) -> Self {
        Self::PadV2Options(value)
    }
}
impl From<GreaterOptions> for BuiltinOptions {
    fn from(value: GreaterOptions) -> Self {
        Self::GreaterOptions(value)
    }
}
impl From<GreaterEqualOptions> for BuiltinOptions {
    fn from(value: GreaterEqualOptions) -> Self {
        Self::GreaterEqualOptions(value)
    }
}
impl From<LessEqualOptions> for BuiltinOptions {
    fn from(value: LessEqualOptions) -> Self {
        Self::LessEqualOptions(value)
    }
}
impl From<SelectOptions> for BuiltinOptions {
    fn from(value: SelectOptions) -> Self {
        Self::SelectOptions(value)
    }
}
impl From<SliceOptions> for BuiltinOptions {
    fn from(value: SliceOptions) -> Self {
        Self::SliceOptions(value)
    }
}
impl From<TransposeConvOptions> for BuiltinOptions {
    fn from(value: TransposeConvOptions) -> Self {
        Self::TransposeConvOptions(value)
    }
}
impl From<SparseToDenseOptions> for BuiltinOptions {
    fn from(value: SparseToDenseOptions) -> Self {
        Self::SparseToDenseOptions(value)
    }
}
impl From<TileOptions> for BuiltinOptions {
    fn from(value: TileOptions) -> Self {
        Self::TileOptions(value)
    }
}
impl From<ExpandDimsOptions> for BuiltinOptions {
    fn from(value: ExpandDimsOptions) -> Self {
        Self::ExpandDimsOptions(value)
    }
}
impl From<EqualOptions> for BuiltinOptions {
    fn from(value: EqualOptions) -> Self {
        Self::EqualOptions(value)
    }
}
impl From<NotEqualOptions> for BuiltinOptions {
    fn from(value: NotEqualOptions) -> Self {
        Self::NotEqualOptions(value)
    }
}
impl From<ShapeOptions> for BuiltinOptions {
    fn from(value: ShapeOptions) -> Self {
        Self::ShapeOptions(value)
    }
}
impl From<PowOptions> for BuiltinOptions {
    fn from(value: PowOptions) -> Self {
        Self::PowOptions(value)
    }
}
impl From<ArgMinOptions> for BuiltinOptions {
    fn from(value: ArgMinOptions) -> Self {
        Self::ArgMinOptions(value)
    }
}
impl From<FakeQuantOptions> for BuiltinOptions {
    fn from(value: FakeQuantOptions) -> Self {
        Self::FakeQuantOptions(value)
    }
}
impl From<PackOptions> for BuiltinOptions {
    fn from(value: PackOptions) -> Self {
        Self::PackOptions(value)
    }
}
impl From<LogicalOrOptions> for BuiltinOptions {
    fn from(value: LogicalOrOptions) -> Self {
        Self::LogicalOrOptions(value)
    }
}
impl From<OneHotOptions> for BuiltinOptions {
    fn from(value: OneHotOptions) -> Self {
        Self::OneHotOptions(value)
    }
}
impl From<LogicalAndOptions> for BuiltinOptions {
    fn from(value: LogicalAndOptions) -> Self {
        Self::LogicalAndOptions(value)
    }
}
impl From<LogicalNotOptions> for BuiltinOptions {
    fn from(value: LogicalNotOptions) -> Self {
        Self::LogicalNotOptions(value)
    }
}
impl From<UnpackOptions> for BuiltinOptions {
    fn from(value: UnpackOptions) -> Self {
        Self::UnpackOptions(value)
    }
}
impl From<FloorDivOptions> for BuiltinOptions {
    fn from(value: FloorDivOptions) -> Self {
        Self::FloorDivOptions(value)
    }
}
impl From<SquareOptions> for BuiltinOptions {
    fn from(value: SquareOptions) -> Self {
        Self::SquareOptions(value)
    }
}
impl From<ZerosLikeOptions> for BuiltinOptions {
    fn from(value: ZerosLikeOptions) -> Self {
        Self::ZerosLikeOptions(value)
    }
}
impl From<FillOptions> for BuiltinOptions {
    fn from(value: FillOptions) -> Self {
        Self::FillOptions(value)
    }
}
impl From<BidirectionalSequenceLSTMOptions> for BuiltinOptions {
    fn from(value: BidirectionalSequenceLSTMOptions) -> Self {
        Self::BidirectionalSequenceLSTMOptions(value)
    }
}
impl From<BidirectionalSequenceRNNOptions> for BuiltinOptions {
    fn from(value: BidirectionalSequenceRNNOptions) -> Self {
        Self::BidirectionalSequenceRNNOptions(value)
    }
}
impl From<UnidirectionalSequenceLSTMOptions> for BuiltinOptions {
    fn from(value: UnidirectionalSequenceLSTMOptions) -> Self {
        Self::UnidirectionalSequenceLSTMOptions(value)
    }
}
impl From<FloorModOptions> for BuiltinOptions {
    fn from(value: FloorModOptions) -> Self {
        Self::FloorModOptions(value)
    }
}
impl From<RangeOptions> for BuiltinOptions {
    fn from(value: RangeOptions) -> Self {
        Self::RangeOptions(value)
    }
}
impl From<ResizeNearestNeighborOptions> for BuiltinOptions {
    fn from(value: ResizeNearestNeighborOptions) -> Self {
        Self::ResizeNearestNeighborOptions(value)
    }
}
impl From<LeakyReluOptions> for BuiltinOptions {
    fn from(value: LeakyReluOptions) -> Self {
        Self::LeakyReluOptions(value)
    }
}
impl From<SquaredDifferenceOptions> for BuiltinOptions {
    fn from(value: SquaredDifferenceOptions) -> Self {
        Self::SquaredDifferenceOptions(value)
    }
}
impl From<MirrorPadOptions> for BuiltinOptions {
    fn from(value: MirrorPadOptions) -> Self {
        Self::MirrorPadOptions(value)
    }
}
impl From<AbsOptions> for BuiltinOptions {
    fn from(value: AbsOptions) -> Self {
        Self::AbsOptions(value)
    }
}
impl From<SplitVOptions> for BuiltinOptions {
    fn from(value: SplitVOptions) -> Self {
        Self::SplitVOptions(value)
    }
}
impl From<UniqueOptions> for BuiltinOptions {
    fn from(value: UniqueOptions) -> Self {
        Self::UniqueOptions(value)
    }
}
impl From<ReverseV2Options> for BuiltinOptions {
    fn from(value: ReverseV2Options) -> Self {
        Self::ReverseV2Options(value)
    }
}
impl From<AddNOptions> for BuiltinOptions {
    fn from(value: AddNOptions) -> Self {
        Self::AddNOptions(value)
    }
}
impl From<GatherNdOptions> for BuiltinOptions {
    fn from(value: GatherNdOptions) -> Self {
        Self::GatherNdOptions(value)
    }
}
impl From<CosOptions> for BuiltinOptions {
    fn from(value: CosOptions) -> Self {
        Self::CosOptions(value)
    }
}
impl From<WhereOptions> for BuiltinOptions {
    fn from(value: WhereOptions) -> Self {
        Self::WhereOptions(value)
    }
}
impl From<RankOptions> for BuiltinOptions {
    fn from(value: RankOptions) -> Self {
        Self::RankOptions(value)
    }
}
impl From<ReverseSequenceOptions> for BuiltinOptions {
    fn from(value: ReverseSequenceOptions) -> Self {
        Self::ReverseSequenceOptions(value)
    }
}
impl From<MatrixDiagOptions> for BuiltinOptions {
    fn from(value: MatrixDiagOptions) -> Self {
        Self::MatrixDiagOptions(value)
    }
}
impl From<QuantizeOptions> for BuiltinOptions {
    fn from(value: QuantizeOptions) -> Self {
        Self::QuantizeOptions(value)
    }
}
impl From<MatrixSetDiagOptions> for BuiltinOptions {
    fn from(value: MatrixSetDiagOptions) -> Self {
        Self::MatrixSetDiagOptions(value)
    }
}
impl From<HardSwishOptions> for BuiltinOptions {
    fn from(value: HardSwishOptions) -> Self {
        Self::HardSwishOptions(value)
    }
}
impl From<IfOptions> for BuiltinOptions {
    fn from(value: IfOptions) -> Self {
        Self::IfOptions(value)
    }
}
impl From<WhileOptions> for BuiltinOptions {
    fn from(value: WhileOptions) -> Self {
        Self::WhileOptions(value)
    }
}
impl From<DepthToSpaceOptions> for BuiltinOptions {
    fn from(value: DepthToSpaceOptions) -> Self {
        Self::DepthToSpaceOptions(value)
    }
}
impl From<NonMaxSuppressionV4Options> for BuiltinOptions {
    fn from(value: NonMaxSuppressionV4Options) -> Self {
        Self::NonMaxSuppressionV4Options(value)
    }
}
impl From<NonMaxSuppressionV5Options> for BuiltinOptions {
    fn from(value: NonMaxSuppressionV5Options) -> Self {
        Self::NonMaxSuppressionV5Options(value)
    }
}
impl From<ScatterNdOptions> for BuiltinOptions {
    fn from(value: ScatterNdOptions) -> Self {
        Self::ScatterNdOptions(value)
    }
}
impl From<SelectV2Options> for BuiltinOptions {
    fn from(value: SelectV2Options) -> Self {
        Self::SelectV2Options(value)
    }
}
impl From<DensifyOptions> for BuiltinOptions {
    fn from(value: DensifyOptions) -> Self {
        Self::DensifyOptions(value)
    }
}
impl From<SegmentSumOptions> for BuiltinOptions {
    fn from(value: SegmentSumOptions) -> Self {
        Self::SegmentSumOptions(value)
    }
}
impl From<BatchMatMulOptions> for BuiltinOptions {
    fn from(value: BatchMatMulOptions) -> Self {
        Self::BatchMatMulOptions(value)
    }
}
impl From<CumsumOptions> for BuiltinOptions {
    fn from(value: CumsumOptions) -> Self {
        Self::CumsumOptions(value)
    }
}
impl From<CallOnceOptions> for BuiltinOptions {
    fn from(value: CallOnceOptions) -> Self {
        Self::CallOnceOptions(value)
    }
}
impl From<BroadcastToOptions> for BuiltinOptions {
    fn from(value: BroadcastToOptions) -> Self {
        Self::BroadcastToOptions(value)
    }
}
impl From<Rfft2dOptions> for BuiltinOptions {
    fn from(value: Rfft2dOptions) -> Self {
        Self::Rfft2dOptions(value)
    }
}
impl From<Conv3DOptions> for BuiltinOptions {
    fn from(value: Conv3DOptions) -> Self {
        Self::Conv3DOptions(value)
    }
}
impl From<HashtableOptions> for BuiltinOptions {
    fn from(value: HashtableOptions) -> Self {
        Self::HashtableOptions(value)
    }
}
impl From<HashtableFindOptions> for BuiltinOptions {
    fn from(value: HashtableFindOptions) -> Self {
        Self::HashtableFindOptions(value)
    }
}
impl From<HashtableImportOptions> for BuiltinOptions {
    fn from(value: HashtableImportOptions) -> Self {
        Self::HashtableImportOptions(value)
    }
}
impl From<HashtableSizeOptions> for BuiltinOptions {
    fn from(value: HashtableSizeOptions) -> Self {
        Self::HashtableSizeOptions(value)
    }
}
impl From<VarHandleOptions> for BuiltinOptions {
    fn from(value: VarHandleOptions) -> Self {
        Self::VarHandleOptions(value)
    }
}
impl From<ReadVariableOptions> for BuiltinOptions {
    fn from(value: ReadVariableOptions) -> Self {
        Self::ReadVariableOptions(value)
    }
}
impl From<AssignVariableOptions> for BuiltinOptions {
    fn from(value: AssignVariableOptions) -> Self {
        Self::AssignVariableOptions(value)
    }
}
impl From<RandomOptions> for BuiltinOptions {
    fn from(value: RandomOptions) -> Self {
        Self::RandomOptions(value)
    }
}
impl From<BucketizeOptions> for BuiltinOptions {
    fn from(value: BucketizeOptions) -> Self {
        Self::BucketizeOptions(value)
    }
}
impl From<GeluOptions> for BuiltinOptions {
    fn from(value: GeluOptions) -> Self {
        Self::GeluOptions(value)
    }
}
impl From<DynamicUpdateSliceOptions> for BuiltinOptions {
    fn from(value: DynamicUpdateSliceOptions) -> Self {
        Self::DynamicUpdateSliceOptions(value)
    }
}
impl From<UnsortedSegmentProdOptions> for BuiltinOptions {
    fn from(value: UnsortedSegmentProdOptions) -> Self {
        Self::UnsortedSegmentProdOptions(value)
    }
}
impl From<UnsortedSegmentMaxOptions> for BuiltinOptions {
    fn from(value: UnsortedSegmentMaxOptions) -> Self {
        Self::UnsortedSegmentMaxOptions(value)
    }
}
impl From<UnsortedSegmentMinOptions> for BuiltinOptions {
    fn from(value: UnsortedSegmentMinOptions) -> Self {
        Self::UnsortedSegmentMinOptions(value)
    }
}
impl From<UnsortedSegmentSumOptions> for BuiltinOptions {
    fn from(value: UnsortedSegmentSumOptions) -> Self {
        Self::UnsortedSegmentSumOptions(value)
    }
}
impl From<ATan2Options> for BuiltinOptions {
    fn from(value: ATan2Options) -> Self {
        Self::ATan2Options(value)
    }
}
impl From<SignOptions> for BuiltinOptions {
    fn from(value: SignOptions) -> Self {
        Self::SignOptions(value)
    }
}
impl From<BitcastOptions> for BuiltinOptions {
    fn from(value: BitcastOptions) -> Self {
        Self::BitcastOptions(value)
    }
}
impl From<BitwiseXorOptions> for BuiltinOptions {
    fn from(value: BitwiseXorOptions) -> Self {
        Self::BitwiseXorOptions(value)
    }
}
impl From<RightShiftOptions> for BuiltinOptions {
    fn from(value: RightShiftOptions) -> Self {
        Self::RightShiftOptions(value)
    }
}
#[derive(Clone, Debug, PartialEq)]
pub enum BuiltinOptions2 {
    StablehloConcatenateOptions(StablehloConcatenateOptions),
    StablehloBroadcastInDimOptions(StablehloBroadcastInDimOptions),
    StablehloSliceOptions(StablehloSliceOptions),
    StablehloConvolutionOptions(StablehloConvolutionOptions),
    StablehloCustomCallOptions(StablehloCustomCallOptions),
    StablehloReduceOptions(StablehloReduceOptions),
    StablehloScatterOptions(StablehloScatterOptions),
    StablehloCompareOptions(StablehloCompareOptions),
    StablehloDynamicSliceOptions(StablehloDynamicSliceOptions),
    StablehloPadOptions(StablehloPadOptions),
    StablehloIotaOptions(StablehloIotaOptions),
    StablehloDotGeneralOptions(StablehloDotGeneralOptions),
    StablehloReduceWindowOptions(StablehloReduceWindowOptions),
    StablehloSortOptions(StablehloSortOptions),
    StablehloWhileOptions(StablehloWhileOptions),
    StablehloGatherOptions(StablehloGatherOptions),
    StablehloTransposeOptions(StablehloTransposeOptions),
    DilateOptions(DilateOptions),
    StablehloRngBitGeneratorOptions(StablehloRngBitGeneratorOptions),
    ReduceWindowOptions(ReduceWindowOptions),
    StableHLOCompositeOptions(StableHLOCompositeOptions),
    StablehloShiftLeftOptions(StablehloShiftLeftOptions),
    StablehloCaseOptions(StablehloCaseOptions),
}
impl BuiltinOptions2 {
    /// Its number in the file.
    pub fn kind(&self) -> u8 {
        match self {
            Self::StablehloConcatenateOptions(_) => 1,
            Self::StablehloBroadcastInDimOptions(_) => 2,
            Self::StablehloSliceOptions(_) => 3,
            Self::StablehloConvolutionOptions(_) => 4,
            Self::StablehloCustomCallOptions(_) => 5,
            Self::StablehloReduceOptions(_) => 6,
            Self::StablehloScatterOptions(_) => 7,
            Self::StablehloCompareOptions(_) => 8,
            Self::StablehloDynamicSliceOptions(_) => 9,
            Self::StablehloPadOptions(_) => 10,
            Self::StablehloIotaOptions(_) => 11,
            Self::StablehloDotGeneralOptions(_) => 12,
            Self::StablehloReduceWindowOptions(_) => 13,
            Self::StablehloSortOptions(_) => 14,
            Self::StablehloWhileOptions(_) => 15,
            Self::StablehloGatherOptions(_) => 16,
            Self::StablehloTransposeOptions(_) => 17,
            Self::DilateOptions(_) => 18,
            Self::StablehloRngBitGeneratorOptions(_) => 19,
            Self::ReduceWindowOptions(_) => 20,
            Self::StableHLOCompositeOptions(_) => 21,
            Self::StablehloShiftLeftOptions(_) => 22,
            Self::StablehloCaseOptions(_) => 23,
        }
    }
    fn read(table: &TableRef<'_>, slot: u16, name: &'static str) -> Result<Option<Self>, WireError> {
        Ok(match table.scalar::<u8>(slot - 1, name, 0)? {
            0 => None,
            1 => table
                .table::<StablehloConcatenateOptions>(slot, name)?
                .map(Self::StablehloConcatenateOptions),
            2 => table
                .table::<StablehloBroadcastInDimOptions>(slot, name)?
                .map(Self::StablehloBroadcastInDimOptions),
            3 => table
                .table::<StablehloSliceOptions>(slot, name)?
                .map(Self::StablehloSliceOptions),
            4 => table
                .table::<StablehloConvolutionOptions>(slot, name)?
                .map(Self::StablehloConvolutionOptions),
            5 => table
                .table::<StablehloCustomCallOptions>(slot, name)?
                .map(Self::StablehloCustomCallOptions),
            6 => table
                .table::<StablehloReduceOptions>(slot, name)?
                .map(Self::StablehloReduceOptions),
            7 => table
                .table::<StablehloScatterOptions>(slot, name)?
                .map(Self::StablehloScatterOptions),
            8 => table
                .table::<StablehloCompareOptions>(slot, name)?
                .map(Self::StablehloCompareOptions),
            9 => table
                .table::<StablehloDynamicSliceOptions>(slot, name)?
                .map(Self::StablehloDynamicSliceOptions),
            10 => table
                .table::<StablehloPadOptions>(slot, name)?
                .map(Self::StablehloPadOptions),
            11 => table
                .table::<StablehloIotaOptions>(slot, name)?
                .map(Self::StablehloIotaOptions),
            12 => table
                .table::<StablehloDotGeneralOptions>(slot, name)?
                .map(Self::StablehloDotGeneralOptions),
            13 => table
                .table::<StablehloReduceWindowOptions>(slot, name)?
                .map(Self::StablehloReduceWindowOptions),
            14 => table
                .table::<StablehloSortOptions>(slot, name)?
                .map(Self::StablehloSortOptions),
            15 => table
                .table::<StablehloWhileOptions>(slot, name)?
                .map(Self::StablehloWhileOptions),
            16 => table
                .table::<StablehloGatherOptions>(slot, name)?
                .map(Self::StablehloGatherOptions),
            17 => table
                .table::<StablehloTransposeOptions>(slot, name)?
                .map(Self::StablehloTransposeOptions),
            18 => table.table::<DilateOptions>(slot, name)?.map(Self::DilateOptions),
            19 => table
                .table::<StablehloRngBitGeneratorOptions>(slot, name)?
                .map(Self::StablehloRngBitGeneratorOptions),
            20 => table
                .table::<ReduceWindowOptions>(slot, name)?
                .map(Self::ReduceWindowOptions),
            21 => table
                .table::<StableHLOCompositeOptions>(slot, name)?
                .map(Self::StableHLOCompositeOptions),
            22 => table
                .table::<StablehloShiftLeftOptions>(slot, name)?
                .map(Self::StablehloShiftLeftOptions),
            23 => table
                .table::<StablehloCaseOptions>(slot, name)?
                .map(Self::StablehloCaseOptions),
            other => return table.unknown_union(name, other),
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        match self {
            Self::StablehloConcatenateOptions(value) => value.write(writer),
            Self::StablehloBroadcastInDimOptions(value) => value.write(writer),
            Self::StablehloSliceOptions(value) => value.write(writer),
            Self::StablehloConvolutionOptions(value) => value.write(writer),
            Self::StablehloCustomCallOptions(value) => value.write(writer),
            Self::StablehloReduceOptions(value) => value.write(writer),
            Self::StablehloScatterOptions(value) => value.write(writer),
            Self::StablehloCompareOptions(value) => value.write(writer),
            Self::StablehloDynamicSliceOptions(value) => value.write(writer),
            Self::StablehloPadOptions(value) => value.write(writer),
            Self::StablehloIotaOptions(value) => value.write(writer),
            Self::StablehloDotGeneralOptions(value) => value.write(writer),
            Self::StablehloReduceWindowOptions(value) => value.write(writer),
            Self::StablehloSortOptions(value) => value.write(writer),
            Self::StablehloWhileOptions(value) => value.write(writer),
            Self::StablehloGatherOptions(value) => value.write(writer),
            Self::StablehloTransposeOptions(value) => value.write(writer),
            Self::DilateOptions(value) => value.write(writer),
            Self::StablehloRngBitGeneratorOptions(value) => value.write(writer),
            Self::ReduceWindowOptions(value) => value.write(writer),
            Self::StableHLOCompositeOptions(value) => value.write(writer),
            Self::StablehloShiftLeftOptions(value) => value.write(writer),
            Self::StablehloCaseOptions(value) => value.write(writer),
        }
    }
}
impl From<StablehloConcatenateOptions> for BuiltinOptions2 {
    fn from(value: StablehloConcatenateOptions) -> Self {
        Self::StablehloConcatenateOptions(value)
    }
}
impl From<StablehloBroadcastInDimOptions> for BuiltinOptions2 {
    fn from(value: StablehloBroadcastInDimOptions) -> Self {
        Self::StablehloBroadcastInDimOptions(value)
    }
}
impl From<StablehloSliceOptions> for BuiltinOptions2 {
    fn from(value: StablehloSliceOptions) -> Self {
        Self::StablehloSliceOptions(value)
    }
}
impl From<StablehloConvolutionOptions> for BuiltinOptions2 {
    fn from(value: StablehloConvolutionOptions) -> Self {
        Self::StablehloConvolutionOptions(value)
    }
}
impl From<StablehloCustomCallOptions> for BuiltinOptions2 {
    fn from(value: StablehloCustomCallOptions) -> Self {
        Self::StablehloCustomCallOptions(value)
    }
}
impl From<StablehloReduceOptions> for BuiltinOptions2 {
    fn from(value: StablehloReduceOptions) -> Self {
        Self::StablehloReduceOptions(value)
    }
}
impl From<StablehloScatterOptions> for BuiltinOptions2 {
    fn from(value: StablehloScatterOptions) -> Self {
        Self::StablehloScatterOptions(value)
    }
}
impl From<StablehloCompareOptions> for BuiltinOptions2 {
    fn from(value: StablehloCompareOptions) -> Self {
        Self::StablehloCompareOptions(value)
    }
}
impl From<StablehloDynamicSliceOptions> for BuiltinOptions2 {
    fn from(value: StablehloDynamicSliceOptions) -> Self {
        Self::StablehloDynamicSliceOptions(value)
    }
}
impl From<StablehloPadOptions> for BuiltinOptions2 {
    fn from(value: StablehloPadOptions) -> Self {
        Self::StablehloPadOptions(value)
    }
}
impl From<StablehloIotaOptions> for BuiltinOptions2 {
    fn from(value: StablehloIotaOptions) -> Self {
        Self::StablehloIotaOptions(value)
    }
}
impl From<StablehloDotGeneralOptions> for BuiltinOptions2 {
    fn from(value: StablehloDotGeneralOptions) -> Self {
        Self::StablehloDotGeneralOptions(value)
    }
}
impl From<StablehloReduceWindowOptions> for BuiltinOptions2 {
    fn from(value: StablehloReduceWindowOptions) -> Self {
        Self::StablehloReduceWindowOptions(value)
    }
}
impl From<StablehloSortOptions> for BuiltinOptions2 {
    fn from(value: StablehloSortOptions) -> Self {
        Self::StablehloSortOptions(value)
    }
}
impl From<StablehloWhileOptions> for BuiltinOptions2 {
    fn from(value: StablehloWhileOptions) -> Self {
        Self::StablehloWhileOptions(value)
    }
}
impl From<StablehloGatherOptions> for BuiltinOptions2 {
    fn from(value: StablehloGatherOptions) -> Self {
        Self::StablehloGatherOptions(value)
    }
}
impl From<StablehloTransposeOptions> for BuiltinOptions2 {
    fn from(value: StablehloTransposeOptions) -> Self {
        Self::StablehloTransposeOptions(value)
    }
}
impl From<DilateOptions> for BuiltinOptions2 {
    fn from(value: DilateOptions) -> Self {
        Self::DilateOptions(value)
    }
}
impl From<StablehloRngBitGeneratorOptions> for BuiltinOptions2 {
    fn from(value: StablehloRngBitGeneratorOptions) -> Self {
        Self::StablehloRngBitGeneratorOptions(value)
    }
}
impl From<ReduceWindowOptions> for BuiltinOptions2 {
    fn from(value: ReduceWindowOptions) -> Self {
        Self::ReduceWindowOptions(value)
    }
}
impl From<StableHLOCompositeOptions> for BuiltinOptions2 {
    fn from(value: StableHLOCompositeOptions) -> Self {
        Self::StableHLOCompositeOptions(value)
    }
}
impl From<StablehloShiftLeftOptions> for BuiltinOptions2 {
    fn from(value: StablehloShiftLeftOptions) -> Self {
        Self::StablehloShiftLeftOptions(value)
    }
}
impl From<StablehloCaseOptions> for BuiltinOptions2 {
    fn from(value: StablehloCaseOptions) -> Self {
        Self::StablehloCaseOptions(value)
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CustomQuantization {
    pub custom: Option<Bytes>,
}
impl CustomQuantization {
    pub fn custom(&self) -> &[u8] {
        self.custom.as_deref().unwrap_or_default()
    }
}
impl Table for CustomQuantization {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            custom: table.bytes(0, "custom")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.custom.is_some());
        let table = writer.table(slots);
        writer.bytes(&table, 0, &self.custom, 16);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BlockwiseQuantization {
    pub scales: i32,
    pub zero_points: i32,
    pub block_size: i32,
    pub block_shape: Option<Vec<i32>>,
}
impl BlockwiseQuantization {
    pub fn block_shape(&self) -> &[i32] {
        self.block_shape.as_deref().unwrap_or_default()
    }
}
impl Table for BlockwiseQuantization {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            scales: table.scalar(0, "scales", 0)?,
            zero_points: table.scalar(1, "zero_points", 0)?,
            block_size: table.scalar(2, "block_size", 0)?,
            block_shape: table.scalars(3, "block_shape")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.scales, 0);
        slots.scalar(1, self.zero_points, 0);
        slots.scalar(2, self.block_size, 0);
        slots.offset(3, self.block_shape.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 3, &self.block_shape);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MultiAxisQuantization {
    pub scales: i32,
    pub zero_points: i32,
    pub block_size: i32,
    pub quantized_dimensions: Option<Vec<i32>>,
}
impl MultiAxisQuantization {
    pub fn quantized_dimensions(&self) -> &[i32] {
        self.quantized_dimensions.as_deref().unwrap_or_default()
    }
}
impl Table for MultiAxisQuantization {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            scales: table.scalar(0, "scales", 0)?,
            zero_points: table.scalar(1, "zero_points", 0)?,
            block_size: table.scalar(2, "block_size", 0)?,
            quantized_dimensions: table.scalars(3, "quantized_dimensions")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.scales, 0);
        slots.scalar(1, self.zero_points, 0);
        slots.scalar(2, self.block_size, 0);
        slots.offset(3, self.quantized_dimensions.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 3, &self.quantized_dimensions);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct QuantizationParameters {
    pub min: Option<Vec<f32>>,
    pub max: Option<Vec<f32>>,
    pub scale: Option<Vec<f32>>,
    pub zero_point: Option<Vec<i64>>,
    pub details: Option<QuantizationDetails>,
    pub quantized_dimension: i32,
}
impl QuantizationParameters {
    pub fn min(&self) -> &[f32] {
        self.min.as_deref().unwrap_or_default()
    }
    pub fn max(&self) -> &[f32] {
        self.max.as_deref().unwrap_or_default()
    }
    pub fn scale(&self) -> &[f32] {
        self.scale.as_deref().unwrap_or_default()
    }
    pub fn zero_point(&self) -> &[i64] {
        self.zero_point.as_deref().unwrap_or_default()
    }
}
impl Table for QuantizationParameters {
    const SLOTS: u16 = 7;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            min: table.scalars(0, "min")?,
            max: table.scalars(1, "max")?,
            scale: table.scalars(2, "scale")?,
            zero_point: table.scalars(3, "zero_point")?,
            details: QuantizationDetails::read(table, 5, "details")?,
            quantized_dimension: table.scalar(6, "quantized_dimension", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.min.is_some());
        slots.offset(1, self.max.is_some());
        slots.offset(2, self.scale.is_some());
        slots.offset(3, self.zero_point.is_some());
        slots.union(5, self.details.as_ref().map(|value| value.kind()));
        slots.scalar(6, self.quantized_dimension, 0);
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.min);
        writer.scalars(&table, 1, &self.max);
        writer.scalars(&table, 2, &self.scale);
        writer.scalars(&table, 3, &self.zero_point);
        if let Some(value) = &self.details {
            let at = value.write(writer);
            writer.point(&table, 5, at);
        }
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Int32Vector {
    pub values: Option<Vec<i32>>,
}
impl Int32Vector {
    pub fn values(&self) -> &[i32] {
        self.values.as_deref().unwrap_or_default()
    }
}
impl Table for Int32Vector {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            values: table.scalars(0, "values")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.values.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.values);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Uint16Vector {
    pub values: Option<Vec<u16>>,
}
impl Uint16Vector {
    pub fn values(&self) -> &[u16] {
        self.values.as_deref().unwrap_or_default()
    }
}
impl Table for Uint16Vector {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            values: table.scalars(0, "values")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.values.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.values);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Uint8Vector {
    pub values: Option<Bytes>,
}
impl Uint8Vector {
    pub fn values(&self) -> &[u8] {
        self.values.as_deref().unwrap_or_default()
    }
}
impl Table for Uint8Vector {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            values: table.bytes(0, "values")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.values.is_some());
        let table = writer.table(slots);
        writer.bytes(&table, 0, &self.values, 1);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DimensionMetadata {
    pub format: DimensionType,
    pub dense_size: i32,
    pub array_segments: Option<SparseIndexVector>,
    pub array_indices: Option<SparseIndexVector>,
}
impl Table for DimensionMetadata {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            format: table.scalar(0, "format", DimensionType(0))?,
            dense_size: table.scalar(1, "dense_size", 0)?,
            array_segments: SparseIndexVector::read(table, 3, "array_segments")?,
            array_indices: SparseIndexVector::read(table, 5, "array_indices")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.format, DimensionType(0));
        slots.scalar(1, self.dense_size, 0);
        slots.union(3, self.array_segments.as_ref().map(|value| value.kind()));
        slots.union(5, self.array_indices.as_ref().map(|value| value.kind()));
        let table = writer.table(slots);
        if let Some(value) = &self.array_segments {
            let at = value.write(writer);
            writer.point(&table, 3, at);
        }
        if let Some(value) = &self.array_indices {
            let at = value.write(writer);
            writer.point(&table, 5, at);
        }
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SparsityParameters {
    pub traversal_order: Option<Vec<i32>>,
    pub block_map: Option<Vec<i32>>,
    pub dim_metadata: Option<Vec<DimensionMetadata>>,
}
impl SparsityParameters {
    pub fn traversal_order(&self) -> &[i32] {
        self.traversal_order.as_deref().unwrap_or_default()
    }
    pub fn block_map(&self) -> &[i32] {
        self.block_map.as_deref().unwrap_or_default()
    }
    pub fn dim_metadata(&self) -> &[DimensionMetadata] {
        self.dim_metadata.as_deref().unwrap_or_default()
    }
}
impl Table for SparsityParameters {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            traversal_order: table.scalars(0, "traversal_order")?,
            block_map: table.scalars(1, "block_map")?,
            dim_metadata: table.tables(2, "dim_metadata")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.traversal_order.is_some());
        slots.offset(1, self.block_map.is_some());
        slots.offset(2, self.dim_metadata.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.traversal_order);
        writer.scalars(&table, 1, &self.block_map);
        writer.tables(&table, 2, &self.dim_metadata);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct VariantSubType {
    pub shape: Option<Vec<i32>>,
    pub r#type: TensorType,
    pub has_rank: bool,
}
impl VariantSubType {
    pub fn shape(&self) -> &[i32] {
        self.shape.as_deref().unwrap_or_default()
    }
}
impl Table for VariantSubType {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            shape: table.scalars(0, "shape")?,
            r#type: table.scalar(1, "type", TensorType(0))?,
            has_rank: table.scalar(2, "has_rank", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.shape.is_some());
        slots.scalar(1, self.r#type, TensorType(0));
        slots.scalar(2, self.has_rank, false);
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.shape);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Tensor {
    pub shape: Option<Vec<i32>>,
    pub r#type: TensorType,
    pub buffer: u32,
    pub name: Option<String>,
    pub quantization: Option<QuantizationParameters>,
    pub is_variable: bool,
    pub sparsity: Option<SparsityParameters>,
    pub shape_signature: Option<Vec<i32>>,
    pub has_rank: bool,
    pub variant_tensors: Option<Vec<VariantSubType>>,
    pub external_buffer: u32,
}
impl Tensor {
    pub fn shape(&self) -> &[i32] {
        self.shape.as_deref().unwrap_or_default()
    }
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
    pub fn shape_signature(&self) -> &[i32] {
        self.shape_signature.as_deref().unwrap_or_default()
    }
    pub fn variant_tensors(&self) -> &[VariantSubType] {
        self.variant_tensors.as_deref().unwrap_or_default()
    }
}
impl Table for Tensor {
    const SLOTS: u16 = 11;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            shape: table.scalars(0, "shape")?,
            r#type: table.scalar(1, "type", TensorType(0))?,
            buffer: table.scalar(2, "buffer", 0)?,
            name: table.string(3, "name")?,
            quantization: table.table(4, "quantization")?,
            is_variable: table.scalar(5, "is_variable", false)?,
            sparsity: table.table(6, "sparsity")?,
            shape_signature: table.scalars(7, "shape_signature")?,
            has_rank: table.scalar(8, "has_rank", false)?,
            variant_tensors: table.tables(9, "variant_tensors")?,
            external_buffer: table.scalar(10, "external_buffer", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.shape.is_some());
        slots.scalar(1, self.r#type, TensorType(0));
        slots.scalar(2, self.buffer, 0);
        slots.offset(3, self.name.is_some());
        slots.offset(4, self.quantization.is_some());
        slots.scalar(5, self.is_variable, false);
        slots.offset(6, self.sparsity.is_some());
        slots.offset(7, self.shape_signature.is_some());
        slots.scalar(8, self.has_rank, false);
        slots.offset(9, self.variant_tensors.is_some());
        slots.scalar(10, self.external_buffer, 0);
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.shape);
        writer.string(&table, 3, &self.name);
        writer.table_at(&table, 4, &self.quantization);
        writer.table_at(&table, 6, &self.sparsity);
        writer.scalars(&table, 7, &self.shape_signature);
        writer.tables(&table, 9, &self.variant_tensors);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloGatherOptions {
    pub offset_dims: Option<Vec<i64>>,
    pub collapsed_slice_dims: Option<Vec<i64>>,
    pub start_index_map: Option<Vec<i64>>,
    pub index_vector_dim: i64,
    pub slice_sizes: Option<Vec<i64>>,
    pub indices_are_sorted: bool,
}
impl StablehloGatherOptions {
    pub fn offset_dims(&self) -> &[i64] {
        self.offset_dims.as_deref().unwrap_or_default()
    }
    pub fn collapsed_slice_dims(&self) -> &[i64] {
        self.collapsed_slice_dims.as_deref().unwrap_or_default()
    }
    pub fn start_index_map(&self) -> &[i64] {
        self.start_index_map.as_deref().unwrap_or_default()
    }
    pub fn slice_sizes(&self) -> &[i64] {
        self.slice_sizes.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloGatherOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            offset_dims: table.scalars(0, "offset_dims")?,
            collapsed_slice_dims: table.scalars(1, "collapsed_slice_dims")?,
            start_index_map: table.scalars(2, "start_index_map")?,
            index_vector_dim: table.scalar(3, "index_vector_dim", 0)?,
            slice_sizes: table.scalars(4, "slice_sizes")?,
            indices_are_sorted: table.scalar(5, "indices_are_sorted", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.offset_dims.is_some());
        slots.offset(1, self.collapsed_slice_dims.is_some());
        slots.offset(2, self.start_index_map.is_some());
        slots.scalar(3, self.index_vector_dim, 0);
        slots.offset(4, self.slice_sizes.is_some());
        slots.scalar(5, self.indices_are_sorted, false);
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.offset_dims);
        writer.scalars(&table, 1, &self.collapsed_slice_dims);
        writer.scalars(&table, 2, &self.start_index_map);
        writer.scalars(&table, 4, &self.slice_sizes);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloTransposeOptions {
    pub permutation: Option<Vec<i64>>,
}
impl StablehloTransposeOptions {
    pub fn permutation(&self) -> &[i64] {
        self.permutation.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloTransposeOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            permutation: table.scalars(0, "permutation")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.permutation.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.permutation);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloDotGeneralOptions {
    pub lhs_batching_dimensions: Option<Vec<i64>>,
    pub rhs_batching_dimensions: Option<Vec<i64>>,
    pub lhs_contracting_dimensions: Option<Vec<i64>>,
    pub rhs_contracting_dimensions: Option<Vec<i64>>,
    pub precision_config: Option<Vec<StablehloPrecisionConfig>>,
}
impl StablehloDotGeneralOptions {
    pub fn lhs_batching_dimensions(&self) -> &[i64] {
        self.lhs_batching_dimensions.as_deref().unwrap_or_default()
    }
    pub fn rhs_batching_dimensions(&self) -> &[i64] {
        self.rhs_batching_dimensions.as_deref().unwrap_or_default()
    }
    pub fn lhs_contracting_dimensions(&self) -> &[i64] {
        self.lhs_contracting_dimensions.as_deref().unwrap_or_default()
    }
    pub fn rhs_contracting_dimensions(&self) -> &[i64] {
        self.rhs_contracting_dimensions.as_deref().unwrap_or_default()
    }
    pub fn precision_config(&self) -> &[StablehloPrecisionConfig] {
        self.precision_config.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloDotGeneralOptions {
    const SLOTS: u16 = 5;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            lhs_batching_dimensions: table.scalars(0, "lhs_batching_dimensions")?,
            rhs_batching_dimensions: table.scalars(1, "rhs_batching_dimensions")?,
            lhs_contracting_dimensions: table.scalars(2, "lhs_contracting_dimensions")?,
            rhs_contracting_dimensions: table.scalars(3, "rhs_contracting_dimensions")?,
            precision_config: table.scalars(4, "precision_config")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.lhs_batching_dimensions.is_some());
        slots.offset(1, self.rhs_batching_dimensions.is_some());
        slots.offset(2, self.lhs_contracting_dimensions.is_some());
        slots.offset(3, self.rhs_contracting_dimensions.is_some());
        slots.offset(4, self.precision_config.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.lhs_batching_dimensions);
        writer.scalars(&table, 1, &self.rhs_batching_dimensions);
        writer.scalars(&table, 2, &self.lhs_contracting_dimensions);
        writer.scalars(&table, 3, &self.rhs_contracting_dimensions);
        writer.scalars(&table, 4, &self.precision_config);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloReduceWindowOptions {
    pub window_dimensions: Option<Vec<i64>>,
    pub window_strides: Option<Vec<i64>>,
    pub base_dilations: Option<Vec<i64>>,
    pub window_dilations: Option<Vec<i64>>,
    pub padding: Option<Vec<i64>>,
    pub body_subgraph_index: i32,
}
impl StablehloReduceWindowOptions {
    pub fn window_dimensions(&self) -> &[i64] {
        self.window_dimensions.as_deref().unwrap_or_default()
    }
    pub fn window_strides(&self) -> &[i64] {
        self.window_strides.as_deref().unwrap_or_default()
    }
    pub fn base_dilations(&self) -> &[i64] {
        self.base_dilations.as_deref().unwrap_or_default()
    }
    pub fn window_dilations(&self) -> &[i64] {
        self.window_dilations.as_deref().unwrap_or_default()
    }
    pub fn padding(&self) -> &[i64] {
        self.padding.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloReduceWindowOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            window_dimensions: table.scalars(0, "window_dimensions")?,
            window_strides: table.scalars(1, "window_strides")?,
            base_dilations: table.scalars(2, "base_dilations")?,
            window_dilations: table.scalars(3, "window_dilations")?,
            padding: table.scalars(4, "padding")?,
            body_subgraph_index: table.scalar(5, "body_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.window_dimensions.is_some());
        slots.offset(1, self.window_strides.is_some());
        slots.offset(2, self.base_dilations.is_some());
        slots.offset(3, self.window_dilations.is_some());
        slots.offset(4, self.padding.is_some());
        slots.scalar(5, self.body_subgraph_index, 0);
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.window_dimensions);
        writer.scalars(&table, 1, &self.window_strides);
        writer.scalars(&table, 2, &self.base_dilations);
        writer.scalars(&table, 3, &self.window_dilations);
        writer.scalars(&table, 4, &self.padding);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloWhileOptions {
    pub cond_subgraph_index: i32,
    pub body_subgraph_index: i32,
}
impl Table for StablehloWhileOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            cond_subgraph_index: table.scalar(0, "cond_subgraph_index", 0)?,
            body_subgraph_index: table.scalar(1, "body_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.cond_subgraph_index, 0);
        slots.scalar(1, self.body_subgraph_index, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloSortOptions {
    pub dimension: i64,
    pub is_stable: bool,
    pub comparator_subgraph_index: i32,
}
impl Table for StablehloSortOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            dimension: table.scalar(0, "dimension", 0)?,
            is_stable: table.scalar(1, "is_stable", false)?,
            comparator_subgraph_index: table.scalar(2, "comparator_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.dimension, 0);
        slots.scalar(1, self.is_stable, false);
        slots.scalar(2, self.comparator_subgraph_index, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloConcatenateOptions {
    pub dimension: i64,
}
impl Table for StablehloConcatenateOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            dimension: table.scalar(0, "dimension", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.dimension, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloBroadcastInDimOptions {
    pub broadcast_dimensions: Option<Vec<i64>>,
}
impl StablehloBroadcastInDimOptions {
    pub fn broadcast_dimensions(&self) -> &[i64] {
        self.broadcast_dimensions.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloBroadcastInDimOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            broadcast_dimensions: table.scalars(0, "broadcast_dimensions")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.broadcast_dimensions.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.broadcast_dimensions);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloCompareOptions {
    pub comparison_direction: StablehloComparisonDirection,
    pub compare_type: StablehloComparisonType,
}
impl Table for StablehloCompareOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            comparison_direction: table.scalar(0, "comparison_direction", StablehloComparisonDirection(0))?,
            compare_type: table.scalar(1, "compare_type", StablehloComparisonType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.comparison_direction, StablehloComparisonDirection(0));
        slots.scalar(1, self.compare_type, StablehloComparisonType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloDynamicSliceOptions {
    pub slice_sizes: Option<Vec<i64>>,
}
impl StablehloDynamicSliceOptions {
    pub fn slice_sizes(&self) -> &[i64] {
        self.slice_sizes.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloDynamicSliceOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            slice_sizes: table.scalars(0, "slice_sizes")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.slice_sizes.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.slice_sizes);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloPadOptions {
    pub edge_padding_low: Option<Vec<i64>>,
    pub edge_padding_high: Option<Vec<i64>>,
    pub interior_padding: Option<Vec<i64>>,
}
impl StablehloPadOptions {
    pub fn edge_padding_low(&self) -> &[i64] {
        self.edge_padding_low.as_deref().unwrap_or_default()
    }
    pub fn edge_padding_high(&self) -> &[i64] {
        self.edge_padding_high.as_deref().unwrap_or_default()
    }
    pub fn interior_padding(&self) -> &[i64] {
        self.interior_padding.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloPadOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            edge_padding_low: table.scalars(0, "edge_padding_low")?,
            edge_padding_high: table.scalars(1, "edge_padding_high")?,
            interior_padding: table.scalars(2, "interior_padding")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.edge_padding_low.is_some());
        slots.offset(1, self.edge_padding_high.is_some());
        slots.offset(2, self.interior_padding.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.edge_padding_low);
        writer.scalars(&table, 1, &self.edge_padding_high);
        writer.scalars(&table, 2, &self.interior_padding);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloIotaOptions {
    pub iota_dimension: i64,
}
impl Table for StablehloIotaOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            iota_dimension: table.scalar(0, "iota_dimension", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.iota_dimension, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloCustomCallOptions {
    pub call_target_name: Option<String>,
    pub has_side_effect: bool,
    pub backend_config: Option<String>,
    pub api_version: i32,
    pub called_computations: Option<Vec<i32>>,
    pub custom_attributes: Option<Bytes>,
}
impl StablehloCustomCallOptions {
    pub fn call_target_name(&self) -> &str {
        self.call_target_name.as_deref().unwrap_or_default()
    }
    pub fn backend_config(&self) -> &str {
        self.backend_config.as_deref().unwrap_or_default()
    }
    pub fn called_computations(&self) -> &[i32] {
        self.called_computations.as_deref().unwrap_or_default()
    }
    pub fn custom_attributes(&self) -> &[u8] {
        self.custom_attributes.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloCustomCallOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            call_target_name: table.string(0, "call_target_name")?,
            has_side_effect: table.scalar(1, "has_side_effect", false)?,
            backend_config: table.string(2, "backend_config")?,
            api_version: table.scalar(3, "api_version", 0)?,
            called_computations: table.scalars(4, "called_computations")?,
            custom_attributes: table.bytes(5, "custom_attributes")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.call_target_name.is_some());
        slots.scalar(1, self.has_side_effect, false);
        slots.offset(2, self.backend_config.is_some());
        slots.scalar(3, self.api_version, 0);
        slots.offset(4, self.called_computations.is_some());
        slots.offset(5, self.custom_attributes.is_some());
        let table = writer.table(slots);
        writer.string(&table, 0, &self.call_target_name);
        writer.string(&table, 2, &self.backend_config);
        writer.scalars(&table, 4, &self.called_computations);
        writer.bytes(&table, 5, &self.custom_attributes, 1);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloReduceOptions {
    pub dimensions: Option<Vec<i64>>,
    pub body_subgraph_index: i32,
}
impl StablehloReduceOptions {
    pub fn dimensions(&self) -> &[i64] {
        self.dimensions.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloReduceOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            dimensions: table.scalars(0, "dimensions")?,
            body_subgraph_index: table.scalar(1, "body_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.dimensions.is_some());
        slots.scalar(1, self.body_subgraph_index, 0);
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.dimensions);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloSliceOptions {
    pub start_indices: Option<Vec<i64>>,
    pub limit_indices: Option<Vec<i64>>,
    pub strides: Option<Vec<i64>>,
}
impl StablehloSliceOptions {
    pub fn start_indices(&self) -> &[i64] {
        self.start_indices.as_deref().unwrap_or_default()
    }
    pub fn limit_indices(&self) -> &[i64] {
        self.limit_indices.as_deref().unwrap_or_default()
    }
    pub fn strides(&self) -> &[i64] {
        self.strides.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloSliceOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            start_indices: table.scalars(0, "start_indices")?,
            limit_indices: table.scalars(1, "limit_indices")?,
            strides: table.scalars(2, "strides")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.start_indices.is_some());
        slots.offset(1, self.limit_indices.is_some());
        slots.offset(2, self.strides.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.start_indices);
        writer.scalars(&table, 1, &self.limit_indices);
        writer.scalars(&table, 2, &self.strides);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloConvolutionOptions {
    pub window_strides: Option<Vec<i64>>,
    pub padding: Option<Vec<i64>>,
    pub lhs_dilation: Option<Vec<i64>>,
    pub rhs_dilation: Option<Vec<i64>>,
    pub window_reversal: Option<Vec<bool>>,
    pub input_batch_dimension: i64,
    pub input_feature_dimension: i64,
    pub input_spatial_dimensions: Option<Vec<i64>>,
    pub kernel_input_feature_dimension: i64,
    pub kernel_output_feature_dimension: i64,
    pub kernel_spatial_dimensions: Option<Vec<i64>>,
    pub output_batch_dimension: i64,
    pub output_feature_dimension: i64,
    pub output_spatial_dimensions: Option<Vec<i64>>,
    pub feature_group_count: i64,
    pub batch_group_count: i64,
    pub precision_config: Option<Vec<StablehloPrecisionConfig>>,
}
impl StablehloConvolutionOptions {
    pub fn window_strides(&self) -> &[i64] {
        self.window_strides.as_deref().unwrap_or_default()
    }
    pub fn padding(&self) -> &[i64] {
        self.padding.as_deref().unwrap_or_default()
    }
    pub fn lhs_dilation(&self) -> &[i64] {
        self.lhs_dilation.as_deref().unwrap_or_default()
    }
    pub fn rhs_dilation(&self) -> &[i64] {
        self.rhs_dilation.as_deref().unwrap_or_default()
    }
    pub fn window_reversal(&self) -> &[bool] {
        self.window_reversal.as_deref().unwrap_or_default()
    }
    pub fn input_spatial_dimensions(&self) -> &[i64] {
        self.input_spatial_dimensions.as_deref().unwrap_or_default()
    }
    pub fn kernel_spatial_dimensions(&self) -> &[i64] {
        self.kernel_spatial_dimensions.as_deref().unwrap_or_default()
    }
    pub fn output_spatial_dimensions(&self) -> &[i64] {
        self.output_spatial_dimensions.as_deref().unwrap_or_default()
    }
    pub fn precision_config(&self) -> &[StablehloPrecisionConfig] {
        self.precision_config.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloConvolutionOptions {
    const SLOTS: u16 = 17;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            window_strides: table.scalars(0, "window_strides")?,
            padding: table.scalars(1, "padding")?,
            lhs_dilation: table.scalars(2, "lhs_dilation")?,
            rhs_dilation: table.scalars(3, "rhs_dilation")?,
            window_reversal: table.scalars(4, "window_reversal")?,
            input_batch_dimension: table.scalar(5, "input_batch_dimension", 0)?,
            input_feature_dimension: table.scalar(6, "input_feature_dimension", 0)?,
            input_spatial_dimensions: table.scalars(7, "input_spatial_dimensions")?,
            kernel_input_feature_dimension: table.scalar(8, "kernel_input_feature_dimension", 0)?,
            kernel_output_feature_dimension: table.scalar(9, "kernel_output_feature_dimension", 0)?,
            kernel_spatial_dimensions: table.scalars(10, "kernel_spatial_dimensions")?,
            output_batch_dimension: table.scalar(11, "output_batch_dimension", 0)?,
            output_feature_dimension: table.scalar(12, "output_feature_dimension", 0)?,
            output_spatial_dimensions: table.scalars(13, "output_spatial_dimensions")?,
            feature_group_count: table.scalar(14, "feature_group_count", 0)?,
            batch_group_count: table.scalar(15, "batch_group_count", 0)?,
            precision_config: table.scalars(16, "precision_config")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.window_strides.is_some());
        slots.offset(1, self.padding.is_some());
        slots.offset(2, self.lhs_dilation.is_some());
        slots.offset(3, self.rhs_dilation.is_some());
        slots.offset(4, self.window_reversal.is_some());
        slots.scalar(5, self.input_batch_dimension, 0);
        slots.scalar(6, self.input_feature_dimension, 0);
        slots.offset(7, self.input_spatial_dimensions.is_some());
        slots.scalar(8, self.kernel_input_feature_dimension, 0);
        slots.scalar(9, self.kernel_output_feature_dimension, 0);
        slots.offset(10, self.kernel_spatial_dimensions.is_some());
        slots.scalar(11, self.output_batch_dimension, 0);
        slots.scalar(12, self.output_feature_dimension, 0);
        slots.offset(13, self.output_spatial_dimensions.is_some());
        slots.scalar(14, self.feature_group_count, 0);
        slots.scalar(15, self.batch_group_count, 0);
        slots.offset(16, self.precision_config.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.window_strides);
        writer.scalars(&table, 1, &self.padding);
        writer.scalars(&table, 2, &self.lhs_dilation);
        writer.scalars(&table, 3, &self.rhs_dilation);
        writer.scalars(&table, 4, &self.window_reversal);
        writer.scalars(&table, 7, &self.input_spatial_dimensions);
        writer.scalars(&table, 10, &self.kernel_spatial_dimensions);
        writer.scalars(&table, 13, &self.output_spatial_dimensions);
        writer.scalars(&table, 16, &self.precision_config);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloScatterOptions {
    pub indices_are_sorted: bool,
    pub update_window_dims: Option<Vec<i64>>,
    pub inserted_window_dims: Option<Vec<i64>>,
    pub scatter_dims_to_operand_dims: Option<Vec<i64>>,
    pub index_vector_dim: i64,
    pub unique_indices: bool,
    pub update_computation_subgraph_index: i32,
}
impl StablehloScatterOptions {
    pub fn update_window_dims(&self) -> &[i64] {
        self.update_window_dims.as_deref().unwrap_or_default()
    }
    pub fn inserted_window_dims(&self) -> &[i64] {
        self.inserted_window_dims.as_deref().unwrap_or_default()
    }
    pub fn scatter_dims_to_operand_dims(&self) -> &[i64] {
        self.scatter_dims_to_operand_dims.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloScatterOptions {
    const SLOTS: u16 = 7;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            indices_are_sorted: table.scalar(0, "indices_are_sorted", false)?,
            update_window_dims: table.scalars(1, "update_window_dims")?,
            inserted_window_dims: table.scalars(2, "inserted_window_dims")?,
            scatter_dims_to_operand_dims: table.scalars(3, "scatter_dims_to_operand_dims")?,
            index_vector_dim: table.scalar(4, "index_vector_dim", 0)?,
            unique_indices: table.scalar(5, "unique_indices", false)?,
            update_computation_subgraph_index: table.scalar(6, "update_computation_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.indices_are_sorted, false);
        slots.offset(1, self.update_window_dims.is_some());
        slots.offset(2, self.inserted_window_dims.is_some());
        slots.offset(3, self.scatter_dims_to_operand_dims.is_some());
        slots.scalar(4, self.index_vector_dim, 0);
        slots.scalar(5, self.unique_indices, false);
        slots.scalar(6, self.update_computation_subgraph_index, 0);
        let table = writer.table(slots);
        writer.scalars(&table, 1, &self.update_window_dims);
        writer.scalars(&table, 2, &self.inserted_window_dims);
        writer.scalars(&table, 3, &self.scatter_dims_to_operand_dims);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloCaseOptions {
    pub branch_subgraph_indices: Option<Vec<i32>>,
}
impl StablehloCaseOptions {
    pub fn branch_subgraph_indices(&self) -> &[i32] {
        self.branch_subgraph_indices.as_deref().unwrap_or_default()
    }
}
impl Table for StablehloCaseOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            branch_subgraph_indices: table.scalars(0, "branch_subgraph_indices")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.branch_subgraph_indices.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.branch_subgraph_indices);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloRngBitGeneratorOptions {
    pub algorithm: RngAlgorithm,
}
impl Table for StablehloRngBitGeneratorOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            algorithm: table.scalar(0, "algorithm", RngAlgorithm(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.algorithm, RngAlgorithm(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2DOptions {
    pub padding: Padding,
    pub stride_w: i32,
    pub stride_h: i32,
    pub fused_activation_function: ActivationFunctionType,
    pub dilation_w_factor: i32,
    pub dilation_h_factor: i32,
    pub quantized_bias_type: TensorType,
}
impl Default for Conv2DOptions {
    fn default() -> Self {
        Self {
            padding: Padding(0),
            stride_w: 0,
            stride_h: 0,
            fused_activation_function: ActivationFunctionType(0),
            dilation_w_factor: 1,
            dilation_h_factor: 1,
            quantized_bias_type: TensorType(0),
        }
    }
}
impl Table for Conv2DOptions {
    const SLOTS: u16 = 7;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            padding: table.scalar(0, "padding", Padding(0))?,
            stride_w: table.scalar(1, "stride_w", 0)?,
            stride_h: table.scalar(2, "stride_h", 0)?,
            fused_activation_function: table.scalar(3, "fused_activation_function", ActivationFunctionType(0))?,
            dilation_w_factor: table.scalar(4, "dilation_w_factor", 1)?,
            dilation_h_factor: table.scalar(5, "dilation_h_factor", 1)?,
            quantized_bias_type: table.scalar(6, "quantized_bias_type", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.padding, Padding(0));
        slots.scalar(1, self.stride_w, 0);
        slots.scalar(2, self.stride_h, 0);
        slots.scalar(3, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(4, self.dilation_w_factor, 1);
        slots.scalar(5, self.dilation_h_factor, 1);
        slots.scalar(6, self.quantized_bias_type, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct Conv3DOptions {
    pub padding: Padding,
    pub stride_d: i32,
    pub stride_w: i32,
    pub stride_h: i32,
    pub fused_activation_function: ActivationFunctionType,
    pub dilation_d_factor: i32,
    pub dilation_w_factor: i32,
    pub dilation_h_factor: i32,
}
impl Default for Conv3DOptions {
    fn default() -> Self {
        Self {
            padding: Padding(0),
            stride_d: 0,
            stride_w: 0,
            stride_h: 0,
            fused_activation_function: ActivationFunctionType(0),
            dilation_d_factor: 1,
            dilation_w_factor: 1,
            dilation_h_factor: 1,
        }
    }
}
impl Table for Conv3DOptions {
    const SLOTS: u16 = 8;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            padding: table.scalar(0, "padding", Padding(0))?,
            stride_d: table.scalar(1, "stride_d", 0)?,
            stride_w: table.scalar(2, "stride_w", 0)?,
            stride_h: table.scalar(3, "stride_h", 0)?,
            fused_activation_function: table.scalar(4, "fused_activation_function", ActivationFunctionType(0))?,
            dilation_d_factor: table.scalar(5, "dilation_d_factor", 1)?,
            dilation_w_factor: table.scalar(6, "dilation_w_factor", 1)?,
            dilation_h_factor: table.scalar(7, "dilation_h_factor", 1)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.padding, Padding(0));
        slots.scalar(1, self.stride_d, 0);
        slots.scalar(2, self.stride_w, 0);
        slots.scalar(3, self.stride_h, 0);
        slots.scalar(4, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(5, self.dilation_d_factor, 1);
        slots.scalar(6, self.dilation_w_factor, 1);
        slots.scalar(7, self.dilation_h_factor, 1);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pool2DOptions {
    pub padding: Padding,
    pub stride_w: i32,
    pub stride_h: i32,
    pub filter_width: i32,
    pub filter_height: i32,
    pub fused_activation_function: ActivationFunctionType,
}
impl Table for Pool2DOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            padding: table.scalar(0, "padding", Padding(0))?,
            stride_w: table.scalar(1, "stride_w", 0)?,
            stride_h: table.scalar(2, "stride_h", 0)?,
            filter_width: table.scalar(3, "filter_width", 0)?,
            filter_height: table.scalar(4, "filter_height", 0)?,
            fused_activation_function: table.scalar(5, "fused_activation_function", ActivationFunctionType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.padding, Padding(0));
        slots.scalar(1, self.stride_w, 0);
        slots.scalar(2, self.stride_h, 0);
        slots.scalar(3, self.filter_width, 0);
        slots.scalar(4, self.filter_height, 0);
        slots.scalar(5, self.fused_activation_function, ActivationFunctionType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct DepthwiseConv2DOptions {
    pub padding: Padding,
    pub stride_w: i32,
    pub stride_h: i32,
    pub depth_multiplier: i32,
    pub fused_activation_function: ActivationFunctionType,
    pub dilation_w_factor: i32,
    pub dilation_h_factor: i32,
}
impl Default for DepthwiseConv2DOptions {
    fn default() -> Self {
        Self {
            padding: Padding(0),
            stride_w: 0,
            stride_h: 0,
            depth_multiplier: 0,
            fused_activation_function: ActivationFunctionType(0),
            dilation_w_factor: 1,
            dilation_h_factor: 1,
        }
    }
}
impl Table for DepthwiseConv2DOptions {
    const SLOTS: u16 = 7;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            padding: table.scalar(0, "padding", Padding(0))?,
            stride_w: table.scalar(1, "stride_w", 0)?,
            stride_h: table.scalar(2, "stride_h", 0)?,
            depth_multiplier: table.scalar(3, "depth_multiplier", 0)?,
            fused_activation_function: table.scalar(4, "fused_activation_function", ActivationFunctionType(0))?,
            dilation_w_factor: table.scalar(5, "dilation_w_factor", 1)?,
            dilation_h_factor: table.scalar(6, "dilation_h_factor", 1)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.padding, Padding(0));
        slots.scalar(1, self.stride_w, 0);
        slots.scalar(2, self.stride_h, 0);
        slots.scalar(3, self.depth_multiplier, 0);
        slots.scalar(4, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(5, self.dilation_w_factor, 1);
        slots.scalar(6, self.dilation_h_factor, 1);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ConcatEmbeddingsOptions {
    pub num_channels: i32,
    pub num_columns_per_channel: Option<Vec<i32>>,
    pub embedding_dim_per_channel: Option<Vec<i32>>,
}
impl ConcatEmbeddingsOptions {
    pub fn num_columns_per_channel(&self) -> &[i32] {
        self.num_columns_per_channel.as_deref().unwrap_or_default()
    }
    pub fn embedding_dim_per_channel(&self) -> &[i32] {
        self.embedding_dim_per_channel.as_deref().unwrap_or_default()
    }
}
impl Table for ConcatEmbeddingsOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            num_channels: table.scalar(0, "num_channels", 0)?,
            num_columns_per_channel: table.scalars(1, "num_columns_per_channel")?,
            embedding_dim_per_channel: table.scalars(2, "embedding_dim_per_channel")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.num_channels, 0);
        slots.offset(1, self.num_columns_per_channel.is_some());
        slots.offset(2, self.embedding_dim_per_channel.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 1, &self.num_columns_per_channel);
        writer.scalars(&table, 2, &self.embedding_dim_per_channel);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LSHProjectionOptions {
    pub r#type: LSHProjectionType,
}
impl Table for LSHProjectionOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            r#type: table.scalar(0, "type", LSHProjectionType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.r#type, LSHProjectionType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SVDFOptions {
    pub rank: i32,
    pub fused_activation_function: ActivationFunctionType,
    pub asymmetric_quantize_inputs: bool,
}
impl Table for SVDFOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            rank: table.scalar(0, "rank", 0)?,
            fused_activation_function: table.scalar(1, "fused_activation_function", ActivationFunctionType(0))?,
            asymmetric_quantize_inputs: table.scalar(2, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.rank, 0);
        slots.scalar(1, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(2, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RNNOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub asymmetric_quantize_inputs: bool,
}
impl Table for RNNOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            asymmetric_quantize_inputs: table.scalar(1, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SequenceRNNOptions {
    pub time_major: bool,
    pub fused_activation_function: ActivationFunctionType,
    pub asymmetric_quantize_inputs: bool,
}
impl Table for SequenceRNNOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            time_major: table.scalar(0, "time_major", false)?,
            fused_activation_function: table.scalar(1, "fused_activation_function", ActivationFunctionType(0))?,
            asymmetric_quantize_inputs: table.scalar(2, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.time_major, false);
        slots.scalar(1, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(2, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BidirectionalSequenceRNNOptions {
    pub time_major: bool,
    pub fused_activation_function: ActivationFunctionType,
    pub merge_outputs: bool,
    pub asymmetric_quantize_inputs: bool,
}
impl Table for BidirectionalSequenceRNNOptions {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            time_major: table.scalar(0, "time_major", false)?,
            fused_activation_function: table.scalar(1, "fused_activation_function", ActivationFunctionType(0))?,
            merge_outputs: table.scalar(2, "merge_outputs", false)?,
            asymmetric_quantize_inputs: table.scalar(3, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.time_major, false);
        slots.scalar(1, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(2, self.merge_outputs, false);
        slots.scalar(3, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FullyConnectedOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub weights_format: FullyConnectedOptionsWeightsFormat,
    pub keep_num_dims: bool,
    pub asymmetric_quantize_inputs: bool,
    pub quantized_bias_type: TensorType,
    pub quant_spec: Option<Bytes>,
}
impl FullyConnectedOptions {
    pub fn quant_spec(&self) -> &[u8] {
        self.quant_spec.as_deref().unwrap_or_default()
    }
}
impl Table for FullyConnectedOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            weights_format: table.scalar(1, "weights_format", FullyConnectedOptionsWeightsFormat(0))?,
            keep_num_dims: table.scalar(2, "keep_num_dims", false)?,
            asymmetric_quantize_inputs: table.scalar(3, "asymmetric_quantize_inputs", false)?,
            quantized_bias_type: table.scalar(4, "quantized_bias_type", TensorType(0))?,
            quant_spec: table.bytes(5, "quant_spec")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.weights_format, FullyConnectedOptionsWeightsFormat(0));
        slots.scalar(2, self.keep_num_dims, false);
        slots.scalar(3, self.asymmetric_quantize_inputs, false);
        slots.scalar(4, self.quantized_bias_type, TensorType(0));
        slots.offset(5, self.quant_spec.is_some());
        let table = writer.table(slots);
        writer.bytes(&table, 5, &self.quant_spec, 1);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SoftmaxOptions {
    pub beta: f32,
}
impl Table for SoftmaxOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            beta: table.scalar(0, "beta", 0.0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.beta, 0.0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ConcatenationOptions {
    pub axis: i32,
    pub fused_activation_function: ActivationFunctionType,
}
impl Table for ConcatenationOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            axis: table.scalar(0, "axis", 0)?,
            fused_activation_function: table.scalar(1, "fused_activation_function", ActivationFunctionType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.axis, 0);
        slots.scalar(1, self.fused_activation_function, ActivationFunctionType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct AddOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub pot_scale_int16: bool,
}
impl Default for AddOptions {
    fn default() -> Self {
        Self {
            fused_activation_function: ActivationFunctionType(0),
            pot_scale_int16: true,
        }
    }
}
impl Table for AddOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            pot_scale_int16: table.scalar(1, "pot_scale_int16", true)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.pot_scale_int16, true);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MulOptions {
    pub fused_activation_function: ActivationFunctionType,
}
impl Table for MulOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct L2NormOptions {
    pub fused_activation_function: ActivationFunctionType,
}
impl Table for L2NormOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LocalResponseNormalizationOptions {
    pub radius: i32,
    pub bias: f32,
    pub alpha: f32,
    pub beta: f32,
}
impl Table for LocalResponseNormalizationOptions {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            radius: table.scalar(0, "radius", 0)?,
            bias: table.scalar(1, "bias", 0.0)?,
            alpha: table.scalar(2, "alpha", 0.0)?,
            beta: table.scalar(3, "beta", 0.0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.radius, 0);
        slots.scalar(1, self.bias, 0.0);
        slots.scalar(2, self.alpha, 0.0);
        slots.scalar(3, self.beta, 0.0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LSTMOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub cell_clip: f32,
    pub proj_clip: f32,
    pub kernel_type: LSTMKernelType,
    pub asymmetric_quantize_inputs: bool,
}
impl Table for LSTMOptions {
    const SLOTS: u16 = 5;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            cell_clip: table.scalar(1, "cell_clip", 0.0)?,
            proj_clip: table.scalar(2, "proj_clip", 0.0)?,
            kernel_type: table.scalar(3, "kernel_type", LSTMKernelType(0))?,
            asymmetric_quantize_inputs: table.scalar(4, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.cell_clip, 0.0);
        slots.scalar(2, self.proj_clip, 0.0);
        slots.scalar(3, self.kernel_type, LSTMKernelType(0));
        slots.scalar(4, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnidirectionalSequenceLSTMOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub cell_clip: f32,
    pub proj_clip: f32,
    pub time_major: bool,
    pub asymmetric_quantize_inputs: bool,
    pub diagonal_recurrent_tensors: bool,
}
impl Table for UnidirectionalSequenceLSTMOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            cell_clip: table.scalar(1, "cell_clip", 0.0)?,
            proj_clip: table.scalar(2, "proj_clip", 0.0)?,
            time_major: table.scalar(3, "time_major", false)?,
            asymmetric_quantize_inputs: table.scalar(4, "asymmetric_quantize_inputs", false)?,
            diagonal_recurrent_tensors: table.scalar(5, "diagonal_recurrent_tensors", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.cell_clip, 0.0);
        slots.scalar(2, self.proj_clip, 0.0);
        slots.scalar(3, self.time_major, false);
        slots.scalar(4, self.asymmetric_quantize_inputs, false);
        slots.scalar(5, self.diagonal_recurrent_tensors, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct BidirectionalSequenceLSTMOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub cell_clip: f32,
    pub proj_clip: f32,
    pub merge_outputs: bool,
    pub time_major: bool,
    pub asymmetric_quantize_inputs: bool,
}
impl Default for BidirectionalSequenceLSTMOptions {
    fn default() -> Self {
        Self {
            fused_activation_function: ActivationFunctionType(0),
            cell_clip: 0.0,
            proj_clip: 0.0,
            merge_outputs: false,
            time_major: true,
            asymmetric_quantize_inputs: false,
        }
    }
}
impl Table for BidirectionalSequenceLSTMOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            cell_clip: table.scalar(1, "cell_clip", 0.0)?,
            proj_clip: table.scalar(2, "proj_clip", 0.0)?,
            merge_outputs: table.scalar(3, "merge_outputs", false)?,
            time_major: table.scalar(4, "time_major", true)?,
            asymmetric_quantize_inputs: table.scalar(5, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.cell_clip, 0.0);
        slots.scalar(2, self.proj_clip, 0.0);
        slots.scalar(3, self.merge_outputs, false);
        slots.scalar(4, self.time_major, true);
        slots.scalar(5, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ResizeBilinearOptions {
    pub align_corners: bool,
    pub half_pixel_centers: bool,
}
impl Table for ResizeBilinearOptions {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            align_corners: table.scalar(2, "align_corners", false)?,
            half_pixel_centers: table.scalar(3, "half_pixel_centers", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(2, self.align_corners, false);
        slots.scalar(3, self.half_pixel_centers, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ResizeNearestNeighborOptions {
    pub align_corners: bool,
    pub half_pixel_centers: bool,
}
impl Table for ResizeNearestNeighborOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            align_corners: table.scalar(0, "align_corners", false)?,
            half_pixel_centers: table.scalar(1, "half_pixel_centers", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.align_corners, false);
        slots.scalar(1, self.half_pixel_centers, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CallOptions {
    pub subgraph: u32,
}
impl Table for CallOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            subgraph: table.scalar(0, "subgraph", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.subgraph, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PadOptions {}
impl Table for PadOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PadV2Options {}
impl Table for PadV2Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReshapeOptions {
    pub new_shape: Option<Vec<i32>>,
}
impl ReshapeOptions {
    pub fn new_shape(&self) -> &[i32] {
        self.new_shape.as_deref().unwrap_or_default()
    }
}
impl Table for ReshapeOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            new_shape: table.scalars(0, "new_shape")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.new_shape.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.new_shape);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SpaceToBatchNDOptions {}
impl Table for SpaceToBatchNDOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BatchToSpaceNDOptions {}
impl Table for BatchToSpaceNDOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SkipGramOptions {
    pub ngram_size: i32,
    pub max_skip_size: i32,
    pub include_all_ngrams: bool,
}
impl Table for SkipGramOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ngram_size: table.scalar(0, "ngram_size", 0)?,
            max_skip_size: table.scalar(1, "max_skip_size", 0)?,
            include_all_ngrams: table.scalar(2, "include_all_ngrams", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.ngram_size, 0);
        slots.scalar(1, self.max_skip_size, 0);
        slots.scalar(2, self.include_all_ngrams, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SpaceToDepthOptions {
    pub block_size: i32,
}
impl Table for SpaceToDepthOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            block_size: table.scalar(0, "block_size", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.block_size, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DepthToSpaceOptions {
    pub block_size: i32,
}
impl Table for DepthToSpaceOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            block_size: table.scalar(0, "block_size", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.block_size, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct SubOptions {
    pub fused_activation_function: ActivationFunctionType,
    pub pot_scale_int16: bool,
}
impl Default for SubOptions {
    fn default() -> Self {
        Self {
            fused_activation_function: ActivationFunctionType(0),
            pot_scale_int16: true,
        }
    }
}
impl Table for SubOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
            pot_scale_int16: table.scalar(1, "pot_scale_int16", true)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(1, self.pot_scale_int16, true);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DivOptions {
    pub fused_activation_function: ActivationFunctionType,
}
impl Table for DivOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            fused_activation_function: table.scalar(0, "fused_activation_function", ActivationFunctionType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.fused_activation_function, ActivationFunctionType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopKV2Options {}
impl Table for TopKV2Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct EmbeddingLookupSparseOptions {
    pub combiner: CombinerType,
}
impl Table for EmbeddingLookupSparseOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            combiner: table.scalar(0, "combiner", CombinerType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.combiner, CombinerType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GatherOptions {
    pub axis: i32,
    pub batch_dims: i32,
}
impl Table for GatherOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            axis: table.scalar(0, "axis", 0)?,
            batch_dims: table.scalar(1, "batch_dims", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.axis, 0);
        slots.scalar(1, self.batch_dims, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TransposeOptions {}
impl Table for TransposeOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ExpOptions {}
impl Table for ExpOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CosOptions {}
impl Table for CosOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReducerOptions {
    pub keep_dims: bool,
}
impl Table for ReducerOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            keep_dims: table.scalar(0, "keep_dims", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.keep_dims, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SqueezeOptions {
    pub squeeze_dims: Option<Vec<i32>>,
}
impl SqueezeOptions {
    pub fn squeeze_dims(&self) -> &[i32] {
        self.squeeze_dims.as_deref().unwrap_or_default()
    }
}
impl Table for SqueezeOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            squeeze_dims: table.scalars(0, "squeeze_dims")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.squeeze_dims.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.squeeze_dims);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SplitOptions {
    pub num_splits: i32,
}
impl Table for SplitOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            num_splits: table.scalar(0, "num_splits", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.num_splits, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SplitVOptions {
    pub num_splits: i32,
}
impl Table for SplitVOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            num_splits: table.scalar(0, "num_splits", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.num_splits, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StridedSliceOptions {
    pub begin_mask: i32,
    pub end_mask: i32,
    pub ellipsis_mask: i32,
    pub new_axis_mask: i32,
    pub shrink_axis_mask: i32,
    pub offset: bool,
}
impl Table for StridedSliceOptions {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            begin_mask: table.scalar(0, "begin_mask", 0)?,
            end_mask: table.scalar(1, "end_mask", 0)?,
            ellipsis_mask: table.scalar(2, "ellipsis_mask", 0)?,
            new_axis_mask: table.scalar(3, "new_axis_mask", 0)?,
            shrink_axis_mask: table.scalar(4, "shrink_axis_mask", 0)?,
            offset: table.scalar(5, "offset", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.begin_mask, 0);
        slots.scalar(1, self.end_mask, 0);
        slots.scalar(2, self.ellipsis_mask, 0);
        slots.scalar(3, self.new_axis_mask, 0);
        slots.scalar(4, self.shrink_axis_mask, 0);
        slots.scalar(5, self.offset, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LogSoftmaxOptions {}
impl Table for LogSoftmaxOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CastOptions {
    pub in_data_type: TensorType,
    pub out_data_type: TensorType,
}
impl Table for CastOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            in_data_type: table.scalar(0, "in_data_type", TensorType(0))?,
            out_data_type: table.scalar(1, "out_data_type", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.in_data_type, TensorType(0));
        slots.scalar(1, self.out_data_type, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DequantizeOptions {}
impl Table for DequantizeOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MaximumMinimumOptions {}
impl Table for MaximumMinimumOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TileOptions {}
impl Table for TileOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ArgMaxOptions {
    pub output_type: TensorType,
}
impl Table for ArgMaxOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            output_type: table.scalar(0, "output_type", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.output_type, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ArgMinOptions {
    pub output_type: TensorType,
}
impl Table for ArgMinOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            output_type: table.scalar(0, "output_type", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.output_type, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GreaterOptions {}
impl Table for GreaterOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GreaterEqualOptions {}
impl Table for GreaterEqualOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LessOptions {}
impl Table for LessOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LessEqualOptions {}
impl Table for LessEqualOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NegOptions {}
impl Table for NegOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelectOptions {}
impl Table for SelectOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SliceOptions {}
impl Table for SliceOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TransposeConvOptions {
    pub padding: Padding,
    pub stride_w: i32,
    pub stride_h: i32,
    pub fused_activation_function: ActivationFunctionType,
    pub quantized_bias_type: TensorType,
}
impl Table for TransposeConvOptions {
    const SLOTS: u16 = 5;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            padding: table.scalar(0, "padding", Padding(0))?,
            stride_w: table.scalar(1, "stride_w", 0)?,
            stride_h: table.scalar(2, "stride_h", 0)?,
            fused_activation_function: table.scalar(3, "fused_activation_function", ActivationFunctionType(0))?,
            quantized_bias_type: table.scalar(4, "quantized_bias_type", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.padding, Padding(0));
        slots.scalar(1, self.stride_w, 0);
        slots.scalar(2, self.stride_h, 0);
        slots.scalar(3, self.fused_activation_function, ActivationFunctionType(0));
        slots.scalar(4, self.quantized_bias_type, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ExpandDimsOptions {}
impl Table for ExpandDimsOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SparseToDenseOptions {
    pub validate_indices: bool,
}
impl Table for SparseToDenseOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            validate_indices: table.scalar(0, "validate_indices", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.validate_indices, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct EqualOptions {}
impl Table for EqualOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NotEqualOptions {}
impl Table for NotEqualOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ShapeOptions {
    pub out_type: TensorType,
}
impl Table for ShapeOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            out_type: table.scalar(0, "out_type", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.out_type, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RankOptions {}
impl Table for RankOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PowOptions {}
impl Table for PowOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FakeQuantOptions {
    pub min: f32,
    pub max: f32,
    pub num_bits: i32,
    pub narrow_range: bool,
}
impl Table for FakeQuantOptions {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            min: table.scalar(0, "min", 0.0)?,
            max: table.scalar(1, "max", 0.0)?,
            num_bits: table.scalar(2, "num_bits", 0)?,
            narrow_range: table.scalar(3, "narrow_range", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.min, 0.0);
        slots.scalar(1, self.max, 0.0);
        slots.scalar(2, self.num_bits, 0);
        slots.scalar(3, self.narrow_range, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PackOptions {
    pub values_count: i32,
    pub axis: i32,
}
impl Table for PackOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            values_count: table.scalar(0, "values_count", 0)?,
            axis: table.scalar(1, "axis", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.values_count, 0);
        slots.scalar(1, self.axis, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LogicalOrOptions {}
impl Table for LogicalOrOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct OneHotOptions {
    pub axis: i32,
}
impl Table for OneHotOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            axis: table.scalar(0, "axis", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.axis, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct AbsOptions {}
impl Table for AbsOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HardSwishOptions {}
impl Table for HardSwishOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LogicalAndOptions {}
impl Table for LogicalAndOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LogicalNotOptions {}
impl Table for LogicalNotOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnpackOptions {
    pub num: i32,
    pub axis: i32,
}
impl Table for UnpackOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            num: table.scalar(0, "num", 0)?,
            axis: table.scalar(1, "axis", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.num, 0);
        slots.scalar(1, self.axis, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FloorDivOptions {}
impl Table for FloorDivOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SquareOptions {}
impl Table for SquareOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ZerosLikeOptions {}
impl Table for ZerosLikeOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FillOptions {}
impl Table for FillOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FloorModOptions {}
impl Table for FloorModOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RangeOptions {}
impl Table for RangeOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LeakyReluOptions {
    pub alpha: f32,
}
impl Table for LeakyReluOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            alpha: table.scalar(0, "alpha", 0.0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.alpha, 0.0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SquaredDifferenceOptions {}
impl Table for SquaredDifferenceOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MirrorPadOptions {
    pub mode: MirrorPadMode,
}
impl Table for MirrorPadOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            mode: table.scalar(0, "mode", MirrorPadMode(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.mode, MirrorPadMode(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct UniqueOptions {
    pub idx_out_type: TensorType,
}
impl Default for UniqueOptions {
    fn default() -> Self {
        Self {
            idx_out_type: TensorType(2),
        }
    }
}
impl Table for UniqueOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            idx_out_type: table.scalar(0, "idx_out_type", TensorType(2))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.idx_out_type, TensorType(2));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReverseV2Options {}
impl Table for ReverseV2Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct AddNOptions {}
impl Table for AddNOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GatherNdOptions {}
impl Table for GatherNdOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct WhereOptions {}
impl Table for WhereOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReverseSequenceOptions {
    pub seq_dim: i32,
    pub batch_dim: i32,
}
impl Table for ReverseSequenceOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            seq_dim: table.scalar(0, "seq_dim", 0)?,
            batch_dim: table.scalar(1, "batch_dim", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.seq_dim, 0);
        slots.scalar(1, self.batch_dim, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MatrixDiagOptions {}
impl Table for MatrixDiagOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct QuantizeOptions {}
impl Table for QuantizeOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MatrixSetDiagOptions {}
impl Table for MatrixSetDiagOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct IfOptions {
    pub then_subgraph_index: i32,
    pub else_subgraph_index: i32,
}
impl Table for IfOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            then_subgraph_index: table.scalar(0, "then_subgraph_index", 0)?,
            else_subgraph_index: table.scalar(1, "else_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.then_subgraph_index, 0);
        slots.scalar(1, self.else_subgraph_index, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CallOnceOptions {
    pub init_subgraph_index: i32,
}
impl Table for CallOnceOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            init_subgraph_index: table.scalar(0, "init_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.init_subgraph_index, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct WhileOptions {
    pub cond_subgraph_index: i32,
    pub body_subgraph_index: i32,
}
impl Table for WhileOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            cond_subgraph_index: table.scalar(0, "cond_subgraph_index", 0)?,
            body_subgraph_index: table.scalar(1, "body_subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.cond_subgraph_index, 0);
        slots.scalar(1, self.body_subgraph_index, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NonMaxSuppressionV4Options {}
impl Table for NonMaxSuppressionV4Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NonMaxSuppressionV5Options {}
impl Table for NonMaxSuppressionV5Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ScatterNdOptions {}
impl Table for ScatterNdOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelectV2Options {}
impl Table for SelectV2Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DensifyOptions {}
impl Table for DensifyOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SegmentSumOptions {}
impl Table for SegmentSumOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BatchMatMulOptions {
    pub adj_x: bool,
    pub adj_y: bool,
    pub asymmetric_quantize_inputs: bool,
}
impl Table for BatchMatMulOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            adj_x: table.scalar(0, "adj_x", false)?,
            adj_y: table.scalar(1, "adj_y", false)?,
            asymmetric_quantize_inputs: table.scalar(2, "asymmetric_quantize_inputs", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.adj_x, false);
        slots.scalar(1, self.adj_y, false);
        slots.scalar(2, self.asymmetric_quantize_inputs, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CumsumOptions {
    pub exclusive: bool,
    pub reverse: bool,
}
impl Table for CumsumOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            exclusive: table.scalar(0, "exclusive", false)?,
            reverse: table.scalar(1, "reverse", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.exclusive, false);
        slots.scalar(1, self.reverse, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BroadcastToOptions {}
impl Table for BroadcastToOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Rfft2dOptions {}
impl Table for Rfft2dOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HashtableOptions {
    pub table_id: i32,
    pub key_dtype: TensorType,
    pub value_dtype: TensorType,
}
impl Table for HashtableOptions {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            table_id: table.scalar(0, "table_id", 0)?,
            key_dtype: table.scalar(1, "key_dtype", TensorType(0))?,
            value_dtype: table.scalar(2, "value_dtype", TensorType(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.table_id, 0);
        slots.scalar(1, self.key_dtype, TensorType(0));
        slots.scalar(2, self.value_dtype, TensorType(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HashtableFindOptions {}
impl Table for HashtableFindOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HashtableImportOptions {}
impl Table for HashtableImportOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HashtableSizeOptions {}
impl Table for HashtableSizeOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct VarHandleOptions {
    pub container: Option<String>,
    pub shared_name: Option<String>,
}
impl VarHandleOptions {
    pub fn container(&self) -> &str {
        self.container.as_deref().unwrap_or_default()
    }
    pub fn shared_name(&self) -> &str {
        self.shared_name.as_deref().unwrap_or_default()
    }
}
impl Table for VarHandleOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            container: table.string(0, "container")?,
            shared_name: table.string(1, "shared_name")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.container.is_some());
        slots.offset(1, self.shared_name.is_some());
        let table = writer.table(slots);
        writer.string(&table, 0, &self.container);
        writer.string(&table, 1, &self.shared_name);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReadVariableOptions {}
impl Table for ReadVariableOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct AssignVariableOptions {}
impl Table for AssignVariableOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RandomOptions {
    pub seed: i64,
    pub seed2: i64,
}
impl Table for RandomOptions {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            seed: table.scalar(0, "seed", 0)?,
            seed2: table.scalar(1, "seed2", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.seed, 0);
        slots.scalar(1, self.seed2, 0);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BucketizeOptions {
    pub boundaries: Option<Vec<f32>>,
}
impl BucketizeOptions {
    pub fn boundaries(&self) -> &[f32] {
        self.boundaries.as_deref().unwrap_or_default()
    }
}
impl Table for BucketizeOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            boundaries: table.scalars(0, "boundaries")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.boundaries.is_some());
        let table = writer.table(slots);
        writer.scalars(&table, 0, &self.boundaries);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GeluOptions {
    pub approximate: bool,
}
impl Table for GeluOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            approximate: table.scalar(0, "approximate", false)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.approximate, false);
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DynamicUpdateSliceOptions {}
impl Table for DynamicUpdateSliceOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnsortedSegmentProdOptions {}
impl Table for UnsortedSegmentProdOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnsortedSegmentMaxOptions {}
impl Table for UnsortedSegmentMaxOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnsortedSegmentSumOptions {}
impl Table for UnsortedSegmentSumOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ATan2Options {}
impl Table for ATan2Options {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnsortedSegmentMinOptions {}
impl Table for UnsortedSegmentMinOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SignOptions {}
impl Table for SignOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BitcastOptions {}
impl Table for BitcastOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BitwiseXorOptions {}
impl Table for BitwiseXorOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RightShiftOptions {}
impl Table for RightShiftOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DilateOptions {}
impl Table for DilateOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReduceWindowOptions {
    pub reduce_function: ReduceWindowFunction,
}
impl Table for ReduceWindowOptions {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            reduce_function: table.scalar(0, "reduce_function", ReduceWindowFunction(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.reduce_function, ReduceWindowFunction(0));
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorCode {
    pub deprecated_builtin_code: i8,
    pub custom_code: Option<String>,
    pub version: i32,
    pub builtin_code: BuiltinOperator,
}
impl Default for OperatorCode {
    fn default() -> Self {
        Self {
            deprecated_builtin_code: 0,
            custom_code: None,
            version: 1,
            builtin_code: BuiltinOperator(0),
        }
    }
}
impl OperatorCode {
    pub fn custom_code(&self) -> &str {
        self.custom_code.as_deref().unwrap_or_default()
    }
}
impl Table for OperatorCode {
    const SLOTS: u16 = 4;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            deprecated_builtin_code: table.scalar(0, "deprecated_builtin_code", 0)?,
            custom_code: table.string(1, "custom_code")?,
            version: table.scalar(2, "version", 1)?,
            builtin_code: table.scalar(3, "builtin_code", BuiltinOperator(0))?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.deprecated_builtin_code, 0);
        slots.offset(1, self.custom_code.is_some());
        slots.scalar(2, self.version, 1);
        slots.scalar(3, self.builtin_code, BuiltinOperator(0));
        let table = writer.table(slots);
        writer.string(&table, 1, &self.custom_code);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StableHLOCompositeOptions {
    pub name: Option<String>,
    pub decomposition_subgraph_index: i32,
    pub composite_attributes: Option<Bytes>,
    pub composite_attributes_format: CustomOptionsFormat,
    pub version: i32,
}
impl StableHLOCompositeOptions {
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
    pub fn composite_attributes(&self) -> &[u8] {
        self.composite_attributes.as_deref().unwrap_or_default()
    }
}
impl Table for StableHLOCompositeOptions {
    const SLOTS: u16 = 5;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: table.string(0, "name")?,
            decomposition_subgraph_index: table.scalar(1, "decomposition_subgraph_index", 0)?,
            composite_attributes: table.bytes(2, "composite_attributes")?,
            composite_attributes_format: table.scalar(3, "composite_attributes_format", CustomOptionsFormat(0))?,
            version: table.scalar(4, "version", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.name.is_some());
        slots.scalar(1, self.decomposition_subgraph_index, 0);
        slots.offset(2, self.composite_attributes.is_some());
        slots.scalar(3, self.composite_attributes_format, CustomOptionsFormat(0));
        slots.scalar(4, self.version, 0);
        let table = writer.table(slots);
        writer.string(&table, 0, &self.name);
        writer.bytes(&table, 2, &self.composite_attributes, 1);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StablehloShiftLeftOptions {}
impl Table for StablehloShiftLeftOptions {
    const SLOTS: u16 = 0;
    fn read(_: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {})
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let slots = Slots::default();
        let table = writer.table(slots);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    pub opcode_index: u32,
    pub inputs: Option<Vec<i32>>,
    pub outputs: Option<Vec<i32>>,
    pub builtin_options: Option<BuiltinOptions>,
    pub custom_options: Option<Bytes>,
    pub custom_options_format: CustomOptionsFormat,
    pub mutating_variable_inputs: Option<Vec<bool>>,
    pub intermediates: Option<Vec<i32>>,
    pub large_custom_options_offset: u64,
    pub large_custom_options_size: u64,
    pub builtin_options_2: Option<Box<BuiltinOptions2>>,
    pub debug_metadata_index: i32,
}
impl Default for Operator {
    fn default() -> Self {
        Self {
            opcode_index: 0,
            inputs: None,
            outputs: None,
            builtin_options: None,
            custom_options: None,
            custom_options_format: CustomOptionsFormat(0),
            mutating_variable_inputs: None,
            intermediates: None,
            large_custom_options_offset: 0,
            large_custom_options_size: 0,
            builtin_options_2: None,
            debug_metadata_index: -1,
        }
    }
}
impl Operator {
    pub fn inputs(&self) -> &[i32] {
        self.inputs.as_deref().unwrap_or_default()
    }
    pub fn outputs(&self) -> &[i32] {
        self.outputs.as_deref().unwrap_or_default()
    }
    pub fn custom_options(&self) -> &[u8] {
        self.custom_options.as_deref().unwrap_or_default()
    }
    pub fn mutating_variable_inputs(&self) -> &[bool] {
        self.mutating_variable_inputs.as_deref().unwrap_or_default()
    }
    pub fn intermediates(&self) -> &[i32] {
        self.intermediates.as_deref().unwrap_or_default()
    }
}
impl Table for Operator {
    const SLOTS: u16 = 14;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            opcode_index: table.scalar(0, "opcode_index", 0)?,
            inputs: table.scalars(1, "inputs")?,
            outputs: table.scalars(2, "outputs")?,
            builtin_options: BuiltinOptions::read(table, 4, "builtin_options")?,
            custom_options: table.bytes(5, "custom_options")?,
            custom_options_format: table.scalar(6, "custom_options_format", CustomOptionsFormat(0))?,
            mutating_variable_inputs: table.scalars(7, "mutating_variable_inputs")?,
            intermediates: table.scalars(8, "intermediates")?,
            large_custom_options_offset: table.scalar(9, "large_custom_options_offset", 0)?,
            large_custom_options_size: table.scalar(10, "large_custom_options_size", 0)?,
            builtin_options_2: BuiltinOptions2::read(table, 12, "builtin_options_2")?.map(Box::new),
            debug_metadata_index: table.scalar(13, "debug_metadata_index", -1)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.opcode_index, 0);
        slots.offset(1, self.inputs.is_some());
        slots.offset(2, self.outputs.is_some());
        slots.union(4, self.builtin_options.as_ref().map(|value| value.kind()));
        slots.offset(5, self.custom_options.is_some());
        slots.scalar(6, self.custom_options_format, CustomOptionsFormat(0));
        slots.offset(7, self.mutating_variable_inputs.is_some());
        slots.offset(8, self.intermediates.is_some());
        slots.scalar(9, self.large_custom_options_offset, 0);
        slots.scalar(10, self.large_custom_options_size, 0);
        slots.union(12, self.builtin_options_2.as_ref().map(|value| value.kind()));
        slots.scalar(13, self.debug_metadata_index, -1);
        let table = writer.table(slots);
        writer.scalars(&table, 1, &self.inputs);
        writer.scalars(&table, 2, &self.outputs);
        if let Some(value) = &self.builtin_options {
            let at = value.write(writer);
            writer.point(&table, 4, at);
        }
        writer.bytes(&table, 5, &self.custom_options, 1);
        writer.scalars(&table, 7, &self.mutating_variable_inputs);
        writer.scalars(&table, 8, &self.intermediates);
        if let Some(value) = &self.builtin_options_2 {
            let at = value.write(writer);
            writer.point(&table, 12, at);
        }
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq)]
pub struct SubGraph {
    pub tensors: Option<Vec<Tensor>>,
    pub inputs: Option<Vec<i32>>,
    pub outputs: Option<Vec<i32>>,
    pub operators: Option<Vec<Operator>>,
    pub name: Option<String>,
    pub debug_metadata_index: i32,
}
impl Default for SubGraph {
    fn default() -> Self {
        Self {
            tensors: None,
            inputs: None,
            outputs: None,
            operators: None,
            name: None,
            debug_metadata_index: -1,
        }
    }
}
impl SubGraph {
    pub fn tensors(&self) -> &[Tensor] {
        self.tensors.as_deref().unwrap_or_default()
    }
    pub fn inputs(&self) -> &[i32] {
        self.inputs.as_deref().unwrap_or_default()
    }
    pub fn outputs(&self) -> &[i32] {
        self.outputs.as_deref().unwrap_or_default()
    }
    pub fn operators(&self) -> &[Operator] {
        self.operators.as_deref().unwrap_or_default()
    }
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}
impl Table for SubGraph {
    const SLOTS: u16 = 6;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            tensors: table.tables(0, "tensors")?,
            inputs: table.scalars(1, "inputs")?,
            outputs: table.scalars(2, "outputs")?,
            operators: table.tables(3, "operators")?,
            name: table.string(4, "name")?,
            debug_metadata_index: table.scalar(5, "debug_metadata_index", -1)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.tensors.is_some());
        slots.offset(1, self.inputs.is_some());
        slots.offset(2, self.outputs.is_some());
        slots.offset(3, self.operators.is_some());
        slots.offset(4, self.name.is_some());
        slots.scalar(5, self.debug_metadata_index, -1);
        let table = writer.table(slots);
        writer.tables(&table, 0, &self.tensors);
        writer.scalars(&table, 1, &self.inputs);
        writer.scalars(&table, 2, &self.outputs);
        writer.tables(&table, 3, &self.operators);
        writer.string(&table, 4, &self.name);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Buffer {
    pub data: Option<Bytes>,
    pub offset: u64,
    pub size: u64,
}
impl Buffer {
    pub fn data(&self) -> &[u8] {
        self.data.as_deref().unwrap_or_default()
    }
}
impl Table for Buffer {
    const SLOTS: u16 = 3;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            data: table.bytes(0, "data")?,
            offset: table.scalar(1, "offset", 0)?,
            size: table.scalar(2, "size", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.data.is_some());
        slots.scalar(1, self.offset, 0);
        slots.scalar(2, self.size, 0);
        let table = writer.table(slots);
        writer.bytes(&table, 0, &self.data, 16);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ExternalBufferGroup {
    pub name: Option<String>,
}
impl ExternalBufferGroup {
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}
impl Table for ExternalBufferGroup {
    const SLOTS: u16 = 1;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: table.string(0, "name")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.name.is_some());
        let table = writer.table(slots);
        writer.string(&table, 0, &self.name);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ExternalBuffer {
    pub id: u32,
    pub group: u32,
    pub offset: u64,
    pub length: u64,
    pub packing: Option<String>,
}
impl ExternalBuffer {
    pub fn packing(&self) -> &str {
        self.packing.as_deref().unwrap_or_default()
    }
}
impl Table for ExternalBuffer {
    const SLOTS: u16 = 5;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            id: table.scalar(0, "id", 0)?,
            group: table.scalar(1, "group", 0)?,
            offset: table.scalar(2, "offset", 0)?,
            length: table.scalar(3, "length", 0)?,
            packing: table.string(4, "packing")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.id, 0);
        slots.scalar(1, self.group, 0);
        slots.scalar(2, self.offset, 0);
        slots.scalar(3, self.length, 0);
        slots.offset(4, self.packing.is_some());
        let table = writer.table(slots);
        writer.string(&table, 4, &self.packing);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Metadata {
    pub name: Option<String>,
    pub buffer: u32,
}
impl Metadata {
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}
impl Table for Metadata {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: table.string(0, "name")?,
            buffer: table.scalar(1, "buffer", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.name.is_some());
        slots.scalar(1, self.buffer, 0);
        let table = writer.table(slots);
        writer.string(&table, 0, &self.name);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TensorMap {
    pub name: Option<String>,
    pub tensor_index: u32,
}
impl TensorMap {
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}
impl Table for TensorMap {
    const SLOTS: u16 = 2;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: table.string(0, "name")?,
            tensor_index: table.scalar(1, "tensor_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.name.is_some());
        slots.scalar(1, self.tensor_index, 0);
        let table = writer.table(slots);
        writer.string(&table, 0, &self.name);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SignatureDef {
    pub inputs: Option<Vec<TensorMap>>,
    pub outputs: Option<Vec<TensorMap>>,
    pub signature_key: Option<String>,
    pub subgraph_index: u32,
}
impl SignatureDef {
    pub fn inputs(&self) -> &[TensorMap] {
        self.inputs.as_deref().unwrap_or_default()
    }
    pub fn outputs(&self) -> &[TensorMap] {
        self.outputs.as_deref().unwrap_or_default()
    }
    pub fn signature_key(&self) -> &str {
        self.signature_key.as_deref().unwrap_or_default()
    }
}
impl Table for SignatureDef {
    const SLOTS: u16 = 5;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            inputs: table.tables(0, "inputs")?,
            outputs: table.tables(1, "outputs")?,
            signature_key: table.string(2, "signature_key")?,
            subgraph_index: table.scalar(4, "subgraph_index", 0)?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.offset(0, self.inputs.is_some());
        slots.offset(1, self.outputs.is_some());
        slots.offset(2, self.signature_key.is_some());
        slots.scalar(4, self.subgraph_index, 0);
        let table = writer.table(slots);
        writer.tables(&table, 0, &self.inputs);
        writer.tables(&table, 1, &self.outputs);
        writer.string(&table, 2, &self.signature_key);
        table.at()
    }
}
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Model {
    pub version: u32,
    pub operator_codes: Option<Vec<OperatorCode>>,
    pub subgraphs: Option<Vec<SubGraph>>,
    pub description: Option<String>,
    pub buffers: Option<Vec<Buffer>>,
    pub metadata_buffer: Option<Vec<i32>>,
    pub metadata: Option<Vec<Metadata>>,
    pub signature_defs: Option<Vec<SignatureDef>>,
    pub external_buffer_groups: Option<Vec<ExternalBufferGroup>>,
    pub external_buffers: Option<Vec<ExternalBuffer>>,
}
impl Model {
    pub fn operator_codes(&self) -> &[OperatorCode] {
        self.operator_codes.as_deref().unwrap_or_default()
    }
    pub fn subgraphs(&self) -> &[SubGraph] {
        self.subgraphs.as_deref().unwrap_or_default()
    }
    pub fn description(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }
    pub fn buffers(&self) -> &[Buffer] {
        self.buffers.as_deref().unwrap_or_default()
    }
    pub fn metadata_buffer(&self) -> &[i32] {
        self.metadata_buffer.as_deref().unwrap_or_default()
    }
    pub fn metadata(&self) -> &[Metadata] {
        self.metadata.as_deref().unwrap_or_default()
    }
    pub fn signature_defs(&self) -> &[SignatureDef] {
        self.signature_defs.as_deref().unwrap_or_default()
    }
    pub fn external_buffer_groups(&self) -> &[ExternalBufferGroup] {
        self.external_buffer_groups.as_deref().unwrap_or_default()
    }
    pub fn external_buffers(&self) -> &[ExternalBuffer] {
        self.external_buffers.as_deref().unwrap_or_default()
    }
}
impl Table for Model {
    const SLOTS: u16 = 10;
    fn read(table: &TableRef<'_>) -> Result<Self, WireError> {
        Ok(Self {
            version: table.scalar(0, "version", 0)?,
            operator_codes: table.tables(1, "operator_codes")?,
            subgraphs: table.tables(2, "subgraphs")?,
            description: table.string(3, "description")?,
            buffers: table.tables(4, "buffers")?,
            metadata_buffer: table.scalars(5, "metadata_buffer")?,
            metadata: table.tables(6, "metadata")?,
            signature_defs: table.tables(7, "signature_defs")?,
            external_buffer_groups: table.tables(8, "external_buffer_groups")?,
            external_buffers: table.tables(9, "external_buffers")?,
        })
    }
    fn write(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        slots.scalar(0, self.version, 0);
        slots.offset(1, self.operator_codes.is_some());
        slots.offset(2, self.subgraphs.is_some());
        slots.offset(3, self.description.is_some());
        slots.offset(4, self.buffers.is_some());
        slots.offset(5, self.metadata_buffer.is_some());
        slots.offset(6, self.metadata.is_some());
        slots.offset(7, self.signature_defs.is_some());
        slots.offset(8, self.external_buffer_groups.is_some());
        slots.offset(9, self.external_buffers.is_some());
        let table = writer.table(slots);
        writer.tables(&table, 1, &self.operator_codes);
        writer.tables(&table, 2, &self.subgraphs);
        writer.string(&table, 3, &self.description);
        writer.scalars(&table, 5, &self.metadata_buffer);
        writer.tables(&table, 6, &self.metadata);
        writer.tables(&table, 7, &self.signature_defs);
        writer.tables(&table, 8, &self.external_buffer_groups);
        writer.tables(&table, 9, &self.external_buffers);
        writer.tables(&table, 4, &self.buffers);
        table.at()
    }
}
