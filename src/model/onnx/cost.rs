//! What decoding a model file would cost, found out on the wire before a single message is built: a few megabytes of empty
//! messages would decode to gigabytes.

use crate::model::onnx::proto;
use crate::model::onnx::wire;
use crate::model::onnx::wire::Value;
use crate::model::onnx::wire::WireError;

/// Messages may nest this deep. A subgraph takes three levels; the decoder's own limit is 100.
pub(crate) const MAX_NESTING: usize = 64;

/// Beyond twice the size of the file, decoding may take this much memory, in bytes. A graph of 100 000 nodes takes about half.
const ALLOWANCE: u64 = 1 << 30;

/// Why a file is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CostError {
    /// The file ends before its outermost message does; at least so many bytes are missing.
    CutShort(u64),
    /// A message contradicts itself.
    Malformed(&'static str, usize),
    /// Messages nest too deep.
    TooDeep,
    /// The messages would take more memory than a file of this size has any right to.
    TooMuchMemory(u64),
}

/// The messages of ONNX's schema that matter for cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    ValueInfo,
    Type,
    TensorType,
    Nested,
    Shape,
    Function,
    Training,
    Annotation,
    Device,
    Small,
}

/// What a field of a known message holds.
enum Content {
    Message(Message),
    /// Base-128 numbers, of so many bytes each once decoded.
    Numbers(u64),
    /// Text, raw bytes, packed floats: no larger decoded than on the wire but for a header.
    Plain,
}

impl Message {
    /// Bytes of one, decoded, without what it points to.
    fn size(self) -> u64 {
        let size = match self {
            Self::Model => size_of::<proto::ModelProto>(),
            Self::Graph => size_of::<proto::GraphProto>(),
            Self::Node => size_of::<proto::NodeProto>(),
            Self::Attribute => size_of::<proto::AttributeProto>(),
            Self::Tensor => size_of::<proto::TensorProto>(),
            Self::Sparse => size_of::<proto::SparseTensorProto>(),
            Self::ValueInfo => size_of::<proto::ValueInfoProto>(),
            Self::Type | Self::TensorType | Self::Nested => size_of::<proto::TypeProto>(),
            Self::Shape => size_of::<proto::TensorShapeProto>(),
            Self::Function => size_of::<proto::FunctionProto>(),
            Self::Training => size_of::<proto::TrainingInfoProto>(),
            Self::Annotation => size_of::<proto::TensorAnnotation>(),
            Self::Device => size_of::<proto::NodeDeviceConfigurationProto>(),
            // Entries, dimensions, operator sets and sharding: at most this.
            Self::Small => 96,
        };
        size as u64
    }

    /// What the field of this number holds.
    fn content(self, number: u32) -> Content {
        use Content::Message as Holds;
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Holds(Self::Graph),
            (Self::Model, 25) => Holds(Self::Function),
            (Self::Model, 20) => Holds(Self::Training),
            (Self::Model, 8 | 14 | 26)
            | (Self::Graph | Self::Tensor, 16)
            | (Self::Node | Self::Function, 9)
            | (Self::ValueInfo, 4)
            | (Self::Function, 14)
            | (Self::Tensor, 3 | 13)
            | (Self::Training, 3 | 4)
            | (Self::Annotation, 2)
            | (Self::Shape, 1) => Holds(Self::Small),
            (Self::Graph, 1) | (Self::Function, 7) => Holds(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Holds(Self::Tensor),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Holds(Self::Sparse),
            (Self::Graph, 11..=13) | (Self::Function, 12) => Holds(Self::ValueInfo),
            (Self::Graph, 14) => Holds(Self::Annotation),
            (Self::Node, 5) | (Self::Function, 11) => Holds(Self::Attribute),
            (Self::Node, 10) => Holds(Self::Device),
            // Within a device configuration and its parts every block is a message, text, or numbers.
            (Self::Device, 2) => Holds(Self::Device),
            (Self::Device, 3 | 4) => Holds(Self::Device),
            (Self::Attribute, 14 | 15) | (Self::ValueInfo, 2) => Holds(Self::Type),
            (Self::Type, 1 | 8) => Holds(Self::TensorType),
            (Self::Type, 4 | 5 | 9) => Holds(Self::Nested),
            (Self::TensorType, 2) => Holds(Self::Shape),
            (Self::Nested, 1 | 2) => Holds(Self::Type),
            (Self::Tensor, 5) => Content::Numbers(4),
            (Self::Tensor, 1 | 7 | 11) | (Self::Attribute, 8) | (Self::Sparse, 3) => Content::Numbers(8),
            _ => Content::Plain,
        }
    }
}

