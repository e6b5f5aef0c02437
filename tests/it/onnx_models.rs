//! ONNX models end to end: real ones come back byte for byte and are described correctly, hostile and broken ones are refused with
//! the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use mlbuild::files::write_atomic;
use mlbuild::hint::Hint as _;
use mlbuild::model::Model;
use mlbuild::model::ModelError;
use mlbuild::model::onnx;
use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::FunctionProto;
use mlbuild::model::onnx::proto::GraphProto;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::OperatorSetIdProto;
use mlbuild::model::onnx::proto::SparseTensorProto;
use mlbuild::model::onnx::proto::StringStringEntryProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::tensor_proto::DataLocation;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::tensor_view::TensorView;
use mlbuild::model::tensor::Dim;
use proptest::prelude::*;

const FIXTURES: &[&str] = &[
    "control_flow_if_loop",
    "digits_cnn",
    "digits_lstm",
    "digits_mbv2",
    "digits_mlp",
    "digits_vit",
    "external_mlp",
    "kitchen_sink",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/models")
        .join(format!("{name}.onnx"))
}

/// A model too large for the repository, out of the folder that `MLBUILD_LARGE_MODELS` names or else the one that stands beside the
/// checkout; a test that finds none says so and passes.
fn large_model(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    let folder = std::env::var_os("MLBUILD_LARGE_MODELS").map_or_else(beside, PathBuf::from);
    let path = folder.join(format!("{name}.onnx"));
    if !path.exists() {
        eprintln!("skipped: `{}` is not there", path.display());
        return None;
    }
    Some(path)
}

fn shapes(inputs: &[(&str, &[u64])]) -> BTreeMap<String, Vec<u64>> {
    inputs
        .iter()
        .map(|(name, shape)| ((*name).to_owned(), shape.to_vec()))
        .collect()
}

fn load_error(model: &ModelProto) -> String {
    let folder = tempfile::tempdir().unwrap();
    error_in(folder.path(), model)
}

/// Writes the model into the folder, loads it there, and gives the error without the folder's name.
fn error_in(folder: &Path, model: &ModelProto) -> String {
    let path = folder.join("model.onnx");
    write_atomic(&path, &onnx::encode(model)).unwrap();
    let error = Model::load(&path).unwrap_err().to_string();
    error.replace(&folder.display().to_string(), "FOLDER")
}

fn entry(key: &str, value: &str) -> StringStringEntryProto {
    StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    }
}

fn external(name: &str, location: &str) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: vec![2],
        data_type: Some(DataType::Float as i32),
        data_location: Some(DataLocation::External as i32),
        external_data: vec![entry("location", location)],
        ..TensorProto::default()
    }
}

fn floats(name: &str, dims: &[i64], bytes: usize) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::Float as i32),
        raw_data: Some(Bytes::from(vec![0; bytes])),
        ..TensorProto::default()
    }
}

