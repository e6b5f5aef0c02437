//! Datasets that are folders: images and arrays as people have them, in every wrong way too.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::DynamicImage;
use image::GrayImage;
use image::ImageFormat;
use image::Luma;
use image::Rgb;
use image::RgbImage;
use mlbuild::config::types::DatasetConfig;
use mlbuild::config::types::Resize;
use mlbuild::files::write_atomic;
use mlbuild::hint::Hint as _;
use mlbuild::model::dataset::Dataset;
use mlbuild::model::dataset::DatasetError;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::TensorSpec;
use tempfile::TempDir;

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

/// An image input, 4 high and 6 wide.
fn rgb() -> [TensorSpec; 1] {
    [spec("x", ElementType::Float, &["batch", "3", "4", "6"])]
}

fn pair() -> [TensorSpec; 1] {
    [spec("x", ElementType::Float, &["batch", "2"])]
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> &Self {
        write_atomic(&self.0.path().join("data").join(name), bytes).unwrap();
        self
    }

    fn image(&self, name: &str, image: impl Into<DynamicImage>) -> &Self {
        self.write(name, &encoded(image.into(), ImageFormat::from_path(name).unwrap()))
    }

    fn npy(&self, name: &str, descr: &str, shape: &str, data: &[u8]) -> &Self {
        self.write(name, &npy(descr, shape, data))
    }

    fn floats(&self, name: &str, shape: &str, values: &[f32]) -> &Self {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.npy(name, "<f4", shape, &data)
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    fn config(&self) -> DatasetConfig {
        DatasetConfig::of(self.path())
    }

    fn open(&self, specs: &[TensorSpec]) -> Result<Dataset, DatasetError> {
        Dataset::open(&self.config(), specs, &BTreeMap::new())
    }

    /// The first error of opening and of reading every sample, with its hints, without the temporary folder.
    fn complaint(&self, specs: &[TensorSpec]) -> String {
        self.complaint_of(&self.config(), specs)
    }

    fn complaint_of(&self, config: &DatasetConfig, specs: &[TensorSpec]) -> String {
        let error = Dataset::open(config, specs, &BTreeMap::new())
            .and_then(|dataset| (0..dataset.len()).try_for_each(|index| dataset.sample(index).map(drop)))
            .unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        for hint in error.hints() {
            text.push_str(&format!("; {hint}"));
        }
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(data);
    bytes
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(colour))
}

/// Red at the left, green at the right.
fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| {
        Rgb(if x < width / 2 { [255, 0, 0] } else { [0, 255, 0] })
    })
}

fn values(dataset: &Dataset, index: usize) -> Vec<f64> {
    dataset.sample(index).unwrap()[0].to_f64().unwrap()
}

#[test]
fn every_format_becomes_an_input() {
    let files = Files::new();
    for (name, format) in [
        ("a.png", ImageFormat::Png),
        ("b.bmp", ImageFormat::Bmp),
        ("c.webp", ImageFormat::WebP),
        ("d.JPG", ImageFormat::Jpeg),
        ("e.jpeg", ImageFormat::Jpeg),
    ] {
        files.write(name, &encoded(plain(6, 4, [255, 51, 0]).into(), format));
    }
    let dataset = files.open(&rgb()).unwrap();
    assert_eq!((dataset.len(), dataset.is_labelled()), (5, false));
    for index in 0..5 {
        let sample = dataset.sample(index).unwrap();
        assert_eq!(
            (sample[0].name.as_str(), sample[0].shape.as_slice()),
            ("x", [1, 3, 4, 6].as_slice())
        );
        let values = sample[0].to_f64().unwrap();
        let expected = |index: usize| [1.0, 0.2, 0.0][index / 24];
        assert!(
            values
                .iter()
                .enumerate()
                .all(|(index, value)| (value - expected(index)).abs() < 0.02),
            "{index}: {values:?}"
        );
    }
    assert!(dataset.sample(5).unwrap().is_empty());
}

