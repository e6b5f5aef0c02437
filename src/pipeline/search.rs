//! Answers [`variant::Search`]: which groups of nodes stay in floats. Every choice is derived, loaded and run on real samples against the
//! model in floats; the ones that agree well enough are timed beside each other, and the fastest wins.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::MeasureError;
use crate::measure::Side;
use crate::measure::agreement::Agreement;
use crate::measure::choice;
use crate::measure::choice::Choices;
use crate::measure::choice::Kept;
use crate::measure::turns;
use crate::model::Decoded;
use crate::model::Samples;
use crate::model::dataset::DatasetError;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::work;
use crate::model::tensor::Tensor;
use crate::model::tflite;
use crate::runtime::Artifact;
use crate::runtime::SessionSettings;
use crate::runtime::Worker;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;
use crate::variant::ArtifactFile;
use crate::variant::Derivation;
use crate::variant::Evidence;
use crate::variant::Search;
use crate::variant::VariantError;

/// Samples that every choice is run on.
const SAMPLES: usize = 16;

/// Latencies that differ by less than this are equal, and the choice with fewer nodes in floats wins.
const EQUAL: f64 = 0.01;

/// One choice that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The nodes kept in floats, in the graph's order.
    pub in_float: Vec<String>,
    /// The mean over samples of the lowest cosine similarity over outputs, against the model in floats.
    pub cosine: f64,
    /// The same less its standard error: what is held against the floor.
    pub safe_cosine: f64,
    /// Latency as a multiple of that of the model in floats, where it was measured.
    pub latency: Option<f64>,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Nodes to keep in floats, with the reason for each: [`Evidence::in_float`].
    pub in_float: BTreeMap<String, String>,
    /// The choice that won.
    pub chosen: Point,
    /// Everything that was tried, in order: cosine against latency.
    pub curve: Vec<Point>,
}

/// Why no choice was made.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// No choice agrees well enough.
    #[error(
        "no choice of nodes in floats keeps a cosine similarity of {floor}: the best of {tried} reaches {best:.4}, with {kept} of {groups} \
         in floats{}", if *out_of_time { "; time is up" } else { "" }
    )]
    OutOfReach {
        /// The least cosine that was asked for.
        floor: f64,
        /// The best that was found.
        best: f64,
        /// Groups in floats of the best choice.
        kept: usize,
        /// Groups in all.
        groups: usize,
        /// How many choices were tried.
        tried: usize,
        /// True where more might have been tried.
        out_of_time: bool,
        /// Everything that was tried.
        curve: Vec<Point>,
    },
    /// A choice cannot be derived.
    #[error(transparent)]
    Variant(#[from] VariantError),
    /// A choice cannot be run.
    #[error("a trial cannot be run")]
    Worker(#[from] WorkerError),
    /// A sample cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The model's outputs cannot be compared.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A trial cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no place for trials.
    #[error("cannot make a temporary folder")]
    Folder(#[source] std::io::Error),
}

impl Hint for SearchError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::OutOfReach { floor, best, .. } => {
                let lower = (best * 1000.0).floor() / 1000.0;
                let mut hints = Vec::new();
                if lower > 0.0 && lower < *floor {
                    hints.push(format!(
                        "accept less, such as `mixed-{lower}`, or give calibration data that is closer to production"
                    ));
                }
                hints.push("`fp16` or the weights alone in integers keep more of a model's accuracy".to_owned());
                hints
            }
            Self::Variant(error) => error.hints(),
            Self::Worker(error) => error.hints(),
            Self::Dataset(error) => error.hints(),
            Self::Measure(error) => error.hints(),
            Self::File(_) | Self::Folder(_) => {
                vec!["set `TMPDIR` to a folder with enough room for some copies of the model".to_owned()]
            }
        }
    }
}