fn model_of(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

fn with_initializer(tensor: TensorProto) -> ModelProto {
    model_of(GraphProto {
        initializer: vec![tensor],
        ..GraphProto::default()
    })
}

fn node(operator: &str, name: &str, attribute: AttributeProto) -> NodeProto {
    NodeProto {
        op_type: Some(operator.to_owned()),
        name: Some(name.to_owned()),
        attribute: vec![attribute],
        ..NodeProto::default()
    }
}

fn constant(tensor: TensorProto) -> NodeProto {
    let attribute = AttributeProto {
        name: Some("value".to_owned()),
        t: Some(tensor),
        ..AttributeProto::default()
    };
    node("Constant", "c0", attribute)
}

fn within_loop(body: GraphProto) -> ModelProto {
    let attribute = AttributeProto {
        name: Some("body".to_owned()),
        g: Some(body),
        ..AttributeProto::default()
    };
    model_of(GraphProto {
        node: vec![node("Loop", "loop0", attribute)],
        ..GraphProto::default()
    })
}

#[test]
fn untouched_models_are_written_back_byte_for_byte() {
    for name in FIXTURES.iter().filter(|name| **name != "kitchen_sink") {
        let model = Model::load(&fixture(name)).unwrap();
        assert!(
            onnx::encode(model.onnx().unwrap()) == fs::read(fixture(name)).unwrap(),
            "{name}"
        );
        onnx::modifiable(&model).unwrap();
    }
}

#[test]
fn large_models_are_written_back_byte_for_byte() {
    for name in [
        "audio_conv_transformer",
        "bert_mini_like",
        "detector_fpn",
        "external_mlp",
        "light_squeezenet_seeded",
        "mobilenetv2_like",
    ] {
        let Some(path) = large_model(name) else { return };
        onnx::modifiable(&Model::load(&path).unwrap()).unwrap();
    }
}

#[test]
fn a_model_with_unknown_fields_is_loaded_and_not_modified() {
    let model = Model::load(&fixture("kitchen_sink")).unwrap();
    let error = onnx::modifiable(&model).unwrap_err();
    assert_eq!(
        error.to_string().rsplit_once("` ").unwrap().1,
        "cannot be modified without loss: the file holds fields that this version does not know (8 bytes would be lost)"
    );
    assert_eq!(error.hints().len(), 1);
}

#[test]
fn initializers_share_memory_with_the_file() {
    let model = Model::load(&fixture("digits_cnn")).unwrap();
    let file = model.bytes.as_ptr_range();
    let graph = model.onnx().unwrap().graph.as_ref().unwrap();
    let largest = graph
        .initializer
        .iter()
        .max_by_key(|tensor| tensor.raw_data().len())
        .unwrap();
    assert!(largest.raw_data().len() > 100_000);
    assert!(file.contains(&largest.raw_data().as_ptr()));
}

/// Figures of `tests/reference/onnx_facts.py`: shapes observed in ONNX Runtime 1.31, multiplications counted in Python, parameters
/// and histogram by Python's `onnx` 1.23. Every open dimension is 1.
#[test]
fn facts_agree_with_the_reference() {
    for (name, input, parameters, macs, activation_bytes) in [
        ("digits_cnn", "input", 307_402, 3_034_368, 95_272),
        ("digits_lstm", "input", 116_170, 910_272, 20_200),
        ("digits_mbv2", "input", 39_578, 361_536, 128_040),
        ("digits_mlp", "input", 50_826, 50_432, 3_368),
        ("digits_vit", "input", 68_938, 1_118_848, 411_664),
    ] {
        let model = Model::load(&fixture(name)).unwrap();
        assert_eq!(model.facts.macs, None, "{name}: the batch is open");
        let work = model.work(&shapes(&[(input, &[1, 1, 8, 8])]));
        assert_eq!(
            (model.facts.parameters, work.macs, work.activation_bytes),
            (parameters, Some(macs), Some(activation_bytes)),
            "{name}"
        );
    }
    let model = Model::load(&fixture("external_mlp")).unwrap();
    let work = model.work(&shapes(&[("x", &[1, 48])]));
    assert_eq!((work.macs, work.activation_bytes), (Some(9_216), Some(2_304)));
}

/// The same figures for models too large for the repository.
#[test]
fn facts_of_large_models_agree_with_the_reference() {
    let tokens: &[u64] = &[1, 32];
    let bert: &[(&str, &[u64])] = &[
        ("input_ids", tokens),
        ("attention_mask", tokens),
        ("token_type_ids", tokens),
    ];
    type Case<'a> = (&'a str, &'a [(&'a str, &'a [u64])], u64, u64, u64);
    let cases: &[Case<'_>] = &[
        (
            "mobilenetv2_like",
            &[("input", &[1, 3, 224, 224])],
            3_487_816,
            300_774_272,
            52_010_272,
        ),
        ("light_squeezenet_seeded", &[], 1_235_496, 349_151_936, 28_537_728),
        ("external_mlp", &[("x", &[1, 768])], 2_362_368, 2_359_296, 36_864),
        ("bert_mini_like", bert, 5_401_346, 102_826_496, 8_382_440),
        (
            "audio_conv_transformer",
            &[("waveform", &[1, 16_000])],
            1_024_560,
            170_483_584,
            23_949_912,
        ),
        (
            "detector_fpn",
            &[("images", &[1, 3, 320, 320])],
            770_720,
            317_568_000,
            15_816_819,
        ),
    ];
    for (name, inputs, parameters, macs, activation_bytes) in cases {
        let Some(path) = large_model(name) else { return };
        let model = Model::load(&path).unwrap();
        let work = model.work(&shapes(inputs));
        assert_eq!(
            (model.facts.parameters, work.macs, work.activation_bytes),
            (*parameters, Some(*macs), Some(*activation_bytes)),
            "{name}"
        );
    }
}

#[test]
fn describes_inputs_outputs_and_operators() {
    let facts = Model::load(&fixture("digits_cnn")).unwrap().facts;
    let [input] = facts.inputs.as_slice() else {
        panic!("{:?}", facts.inputs)
    };
    assert_eq!(input.describe(), "float [batch, 1, 8, 8]");
    assert_eq!(input.dims.as_ref().unwrap()[0], Dim::Symbol("batch".to_owned()));
    assert_eq!(facts.outputs[0].describe(), "float [batch, 10]");
    assert_eq!(
        (facts.ir_version, facts.opsets.as_slice()),
        (8, [("ai.onnx".to_owned(), 17)].as_slice())
    );
    let histogram: Vec<(&str, u64)> = facts
        .op_histogram
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    let expected = [
        ("Add", 3),
        ("Conv", 9),
        ("Flatten", 1),
        ("Gemm", 1),
        ("GlobalAveragePool", 1),
        ("Relu", 7),
    ];
    assert_eq!(histogram, expected);
    assert!(facts.custom_domains.is_empty());
}

#[test]
fn counts_what_stands_in_subgraphs_and_functions() {
    let facts = Model::load(&fixture("control_flow_if_loop")).unwrap().facts;
    assert_eq!((facts.op_histogram["MatMul"], facts.op_histogram["Tanh"]), (4, 1));
    assert_eq!((facts.parameters, facts.body_parameters), (4_307, 8_192));
    let facts = Model::load(&fixture("kitchen_sink")).unwrap().facts;
    assert_eq!(
        (facts.op_histogram["local.MyGelu"], facts.op_histogram["Sigmoid"]),
        (1, 1)
    );
    assert_eq!((facts.parameters, facts.custom_domains.len()), (53, 0));
    assert_eq!(facts.producer, "sink");
}

#[test]
fn work_that_depends_on_a_loop_is_not_guessed() {
    let model = Model::load(&fixture("control_flow_if_loop")).unwrap();
    assert_eq!(model.work(&shapes(&[("img", &[1, 1, 32, 32])])).macs, None);
}

#[test]
fn weights_listed_as_inputs_need_not_be_fed() {
    let Some(path) = large_model("light_squeezenet_seeded") else {
        return;
    };
    let facts = Model::load(&path).unwrap().facts;
    assert_eq!(facts.inputs.len(), 1);
    assert_eq!(facts.macs, Some(349_151_936));
}

#[test]
fn the_digest_is_the_files_own_without_external_data() {
    // `sha256sum tests/fixtures/models/digits_mlp.onnx`
    let model = Model::load(&fixture("digits_mlp")).unwrap();
    assert_eq!(model.digest.as_str(), DIGITS_MLP);
    assert_eq!(model.size().0, 203_728);
}

const DIGITS_MLP: &str = "1d754b12cacbba09344618963d51c39dddc05c4da1f7271eec7af55770fcd776";

#[test]
fn external_data_counts_in_digest_and_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let data = folder.path().join("external_mlp.onnx.data");
    fs::copy(fixture("external_mlp"), &path).unwrap();
    let weights = fs::read(fixture("external_mlp").with_extension("onnx.data")).unwrap();
    write_atomic(&data, &weights).unwrap();
    let model = Model::load(&path).unwrap();
    assert_eq!(model.size().0, 1_516 + 36_864);
    assert_eq!(model.external.len(), 1);
    assert_eq!(model.digest, Model::load(&fixture("external_mlp")).unwrap().digest);

    let tensor = &model.onnx().unwrap().graph.as_ref().unwrap().initializer[0];
    let view = TensorView::of(tensor, &model.external).unwrap();
    assert_eq!(
        (view.shape.as_slice(), view.bytes.as_ref()),
        ([48, 48].as_slice(), &weights[..48 * 48 * 4])
    );

    let mut changed = weights.clone();
    changed[0] ^= 1;
    write_atomic(&data, &changed).unwrap();
    let other = Model::load(&path).unwrap();
    assert_ne!(model.digest, other.digest);
    assert_ne!(
        model.digest.as_str(),
        mlbuild::digest::Digest::of(&model.bytes).as_str()
    );

    // Content-addressed artifacts keep their data under another name; identity does not depend on it.
    let blob = folder.path().join("blob");
    write_atomic(&blob, &weights).unwrap();
    fs::remove_file(&data).unwrap();
    let list = [("external_mlp.onnx.data".to_owned(), blob)];
    assert_eq!(Model::load_with_external(&path, &list).unwrap().digest, model.digest);
    let error = Model::load_with_external(&path, &[]).unwrap_err().to_string();
    assert!(
        error.contains("initializer `W0` has its data in `external_mlp.onnx.data`, which was not stored"),
        "{error}"
    );
}