#[test]
fn channels_go_where_the_model_has_them() {
    let files = Files::new();
    files.image("a.png", halves(6, 4));
    let first = values(&files.open(&rgb()).unwrap(), 0);
    assert_eq!(first[..6], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(first[24..30], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let last = [spec("x", ElementType::Float, &["1", "4", "6", "3"])];
    let last = files.open(&last).unwrap();
    assert_eq!(last.sample(0).unwrap()[0].shape, [1, 4, 6, 3]);
    assert_eq!(values(&last, 0)[6..12], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let grey = [spec("x", ElementType::Float, &["1", "4", "6"])];
    let grey = files.open(&grey).unwrap();
    assert_eq!(grey.sample(0).unwrap()[0].shape, [1, 4, 6]);
    let row = values(&grey, 0);
    assert!(
        (row[0] - 0.2126).abs() < 0.01 && (row[5] - 0.7152).abs() < 0.01,
        "{row:?}"
    );
}

#[test]
fn grey_images_and_palettes_feed_colour_models() {
    let files = Files::new();
    files.image("grey.png", GrayImage::from_pixel(6, 4, Luma([51])));
    files.image(
        "alpha.png",
        image::RgbaImage::from_pixel(6, 4, image::Rgba([255, 0, 0, 7])),
    );
    files.image(
        "deep.png",
        DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(6, 4, Luma([65_535_u16]))),
    );
    let dataset = files.open(&rgb()).unwrap();
    assert_eq!(values(&dataset, 0)[0], 1.0);
    assert!(values(&dataset, 1).iter().all(|value| *value == 1.0));
    assert!(values(&dataset, 2).iter().all(|value| (value - 0.2).abs() < 1e-6));
}

#[test]
fn sizes_are_stretched_or_cut() {
    let files = Files::new();
    // Twice as wide as the input's shape: cut at the middle, where red meets green.
    files.image("wide.png", halves(24, 8));
    let stretched = values(&files.open(&rgb()).unwrap(), 0);
    assert_eq!((stretched[0], stretched[5]), (1.0, 0.0));
    let mut config = files.config();
    config.images.resize = Resize::Crop;
    let tall = [spec("x", ElementType::Float, &["1", "3", "8", "2"])];
    let cut = Dataset::open(&config, &tall, &BTreeMap::new()).unwrap();
    assert_eq!(values(&cut, 0)[..2], [1.0, 0.0]);
}

#[test]
fn pixels_are_normalized_as_told() {
    let files = Files::new();
    files.image("a.png", plain(6, 4, [255, 51, 0]));
    let mut config = files.config();
    config.images.mean = Some(vec![0.5, 0.2, 0.0]);
    config.images.std = Some(vec![0.5]);
    let open = |config: &DatasetConfig, specs: &[TensorSpec]| Dataset::open(config, specs, &BTreeMap::new()).unwrap();
    let normalized = values(&open(&config, &rgb()), 0);
    assert!(
        (normalized[0] - 1.0).abs() < 1e-6 && normalized[24].abs() < 1e-6 && normalized[48] == 0.0,
        "{normalized:?}"
    );
    for element in [ElementType::Float16, ElementType::BFloat16, ElementType::Double] {
        let halves = values(&open(&config, &[spec("x", element, &["batch", "3", "4", "6"])]), 0);
        assert!((halves[0] - 1.0).abs() < 1e-6, "{element:?}");
    }
    let plain = files
        .open(&[spec("x", ElementType::UInt8, &["batch", "3", "4", "6"])])
        .unwrap();
    assert_eq!((values(&plain, 0)[0], values(&plain, 0)[24]), (255.0, 51.0));
}

#[test]
fn an_open_size_is_that_of_the_images_or_of_the_config() {
    let files = Files::new();
    files.image("a.png", plain(6, 4, [0, 0, 0]));
    files.image("b.png", plain(6, 4, [9, 9, 9]));
    let open = [spec("x", ElementType::Float, &["batch", "3", "height", "width"])];
    assert_eq!(files.open(&open).unwrap().sample(1).unwrap()[0].shape, [1, 3, 4, 6]);
    let given = BTreeMap::from([("x".to_owned(), vec![2, 3, 8, 8])]);
    files.image("c.png", plain(5, 5, [9, 9, 9]));
    let given = Dataset::open(&files.config(), &open, &given).unwrap();
    assert_eq!(given.sample(2).unwrap()[0].shape, [1, 3, 8, 8]);
    assert_eq!(
        files.complaint(&open),
        "`c.png` in `data` is 5 × 5 pixels and `a.png` is 6 × 4, but input `x` leaves its size open: float [batch, 3, height, width]; \
         give the size that you serve with the model's `inputs` in .mlbuild.yml, and all images are resized to it"
    );
}

#[test]
fn folders_are_classes_and_take_turns() {
    let files = Files::new();
    for class in ["dog", "cat", "eel"] {
        for number in 0..3 {
            files.image(&format!("{class}/{number}.png"), plain(6, 4, [number, 0, 0]));
        }
    }
    fs::remove_file(files.path().join("eel/2.png")).unwrap();
    files.write("README.md", b"about").write(".DS_Store", b"junk");
    let dataset = files.open(&rgb()).unwrap();
    let labels: Vec<i64> = (0..8).map(|index| dataset.label(index).unwrap()).collect();
    assert_eq!(labels, [0, 1, 2, 0, 1, 2, 0, 1]);
    let few = DatasetConfig {
        samples: 4,
        ..files.config()
    };
    let few = Dataset::open(&few, &rgb(), &BTreeMap::new()).unwrap();
    assert_eq!((few.len(), few.label(3)), (4, Some(0)));
    assert!((values(&few, 3)[0] - 1.0 / 255.0).abs() < 1e-6);
    assert_ne!(few.digest(), dataset.digest());
}

#[test]
fn labels_lie_beside_the_samples() {
    let files = Files::new();
    for name in ["a.png", "b.png", "c.png"] {
        files.image(name, plain(6, 4, [0, 0, 0]));
    }
    let labels = || -> Vec<i64> {
        let dataset = files.open(&rgb()).unwrap();
        (0..3).map(|index| dataset.label(index).unwrap()).collect()
    };
    let unlabelled = files.open(&rgb()).unwrap().digest().clone();
    files.write(
        "labels.csv",
        "\u{feff}file,label\r\n\"c.png\",30\r\nb,20\r\n./a.png,10\r\nmore.png,1\r\n".as_bytes(),
    );
    assert_eq!(labels(), [10, 20, 30]);
    assert_ne!(*files.open(&rgb()).unwrap().digest(), unlabelled);
    fs::rename(files.path().join("labels.csv"), files.path().join("truth.csv")).unwrap();
    assert!(
        files
            .complaint(&rgb())
            .starts_with("`truth.csv` in `data` is neither an image")
    );
    let named = DatasetConfig {
        labels: Some("truth.csv".to_owned()),
        ..files.config()
    };
    let named = Dataset::open(&named, &rgb(), &BTreeMap::new()).unwrap();
    assert_eq!(named.label(2), Some(30));
    fs::remove_file(files.path().join("truth.csv")).unwrap();
    files.npy("labels.npy", "|u1", "(3, 1)", &[7, 8, 9]);
    assert_eq!(labels(), [7, 8, 9]);
}

#[test]
fn arrays_are_one_sample_each() {
    let files = Files::new();
    files
        .floats("a.npy", "(2,)", &[1.0, 2.0])
        .floats("b.npy", "(2,)", &[3.0, 4.0]);
    let dataset = files.open(&pair()).unwrap();
    assert_eq!(dataset.sample(1).unwrap()[0].shape, [1, 2]);
    assert_eq!(values(&dataset, 1), [3.0, 4.0]);
    let batched = Files::new();
    batched.floats("a.npy", "(1, 2)", &[1.0, 2.0]);
    assert_eq!(batched.open(&pair()).unwrap().sample(0).unwrap()[0].shape, [1, 2]);
    // Types are converted where no value changes.
    let wide = Files::new();
    let data: Vec<u8> = [0.5_f64, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    wide.npy("one/a.npy", "<f8", "(2,)", &data)
        .npy("two/a.npy", "<f8", "(2,)", &data);
    let classes = wide.open(&pair()).unwrap();
    assert_eq!((values(&classes, 0), classes.label(1)), (vec![0.5, 2.0], Some(1)));
}

#[test]
fn several_inputs_are_told_by_name_or_folder() {
    let specs = [
        spec("ids", ElementType::Int64, &["batch", "seq"]),
        spec("model/ids", ElementType::Int64, &["batch", "seq"]),
    ];
    let ids = |first: i64| [first, 5].map(i64::to_le_bytes).concat();
    let (flat, deep) = (Files::new(), Files::new());
    for sample in 0..2_i64 {
        flat.npy(&format!("s{sample}.ids.npy"), "<i8", "(2,)", &ids(sample))
            .npy(&format!("s{sample}.model_ids.npy"), "<i8", "(1, 2)", &ids(sample + 10));
        deep.npy(&format!("ids/s{sample}.npy"), "<i8", "(2,)", &ids(sample))
            .npy(&format!("model_ids/s{sample}.npy"), "<i8", "(2,)", &ids(sample + 10));
    }
    for files in [&flat, &deep] {
        files.write("labels.csv", b"s0,4\ns1,5\n");
        let dataset = files.open(&specs).unwrap();
        assert_eq!((dataset.len(), dataset.label(1)), (2, Some(5)));
        let second = dataset.sample(1).unwrap();
        assert_eq!(second[0].to_f64().unwrap(), [1.0, 5.0]);
        assert_eq!(second[1].to_f64().unwrap(), [11.0, 5.0]);
        assert_eq!(second[1].shape, [1, 2]);
    }
    flat.npy("s2.ids.npy", "<i8", "(2,)", &ids(2));
    assert!(
        flat.complaint(&specs)
            .starts_with("`data` has no array for input `model/ids` of sample `s2`"),
        "{}",
        flat.complaint(&specs)
    );
    flat.npy("s2.mask.npy", "<i8", "(2,)", &ids(2));
    assert!(
        flat.complaint(&specs)
            .starts_with("`s2.mask.npy` in `data` belongs to no input of the model; its inputs are `ids`, `model/ids`"),
        "{}",
        flat.complaint(&specs)
    );
}

/// A PNG that claims to be huge and holds nothing.
fn huge_png() -> Vec<u8> {
    let mut bytes = encoded(plain(1, 1, [0, 0, 0]).into(), ImageFormat::Png);
    bytes[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// CRC-32 as PNG has it (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[test]
fn says_what_is_wrong_with_images() {
    let with = |fill: &dyn for<'a> Fn(&'a Files) -> &'a Files, specs: &[TensorSpec]| {
        let files = Files::new();
        fs::create_dir(files.path()).unwrap();
        fill(&files);
        files.complaint(specs)
    };
    let black = || plain(6, 4, [0, 0, 0]);
    let png = || encoded(black().into(), ImageFormat::Png);
    let said = [
        with(&|files| files, &rgb()),
        with(&|files| files.write("a.png", &png()[..60]), &rgb()),
        with(&|files| files.write("a.png", b""), &rgb()),
        with(&|files| files.write("a.jpg", b"plain text"), &rgb()),
        with(
            &|files| {
                files.write(
                    "a.jpg",
                    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
                )
            },
            &rgb(),
        ),
        with(&|files| files.write("a.png", &huge_png()), &rgb()),
        with(&|files| files.write("a.gif", b"GIF89a"), &rgb()),
        with(
            &|files| files.image("a.png", black()).floats("b.npy", "(2,)", &[0.0, 0.0]),
            &rgb(),
        ),
        with(
            &|files| files.image("a.png", black()).image("cat/a.png", black()),
            &rgb(),
        ),
        with(&|files| files.image("cat/a.png", black()), &rgb()),
        with(&|files| files.image("cat/deep/a.png", black()), &rgb()),
        with(
            &|files| {
                files.image("cat/a.png", black());
                fs::create_dir(files.path().join("dog")).unwrap();
                files
            },
            &rgb(),
        ),
        with(&|files| files.image("a.png", black()), &pair()),
        with(
            &|files| files.image("a.png", black()),
            &[spec("x", ElementType::Int64, &["batch", "3", "4", "6"])],
        ),
        with(
            &|files| files.image("a.png", black()),
            &[rgb()[0].clone(), pair()[0].clone()],
        ),
        with(
            &|files| {
                files
                    .image("a.png", black())
                    .write("labels.csv", b"file,label\nb.png,1\n")
            },
            &rgb(),
        ),
        with(
            &|files| {
                files
                    .image("a.png", black())
                    .write("labels.csv", b"a.png,1\nb.png,cat\n")
            },
            &rgb(),
        ),
        with(
            &|files| files.image("a.png", black()).write("labels.csv", b"a.png\n"),
            &rgb(),
        ),
        with(
            &|files| files.image("a.png", black()).npy("labels.npy", "|u1", "(2,)", &[1, 2]),
            &rgb(),
        ),
        with(
            &|files| files.image("a.png", black()).floats("labels.npy", "(1,)", &[1.0]),
            &rgb(),
        ),
        with(
            &|files| {
                files
                    .image("a.png", black())
                    .write("labels.csv", b"a.png,1\n")
                    .npy("labels.npy", "|u1", "(1,)", &[1])
            },
            &rgb(),
        ),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    `data` holds no sample; put images (.jpg .jpeg .png .bmp .webp) or .npy files there; if Git LFS or a download should, check that it did
    `a.png` in `data` cannot be read as an image: unexpected end of file; replace it, or remove it from the dataset; JPEG, PNG, BMP and WebP are read
    `a.png` in `data` cannot be read as an image: it is empty; replace it, or remove it from the dataset; JPEG, PNG, BMP and WebP are read
    `a.jpg` in `data` cannot be read as an image: its content is no image of a known kind; replace it, or remove it from the dataset; JPEG, PNG, BMP and WebP are read
    `a.jpg` in `data` is a Git LFS pointer, not the file itself; in the workflow, set `lfs: true` under `with:` of actions/checkout
    `a.png` in `data` is refused: it has 20000 × 20000 pixels; at most 64 megapixels are unpacked, and 20000 a side; scale it down: the model sees it at the size of its input anyway
    `a.gif` in `data` is neither an image that can be read (.jpg .jpeg .png .bmp .webp) nor a .npy array; convert it or move it out of the folder; labels lie in `labels.csv` or `labels.npy`, or name them with `labels`
    `data` holds images and arrays, such as `a.png` and `b.npy`; keep one kind in one folder
    `data` holds samples, such as `a.png`, beside the folder `cat`; put all samples into the folder itself, or all into folders of classes or inputs
    `data` holds one folder of samples, `cat`: a single class; name the folder in it as the dataset, or add a folder for every other class
    `cat/deep` in `data` is a folder two levels down; samples lie in the folder itself, or in one folder a class or input
    `dog` in `data` is an empty folder: a class or an input without a sample; remove it, or put its samples there
    `data` holds images, but input `x` is float [batch, 2], which is no [1, 3, height, width] or [1, height, width, 3]; write the samples as `.npy` files or an `.npz` archive, preprocessed as the model needs them; where the model leaves its channels open, give the shape with `inputs`
    `data` holds images, but input `x` is int64 [batch, 3, 4, 6]: pixels are fed as floats or uint8; write the samples as `.npy` files or an `.npz` archive
    `data` holds images, which feed one input, but the model has 2; write an .npz archive with one array an input
    `labels.csv` in `data` has no label for `a.png`; write one line a sample, its file and the number of its class: `0001.png,3`
    `labels.csv` in `data` has the label `cat` on line 2, but labels are integers; write one line a sample, its file and the number of its class: `0001.png,3`
    `labels.csv` in `data` has no label on line 1; write one line a sample, its file and the number of its class: `0001.png,3`
    `labels.npy` in `data` holds 2 labels, but the number of samples in the folder is 1; labels stand in the order of the samples' names, sorted as text
    `labels.npy` in `data` holds `<f4`, but labels are integers; save it with `numpy.save(path, labels)`
    `data` has labels twice, in `labels.csv` and `labels.npy`; remove one of them, or name one with `labels`
    "#);
}

#[test]
fn says_what_is_wrong_with_arrays() {
    let with = |fill: &dyn for<'a> Fn(&'a Files) -> &'a Files| {
        let files = Files::new();
        fill(&files);
        files.complaint(&pair())
    };
    let said = [
        with(&|files| files.floats("a.npy", "(3,)", &[0.0; 3])),
        with(&|files| files.floats("a.npy", "(4, 2)", &[0.0; 8])),
        with(&|files| {
            files
                .floats("a.npy", "(2,)", &[0.0; 2])
                .floats("b.npy", "(1, 2)", &[0.0; 2])
        }),
        with(&|files| files.npy("a.npy", "<i8", "(2,)", &[0; 16])),
        with(&|files| files.npy("a.npy", "|O", "(2,)", &[0; 16])),
        with(&|files| files.floats("a.npy", "(2,)", &[0.0])),
        with(&|files| files.floats("a.npy", "(2,)", &[0.0, f32::NAN])),
        with(&|files| files.write("a.npy", b"PK\x03\x04 is another thing")),
        with(&|files| files.write("a.npy", b"")),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    `a.npy` in `data` has the shape [3], but one sample of input `x` is [2]; write the samples in the shape that the model is fed
    `a.npy` in `data` has the shape [4, 2]: 4 samples in one file; save every sample in a file of its own, or all of them in one .npz archive
    `b.npy` in `data` has the shape [1, 2], but `a.npy` has [2]: all samples must be alike; pad or cut them to one shape where they are written
    `a.npy` in `data` holds int64 elements, but the input takes float; convert it where it is written, with the model's own preprocessing: `x.astype("float32")`
    `a.npy` in `data` cannot be used: it holds `|O`, not numbers; arrays must hold numbers or booleans; save each with `numpy.save(path, sample)`
    `a.npy` in `data` cannot be used: it ends after 4 of 8 bytes; arrays must hold numbers or booleans; save each with `numpy.save(path, sample)`
    `a.npy` in `data` holds a NaN; remove that sample
    `a.npy` in `data` cannot be used: it does not start like a NumPy array; arrays must hold numbers or booleans; save each with `numpy.save(path, sample)`
    `a.npy` in `data` cannot be used: it ends before its header does; arrays must hold numbers or booleans; save each with `numpy.save(path, sample)`
    "#);
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let files = Files::new();
    files.image("a.png", plain(6, 4, [0, 0, 0]));
    let mut config = files.config();
    config.images.std = Some(vec![0.5, 0.5, 0.5]);
    let grey = [spec("x", ElementType::Float, &["batch", "1", "4", "6"])];
    let bytes = [spec("x", ElementType::UInt8, &["batch", "3", "4", "6"])];
    let labels = DatasetConfig {
        labels: Some("y".to_owned()),
        ..files.config()
    };
    let said = [
        files.complaint_of(&config, &grey),
        files.complaint_of(&config, &bytes),
        files.complaint_of(&labels, &rgb()),
        files.complaint_of(&DatasetConfig::of(files.path().join("a.png")), &rgb()),
        files.complaint_of(&DatasetConfig::of(files.path().join("none")), &rgb()),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    `data` holds images, but input `x` is float [batch, 1, 4, 6], and `std` lists 3 numbers; give one number for all channels, or one a channel
    `data` holds images, but input `x` is uint8 [batch, 3, 4, 6]: `mean` and `std` need a float input; remove them from the model's `dataset`: the model is fed the plain pixels, 0 to 255
    `data` has no file `y` for the labels; correct `labels` of the model's `dataset` in .mlbuild.yml; without it `labels.csv`, `labels.npy` and folders of classes are found
    `data/a.png` is not an .npz archive: it is one image; name the folder that it lies in; a dataset is a folder of images or .npy files, or an archive written in Python with `numpy.savez(path, input_name=x, labels=y)`
    cannot read `data/none`: No such file or directory (os error 2); check the path; it is taken relative to the folder of the config, or to the working folder for a flag
    "#);
}

#[cfg(unix)]
#[test]
fn links_and_names_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let outside = Files::new();
    outside.image("secret.png", plain(6, 4, [0, 0, 0]));
    let secret = outside.path().join("secret.png");
    let files = Files::new();
    files.image("a.png", plain(6, 4, [0, 0, 0]));
    let refused = |name: &Path, wanted: &str| {
        let complaint = files.complaint(&rgb());
        assert!(complaint.contains(wanted), "{complaint}");
        fs::remove_file(files.path().join(name)).unwrap();
    };
    symlink(&secret, files.path().join("b.png")).unwrap();
    refused(
        Path::new("b.png"),
        "`b.png` in `data` is refused: it is a symbolic link",
    );
    symlink(outside.path(), files.path().join("class")).unwrap();
    refused(
        Path::new("class"),
        "`class` in `data` is refused: it is a symbolic link",
    );
    fs::hard_link(&secret, files.path().join("b.png")).unwrap();
    refused(Path::new("b.png"), "`b.png` in `data` is refused: the file has 2 names");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
    // Some file systems take no such name.
    if fs::copy(files.path().join("a.png"), files.path().join(name)).is_ok() {
        refused(Path::new(name), "in `data` has a name that is not UTF-8");
    }
    files.write("evil\u{1b}[31m\n.gif", b"");
    refused(
        Path::new("evil\u{1b}[31m\n.gif"),
        "`evil\\u{1b}[31m\\n.gif` in `data` is neither",
    );
    assert_eq!(files.open(&rgb()).unwrap().len(), 1);
}

#[test]
fn damaged_files_never_panic() {
    let images: Vec<Vec<u8>> = [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Jpeg]
        .into_iter()
        .map(|format| encoded(halves(6, 4).into(), format))
        .collect();
    let files = Files::new();
    for whole in &images {
        for at in (0..whole.len()).step_by(whole.len() / 12 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            files.write("a.png", &damaged);
            drop(files.open(&rgb()).and_then(|dataset| dataset.sample(0)));
            files.write("a.png", &whole[..at]);
            drop(files.open(&rgb()).and_then(|dataset| dataset.sample(0)));
        }
    }
}
