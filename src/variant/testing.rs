//! What tests of passes share: small models, and a pass applied to them.

use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::OperatorSetIdProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::variant::Account;
use crate::variant::Evidence;
use crate::variant::Recipe;

/// A model of opset 17 from `x` to `y`.
pub(super) fn of(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let value = |name: &str| ValueInfoProto {
        name: Some(name.to_owned()),
        ..ValueInfoProto::default()
    };
    ModelProto {
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(GraphProto {
            node,
            initializer,
            input: vec![value("x")],
            output: vec![value("y")],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

/// Applies the first step of `recipe`, which must succeed.
pub(super) fn apply(recipe: &str, model: &mut ModelProto) -> Account {
    let recipe = Recipe::parse(recipe).unwrap();
    let mut account = Account::default();
    recipe.steps[0]
        .pass
        .apply(model, &Evidence::default(), &mut account)
        .unwrap();
    account
}