/// What a search works with.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The model on its way; its next step is tried.
    pub derivation: &'a Derivation<'a>,
    /// What that step wants to be found.
    pub search: &'a Search,
    /// What was observed for it: ranges.
    pub observed: &'a Evidence,
    /// The model in floats, as it is run.
    pub side: &'a Side,
    /// What stands in its file.
    pub model: &'a Decoded,
    /// Samples to compare outputs on.
    pub samples: &'a Samples,
    /// After this long nothing more is tried.
    pub budget: Duration,
    /// How a worker is started.
    pub command: &'a WorkerCommand,
    /// What it may use.
    pub options: &'a WorkerOptions,
}

/// Finds the groups to keep in floats. `progress` hears how many choices have been tried, and about how many there will be.
pub fn search(request: &Request<'_>, progress: &mut dyn FnMut(usize, usize)) -> Result<Found, SearchError> {
    let begun = Instant::now();
    let groups = &request.search.groups;
    let costs = costs(request);
    let mut trials = Trials::begin(request)?;
    let about = 2 * groups.len() + 60;
    let mut out_of_time = false;
    let mut tried = 0;
    let choices = choice::choose(
        &costs,
        request.search.min_cosine,
        &mut |kept| {
            tried += 1;
            progress(tried.min(about), about);
            trials.agreement(kept)
        },
        &mut || {
            out_of_time = begun.elapsed() > request.budget;
            !out_of_time
        },
    )?;
    let latencies = trials.latencies(&choices.good)?;
    let curve = curve(request, &choices, &trials, &latencies);
    // Integers alone are timed too, for the curve.
    let good = || latencies.iter().filter(|(kept, _)| choices.good.contains(kept));
    let fastest = good().map(|(_, latency)| *latency).fold(f64::INFINITY, f64::min);
    let chosen = good()
        .filter(|(_, latency)| *latency <= fastest * (1.0 + EQUAL))
        .min_by_key(|(kept, _)| kept.len())
        .map(|(kept, _)| kept);
    match chosen.and_then(|kept| Some((kept, point_of(request, &curve, kept)?))) {
        Some((kept, point)) => Ok(Found {
            in_float: reasons(request, &choices, kept),
            chosen: point,
            curve,
        }),
        None => {
            let whole: usize = groups.iter().map(Vec::len).sum();
            let best = curve
                .iter()
                .filter(|point| point.in_float.len() < whole)
                .max_by(|one, other| one.safe_cosine.total_cmp(&other.safe_cosine));
            Err(SearchError::OutOfReach {
                floor: request.search.min_cosine,
                best: best.map_or(-1.0, |best| best.safe_cosine),
                kept: best.map_or(0, |best| groups.iter().filter(|group| is_kept(best, group)).count()),
                groups: groups.len(),
                tried: choices.tried.len(),
                out_of_time,
                curve,
            })
        }
    }
}

fn is_kept(point: &Point, group: &[String]) -> bool {
    group.iter().any(|node| point.in_float.contains(node))
}

fn point_of(request: &Request<'_>, curve: &[Point], kept: &Kept) -> Option<Point> {
    let nodes = nodes(request, kept);
    curve.iter().find(|point| point.in_float == nodes).cloned()
}

/// The names of the nodes of some groups.
fn nodes(request: &Request<'_>, kept: &Kept) -> Vec<String> {
    let groups = kept.iter().filter_map(|group| request.search.groups.get(*group));
    groups.flatten().cloned().collect()
}

fn curve(request: &Request<'_>, choices: &Choices, trials: &Trials<'_>, latencies: &[(Kept, f64)]) -> Vec<Point> {
    let points = choices.tried.iter();
    points
        .map(|(kept, safe)| Point {
            in_float: nodes(request, kept),
            cosine: trials.means.get(kept).copied().unwrap_or(*safe),
            safe_cosine: *safe,
            latency: latencies
                .iter()
                .find(|(other, _)| other == kept)
                .map(|(_, latency)| *latency),
        })
        .collect()
}