#[test]
fn missing_external_data_names_tensor_place_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::copy(fixture("external_mlp"), &path).unwrap();
    let error = Model::load(&path).unwrap_err();
    assert_eq!(
        error
            .to_string()
            .replace(&folder.path().display().to_string(), "FOLDER"),
        "`FOLDER/model.onnx`: initializer `W0` has its data in `external_mlp.onnx.data`, relative to `FOLDER`: there is no \
         such file"
    );
    assert!(error.hints().concat().contains("lfs: true"));
}

#[test]
fn external_data_outside_the_folder_is_refused_wherever_the_tensor_stands() {
    let sparse = SparseTensorProto {
        values: Some(external("s", "../secret")),
        indices: Some(external("i", "../secret")),
        dims: vec![4],
    };
    let sparse_constant = AttributeProto {
        name: Some("sparse_value".to_owned()),
        sparse_tensor: Some(sparse.clone()),
        ..AttributeProto::default()
    };
    let function = FunctionProto {
        name: Some("f".to_owned()),
        domain: Some("local".to_owned()),
        node: vec![constant(external("k", "../secret"))],
        ..FunctionProto::default()
    };
    let graph = |graph: GraphProto| model_of(graph);
    for (model, place) in [
        (with_initializer(external("W", "../secret")), "initializer `W`"),
        (
            graph(GraphProto {
                sparse_initializer: vec![sparse],
                ..GraphProto::default()
            }),
            "values of sparse initializer `s`",
        ),
        (
            graph(GraphProto {
                node: vec![constant(external("k", "../secret"))],
                ..GraphProto::default()
            }),
            "attribute `value` of node `c0` (Constant)",
        ),
        (
            graph(GraphProto {
                node: vec![node("Constant", "c1", sparse_constant)],
                ..GraphProto::default()
            }),
            "values of sparse attribute `sparse_value` of node `c1` (Constant)",
        ),
        (
            within_loop(GraphProto {
                initializer: vec![external("B", "../secret")],
                ..GraphProto::default()
            }),
            "initializer `B` in `body` of node `loop0` (Loop)",
        ),
        (
            ModelProto {
                functions: vec![function],
                ..graph(GraphProto::default())
            },
            "attribute `value` of node `c0` (Constant) in function `f`",
        ),
    ] {
        assert_eq!(
            load_error(&model),
            format!(
                "`FOLDER/model.onnx`: {place} has its data in `../secret`, relative to `FOLDER`: it leads out of the folder with `..`"
            )
        );
    }
}

