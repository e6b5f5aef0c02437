//! ONNX Runtime, through `ort`: a session out of a file, its inputs made once, timed runs.
//!
//! A timed run is the plain call that applications make; the engine allocates the outputs. Preallocating them through a binding
//! changed p50 of a 0.05 ms model by less than restarts differ (docs/benchmarks.md).
//!
//! Settings that are left as the engine ships them, because that is what users run: memory patterns, and
//! spinning of the thread pool (whoever measures stops the idle worker instead). Telemetry is off. With one thread there is no pool.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use ort::environment::Environment;
use ort::ep;
use ort::ep::ExecutionProvider;
use ort::session::SessionInputValue;
use ort::session::builder::AutoDevicePolicy;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::builder::SessionBuilder;

use crate::config::ExecutionMode;
use crate::config::GraphOptimization;
use crate::config::Target;
use crate::model::tensor::Tensor;

use super::engine_failure::loading;
use super::engine_failure::plain;
use super::engine_failure::running;
use super::engine_tensors::contents;
use super::engine_tensors::input_values;
use super::engine_tensors::output;
use super::engine_tensors::spec;
use super::memory;
use super::observing::Observer;
use super::protocol::Failure;
use super::protocol::FailureKind;
use super::settings::Artifact;
use super::settings::Loaded;
use super::settings::SessionSettings;
use super::stolen::Stopwatch;
use super::stolen::Timed;

/// The library, loaded once a process.
pub(super) struct Engine {
    environment: Environment,
    version: String,
}

/// A session with the inputs that it is measured on.
pub(super) struct Session {
    session: ort::session::Session,
    /// In the model's order.
    values: Vec<SessionInputValue<'static>>,
    /// The engine may go on reading external data where it lies.
    _external: Vec<Arc<[u8]>>,
}

impl Engine {
    /// Loads the library at the absolute path `library`.
    pub(super) fn open(library: &Path) -> Result<Self, Failure> {
        let failed = |message: String| Failure {
            kind: FailureKind::Library,
            message,
        };
        if !library.is_absolute() {
            return Err(failed(format!("`{}` is not an absolute path", library.display())));
        }
        let builder = ort::init_from(library).map_err(|error| failed(error.to_string()))?;
        let environment = builder
            .with_name("mlbuild")
            .with_telemetry(false)
            .build()
            .map_err(|error| failed(plain(error.message())))?;
        Ok(Self {
            environment,
            version: version(library).map_err(failed)?,
        })
    }

    /// Builds a session, makes the engine's values of `inputs`, and runs it once, both under `watch`.
    pub(super) fn load(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        watch: &mut Stopwatch,
    ) -> Result<(Session, Loaded), Failure> {
        self.load_with(artifact, settings, inputs, watch, Ok)
    }

    /// The same, with the builder passed through `adjust` before it becomes a session.
    pub(super) fn load_with(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        watch: &mut Stopwatch,
        adjust: impl FnOnce(SessionBuilder) -> Result<SessionBuilder, Failure>,
    ) -> Result<(Session, Loaded), Failure> {
        let source = Source::of(artifact)?;
        let external = artifact
            .external
            .iter()
            .map(|(location, path)| Ok((location.as_str(), read_shared(path)?)))
            .collect::<Result<Vec<_>, Failure>>()?;

        watch.renew();
        let (session, load) = watch.time(|| {
            let mut builder = adjust(self.builder(settings)?)?;
            for (location, data) in &external {
                builder = builder
                    .with_external_initializer_file_in_memory(location, Arc::clone(data))
                    .map_err(|error| loading(&error))?;
            }
            match &source {
                Source::Link(path) => builder.commit_from_file(path),
                Source::Memory(bytes) => builder.commit_from_memory(bytes),
            }
            .map_err(|error| loading(&error))
        });
        let mut session = session?;
        drop(source);
        let loaded_bytes = memory::resident();

        let values = input_values(&session, inputs)?;
        let input_specs = session.inputs().iter().map(spec).collect();
        let outputs = session.outputs().iter().map(spec).collect();
        watch.renew();
        let (ran, first) = watch.time(|| session.run(values.as_slice()));
        drop(ran.map_err(|error| running(&error))?);

        let loaded = Session {
            session,
            values,
            _external: external.into_iter().map(|(_, data)| data).collect(),
        };
        let loaded_facts = Loaded {
            load_seconds: load.own(),
            first_seconds: first.own(),
            loaded_bytes,
            runtime_version: self.version.clone(),
            inputs: input_specs,
            outputs,
        };
        Ok((loaded, loaded_facts))
    }

