//! An operator as the format stores it: its code, version, options, and the constants that it takes as inputs.
//!
//! Numbers are those of the schema (`tensorflow/lite/schema/schema.fbs`, as in ai-edge-litert 2.3.0), versions those of the engine's own
//! rules (`tflite/tools/versioning/op_version.cc`).

use super::flat::Flat;
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
    pub(super) code: i32,
    pub(super) version: i32,
    /// The kind of options, and the options.
    pub(super) options: Option<(u8, Flat)>,
    pub(super) inputs: Vec<Extra>,
    /// The first release of the engine that has it, where it is younger than the others.
    pub(super) since: (u32, u32),
}

fn activation(activation: Activation) -> Flat {
    Flat::Byte(match activation {
        Activation::None => 0,
        Activation::Relu => 1,
        Activation::ReluN1To1 => 2,
        Activation::Relu6 => 3,
    })
}

fn padding(padding: Padding) -> Flat {
    Flat::Byte(match padding {
        Padding::Same => 0,
        Padding::Valid => 1,
    })
}

fn int(value: usize) -> Flat {
    Flat::Int(value as i32)
}

/// The format's number for a type.
pub(super) fn tensor_type(kind: Kind) -> u8 {
    match kind {
        Kind::F32 => 0,
        Kind::I32 => 2,
        Kind::U8 => 3,
        Kind::I64 => 4,
        Kind::Bool => 6,
        Kind::I8 => 9,
    }
}

fn ints(values: &[usize]) -> Vec<i32> {
    values.iter().map(|value| *value as i32).collect()
}

fn pairs(before: &[usize], after: &[usize]) -> Extra {
    Extra::Pairs(
        before
            .iter()
            .zip(after)
            .flat_map(|(before, after)| [*before as i32, *after as i32])
            .collect(),
    )
}