#[cfg(unix)]
#[test]
fn links_to_files_outside_the_folder_are_refused() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    write_atomic(&secret, &[0; 8]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    symlink(&secret, folder.path().join("link")).unwrap();
    symlink(outside.path(), folder.path().join("sub")).unwrap();
    fs::hard_link(&secret, folder.path().join("hard")).unwrap();
    let absolute = secret.display().to_string();
    for (location, problem) in [
        ("link", "it is a symbolic link, or lies behind one"),
        ("sub/secret", "it is a symbolic link, or lies behind one"),
        ("hard", "the file has 2 names (hard links)"),
        (absolute.as_str(), "it is an absolute path"),
        ("a/../../secret", "it leads out of the folder with `..`"),
        (".", "it names no file"),
    ] {
        let error = error_in(folder.path(), &with_initializer(external("W", location)));
        assert!(error.contains(problem), "{location}: {error}");
    }
}

#[test]
fn external_data_must_fit_its_file() {
    let folder = tempfile::tempdir().unwrap();
    write_atomic(&folder.path().join("w"), &[0; 8]).unwrap();
    let with = |key: &str, value: &str| {
        let mut tensor = external("W", "w");
        tensor.external_data.push(entry(key, value));
        error_in(folder.path(), &with_initializer(tensor))
    };
    assert_eq!(
        with("offset", "4"),
        "`FOLDER/model.onnx` is refused: initializer `W` has its data in bytes 4 to 12 of `w`, which is only 8 bytes long"
    );
    assert!(with("length", "4").contains("where its shape and type need 8"));
    assert!(with("offset", "18446744073709551615").contains("which is only 8 bytes long"));
    assert!(with("offset", "-1").contains("external data with the offset `-1`"));
    assert!(with("location", "w").contains("two entries `location`"));
    // The same file, named well, is fine.
    let path = folder.path().join("model.onnx");
    write_atomic(&path, &onnx::encode(&with_initializer(external("W", "w")))).unwrap();
    Model::load(&path).unwrap();
}