    fn builder(&self, settings: &SessionSettings) -> Result<SessionBuilder, Failure> {
        let level = match settings.graph_optimization {
            GraphOptimization::Disabled => GraphOptimizationLevel::Disable,
            GraphOptimization::Basic => GraphOptimizationLevel::Level1,
            GraphOptimization::Extended => GraphOptimizationLevel::Level2,
            GraphOptimization::All => GraphOptimizationLevel::All,
        };
        let parallel = settings.execution_mode == ExecutionMode::Parallel;
        let threads = settings.threads.max(1);
        let builder = ort::session::Session::builder(&self.environment).map_err(|error| loading(&error))?;
        let builder = builder
            .with_optimization_level(level)
            .map_err(|error| loading(&error))?;
        let builder = builder.with_intra_threads(threads).map_err(|error| loading(&error))?;
        let inter = if parallel { threads } else { 1 };
        let builder = builder.with_inter_threads(inter).map_err(|error| loading(&error))?;
        let builder = builder
            .with_parallel_execution(parallel)
            .map_err(|error| loading(&error))?;
        let builder = if settings.arena {
            builder
        } else {
            let processor = ep::CPU::default().with_arena_allocator(false);
            builder
                .with_execution_providers([processor.build()])
                .map_err(|error| loading(&error))?
        };
        match settings.target {
            Target::OnnxRuntimeCpu => builder
                .with_auto_device(AutoDevicePolicy::PreferCPU)
                .map_err(|error| loading(&error)),
            Target::OnnxRuntimeGpu => on_device(builder, settings.target, ep::CUDA::default()),
            Target::OnnxRuntimeAne => {
                let units = ep::coreml::ComputeUnits::CPUAndNeuralEngine;
                on_device(
                    builder,
                    settings.target,
                    ep::CoreML::default().with_compute_units(units),
                )
            }
            Target::AndroidArm64
            | Target::AndroidArm32
            | Target::AndroidX86
            | Target::RaspberryPi
            | Target::CoralTpu
            | Target::GenericLinux => Err(Failure {
                kind: FailureKind::Provider,
                message: format!("ONNX Runtime does not run what target `{}` needs", settings.target),
            }),
        }
    }
}

/// Asks for an execution provider; a library without it is an error, never the CPU instead.
fn on_device<P>(builder: SessionBuilder, target: Target, provider: P) -> Result<SessionBuilder, Failure>
where
    P: ExecutionProvider + Into<ep::ExecutionProviderDispatch>,
{
    if !P::is_available().map_err(|error| loading(&error))? {
        return Err(Failure {
            kind: FailureKind::Provider,
            message: format!("this ONNX Runtime has no `{}`, which target `{target}` needs", P::NAME),
        });
    }
    let dispatch: ep::ExecutionProviderDispatch = provider.into();
    builder
        .with_execution_providers([dispatch.error_on_failure()])
        .map_err(|error| Failure {
            kind: FailureKind::Provider,
            message: format!("`{}` cannot start: {}", P::NAME, plain(error.message())),
        })
}

impl Session {
    /// Runs on the loaded inputs under `watch`.
    pub(super) fn time(&mut self, watch: &mut Stopwatch) -> Result<Timed, Failure> {
        let (outputs, timed) = watch.time(|| self.session.run(self.values.as_slice()));
        outputs.map_err(|error| running(&error))?;
        Ok(timed)
    }

    /// Ends the profiling that the session was built with; the name of the file that holds it.
    pub(super) fn end_profiling(&mut self) -> Result<String, Failure> {
        self.session.end_profiling().map_err(|error| running(&error))
    }