/// `op` with its `count` tensors; `rank` and `from` are those of the first input.
pub(super) fn stored(op: &Op, count: usize, rank: usize, from: Kind, grouped: bool) -> Stored {
    let all = || (0..count).map(Extra::Input).collect::<Vec<_>>();
    let with = |extras: Vec<Extra>| all().into_iter().chain(extras).collect::<Vec<_>>();
    let plain = |code: i32, inputs: Vec<Extra>| Stored {
        code,
        version: 1,
        options: None,
        inputs,
        since: (1, 14),
    };
    let table = |code: i32, kind: u8, fields: Vec<(u16, Flat)>, inputs: Vec<Extra>| Stored {
        options: Some((kind, Flat::Table(fields))),
        ..plain(code, inputs)
    };
    match op {
        Op::Conv {
            stride,
            dilation,
            padding: pad,
            activation: active,
        } => Stored {
            version: if grouped { 6 } else { 1 },
            ..table(
                3,
                1,
                vec![
                    (0, padding(*pad)),
                    (1, int(stride[1])),
                    (2, int(stride[0])),
                    (3, activation(*active)),
                    (4, int(dilation[1])),
                    (5, int(dilation[0])),
                ],
                all(),
            )
        },
        Op::DepthwiseConv {
            stride,
            dilation,
            padding: pad,
            multiplier,
            activation: active,
        } => Stored {
            version: if *dilation == [1, 1] { 1 } else { 2 },
            ..table(
                4,
                2,
                vec![
                    (0, padding(*pad)),
                    (1, int(stride[1])),
                    (2, int(stride[0])),
                    (3, int(*multiplier)),
                    (4, activation(*active)),
                    (5, int(dilation[1])),
                    (6, int(dilation[0])),
                ],
                all(),
            )
        },
        // The size stands in the output's own shape too; the writer fills in batch and channels.
        Op::TransposeConv {
            stride, padding: pad, ..
        } => Stored {
            version: if count > 2 { 3 } else { 1 },
            since: if count > 2 { (2, 4) } else { (1, 14) },
            ..table(
                67,
                49,
                vec![(0, padding(*pad)), (1, int(stride[1])), (2, int(stride[0]))],
                [Extra::List(Vec::new()), Extra::Input(1), Extra::Input(0)]
                    .into_iter()
                    .chain((2..count).map(Extra::Input))
                    .collect(),
            )
        },
        Op::FullyConnected { activation: active } => Stored {
            version: match (rank > 2, count > 2) {
                (_, false) => 6,
                (true, true) => 5,
                (false, true) => 1,
            },
            ..table(9, 8, vec![(0, activation(*active)), (2, Flat::Bool(rank > 2))], all())
        },
        Op::BatchMatMul { adj_x, adj_y } => Stored {
            since: (2, 3),
            ..table(126, 101, vec![(0, Flat::Bool(*adj_x)), (1, Flat::Bool(*adj_y))], all())
        },
        Op::Arithmetic(arithmetic, active) => {
            let (code, kind) = match arithmetic {
                Arithmetic::Add => (0, 11),
                Arithmetic::Sub => (41, 28),
                Arithmetic::Mul => (18, 21),
                Arithmetic::Div => (42, 29),
            };
            table(code, kind, vec![(0, activation(*active))], all())
        }
        Op::Binary(binary) => {
            let (code, kind) = match binary {
                Binary::Maximum => (55, 39),
                Binary::Minimum => (57, 39),
                Binary::Pow => (78, 56),
                Binary::FloorMod => (95, 72),
                Binary::LogicalAnd => (86, 62),
                Binary::LogicalOr => (84, 60),
                Binary::Equal => (71, 53),
                Binary::NotEqual => (72, 54),
                Binary::Less => (58, 41),
                Binary::LessEqual => (63, 46),
                Binary::Greater => (61, 44),
                Binary::GreaterEqual => (62, 45),
                Binary::Prelu => return plain(54, all()),
            };
            table(code, kind, Vec::new(), all())
        }
        Op::Unary(unary) => {
            let (code, kind) = match unary {
                Unary::Abs => (101, 78),
                Unary::Ceil => (104, 0),
                Unary::Cos => (108, 84),
                Unary::Elu => (111, 0),
                Unary::Exp => (47, 33),
                Unary::Floor => (8, 0),
                Unary::HardSwish => (117, 91),
                Unary::Log => (73, 0),
                Unary::LogicalNot => (87, 63),
                Unary::Logistic => (14, 0),
                Unary::Neg => (59, 42),
                Unary::Relu => (19, 0),
                Unary::Relu0To1 => (152, 0),
                Unary::Relu6 => (21, 0),
                Unary::ReluN1To1 => (20, 0),
                Unary::Round => (116, 0),
                Unary::Rsqrt => (76, 0),
                Unary::Sign => (158, 124),
                Unary::Sin => (66, 0),
                Unary::Sqrt => (75, 0),
                Unary::Square => (92, 66),
                Unary::Tanh => (28, 0),
            };
            let since = match unary {
                Unary::Relu0To1 | Unary::Sign => (2, 12),
                Unary::HardSwish => (1, 15),
                _ => (1, 14),
            };
            let made = if kind == 0 {
                plain(code, all())
            } else {
                table(code, kind, Vec::new(), all())
            };
            Stored { since, ..made }
        }
        Op::LeakyRelu { alpha } => table(98, 75, vec![(0, Flat::Float(*alpha))], all()),
        Op::Gelu { approximate } => Stored {
            since: (2, 9),
            ..table(150, 116, vec![(0, Flat::Bool(*approximate))], all())
        },
        // Never written: a pass puts operators of the format in its place.
        Op::Erf => plain(-1, all()),
        Op::Select => Stored {
            since: (2, 2),
            ..table(123, 98, Vec::new(), all())
        },
        Op::Softmax => table(25, 9, vec![(0, Flat::Float(1.0))], all()),
        Op::LogSoftmax => table(50, 36, Vec::new(), all()),
        Op::Pool {
            kind,
            filter,
            stride,
            padding: pad,
            activation: active,
        } => table(
            match kind {
                Pool::Average => 1,
                Pool::Max => 17,
            },
            5,
            vec![
                (0, padding(*pad)),
                (1, int(stride[1])),
                (2, int(stride[0])),
                (3, int(filter[1])),
                (4, int(filter[0])),
                (5, activation(*active)),
            ],
            all(),
        ),
        Op::Reduce { kind, axes, keep } => {
            let code = match kind {
                Reduction::Max => 82,
                Reduction::Mean => 40,
                Reduction::Min => 89,
                Reduction::Prod => 81,
                Reduction::Sum => 74,
            };
            table(
                code,
                27,
                vec![(0, Flat::Bool(*keep))],
                with(vec![Extra::List(ints(axes))]),
            )
        }
        Op::ArgExtreme { max, axis } => {
            let (code, kind) = if *max { (56, 40) } else { (79, 57) };
            table(
                code,
                kind,
                vec![(0, Flat::Byte(tensor_type(Kind::I32)))],
                with(vec![Extra::Number(*axis as i32)]),
            )
        }
        Op::Reshape(shape) => table(
            22,
            17,
            vec![(0, Flat::Ints(ints(shape)))],
            with(vec![Extra::List(ints(shape))]),
        ),
        Op::Transpose(order) => Stored {
            version: if rank > 5 {
                6
            } else if rank > 4 {
                4
            } else {
                1
            },
            ..table(39, 26, Vec::new(), with(vec![Extra::List(ints(order))]))
        },
        Op::Concat { axis } => table(2, 10, vec![(0, int(*axis)), (1, activation(Activation::None))], all()),
        Op::Split { axis, sizes } if alike(sizes) => table(
            49,
            35,
            vec![(0, int(sizes.len()))],
            vec![Extra::Number(*axis as i32), Extra::Input(0)],
        ),
        Op::Split { axis, sizes } => table(
            102,
            79,
            vec![(0, int(sizes.len()))],
            with(vec![Extra::List(ints(sizes)), Extra::Number(*axis as i32)]),
        ),
        Op::Slice { begin, size } => Stored {
            version: if rank > 4 { 5 } else { 1 },
            ..table(
                65,
                48,
                Vec::new(),
                with(vec![Extra::List(ints(begin)), Extra::List(ints(size))]),
            )
        },
        Op::StridedSlice { begin, strides, size } => {
            let ends = begin.iter().zip(strides).zip(size);
            let ends: Vec<i64> = ends
                .map(|((begin, stride), size)| begin + stride * *size as i64)
                .collect();
            // An end before the first element cannot be said by a number, which would count from the end.
            let open = ends.iter().enumerate().filter(|(_, end)| **end < 0);
            let mask = open.fold(0, |mask, (axis, _)| mask | 1 << axis);
            let narrow = |values: &[i64]| Extra::List(values.iter().map(|value| *value as i32).collect());
            Stored {
                version: if rank > 4 { 4 } else { 1 },
                ..table(
                    45,
                    32,
                    vec![(1, Flat::Int(mask))],
                    with(vec![narrow(begin), narrow(&ends), narrow(strides)]),
                )
            }
        }
        Op::Gather { axis } => table(36, 23, vec![(0, int(*axis))], all()),
        Op::GatherNd => table(107, 83, Vec::new(), all()),
        Op::Pad { before, after, value } if *value == 0.0 => {
            table(34, 22, Vec::new(), with(vec![pairs(before, after)]))
        }
        Op::Pad { before, after, value } => table(
            60,
            43,
            Vec::new(),
            with(vec![pairs(before, after), Extra::Float(*value)]),
        ),
        Op::MirrorPad { before, after, reflect } => table(
            100,
            77,
            vec![(0, Flat::Byte(u8::from(!reflect)))],
            with(vec![pairs(before, after)]),
        ),
        Op::Tile(times) => table(69, 51, Vec::new(), with(vec![Extra::List(ints(times))])),
        Op::BroadcastTo(shape) => Stored {
            version: 2,
            since: (2, 5),
            ..table(130, 104, Vec::new(), with(vec![Extra::List(ints(shape))]))
        },
        Op::Cast(to) => table(
            53,
            37,
            vec![(0, Flat::Byte(tensor_type(from))), (1, Flat::Byte(tensor_type(*to)))],
            all(),
        ),
        Op::Resize {
            kind,
            size,
            align_corners,
            half_pixel,
        } => {
            let (code, options, first) = match kind {
                Resize::Bilinear => (23, 15, 2),
                Resize::Nearest => (97, 74, 0),
            };
            Stored {
                version: if *half_pixel || (*align_corners && *kind == Resize::Nearest) {
                    3
                } else {
                    1
                },
                ..table(
                    code,
                    options,
                    vec![
                        (first, Flat::Bool(*align_corners)),
                        (first + 1, Flat::Bool(*half_pixel)),
                    ],
                    with(vec![Extra::List(ints(size))]),
                )
            }
        }
        Op::DepthToSpace { block } => table(5, 94, vec![(0, int(*block))], all()),
        Op::SpaceToDepth { block } => table(26, 19, vec![(0, int(*block))], all()),
        Op::TopK { k } => table(48, 34, Vec::new(), with(vec![Extra::Number(*k as i32)])),
        Op::Cumsum {
            axis,
            exclusive,
            reverse,
        } => Stored {
            since: (2, 4),
            ..table(
                128,
                102,
                vec![(0, Flat::Bool(*exclusive)), (1, Flat::Bool(*reverse))],
                with(vec![Extra::Number(*axis as i32)]),
            )
        },
        Op::LocalResponseNorm {
            radius,
            bias,
            alpha,
            beta,
        } => table(
            13,
            13,
            vec![
                (0, int(*radius)),
                (1, Flat::Float(*bias)),
                (2, Flat::Float(*alpha)),
                (3, Flat::Float(*beta)),
            ],
            all(),
        ),
    }
}