/// Why each node is kept in floats.
fn reasons(request: &Request<'_>, choices: &Choices, kept: &Kept) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    for group in kept {
        let alone = choices.alone.get(*group).copied().unwrap_or(1.0);
        let reason = if alone < 0.9995 {
            format!("kept in floats: alone in integers it lowers the outputs' cosine similarity to {alone:.4}")
        } else {
            "kept in floats: between nodes that are, integers would add conversions and errors".to_owned()
        };
        for node in request.search.groups.get(*group).into_iter().flatten() {
            reasons.insert(node.clone(), reason.clone());
        }
    }
    reasons
}

/// Each group's share of the model's multiplications, or equal shares where they cannot be told.
fn costs(request: &Request<'_>) -> Vec<f64> {
    let shapes: BTreeMap<String, Vec<u64>> = request
        .samples
        .sample(0)
        .unwrap_or_default()
        .into_iter()
        .map(|tensor| (tensor.name, tensor.shape))
        .collect();
    let known = match request.model {
        Decoded::Onnx(model) => by_name(model, &shapes),
        Decoded::TfLite(model) => tflite::work::by_output(model, &shapes),
    };
    let groups = &request.search.groups;
    let of = |group: &Vec<String>| -> f64 {
        group
            .iter()
            .filter_map(|node| known.get(node))
            .map(|count| *count as f64)
            .sum()
    };
    let total: f64 = groups.iter().map(of).sum();
    if total > 0.0 {
        groups.iter().map(|group| of(group) / total).collect()
    } else {
        vec![1.0 / groups.len().max(1) as f64; groups.len()]
    }
}

/// Multiplications of each node, by its name and by that of what it makes.
fn by_name(model: &ModelProto, shapes: &BTreeMap<String, Vec<u64>>) -> BTreeMap<String, u64> {
    let counts = work::by_node(model, &[], shapes);
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let mut known = BTreeMap::new();
    for (node, count) in nodes.zip(counts) {
        let Some(count) = count else { continue };
        let names = node.output.first().map(String::as_str).into_iter().chain([node.name()]);
        known.extend(
            names
                .filter(|name| !name.is_empty())
                .map(|name| (name.to_owned(), count)),
        );
    }
    known
}

/// Derives choices and runs them.
struct Trials<'a> {
    request: &'a Request<'a>,
    samples: Vec<Vec<Tensor>>,
    /// What the model in floats answers.
    expected: Vec<Vec<Tensor>>,
    worker: Worker,
    folder: TempDir,
    means: BTreeMap<Kept, f64>,
}

