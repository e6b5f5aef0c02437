//! Datasets as people have them: written by NumPy, misnamed, misshapen, broken or hostile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::config::types::DatasetConfig;
use mlbuild::digest::Digest;
use mlbuild::files::write_atomic;
use mlbuild::hint::Hint as _;
use mlbuild::model::dataset::Dataset;
use mlbuild::model::dataset::DatasetError;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::TensorSpec;
use ndarray::Array;
use ndarray::array;
use ndarray_npy::NpzWriter;
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn spec(name: &str, element: ElementType, dims: &[&str]) -> TensorSpec {
    let dims = dims
        .iter()
        .map(|dim| dim.parse().map_or_else(|_| Dim::Symbol((*dim).to_owned()), Dim::Fixed))
        .collect();
    TensorSpec {
        name: name.to_owned(),
        element,
        dims: Some(dims),
    }
}

fn load(path: &Path, labels: Option<&str>, specs: &[TensorSpec]) -> Result<Dataset, DatasetError> {
    let config = DatasetConfig {
        labels: labels.map(str::to_owned),
        ..DatasetConfig::of(path.to_owned())
    };
    Dataset::open(&config, specs, &BTreeMap::new())
}

struct Fixture {
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data.npz")
    }

    fn write(&self, fill: impl FnOnce(&mut NpzWriter<File>)) -> PathBuf {
        let mut writer = NpzWriter::new_compressed(File::create(self.path()).unwrap());
        fill(&mut writer);
        writer.finish().unwrap();
        self.path()
    }

    fn write_entry(&self, name: &str, method: CompressionMethod, content: &[u8]) -> PathBuf {
        let mut writer = ZipWriter::new(File::create(self.path()).unwrap());
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap();
        self.path()
    }
}

/// The error and its hints, without the folder.
fn complaint(outcome: Result<Dataset, DatasetError>) -> String {
    let error = outcome.unwrap_err();
    let text = std::iter::once(error.to_string())
        .chain(error.hints())
        .collect::<Vec<_>>()
        .join("; ");
    match text.split_once("`/") {
        Some((before, rest)) if rest.contains("data.npz`") => {
            let (_, after) = rest.split_once("data.npz`").unwrap();
            format!("{before}`data.npz`{after}")
        }
        _ => text,
    }
}

#[test]
fn reads_what_numpy_wrote() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/digits.npz");
    let specs = [spec("x_test", ElementType::Float, &["batch", "1", "8", "8"])];
    let dataset = load(&path, Some("y_test"), &specs).unwrap();
    assert_eq!(dataset.len(), 200);
    assert_eq!(*dataset.digest(), Digest::of_file(&path).unwrap());
    let labels: Vec<i64> = (0..200).map(|index| dataset.label(index).unwrap()).collect();
    assert_eq!(labels.len(), 200);
    assert!(labels.iter().all(|label| (0..10).contains(label)) && labels.contains(&9));
    let first = &dataset.sample(0).unwrap()[0];
    assert_eq!(
        (first.name.as_str(), first.shape.as_slice()),
        ("x_test", [1, 1, 8, 8].as_slice())
    );
    let values = first.to_f64().unwrap();
    assert!(values.iter().any(|value| *value > 0.0) && values.iter().all(|value| value.is_finite()));
    assert_ne!(dataset.sample(0).unwrap(), dataset.sample(1).unwrap());
}

#[test]
fn keeps_the_order_of_samples_and_the_models_order_of_inputs() {
    let fixture = Fixture::new();
    let path = fixture.write(|npz| {
        npz.add_array("mask", &array![[1_i64, 1], [1, 0]]).unwrap();
        npz.add_array("ids", &array![[5_i32, 6], [7, 8]]).unwrap();
    });
    let specs = [
        spec("ids", ElementType::Int64, &["batch", "seq"]),
        spec("mask", ElementType::Int64, &["batch", "seq"]),
    ];
    let dataset = load(&path, None, &specs).unwrap();
    let second = dataset.sample(1).unwrap();
    let second: Vec<(&str, Vec<f64>)> = second
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor.to_f64().unwrap()))
        .collect();
    assert_eq!(second, [("ids", vec![7.0, 8.0]), ("mask", vec![1.0, 0.0])]);
    assert_eq!(dataset.sample(1).unwrap()[0].shape, [1, 2]);
    assert!(!dataset.is_labelled());
}

