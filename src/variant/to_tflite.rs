//! An ONNX model becomes a TensorFlow Lite model: the step that leads from one format to the other.

use std::sync::Arc;

use bytes::Bytes;

use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::Wanted;
use super::convert::tflite::ConvertError;
use super::convert::tflite::Options;
use super::convert::tflite::convert_proto;
use super::recipe::no_settings;
use crate::model::onnx::facts::fed_inputs;
use crate::model::onnx::proto::ModelProto;
use crate::model::tensor::Dim;
use crate::model::tflite;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "tflite",
    usage: "tflite",
    about: "a TensorFlow Lite model, for phones and small boards",
    parse: |settings| no_settings(settings).map(|()| Arc::new(ToTfLite) as Arc<dyn Pass>),
};

#[derive(Debug)]
struct ToTfLite;

impl Pass for ToTfLite {
    fn name(&self) -> String {
        TRANSFORM.name.to_owned()
    }

    /// Every shape stands in the converted file, so that what the inputs leave open must be settled.
    fn wanted(&self, model: &ModelProto) -> Result<Wanted, VariantError> {
        let inputs = model.graph.as_ref().map(fed_inputs).unwrap_or_default();
        let is_open = |dims: &Option<Vec<Dim>>| {
            dims.as_ref()
                .is_none_or(|dims| dims.iter().any(|dim| !matches!(dim, Dim::Fixed(_))))
        };
        Ok(Wanted {
            shapes: inputs
                .into_iter()
                .filter(|spec| is_open(&spec.dims))
                .map(|spec| spec.name)
                .collect(),
            ..Wanted::default()
        })
    }

    fn converts(&self) -> bool {
        true
    }

    fn convert(
        &self,
        model: ModelProto,
        evidence: &Evidence,
        account: &mut Account,
    ) -> Result<tflite::schema::Model, VariantError> {
        let options = Options {
            shapes: evidence.shapes.clone(),
            ..Options::default()
        };
        let refused = |error: ConvertError| VariantError::Convert(Box::new(error));
        let converted = convert_proto(model, &options).map_err(refused)?;
        account.changed += converted.operators.values().sum::<usize>();
        account.notes.extend(converted.notes);
        let read = tflite::read(&Bytes::from(converted.bytes))
            .map_err(|error| refused(ConvertError::Write(error.to_string())))?;
        Ok(read.model)
    }
}