#[test]
fn external_data_is_never_an_address_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    for location in ["*/_ORT_MEM_ADDR_/*", "sub/*/_ORT_MEM_ADDR_/*"] {
        // A file of that very name is there: it is the name that is dangerous.
        write_atomic(&folder.path().join(location), &[0; 8]).unwrap();
        let error = error_in(folder.path(), &with_initializer(external("W", location)));
        assert!(error.contains("takes for an address in its own memory"), "{error}");
    }
}

#[test]
fn nodes_that_make_the_engine_open_files_are_refused() {
    let elsewhere = |mode| {
        let attribute = AttributeProto {
            name: Some("embed_mode".to_owned()),
            i: Some(mode),
            ..AttributeProto::default()
        };
        let mut node = node("EPContext", "compiled", attribute);
        node.domain = Some("com.microsoft".to_owned());
        model_of(GraphProto {
            node: vec![node],
            ..GraphProto::default()
        })
    };
    let error = load_error(&elsewhere(0));
    assert!(
        error.ends_with("node `compiled` (EPContext) refers to a compiled file outside the model"),
        "{error}"
    );
    Model::from_bytes(Path::new("model.onnx"), onnx::encode(&elsewhere(1))).unwrap();
}

#[test]
fn external_data_left_as_an_lfs_pointer_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8\n";
    write_atomic(&folder.path().join("w"), pointer).unwrap();
    let path = folder.path().join("model.onnx");
    write_atomic(&path, &onnx::encode(&with_initializer(external("W", "w")))).unwrap();
    let error = Model::load(&path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("which is a Git LFS pointer, not the data itself"),
        "{error}"
    );
    assert!(error.hints().concat().contains("lfs: true"));
}