#[test]
fn samples_have_no_batch_where_the_model_has_none() {
    let fixture = Fixture::new();
    let path = fixture.write(|npz| npz.add_array("x", &array![[[1.0_f64, 2.0]], [[3.0, 4.0]]]).unwrap());
    let whole = load(&path, None, &[spec("features", ElementType::Float, &["1", "2"])]).unwrap();
    assert_eq!(
        (whole.len(), whole.sample(0).unwrap()[0].shape.as_slice()),
        (2, [1, 2].as_slice())
    );
    assert_eq!(whole.sample(1).unwrap()[0].to_f64().unwrap(), [3.0, 4.0]);
    let column = load(
        &path,
        None,
        &[spec("features", ElementType::Float, &["batch", "1", "2"])],
    )
    .unwrap();
    assert_eq!(column.sample(0).unwrap()[0].shape, [1, 1, 2]);
}

#[test]
fn one_input_takes_the_only_array_whatever_its_name() {
    let fixture = Fixture::new();
    let specs = [spec("input", ElementType::Float, &["batch", "2"])];
    let path = fixture.write(|npz| {
        npz.add_array("images", &array![[1.0_f32, 2.0]]).unwrap();
        npz.add_array("truth", &array![7_i64]).unwrap();
    });
    let dataset = load(&path, Some("truth"), &specs).unwrap();
    assert_eq!((dataset.len(), dataset.label(0)), (1, Some(7)));
    // Which of the two would be a guess.
    assert!(complaint(load(&path, None, &specs)).contains("has no array `input`"));
}

#[test]
fn says_what_does_not_fit() {
    let fixture = Fixture::new();
    let path = fixture.write(|npz| {
        npz.add_array("image", &Array::<f32, _>::zeros((4, 3, 8, 8))).unwrap();
        npz.add_array("bytes", &Array::<u8, _>::zeros((4, 1, 8, 8))).unwrap();
        npz.add_array("few", &array![1_i64, 2]).unwrap();
        npz.add_array("onehot", &Array::<i64, _>::zeros((4, 10))).unwrap();
        npz.add_array("scores", &Array::<f32, _>::zeros(4)).unwrap();
        npz.add_array("broken", &array![[0.0_f32, 0.0], [0.0, f32::NAN]])
            .unwrap();
        npz.add_array("none", &Array::<f32, _>::zeros((0, 2))).unwrap();
    });
    let grey = |name: &str| spec(name, ElementType::Float, &["batch", "1", "8", "8"]);
    let rgb = [spec("image", ElementType::Float, &["batch", "3", "8", "8"])];
    let pair = spec("none", ElementType::Float, &["batch", "2"]);
    insta::assert_snapshot!(
        [
            complaint(load(&path, None, &[grey("image")])),
            complaint(load(&path, None, &[grey("bytes")])),
            complaint(load(&path, None, &[grey("pixels")])),
            complaint(load(&path, Some("labels"), &rgb)),
            complaint(load(&path, Some("few"), &rgb)),
            complaint(load(&path, Some("onehot"), &rgb)),
            complaint(load(&path, Some("scores"), &rgb)),
            complaint(load(
                &path,
                None,
                &[spec("broken", ElementType::Float, &["batch", "2"])]
            )),
            complaint(load(
                &path,
                None,
                &[rgb[0].clone(), spec("broken", ElementType::Float, &["batch", "2"])]
            )),
            complaint(load(&path, None, &[pair])),
        ]
        .join("\n"),
        @r#"
    array `image` of `data.npz` has the shape [samples, 3, 8, 8], but input `image` takes [samples, 1, 8, 8]
    array `bytes` of `data.npz` holds uint8 elements, but the input takes float; convert it where it is written, with the model's own preprocessing: `x.astype("float32")`
    `data.npz` has no array `pixels`; the arrays in it are `broken`, `bytes`, `few`, `image`, `none`, `onehot`, `scores`; name the arrays as the model's inputs (a model with one input also takes `x`, the only array besides the labels, or the one that `array` of the `dataset` or `calibration` names)
    `data.npz` has no array `labels` for the labels; the arrays in it are `broken`, `bytes`, `few`, `image`, `none`, `onehot`, `scores`; correct `labels` of the model's `dataset` in .mlbuild.yml
    array `few` of `data.npz` holds 2 labels, but `image` holds 4 samples
    array `onehot` of `data.npz` has the shape [4, 10], but labels are one number a sample; turn one-hot labels into class numbers with `labels.argmax(axis=1)`
    array `scores` of `data.npz` holds `<f4`, but labels are integers
    array `broken` of `data.npz` has a NaN in sample 1; remove that sample
    array `broken` of `data.npz` holds 2 samples, but `image` holds 4
    array `none` of `data.npz` holds no sample
    "#
    );
}

