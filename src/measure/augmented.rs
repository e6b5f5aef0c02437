//! Copies of models that yield intermediate tensors: nobody's file is touched.

use std::collections::BTreeSet;
use std::path::Path;

use crate::files;
use crate::files::FileError;
use crate::measure::side::Side;
use crate::model::onnx;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::tflite;
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
/// The same of a TensorFlow Lite model; nothing can be added to one. Names that the graph lacks are left out.
pub(super) fn with_tflite_outputs<'a>(
    side: &Side,
    model: &tflite::schema::Model,
    names: impl Iterator<Item = &'a str>,
    path: &Path,
) -> Result<Side, FileError> {
    let mut tables = model.clone();
    let entry = model
        .signature()
        .map_or(0, |signature| signature.subgraph_index as usize);
    let wanted: BTreeSet<&str> = names.collect();
    if let Some(graph) = tables.subgraphs.iter_mut().flatten().nth(entry) {
        let tensors = graph.tensors.iter().flatten().enumerate();
        let found: Vec<(u32, String)> = tensors
            .filter(|(_, tensor)| wanted.contains(tensor.name()))
            .filter_map(|(index, tensor)| Some((u32::try_from(index).ok()?, tensor.name().to_owned())))
            .collect();
        graph.outputs = Some(found.iter().map(|(index, _)| index.cast_signed()).collect());
        if let Some(signature) = tables.signature_defs.iter_mut().flatten().next() {
            let maps = found.into_iter().map(|(tensor_index, name)| tflite::schema::TensorMap {
                name: Some(name),
                tensor_index,
            });
            signature.outputs = Some(maps.collect());
        }
    }
    // The copy is as large as its source, which a file holds.
    let bytes = tflite::write(&tables).unwrap_or_default();
    files::write_checked(path, &bytes)?;
    Ok(Side {
        artifact: Artifact {
            model: path.to_owned(),
            external: Vec::new(),
        },
        ..side.clone()
    })
}
