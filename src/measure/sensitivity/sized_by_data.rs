//! Tensors whose size depends on the values that a model is fed, and not on their sizes alone. An engine plans outputs for one size, and what it
//! yields of these on another sample is cut off or stale, without a word: they are not compared.

use std::collections::HashSet;

use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::view::places;

/// The places of such tensors in `graph`, which is one of `model`'s.
pub(super) fn sized_by_data(model: &Model, graph: &SubGraph) -> HashSet<usize> {
    let mut sized = HashSet::new();
    // Tensors whose values depend on what is fed; those of others are known from sizes and constants.
    let mut valued: HashSet<usize> = places(graph.inputs()).collect();
    for operator in graph.operators() {
        let kind = model.operator(operator);
        let reads_sized = places(operator.inputs()).any(|place| sized.contains(&place));
        let is_sized = reads_sized
            || is_always(kind)
            || deciding(kind)
                .iter()
                .filter_map(|place| input(operator, *place))
                .any(|place| valued.contains(&place));
        let reads_values = places(operator.inputs()).any(|place| valued.contains(&place));
        let tells_sizes = matches!(kind, BuiltinOperator::SHAPE | BuiltinOperator::RANK);
        let is_valued = is_sized || (reads_values && !tells_sizes) || operator.inputs().is_empty();
        for place in places(operator.outputs()) {
            // What branches and loops yield is as large as the file says, where it says so.
            let is_open = runs_graphs(kind) && graph.tensors().get(place).is_none_or(|tensor| tensor.fixed().is_none());
            if is_sized || is_open {
                sized.insert(place);
            }
            if is_valued {
                valued.insert(place);
            }
        }
    }
    sized
}

fn input(operator: &Operator, place: usize) -> Option<usize> {
    usize::try_from(*operator.inputs().get(place)?).ok()
}

fn runs_graphs(kind: BuiltinOperator) -> bool {
    matches!(
        kind,
        BuiltinOperator::IF | BuiltinOperator::WHILE | BuiltinOperator::CALL | BuiltinOperator::STABLEHLO_COMPOSITE
    )
}

/// True of operators that find some number of things.
fn is_always(kind: BuiltinOperator) -> bool {
    matches!(
        kind,
        BuiltinOperator::WHERE | BuiltinOperator::UNIQUE | BuiltinOperator::SKIP_GRAM | BuiltinOperator::CUSTOM
    )
}

/// The inputs whose values decide how large the outputs are.
fn deciding(kind: BuiltinOperator) -> &'static [usize] {
    match kind {
        BuiltinOperator::FILL
        | BuiltinOperator::SPLIT
        | BuiltinOperator::TRANSPOSE_CONV
        | BuiltinOperator::CONV_3D_TRANSPOSE
        | BuiltinOperator::RANDOM_UNIFORM
        | BuiltinOperator::RANDOM_STANDARD_NORMAL => &[0],
        BuiltinOperator::RESHAPE
        | BuiltinOperator::TILE
        | BuiltinOperator::BROADCAST_TO
        | BuiltinOperator::PAD
        | BuiltinOperator::PADV2
        | BuiltinOperator::MIRROR_PAD
        | BuiltinOperator::RESIZE_BILINEAR
        | BuiltinOperator::RESIZE_NEAREST_NEIGHBOR
        | BuiltinOperator::EXPAND_DIMS
        | BuiltinOperator::TOPK_V2
        | BuiltinOperator::TRANSPOSE
        | BuiltinOperator::SUM
        | BuiltinOperator::MEAN
        | BuiltinOperator::REDUCE_MAX
        | BuiltinOperator::REDUCE_MIN
        | BuiltinOperator::REDUCE_PROD
        | BuiltinOperator::REDUCE_ANY
        | BuiltinOperator::REDUCE_ALL
        | BuiltinOperator::ARG_MAX
        | BuiltinOperator::ARG_MIN
        | BuiltinOperator::ONE_HOT
        | BuiltinOperator::SPARSE_TO_DENSE
        | BuiltinOperator::MULTINOMIAL
        | BuiltinOperator::SEGMENT_SUM
        | BuiltinOperator::RFFT2D => &[1],
        BuiltinOperator::SCATTER_ND
        | BuiltinOperator::UNSORTED_SEGMENT_MAX
        | BuiltinOperator::UNSORTED_SEGMENT_MIN
        | BuiltinOperator::UNSORTED_SEGMENT_PROD
        | BuiltinOperator::UNSORTED_SEGMENT_SUM => &[2],
        BuiltinOperator::SLICE
        | BuiltinOperator::SPLIT_V
        | BuiltinOperator::SPACE_TO_BATCH_ND
        | BuiltinOperator::BATCH_TO_SPACE_ND => &[1, 2],
        BuiltinOperator::STRIDED_SLICE => &[1, 2, 3],
        BuiltinOperator::RANGE => &[0, 1, 2],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::model::tflite::schema::OperatorCode;

    use super::*;

    /// A graph of operators, each with what it reads and makes; tensor 0 is fed.
    fn found(operators: &[(BuiltinOperator, &[i32], i32)]) -> Vec<usize> {
        let codes = operators.iter().map(|(kind, ..)| OperatorCode {
            builtin_code: *kind,
            ..OperatorCode::default()
        });
        let model = Model {
            operator_codes: Some(codes.collect()),
            ..Model::default()
        };
        let operators = operators
            .iter()
            .enumerate()
            .map(|(code, (_, inputs, output))| Operator {
                opcode_index: code as u32,
                inputs: Some(inputs.to_vec()),
                outputs: Some(vec![*output]),
                ..Operator::default()
            });
        let graph = SubGraph {
            inputs: Some(vec![0]),
            operators: Some(operators.collect()),
            ..SubGraph::default()
        };
        let mut found: Vec<usize> = sized_by_data(&model, &graph).into_iter().collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn what_is_found_has_a_size_of_its_own_and_so_has_what_follows() {
        use BuiltinOperator as Kind;
        let operators = [
            (Kind::ABS, &[0][..], 1),
            (Kind::WHERE, &[1], 2),
            (Kind::CAST, &[2], 3),
            (Kind::SHAPE, &[3], 4),
            (Kind::RESHAPE, &[1, 4], 5),
            (Kind::ADD, &[1, 1], 6),
        ];
        assert_eq!(found(&operators), [2, 3, 4, 5]);
    }

    #[test]
    fn sizes_that_come_of_sizes_and_constants_are_known() {
        use BuiltinOperator as Kind;
        // 9 is a constant.
        let operators = [
            (Kind::SHAPE, &[0][..], 1),
            (Kind::STRIDED_SLICE, &[1, 9, 9, 9], 2),
            (Kind::PACK, &[2, 9], 3),
            (Kind::RESHAPE, &[0, 3], 4),
            (Kind::MEAN, &[4, 9], 5),
        ];
        assert_eq!(found(&operators), [0_usize; 0]);
        // The values of what is fed, as a size.
        assert_eq!(
            found(&[
                (Kind::CAST, &[0], 1),
                (Kind::RESHAPE, &[9, 1], 2),
                (Kind::SLICE, &[0, 9, 1], 3)
            ]),
            [2, 3]
        );
        assert_eq!(found(&[(Kind::RANGE, &[9, 0, 9], 1)]), [1]);
    }

    #[test]
    fn what_a_branch_yields_is_as_large_as_the_file_says() {
        assert_eq!(found(&[(BuiltinOperator::IF, &[0, 0], 1)]), [1]);
    }
}