/// Walks the whole file; gives the memory in bytes that decoding it will take, roughly.
pub(crate) fn decoding(bytes: &[u8]) -> Result<u64, CostError> {
    let allowed = ALLOWANCE + 2 * bytes.len() as u64;
    let mut memory = Message::Model.size();
    let mut open = vec![(Message::Model, bytes.len())];
    let mut at = 0;
    while let Some((message, end)) = open.last().copied() {
        if at == end {
            open.pop();
            continue;
        }
        let (field, next) = wire::field(bytes, at, end).map_err(|error| match error {
            WireError::PastEnd(missing) if open.len() == 1 => CostError::CutShort(missing),
            WireError::PastEnd(_) => CostError::Malformed("a field longer than the message around it", at),
            WireError::Malformed(reason) => CostError::Malformed(reason, at),
        })?;
        at = next;
        match field.value {
            Value::Number | Value::Fixed => memory += 8,
            Value::Block(block) => match message.content(field.number) {
                Content::Message(inner) => {
                    if open.len() == MAX_NESTING {
                        return Err(CostError::TooDeep);
                    }
                    memory += inner.size();
                    at = block.start;
                    open.push((inner, block.end));
                }
                Content::Numbers(width) => memory += width * wire::packed_numbers(&bytes[block]),
                Content::Plain => memory += 32,
            },
        }
        if memory > allowed {
            return Err(CostError::TooMuchMemory(allowed));
        }
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::model::onnx::proto::AttributeProto;
    use crate::model::onnx::proto::GraphProto;
    use crate::model::onnx::proto::ModelProto;
    use crate::model::onnx::proto::NodeProto;

    fn with_nodes(nodes: Vec<NodeProto>) -> Vec<u8> {
        let graph = GraphProto {
            node: nodes,
            ..GraphProto::default()
        };
        let model = ModelProto {
            ir_version: Some(8),
            graph: Some(graph),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    fn nested(levels: usize) -> Vec<u8> {
        let mut node = NodeProto::default();
        for _ in 0..levels {
            let graph = GraphProto {
                node: vec![node],
                ..GraphProto::default()
            };
            node = NodeProto {
                attribute: vec![AttributeProto {
                    g: Some(graph),
                    ..AttributeProto::default()
                }],
                ..NodeProto::default()
            };
        }
        with_nodes(vec![node])
    }

    #[test]
    fn empty_messages_are_counted_by_what_they_become() {
        let node = NodeProto {
            attribute: vec![AttributeProto::default(); 1_000_000],
            ..NodeProto::default()
        };
        let bytes = with_nodes(vec![node]);
        assert!(bytes.len() < 3_000_000);
        assert!(matches!(decoding(&bytes), Err(CostError::TooMuchMemory(_))));
        let modest = with_nodes(vec![NodeProto::default(); 1000]);
        assert!(decoding(&modest).unwrap() > 1000 * size_of::<NodeProto>() as u64);
    }

    #[test]
    fn nesting_is_limited_before_the_decoder_recurses() {
        assert!(decoding(&nested(15)).is_ok());
        assert_eq!(decoding(&nested(40)), Err(CostError::TooDeep));
        assert!(ModelProto::decode(nested(15).as_slice()).is_ok());
    }

    #[test]
    fn every_cut_is_found() {
        let bytes = nested(3);
        // Two bytes of version, two of the graph's key and length, then the graph.
        assert!(bytes.len() < 128);
        for length in 4..bytes.len() {
            let missing = (bytes.len() - length) as u64;
            assert_eq!(
                decoding(&bytes[..length]),
                Err(CostError::CutShort(missing)),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decoding(&bytes);
        }
    }
}
