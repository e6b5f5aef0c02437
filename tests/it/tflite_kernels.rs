//! Every operator that quantization puts into 8-bit integers has a kernel for them in the real engine, by whose result one can go.

use bytes::Bytes;

use mlbuild::model::tensor::Tensor as Value;
use mlbuild::model::tflite;
use mlbuild::model::tflite::schema::*;
use mlbuild::variant::Account;
use mlbuild::variant::Evidence;
use mlbuild::variant::Range;
use mlbuild::variant::tflite::Extent;
use mlbuild::variant::tflite::int8;
use mlbuild::variant::tflite::observed;

use crate::support::litert;
use crate::support::runtime::artifact;
use crate::support::runtime::worker;

/// What an operator reads.
enum In<'a> {
    /// The first activation, or the second, which has the same shape.
    A,
    B,
    /// A constant of floats.
    W(&'a [i32]),
    /// A list of integers.
    I(&'a [i32]),
    /// An integer alone.
    N(i32),
    /// Pairs of integers.
    P(&'a [i32]),
    /// A truth a value.
    T(&'a [i32]),
}

use In::*;

struct Case<'a> {
    kind: BuiltinOperator,
    options: Option<BuiltinOptions>,
    shape: &'a [i32],
    reads: &'a [In<'a>],
    /// The shape of each output, and how many there are.
    gives: &'a [i32],
    outputs: usize,
}

fn values(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|at| ((at * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 * 3.5 + 0.5)
        .collect()
}

fn tensor(tensors: &mut Vec<Tensor>, name: &str, shape: &[i32], kind: TensorType, buffer: u32) -> i32 {
    tensors.push(Tensor {
        shape: Some(shape.to_vec()),
        r#type: kind,
        buffer,
        name: Some(name.to_owned()),
        ..Tensor::default()
    });
    tensors.len() as i32 - 1
}

/// Two activations, and the operator that reads them.
fn model(case: &Case<'_>) -> Model {
    let mut tensors = Vec::new();
    let mut buffers = vec![Buffer::default()];
    let mut constant = |tensors: &mut Vec<Tensor>, shape: &[i32], kind, data: Vec<u8>| {
        buffers.push(Buffer {
            data: Some(Bytes::from(data)),
            ..Buffer::default()
        });
        let name = format!("constant {}", buffers.len());
        tensor(tensors, &name, shape, kind, buffers.len() as u32 - 1)
    };
    let float = TensorType::FLOAT32;
    let inputs = ["x", "x2"].map(|name| tensor(&mut tensors, name, case.shape, float, 0));
    let passed = ["a", "b"].map(|name| tensor(&mut tensors, name, case.shape, float, 0));
    let integers = |list: &[i32]| list.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let mut reads = Vec::new();
    for input in case.reads {
        reads.push(match input {
            A => passed[0],
            B => passed[1],
            W(shape) => {
                let count = shape.iter().product::<i32>() as usize;
                let bytes = values(count, 5)
                    .iter()
                    .flat_map(|value| (value - 1.5).to_le_bytes())
                    .collect();
                constant(&mut tensors, shape, float, bytes)
            }
            I(list) => constant(&mut tensors, &[list.len() as i32], TensorType::INT32, integers(list)),
            N(number) => constant(&mut tensors, &[], TensorType::INT32, integers(&[*number])),
            P(list) => constant(
                &mut tensors,
                &[list.len() as i32 / 2, 2],
                TensorType::INT32,
                integers(list),
            ),
            T(shape) => {
                let count = shape.iter().product::<i32>() as u8;
                constant(
                    &mut tensors,
                    shape,
                    TensorType::BOOL,
                    (0..count).map(|at| at % 2).collect(),
                )
            }
        });
    }
    let outputs: Vec<i32> = (0..case.outputs)
        .map(|number| tensor(&mut tensors, &format!("y{number}"), case.gives, float, 0))
        .collect();
    let code = |kind: BuiltinOperator, version| OperatorCode {
        deprecated_builtin_code: kind.0.min(127) as i8,
        builtin_code: kind,
        version,
        ..OperatorCode::default()
    };
    let operator = |opcode_index, inputs: Vec<i32>, outputs: Vec<i32>, options| Operator {
        opcode_index,
        inputs: Some(inputs),
        outputs: Some(outputs),
        builtin_options: options,
        ..Operator::default()
    };
    let version = if case.kind == BuiltinOperator::BROADCAST_TO {
        2
    } else {
        1
    };
    Model {
        version: 3,
        operator_codes: Some(vec![code(BuiltinOperator::RELU, 1), code(case.kind, version)]),
        subgraphs: Some(vec![SubGraph {
            tensors: Some(tensors),
            inputs: Some(inputs.to_vec()),
            outputs: Some([outputs.clone(), passed.to_vec()].concat()),
            operators: Some(vec![
                operator(0, vec![inputs[0]], vec![passed[0]], None),
                operator(0, vec![inputs[1]], vec![passed[1]], None),
                operator(1, reads, outputs, case.options.clone()),
            ]),
            ..SubGraph::default()
        }]),
        buffers: Some(buffers),
        ..Model::default()
    }
}

fn floats(value: &Value) -> Vec<f32> {
    value
        .data
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

fn run(model: &Model, inputs: &[Value], xnnpack: bool) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.tflite");
    std::fs::write(&path, tflite::write(model).unwrap()).unwrap();
    let mut worker = worker();
    worker
        .load(&artifact(&path), &litert::settings_with(xnnpack, None), inputs)
        .map_err(|error| error.to_string())?;
    worker.infer(inputs).map_err(|error| error.to_string())
}

/// What is wrong with the operator in integers.
fn problem(case: &Case<'_>) -> Option<String> {
    let model = model(case);
    let shape: Vec<u64> = case.shape.iter().map(|size| *size as u64).collect();
    let count = shape.iter().product::<u64>() as usize;
    let inputs = [("x", 1), ("x2", 2)].map(|(name, seed)| Value::from_f32(name, &shape, &values(count, seed)));
    let before = match run(&model, &inputs, false) {
        Ok(outputs) => outputs,
        Err(error) => return Some(format!("in floats: {error}")),
    };
    let mut evidence = Evidence::default();
    for value in inputs.iter().chain(&before) {
        let found = floats(value);
        let (min, max) = (
            found.iter().copied().fold(0.0, f32::min),
            found.iter().copied().fold(0.0, f32::max),
        );
        evidence.ranges.insert(value.name.clone(), Range { min, max });
    }
    for name in observed(&model).unwrap() {
        assert!(evidence.ranges.contains_key(&name), "{name}");
    }
    let (mut made, mut account) = (model, Account::default());
    int8(&mut made, &evidence, Extent::All, &mut account).unwrap();
    if account.changed != 3 {
        return Some(format!("not in integers: {:?}", account.left));
    }
    for xnnpack in [false, true] {
        let after = match run(&made, &inputs, xnnpack) {
            Ok(outputs) => outputs,
            Err(error) => return Some(format!("XNNPACK {xnnpack}: {error}")),
        };
        for (before, after) in before.iter().zip(&after) {
            let range = evidence.ranges[&before.name];
            let error = floats(before)
                .iter()
                .zip(floats(after))
                .map(|(one, other)| (one - other).abs())
                .fold(0.0, f32::max);
            // Logarithms of probabilities have a fixed scale of 1/16.
            let most = 0.03 * (range.max - range.min)
                + if case.kind == BuiltinOperator::LOG_SOFTMAX {
                    0.07
                } else {
                    0.0
                };
            if error > most || before.shape != after.shape {
                return Some(format!(
                    "XNNPACK {xnnpack}: {} is off by {error} in {range:?}",
                    before.name
                ));
            }
        }
    }
    None
}

fn pool() -> BuiltinOptions {
    Pool2DOptions {
        padding: Padding::SAME,
        stride_w: 1,
        stride_h: 1,
        filter_width: 2,
        filter_height: 2,
        ..Pool2DOptions::default()
    }
    .into()
}

#[test]
fn every_operator_has_a_kernel() {
    let conv = Conv2DOptions {
        stride_w: 1,
        stride_h: 1,
        fused_activation_function: ActivationFunctionType::RELU6,
        ..Conv2DOptions::default()
    };
    let depthwise = DepthwiseConv2DOptions {
        stride_w: 1,
        stride_h: 1,
        depth_multiplier: 1,
        ..DepthwiseConv2DOptions::default()
    };
    let transposed = TransposeConvOptions {
        stride_w: 2,
        stride_h: 2,
        ..TransposeConvOptions::default()
    };
    let keep = ReducerOptions { keep_dims: true };
    let image: &[i32] = &[1, 4, 4, 8];
    let of = |kind, options, reads, gives| Case {
        kind,
        options,
        shape: image,
        reads,
        gives,
        outputs: 1,
    };
    let alone = |kind, options| of(kind, options, &[A], image);
    let pair = |kind, options| of(kind, options, &[A, B], image);
    type Op = BuiltinOperator;
    let mut cases = vec![
        pair(Op::ADD, Some(AddOptions::default().into())),
        of(Op::ADD, Some(AddOptions::default().into()), &[A, W(&[8])], image),
        pair(Op::SUB, Some(SubOptions::default().into())),
        pair(Op::MUL, Some(MulOptions::default().into())),
        of(
            Op::MUL,
            Some(MulOptions::default().into()),
            &[A, W(&[1, 1, 1, 8])],
            image,
        ),
        pair(Op::DIV, Some(DivOptions::default().into())),
        pair(Op::MAXIMUM, Some(MaximumMinimumOptions::default().into())),
        pair(Op::MINIMUM, Some(MaximumMinimumOptions::default().into())),
        pair(Op::SQUARED_DIFFERENCE, Some(SquaredDifferenceOptions::default().into())),
        of(
            Op::CONV_2D,
            Some(conv.clone().into()),
            &[A, W(&[6, 3, 3, 8]), W(&[6])],
            &[1, 4, 4, 6],
        ),
        of(
            Op::DEPTHWISE_CONV_2D,
            Some(depthwise.into()),
            &[A, W(&[1, 3, 3, 8]), W(&[8])],
            image,
        ),
        of(
            Op::TRANSPOSE_CONV,
            Some(transposed.into()),
            &[I(&[1, 8, 8, 6]), W(&[6, 2, 2, 8]), A, W(&[6])],
            &[1, 8, 8, 6],
        ),
        of(
            Op::FULLY_CONNECTED,
            Some(
                FullyConnectedOptions {
                    keep_num_dims: true,
                    ..FullyConnectedOptions::default()
                }
                .into(),
            ),
            &[A, W(&[5, 8]), W(&[5])],
            &[1, 4, 4, 5],
        ),
        of(
            Op::BATCH_MATMUL,
            Some(
                BatchMatMulOptions {
                    adj_y: true,
                    ..BatchMatMulOptions::default()
                }
                .into(),
            ),
            &[A, B],
            &[1, 4, 4, 4],
        ),
        of(
            Op::BATCH_MATMUL,
            Some(BatchMatMulOptions::default().into()),
            &[A, W(&[1, 4, 8, 3])],
            &[1, 4, 4, 3],
        ),
        alone(Op::AVERAGE_POOL_2D, Some(pool())),
        alone(Op::MAX_POOL_2D, Some(pool())),
        alone(Op::GELU, Some(GeluOptions::default().into())),
        alone(Op::LOGISTIC, None),
        alone(Op::TANH, None),
        alone(Op::SOFTMAX, Some(SoftmaxOptions { beta: 1.0 }.into())),
        alone(Op::LOG_SOFTMAX, Some(LogSoftmaxOptions::default().into())),
        alone(Op::L2_NORMALIZATION, Some(L2NormOptions::default().into())),
        alone(Op::HARD_SWISH, Some(HardSwishOptions::default().into())),
        alone(Op::LEAKY_RELU, Some(LeakyReluOptions { alpha: 0.1 }.into())),
        of(Op::PRELU, None, &[A, W(&[1, 1, 8])], image),
        alone(Op::RELU, None),
        alone(Op::RELU6, None),
        alone(Op::RELU_N1_TO_1, None),
        alone(Op::RELU_0_TO_1, None),
        alone(Op::RSQRT, None),
        alone(Op::SQRT, None),
        alone(Op::ELU, None),
        alone(Op::ABS, Some(AbsOptions::default().into())),
        of(Op::MEAN, Some(keep.clone().into()), &[A, I(&[1, 2])], &[1, 1, 1, 8]),
        of(Op::SUM, Some(keep.clone().into()), &[A, I(&[3])], &[1, 4, 4, 1]),
        of(Op::REDUCE_MAX, Some(keep.clone().into()), &[A, I(&[3])], &[1, 4, 4, 1]),
        of(Op::REDUCE_MIN, Some(keep.into()), &[A, I(&[3])], &[1, 4, 4, 1]),
        of(
            Op::RESHAPE,
            Some(ReshapeOptions::default().into()),
            &[A, I(&[16, 8])],
            &[16, 8],
        ),
        of(
            Op::SQUEEZE,
            Some(
                SqueezeOptions {
                    squeeze_dims: Some(vec![0]),
                }
                .into(),
            ),
            &[A],
            &[4, 4, 8],
        ),
        of(
            Op::EXPAND_DIMS,
            Some(ExpandDimsOptions::default().into()),
            &[A, N(0)],
            &[1, 1, 4, 4, 8],
        ),
        of(
            Op::TRANSPOSE,
            Some(TransposeOptions::default().into()),
            &[A, I(&[0, 3, 1, 2])],
            &[1, 8, 4, 4],
        ),
        of(
            Op::SLICE,
            Some(SliceOptions::default().into()),
            &[A, I(&[0, 1, 0, 2]), I(&[1, 2, 4, 3])],
            &[1, 2, 4, 3],
        ),
        of(
            Op::STRIDED_SLICE,
            Some(StridedSliceOptions::default().into()),
            &[A, I(&[0, 0, 0, 0]), I(&[1, 4, 4, 8]), I(&[1, 2, 2, 1])],
            &[1, 2, 2, 8],
        ),
        of(
            Op::PACK,
            Some(
                PackOptions {
                    values_count: 2,
                    axis: 0,
                }
                .into(),
            ),
            &[A, B],
            &[2, 1, 4, 4, 8],
        ),
        of(
            Op::CONCATENATION,
            Some(
                ConcatenationOptions {
                    axis: 3,
                    ..ConcatenationOptions::default()
                }
                .into(),
            ),
            &[A, B],
            &[1, 4, 4, 16],
        ),
        of(
            Op::PAD,
            Some(PadOptions::default().into()),
            &[A, P(&[0, 0, 1, 1, 1, 0, 0, 0])],
            &[1, 6, 5, 8],
        ),
        of(
            Op::PADV2,
            Some(PadV2Options::default().into()),
            &[A, P(&[0, 0, 1, 1, 1, 0, 0, 0]), W(&[])],
            &[1, 6, 5, 8],
        ),
        of(
            Op::MIRROR_PAD,
            Some(MirrorPadOptions::default().into()),
            &[A, P(&[0, 0, 1, 1, 1, 0, 0, 0])],
            &[1, 6, 5, 8],
        ),
        of(
            Op::GATHER,
            Some(
                GatherOptions {
                    axis: 3,
                    ..GatherOptions::default()
                }
                .into(),
            ),
            &[A, I(&[3, 1])],
            &[1, 4, 4, 2],
        ),
        of(
            Op::GATHER_ND,
            Some(GatherNdOptions::default().into()),
            &[A, P(&[0, 3, 0, 1])],
            &[2, 4, 8],
        ),
        of(
            Op::TILE,
            Some(TileOptions::default().into()),
            &[A, I(&[1, 2, 1, 1])],
            &[1, 8, 4, 8],
        ),
        of(
            Op::BROADCAST_TO,
            Some(BroadcastToOptions::default().into()),
            &[A, I(&[2, 4, 4, 8])],
            &[2, 4, 4, 8],
        ),
        of(
            Op::RESIZE_BILINEAR,
            Some(
                ResizeBilinearOptions {
                    half_pixel_centers: true,
                    ..ResizeBilinearOptions::default()
                }
                .into(),
            ),
            &[A, I(&[8, 8])],
            &[1, 8, 8, 8],
        ),
        of(
            Op::RESIZE_NEAREST_NEIGHBOR,
            Some(ResizeNearestNeighborOptions::default().into()),
            &[A, I(&[8, 8])],
            &[1, 8, 8, 8],
        ),
        of(
            Op::DEPTH_TO_SPACE,
            Some(DepthToSpaceOptions { block_size: 2 }.into()),
            &[A],
            &[1, 8, 8, 2],
        ),
        of(
            Op::SPACE_TO_DEPTH,
            Some(SpaceToDepthOptions { block_size: 2 }.into()),
            &[A],
            &[1, 2, 2, 32],
        ),
        of(
            Op::SPACE_TO_BATCH_ND,
            Some(SpaceToBatchNDOptions::default().into()),
            &[A, I(&[2, 2]), P(&[0, 0, 0, 0])],
            &[4, 2, 2, 8],
        ),
        of(
            Op::REVERSE_V2,
            Some(ReverseV2Options::default().into()),
            &[A, I(&[3])],
            image,
        ),
        of(
            Op::SELECT_V2,
            Some(SelectV2Options::default().into()),
            &[T(&[8]), A, B],
            image,
        ),
        of(
            Op::SELECT,
            Some(SelectOptions::default().into()),
            &[T(&[1, 4, 4, 8]), A, B],
            image,
        ),
        of(
            Op::DYNAMIC_UPDATE_SLICE,
            Some(DynamicUpdateSliceOptions::default().into()),
            &[A, B, I(&[0, 0, 0, 0])],
            image,
        ),
        Case {
            outputs: 2,
            ..of(
                Op::SPLIT,
                Some(SplitOptions { num_splits: 2 }.into()),
                &[N(3), A],
                &[1, 4, 4, 4],
            )
        },
        Case {
            outputs: 2,
            ..of(
                Op::SPLIT_V,
                Some(SplitVOptions { num_splits: 2 }.into()),
                &[A, I(&[4, 4]), N(3)],
                &[1, 4, 4, 4],
            )
        },
        Case {
            outputs: 4,
            ..of(
                Op::UNPACK,
                Some(UnpackOptions { num: 4, axis: 1 }.into()),
                &[A],
                &[1, 4, 8],
            )
        },
    ];
    cases.push(Case {
        shape: &[4, 2, 2, 8],
        ..of(
            Op::BATCH_TO_SPACE_ND,
            Some(BatchToSpaceNDOptions::default().into()),
            &[A, I(&[2, 2]), P(&[0, 0, 0, 0])],
            image,
        )
    });
    let problems: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.kind, problem(case)?)))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
