//! Copies of models that yield intermediate tensors: nobody's file is touched.

use std::path::Path;

use crate::files;
use crate::files::FileError;
use crate::measure::side::Side;
use crate::model::onnx;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::runtime::Artifact;

/// A copy of `model` whose outputs are `names`, made by its nodes and `added`, in the file `path`; run as `side` is, whose files of
/// external data it shares.
pub(super) fn with_outputs<'a>(
    side: &Side,
    model: &ModelProto,
    names: impl Iterator<Item = &'a str>,
    added: Vec<NodeProto>,
    path: &Path,
) -> Result<Side, FileError> {
    let mut proto = model.clone();
    if let Some(graph) = &mut proto.graph {
        let declared = std::mem::take(&mut graph.output);
        let mut outputs: Vec<ValueInfoProto> = Vec::new();
        for name in names {
            if outputs.iter().any(|output| output.name() == name) {
                continue;
            }
            // Without a type the engine infers it.
            let output = declared.iter().find(|output| output.name() == name).cloned();
            outputs.push(output.unwrap_or_else(|| ValueInfoProto {
                name: Some(name.to_owned()),
                ..ValueInfoProto::default()
            }));
        }
        graph.output = outputs;
        graph.node.extend(added);
    }
    files::write_checked(path, &onnx::encode(&proto))?;
    Ok(Side {
        artifact: Artifact {
            model: path.to_owned(),
            external: side.artifact.external.clone(),
        },
        ..side.clone()
    })
}