impl<'a> Trials<'a> {
    fn begin(request: &'a Request<'a>) -> Result<Self, SearchError> {
        // Spread over the data, which may be sorted.
        let count = request.samples.len().min(SAMPLES);
        let samples = (0..count)
            .map(|index| request.samples.sample(index * request.samples.len() / count.max(1)))
            .collect::<Result<Vec<_>, _>>()?;
        let folder = TempDir::with_prefix("mlbuild-search-").map_err(SearchError::Folder)?;
        let options = WorkerOptions {
            folders: vec![folder.path().to_owned()],
            ..request.options.clone()
        };
        let mut worker = Worker::spawn(request.command, &options)?;
        let first = samples.first().cloned().unwrap_or_default();
        worker.load(&request.side.artifact, &request.side.settings, &first)?;
        let expected = samples
            .iter()
            .map(|sample| worker.infer(sample))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            request,
            samples,
            expected,
            worker,
            folder,
            means: BTreeMap::new(),
        })
    }

    fn settings(&self) -> &SessionSettings {
        &self.request.side.settings
    }

    /// The files of one choice, by name in the folder of trials.
    fn write(&self, kept: &Kept, name: &str) -> Result<Artifact, SearchError> {
        let kept = nodes(self.request, kept).into_iter().map(|node| (node, String::new()));
        let evidence = Evidence {
            in_float: kept.collect(),
            ..self.request.observed.clone()
        };
        let files = self.request.derivation.trial(&evidence)?;
        let mut paths: Vec<(String, PathBuf)> = Vec::with_capacity(files.len());
        for (number, file) in files.iter().enumerate() {
            paths.push((file.name.clone(), self.put(file, &format!("{name}-{number}.onnx"))?));
        }
        let mut paths = paths.into_iter();
        let model = paths.next().map(|(_, path)| path).unwrap_or_default();
        Ok(Artifact {
            model,
            external: paths.collect(),
        })
    }

    /// Written plainly: it is read back at once and gone afterwards.
    fn put(&self, file: &ArtifactFile, name: &str) -> Result<PathBuf, SearchError> {
        let path = self.folder.path().join(name);
        File::create(&path)
            .and_then(|mut target| target.write_all(&file.bytes))
            .map_err(FileError::at("write", &path))?;
        Ok(path)
    }

    /// The mean cosine of one choice over samples, less its standard error. One that yields NaN agrees in nothing.
    fn agreement(&mut self, kept: &Kept) -> Result<f64, SearchError> {
        let artifact = self.write(kept, "trial")?;
        let settings = self.settings().clone();
        let first = self.samples.first().cloned().unwrap_or_default();
        self.worker.load(&artifact, &settings, &first)?;
        let mut cosines = Vec::with_capacity(self.samples.len());
        for (sample, expected) in self.samples.iter().zip(&self.expected) {
            let outputs = self.worker.infer(sample)?;
            let mut agreement = Agreement::new();
            match agreement.add(expected, &outputs, None) {
                Ok(()) => cosines.push(agreement.finish()?.cosine),
                Err(MeasureError::NotFinite { .. }) => return Ok(-1.0),
                Err(error) => return Err(error.into()),
            }
        }
        let count = cosines.len().max(1) as f64;
        let mean = cosines.iter().sum::<f64>() / count;
        let squares: f64 = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum();
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        self.means.insert(kept.clone(), mean);
        Ok(mean - error)
    }

    /// The latency of each choice as a multiple of the model's in floats.
    fn latencies(&self, choices: &[Kept]) -> Result<Vec<(Kept, f64)>, SearchError> {
        if choices.is_empty() {
            return Ok(Vec::new());
        }
        let inputs = self.samples.first().cloned().unwrap_or_default();
        let mut all: Vec<Kept> = choices.to_vec();
        // For the curve: integers alone.
        if !all.contains(&Kept::new()) {
            all.push(Kept::new());
        }
        let mut sides = vec![Side {
            inputs: inputs.clone(),
            ..self.request.side.clone()
        }];
        for (number, kept) in all.iter().enumerate() {
            sides.push(Side {
                artifact: self.write(kept, &format!("choice-{number}"))?,
                settings: self.settings().clone(),
                inputs: inputs.clone(),
            });
        }
        let relative =
            turns::relative(&sides, self.request.command, self.request.options).map_err(|(_, error)| error)?;
        Ok(all.into_iter().zip(relative.into_iter().skip(1)).collect())
    }
}

/// What a person should know of a search, as notes.
pub(super) fn notes(step: &str, found: &Found) -> Vec<String> {
    let shown_latency = |point: &Point| {
        let latency = point.latency.filter(|latency| latency.is_finite());
        latency.map_or_else(String::new, |latency| {
            format!(" at {latency:.2} × the latency in floats")
        })
    };
    let mut notes = vec![format!(
        "{step}: {} of the nodes that multiply stay in floats: cosine similarity {:.4}{}; {} choices were tried",
        found.chosen.in_float.len(),
        found.chosen.cosine,
        shown_latency(&found.chosen),
        found.curve.len()
    )];
    let measured = found
        .curve
        .iter()
        .filter(|point| point.latency.is_some() && **point != found.chosen);
    notes.extend(measured.map(|point| {
        let first = point
            .in_float
            .first()
            .map(|node| format!(", from {} on", shown(node)))
            .unwrap_or_default();
        format!(
            "{step}: {} in floats{first}: cosine similarity {:.4}{}",
            point.in_float.len(),
            point.cosine,
            shown_latency(point)
        )
    }));
    notes
}