#[test]
fn refuses_files_that_are_no_archives() {
    let fixture = Fixture::new();
    let specs = [spec("x", ElementType::Float, &["batch", "2"])];
    assert!(complaint(load(&fixture.path(), None, &specs)).contains("cannot read"));
    for (content, reason) in [
        (b"".as_slice(), "it is empty"),
        (b"\x93NUMPY\x01\x00rest", "it is one array (.npy)"),
        (b"PK\x03\x04 and then nothing", "is not an .npz archive"),
        (b"plain text, no archive at all", "is not an .npz archive"),
    ] {
        write_atomic(&fixture.path(), content).unwrap();
        let complaint = complaint(load(&fixture.path(), None, &specs));
        assert!(
            complaint.contains(reason) && complaint.contains("numpy.savez"),
            "{complaint}"
        );
    }
    let objects = b"\x93NUMPY\x01\x00\x36\x00{'descr': '|O', 'fortran_order': False, 'shape': (2,)}\n";
    let path = fixture.write_entry("x.npy", CompressionMethod::Stored, objects);
    assert!(complaint(load(&path, None, &specs)).contains("it holds `|O`, not numbers"));
}

#[test]
fn refuses_archives_made_to_burst() {
    let fixture = Fixture::new();
    let specs = [spec("x", ElementType::Float, &["batch", "2"])];
    let header = |shape: &str| {
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n");
        let mut content = b"\x93NUMPY\x01\x00".to_vec();
        content.extend((text.len() as u16).to_le_bytes());
        content.extend(text.bytes());
        content
    };
    let mut zeros = header("(12500000, 2)");
    zeros.resize(100_000_000, 0);
    let path = fixture.write_entry("x.npy", CompressionMethod::Deflated, &zeros);
    let complaint_of = |path: &Path| complaint(load(path, None, &specs));
    assert!(complaint_of(&path).contains("unpacks"), "{}", complaint_of(&path));
    // A header that claims more than there is.
    let path = fixture.write_entry("x.npy", CompressionMethod::Stored, &header("(3, 2)"));
    assert!(
        complaint_of(&path).contains("it ends after 0 of 24 bytes"),
        "{}",
        complaint_of(&path)
    );
    let path = fixture.write_entry("x.npy", CompressionMethod::Stored, &header("(9999999999, 9999999999)"));
    assert!(
        complaint_of(&path).contains("input `x` takes [samples, 2]"),
        "{}",
        complaint_of(&path)
    );
    let open = [TensorSpec {
        dims: None,
        ..specs[0].clone()
    }];
    let huge = complaint(load(&path, None, &open));
    assert!(huge.contains("needs more than 2000000000 bytes"), "{huge}");
}

#[test]
fn damaged_archives_never_panic() {
    let fixture = Fixture::new();
    let specs = [spec("x", ElementType::Float, &["batch", "2"])];
    let path = fixture.write(|npz| {
        npz.add_array("x", &array![[1.0_f32, 2.0], [3.0, 4.0]]).unwrap();
        npz.add_array("y", &array![7_i64, 8]).unwrap();
    });
    let whole = std::fs::read(&path).unwrap();
    load(&path, Some("y"), &specs).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x41;
        write_atomic(&path, &damaged).unwrap();
        if let Ok(dataset) = load(&path, Some("y"), &specs) {
            for index in 0..dataset.len() {
                assert_eq!(dataset.sample(index).unwrap()[0].data.len(), 8);
            }
        }
        write_atomic(&path, &whole[..at]).unwrap();
        assert!(load(&path, Some("y"), &specs).is_err(), "cut at {at}");
    }
}
