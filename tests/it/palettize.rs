//! `palettize`: weights out of small palettes, stored as indices, which the engine looks up when it loads the model.

use mlbuild::model::Model;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::visit;

use crate::prune::decoded;
use crate::prune::judged;
use crate::prune::load;
use crate::prune::made;
use crate::prune::right;

#[test]
fn sixteen_values_are_enough_to_know_digits() {
    for (name, least, largest) in [
        ("digits_mlp", 0.96, 0.30),
        ("digits_cnn", 0.97, 0.29),
        ("digits_mbv2", 0.90, 0.60),
        ("digits_vit", 0.80, 0.50),
        ("digits_lstm", 0.90, 0.30),
    ] {
        let model = load(name);
        let variant = made(&model, "palettize-4").unwrap();
        let (before, after) = right(name, &variant);
        assert!(
            after >= least && before >= after - 0.02,
            "{name}: {before} became {after}"
        );
        let size = variant.size().0 as f64 / model.size().0 as f64;
        assert!(size < largest, "{name}: {size}");
    }
}

#[test]
fn more_bits_are_more_exact() {
    let model = load("digits_cnn");
    let cosines: Vec<f64> = [2, 4, 8]
        .map(|bits| {
            let judged = judged("digits_cnn", &made(&model, &format!("palettize-{bits}")).unwrap());
            judged["accuracy"]["outputs"][0]["cosine"].as_f64().unwrap()
        })
        .to_vec();
    assert!(
        cosines[0] < cosines[1] && cosines[1] < cosines[2] && cosines[2] > 0.9999,
        "{cosines:?}"
    );
}

#[test]
fn palettes_are_no_larger_than_said_and_the_same_every_time() {
    for name in ["digits_cnn", "digits_vit", "control_flow_if_loop", "external_mlp"] {
        let model = load(name);
        let variant = made(&model, "palettize-3").unwrap();
        let proto = decoded(&variant);
        let scopes = visit::scopes(&proto);
        let indices: Vec<_> = visit::tensors(&scopes)
            .into_iter()
            .filter(|site| {
                site.tensor.data_type() == DataType::Uint8 as i32 && site.tensor.name().ends_with("_indices")
            })
            .collect();
        assert!(!indices.is_empty(), "{name}");
        for site in indices {
            assert!(
                site.tensor.raw_data().iter().all(|index| *index < 8),
                "{name}: {}",
                site.tensor.name()
            );
        }
        assert_eq!(made(&model, "palettize-3").unwrap().files, variant.files);
        let reloaded = Model::from_bytes(&model.path, variant.files[0].bytes.clone()).unwrap();
        assert_eq!(
            (&reloaded.facts.inputs, &reloaded.facts.outputs),
            (&model.facts.inputs, &model.facts.outputs)
        );
    }
}

#[test]
fn bodies_run_on_palettes() {
    let variant = made(&load("control_flow_if_loop"), "palettize-6").unwrap();
    let judged = judged("control_flow_if_loop", &variant);
    assert!(
        judged["accuracy"]["outputs"][0]["cosine"].as_f64().unwrap() > 0.99,
        "{judged}"
    );
}

#[test]
fn it_goes_with_other_steps() {
    let model = load("digits_cnn");
    let variant = made(&model, "prune-0.50+palettize-4").unwrap();
    let (_, after) = right("digits_cnn", &variant);
    assert!(after > 0.95, "{after}");
    let proto = decoded(&variant);
    let zeros = visit::tensors(&visit::scopes(&proto))
        .iter()
        .filter(|site| site.tensor.name().ends_with("_palette"))
        .filter(|site| site.tensor.raw_data().as_chunks::<4>().0.contains(&[0; 4]))
        .count();
    assert!(zeros >= 7, "{zeros} palettes hold zero");
    for recipe in ["palettize-4+fp16", "fp16+palettize-4"] {
        let variant = made(&model, recipe).unwrap();
        let (_, after) = right("digits_cnn", &variant);
        assert!(after > 0.95, "{recipe}: {after}");
    }
    let error = made(&model, "palettize-4+prune-0.50").unwrap_err().to_string();
    assert!(error.starts_with("prune-0.50 finds nothing to do"), "{error}");
}