#[test]
fn tensors_that_lie_about_their_size_are_refused() {
    for (tensor, problem) in [
        (
            floats("W", &[1 << 40, 1 << 40], 4),
            "initializer `W` has more elements than can be addressed",
        ),
        (floats("W", &[-1], 4), "initializer `W` has the negative dimension -1"),
        (
            floats("W", &[1_000_000_000], 4),
            "initializer `W` has 4 bytes or entries of data in raw_data where its shape and type need 4000000000",
        ),
        (floats("W", &[1; 65], 4), "initializer `W` has more than 64 dimensions"),
        (floats(&"n".repeat(5000), &[1], 4), "has a name of more than 4096 bytes"),
    ] {
        let error = load_error(&with_initializer(tensor));
        assert!(error.contains(problem), "{problem}: {error}");
    }
}

#[test]
fn two_initializers_of_one_name_are_refused() {
    let graph = GraphProto {
        initializer: vec![floats("W", &[1], 4), floats("W", &[1], 4)],
        ..GraphProto::default()
    };
    assert_eq!(
        load_error(&model_of(graph)),
        "`FOLDER/model.onnx` is refused: initializer `W` stands twice; engines differ on which one counts"
    );
}

#[test]
fn sparse_tensors_must_fit_themselves() {
    let indices = |values: &[i64]| TensorProto {
        dims: vec![values.len() as i64],
        data_type: Some(DataType::Int64 as i32),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    };
    let sparse = |dims: &[i64], at: &[i64]| {
        load_error(&model_of(GraphProto {
            sparse_initializer: vec![SparseTensorProto {
                values: Some(floats("s", &[2], 8)),
                indices: Some(indices(at)),
                dims: dims.to_vec(),
            }],
            ..GraphProto::default()
        }))
    };
    assert!(sparse(&[4], &[0, 4]).contains("lead outside the tensor (index 4)"));
    assert!(sparse(&[4], &[-1, 0]).contains("lead outside the tensor (index -1)"));
    assert!(sparse(&[4], &[0]).contains("whose shapes do not fit each other"));
    assert!(sparse(&[100_000, 100_000], &[0, 1]).contains("is larger than 2000000000 bytes once made dense"));
}

#[test]
fn subgraphs_nest_only_so_deep() {
    let mut body = GraphProto::default();
    for _ in 0..17 {
        body = within_loop(body).graph.unwrap();
    }
    assert!(load_error(&model_of(body.clone())).contains("lies more than 16 subgraphs deep"));
    for _ in 0..30 {
        body = within_loop(body).graph.unwrap();
    }
    assert!(load_error(&model_of(body)).contains("its messages nest deeper than 64"));
}

#[test]
fn functions_that_call_themselves_are_refused() {
    let call = NodeProto {
        op_type: Some("f".to_owned()),
        domain: Some("local".to_owned()),
        ..NodeProto::default()
    };
    let model = ModelProto {
        functions: vec![FunctionProto {
            name: Some("f".to_owned()),
            domain: Some("local".to_owned()),
            node: vec![call],
            ..FunctionProto::default()
        }],
        ..model_of(GraphProto::default())
    };
    assert!(load_error(&model).contains("function `f` calls itself"));
}

#[test]
fn operators_from_elsewhere_are_noted_and_left_to_the_engine() {
    let mut custom = node("Magic", "m0", AttributeProto::default());
    custom.domain = Some("org.example".to_owned());
    let model = model_of(GraphProto {
        node: vec![custom],
        ..GraphProto::default()
    });
    let model = Model::from_bytes(Path::new("model.onnx"), onnx::encode(&model)).unwrap();
    assert_eq!(model.facts.custom_domains, ["org.example"]);
    assert_eq!(model.facts.op_histogram["org.example.Magic"], 1);
    assert_eq!(model.facts.macs, None);
}

