//! The structural rules on real models: all keep them, and each kind of damage is found and named.

use std::path::PathBuf;

use mlbuild::files::write_atomic;
use mlbuild::hint::Hint as _;
use mlbuild::model::Model;
use mlbuild::model::onnx::check::check;
use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::OperatorSetIdProto;
use prost::Message as _;

use crate::support::onnx::fixture;

const FIXTURES: &[&str] = &[
    "digits_mlp",
    "digits_cnn",
    "digits_mbv2",
    "digits_vit",
    "digits_lstm",
    "control_flow_if_loop",
    "kitchen_sink",
];

fn model(name: &str) -> ModelProto {
    Model::load(&fixture(&format!("{name}.onnx")))
        .unwrap()
        .onnx()
        .unwrap()
        .clone()
}

/// Writes our verdict on every model of a folder, for `tests/reference/checker_check.py`, which says how to run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_verdicts() {
    let folder = PathBuf::from(std::env::var_os("CHECK_MODELS").expect("CHECK_MODELS is not set"));
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension == "onnx") {
            let verdict = match ModelProto::decode(&*std::fs::read(&path).unwrap()) {
                Ok(model) => check(&model).map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
                Err(error) => error.to_string(),
            };
            write_atomic(&path.with_extension("verdict"), verdict.as_bytes()).unwrap();
        }
    }
}

#[test]
fn real_models_keep_the_rules() {
    for name in FIXTURES {
        check(&model(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn each_damage_is_found_and_named() {
    type Damage = (&'static str, fn(&mut ModelProto), &'static str);
    let damages: &[Damage] = &[
        (
            "digits_mlp",
            |model| model.ir_version = None,
            "the model is of format version 0",
        ),
        (
            "digits_mlp",
            |model| model.ir_version = Some(99),
            "the model is of format version 99",
        ),
        (
            "digits_mlp",
            |model| model.opset_import.clear(),
            "the model imports no operators",
        ),
        (
            "digits_mlp",
            |model| {
                model.opset_import.push(OperatorSetIdProto {
                    domain: None,
                    version: Some(3),
                });
            },
            "the model imports ONNX's operators twice",
        ),
        (
            "digits_mlp",
            |model| model.graph.as_mut().unwrap().node.reverse(),
            "which nothing before it makes",
        ),
        (
            "digits_mlp",
            |model| {
                let graph = model.graph.as_mut().unwrap();
                let again = graph.node[0].clone();
                graph.node.push(again);
            },
            "which is made before it",
        ),
        (
            "digits_mlp",
            |model| model.graph.as_mut().unwrap().name = None,
            "the graph has no name",
        ),
        (
            "digits_mlp",
            |model| model.graph.as_mut().unwrap().node[0].domain = Some("nobody".to_owned()),
            "uses the operators of `nobody`, which are not imported",
        ),
        (
            "digits_mlp",
            |model| {
                model.graph.as_mut().unwrap().node[0].attribute.push(AttributeProto {
                    name: Some("odd".to_owned()),
                    r#type: Some(2),
                    f: Some(1.0),
                    ..AttributeProto::default()
                });
            },
            "is of type INT, but its value is in `f`",
        ),
        (
            "digits_mlp",
            |model| model.graph.as_mut().unwrap().initializer[0].dims.push(7),
            "where its shape and type need",
        ),
        (
            "digits_mlp",
            |model| model.graph.as_mut().unwrap().output[0].name = Some("nothing".to_owned()),
            "output `nothing` is made by no node",
        ),
        (
            "control_flow_if_loop",
            |model| {
                let node = model.graph.as_mut().unwrap().node.iter_mut();
                let mut bodies = node
                    .flat_map(|node| &mut node.attribute)
                    .filter_map(|attribute| attribute.g.as_mut());
                bodies.next().unwrap().node[0].input[0] = "nowhere".to_owned();
            },
            "reads `nowhere`, which nothing before it makes",
        ),
        (
            "kitchen_sink",
            |model| {
                let again = model.functions[0].clone();
                model.functions.push(again);
            },
            "stands twice",
        ),
    ];
    for (name, damage, expected) in damages {
        let mut model = model(name);
        damage(&mut model);
        let error = check(&model).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert!(!error.hints().is_empty());
    }
}