    /// Runs on other inputs and returns every output, in the model's order. Outputs that are no tensors come back without data.
    pub(super) fn infer(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        let values = input_values(&self.session, inputs)?;
        let outputs = self.session.run(values.as_slice()).map_err(|error| running(&error))?;
        outputs.iter().map(|(name, value)| output(name, &value)).collect()
    }

    /// Runs on other inputs and shows `observer` every output where it lies; the time that the engine took of that.
    pub(super) fn observe(&mut self, inputs: &[Tensor], observer: &mut Observer) -> Result<Duration, Failure> {
        let values = input_values(&self.session, inputs)?;
        let started = Instant::now();
        let outputs = self.session.run(values.as_slice()).map_err(|error| running(&error))?;
        let taken = started.elapsed();
        for (name, value) in outputs.iter() {
            contents(name, &value, |element, shape, data| {
                observer.add(name, element, shape, data)
            })?;
        }
        Ok(taken)
    }
}

/// Where the engine takes a model from.
enum Source {
    /// A link to its file, as applications load it: the file's bytes in memory, besides what the engine makes of them, would count as
    /// the model's peak. The link stands alone in the worker's own folder, so that nothing beside the file is found.
    Link(PathBuf),
    /// Its bytes.
    Memory(Vec<u8>),
}

impl Source {
    fn of(artifact: &Artifact) -> Result<Self, Failure> {
        let path = artifact.model.as_path();
        if artifact.external.is_empty()
            && let Some(link) = link(path)
        {
            File::open(&link).map_err(|error| unreadable(path, &error))?;
            return Ok(Self::Link(link));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self::Memory(bytes))
    }
}

/// Makes the link by which `artifact` is loaded, while this process may still make one.
pub(super) fn link_before(artifact: &Artifact) {
    if artifact.external.is_empty() {
        link(&artifact.model);
    }
}

/// A link to `path` in this process' folder for temporary files; `None` where there can be none.
#[cfg(unix)]
fn link(path: &Path) -> Option<PathBuf> {
    let link = std::env::temp_dir().join(format!("model-{}", std::process::id()));
    if std::fs::read_link(&link).is_ok_and(|target| target == path) {
        return Some(link);
    }
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(path, &link).ok()?;
    Some(link)
}

#[cfg(not(unix))]
fn link(_path: &Path) -> Option<PathBuf> {
    None
}

/// Reads a file into shared memory without a second copy of it, which would count as the model's peak.
fn read_shared(path: &Path) -> Result<Arc<[u8]>, Failure> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let length = usize::try_from(file.metadata().map_err(failed)?.len())
        .map_err(|_| failed(std::io::ErrorKind::FileTooLarge.into()))?;
    let mut data: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    if let Some(bytes) = Arc::get_mut(&mut data) {
        file.read_exact(bytes).map_err(failed)?;
    }
    Ok(data)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let kind = if error.kind() == std::io::ErrorKind::OutOfMemory {
        FailureKind::Memory
    } else {
        FailureKind::Artifact
    };
    Failure {
        kind,
        message: format!("cannot read `{}`: {error}", path.display()),
    }
}

/// The library's version, which `ort` reads but does not pass on.
fn version(library: &Path) -> Result<String, String> {
    // SAFETY: `ort` has loaded the very same library already, so no initializer runs anew, and found its version acceptable;
    // `OrtGetApiBase` has this signature in every release, and the string it leads to is static and ends with a zero.
    #[expect(unsafe_code, reason = "the C entry point of ONNX Runtime")]
    let text = unsafe {
        let library = libloading::Library::new(library).map_err(|error| error.to_string())?;
        let base = library
            .get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")
            .map_err(|error| error.to_string())?;
        let base = base().as_ref().ok_or("`OrtGetApiBase` returned nothing")?;
        std::ffi::CStr::from_ptr((base.GetVersionString)())
            .to_string_lossy()
            .into_owned()
    };
    Ok(text)
}
