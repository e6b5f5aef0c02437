//! `bf16` on real models, with the real engine.

use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::visit;

use crate::support::derived::derived;
use crate::support::derived::digits;
use crate::support::derived::write_variants;

/// Writes variants of every model of a folder.
#[test]
#[ignore = "writes files to look at"]
fn write_bf16_variants() {
    write_variants("BF16", &["bf16", "int8+bf16"]);
}

#[test]
fn models_are_half_as_large_and_answer_alike() {
    for (name, cosine, size) in [
        ("digits_mlp", 0.9999, 0.51),
        ("digits_cnn", 0.9999, 0.51),
        ("digits_mbv2", 0.9995, 0.57),
        ("digits_vit", 0.9995, 0.58),
        ("digits_lstm", 0.9995, 0.52),
        ("control_flow_if_loop", 0.999, 0.55),
        ("external_mlp", 0.9999, 0.53),
    ] {
        let derived = derived(name, "bf16");
        assert!(derived.ratio() <= size, "{name}: {}", derived.ratio());
        assert_eq!(
            derived.variant.files,
            crate::support::derived::derived(name, "bf16").variant.files
        );
        let found = if name.starts_with("digits") {
            derived.agreement_on(digits(&derived.model))
        } else {
            derived.agreement()
        };
        assert!(found.cosine >= cosine && found.max_abs_error > 0.0, "{name}: {found:?}");
        if let (Some(before), Some(after)) = (found.baseline_top1, found.candidate_top1) {
            assert!((before - after).abs() <= 0.005, "{name}: {before} {after}");
        }
        assert!(derived.variant.account.notes[0].ends_with("computation stays in 32 bits"));
    }
}

#[test]
fn scales_of_integers_stay_exact() {
    let both = derived("digits_cnn", "int8+bf16");
    let proto = both.proto();
    let scopes = visit::scopes(&proto);
    let tensors = visit::tensors(&scopes);
    let scale = tensors
        .iter()
        .find(|site| site.tensor.name().ends_with("_scale"))
        .unwrap();
    assert_eq!(scale.tensor.data_type(), DataType::Float as i32);
    assert!(
        tensors
            .iter()
            .any(|site| site.tensor.data_type() == DataType::Bfloat16 as i32)
    );
    let found = both.agreement_on(digits(&both.model));
    assert!(found.cosine > 0.9999, "{found:?}");
}