#[test]
fn a_file_that_was_cut_says_how_much_is_missing() {
    let whole = fs::read(fixture("digits_mlp")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_atomic(&path, &whole[..100_000]).unwrap();
    let error = Model::load(&path).unwrap_err();
    // The operator set stands after the graph, so that not quite all of what is missing is known.
    let ModelError::CutShort {
        size: 100_000, missing, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert!((103_000..=103_728).contains(missing), "{missing}");
    assert!(error.hints().concat().contains("again"));
}

#[test]
fn what_is_no_onnx_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        write_atomic(&path, content).unwrap();
        let error = Model::load(&path).unwrap_err();
        let hints = error.hints().join(" | ");
        let shown = format!("{error} | {hints}");
        shown.replace(&format!("{}/", folder.path().display()), "")
    };
    insta::assert_snapshot!(error("lfs.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13978363\n"), @"`lfs.onnx` is a Git LFS pointer, not the model itself (14.0 MB) | in the workflow, set `lfs: true` under `with:` of actions/checkout | at the desk, run `git lfs install` once and then `git lfs pull`");
    insta::assert_snapshot!(error("empty.onnx", b""), @"`empty.onnx` is empty; expected a model | check that the step that writes the model succeeded, and commit its result");
    insta::assert_snapshot!(error("notes.onnx", b"remember to export the model\n"), @"`notes.onnx` is a text file, not a model | check the path: it should name the exported model");
    insta::assert_snapshot!(error("model.tflite", b"\x1c\0\0\0TFL3\x14\0\x20\0"), @"`model.tflite` is not a readable TFLite model: the model points 28 bytes on from byte 0, outside the file (12 bytes); it is damaged or cut short | copy, download or convert it again; an interrupted transfer cuts files short");
    insta::assert_snapshot!(error("model.mlmodel", &[8, 1, 0x12, 2, 0x0a, 0, 0xa2, 0x1f, 1, 0]), @"`model.mlmodel` is a Core ML model: recognised, but not yet supported | give the ONNX model it was converted from");
    insta::assert_snapshot!(error("model.pt", b"PK\x03\x04\0\0\0\0model/data.pkl"), @"`model.pt` is a PyTorch checkpoint, not a model | export the network to ONNX first, with `torch.onnx.export` or the exporter of its framework");
    insta::assert_snapshot!(error("model.bin", &[0xff; 40]), @"`model.bin` is data of no known kind, not a model | check the path: it should name the exported model");
    insta::assert_snapshot!(error("model.onnx", &[8, 8]), @r#"`model.onnx` is not a readable ONNX model: it holds no graph | export the model again; `python -c "import onnx; onnx.checker.check_model('MODEL')"` tells more"#);
}

#[test]
fn folders_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("net.mlpackage");
    fs::create_dir(&package).unwrap();
    assert!(
        Model::load(&package)
            .unwrap_err()
            .to_string()
            .ends_with("is a Core ML model: recognised, but not yet supported")
    );
    assert!(
        Model::load(folder.path())
            .unwrap_err()
            .to_string()
            .ends_with("is a folder, not a model file")
    );
    let missing = Model::load(&folder.path().join("none.onnx")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read"), "{missing}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Model::from_bytes(Path::new("model.onnx"), bytes.into());
    }

    #[test]
    fn changed_models_never_panic(
        which in prop::sample::select(vec!["control_flow_if_loop", "digits_vit", "kitchen_sink"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        structure_only in any::<bool>(),
    ) {
        let mut bytes = fs::read(fixture(which)).unwrap();
        // Most of a file is weights; its first bytes are nodes and names.
        let length = if structure_only { bytes.len().min(4000) } else { bytes.len() };
        for (at, value) in changes {
            bytes[at.index(length)] = value;
        }
        if let Ok(model) = Model::from_bytes(Path::new("model.onnx"), bytes.into()) {
            let _ = onnx::modifiable(&model);
            let _ = model.work(&shapes(&[("input", &[1, 1, 8, 8]), ("img", &[1, 1, 32, 32]), ("x", &[2, 8])]));
        }
    }
}
