//! ONNX Runtime, through `ort`: a session out of bytes in memory, its inputs made once, timed runs.
//!
//! A timed run is the plain call that applications make; the engine allocates the outputs. Preallocating them through a binding
//! changed p50 of a 0.05 ms model by less than restarts differ (docs/benchmarks.md).
//!
//! Settings that are left as the engine ships them, because that is what users run: the memory arena, memory patterns, and
//! spinning of the thread pool (whoever measures stops the idle worker instead). Telemetry is off. With one thread there is no pool.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ort::environment::Environment;
use ort::ep;
use ort::ep::ExecutionProvider;
use ort::memory::Allocator;
use ort::session::SessionInputValue;
use ort::session::builder::AutoDevicePolicy;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::builder::SessionBuilder;
use ort::value::DynTensor;
use ort::value::DynTensorValueType;
use ort::value::Outlet;
use ort::value::TensorElementType;
use ort::value::ValueType;

use crate::config::ExecutionMode;
use crate::config::GraphOptimization;
use crate::config::Target;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

use super::protocol::Failure;
use super::protocol::FailureKind;
use super::settings::Artifact;
use super::settings::Loaded;
use super::settings::SessionSettings;

/// Longer messages of the engine are cut.
const MAX_MESSAGE: usize = 1000;

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

    /// Builds a session, makes the engine's values of `inputs`, and runs it once.
    pub(super) fn load(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
    ) -> Result<(Session, Loaded), Failure> {
        let model = read_model(&artifact.model)?;
        let external = artifact
            .external
            .iter()
            .map(|(location, path)| Ok((location.as_str(), read_shared(path)?)))
            .collect::<Result<Vec<_>, Failure>>()?;

        let started = Instant::now();
        let mut builder = self.builder(settings)?;
        for (location, data) in &external {
            builder = builder
                .with_external_initializer_file_in_memory(location, Arc::clone(data))
                .map_err(|error| loading(&error))?;
        }
        let mut session = builder.commit_from_memory(&model).map_err(|error| loading(&error))?;
        let load_seconds = started.elapsed().as_secs_f64();
        drop(model);

        let values = input_values(&session, inputs)?;
        let input_specs = session.inputs().iter().map(spec).collect();
        let outputs = session.outputs().iter().map(spec).collect();
        let started = Instant::now();
        let first = session.run(values.as_slice()).map_err(|error| running(&error))?;
        let first_seconds = started.elapsed().as_secs_f64();
        drop(first);

        let loaded = Session {
            session,
            values,
            _external: external.into_iter().map(|(_, data)| data).collect(),
        };
        let loaded_facts = Loaded {
            load_seconds,
            first_seconds,
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
    /// Runs on the loaded inputs and returns the seconds that it took.
    pub(super) fn time(&mut self) -> Result<f64, Failure> {
        let started = Instant::now();
        let outputs = self.session.run(self.values.as_slice());
        let seconds = started.elapsed().as_secs_f64();
        outputs.map_err(|error| running(&error))?;
        Ok(seconds)
    }

    /// Runs on other inputs and returns every output, in the model's order. Outputs that are no tensors come back without data.
    pub(super) fn infer(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        let values = input_values(&self.session, inputs)?;
        let outputs = self.session.run(values.as_slice()).map_err(|error| running(&error))?;
        outputs.iter().map(|(name, value)| output(name, &value)).collect()
    }
}

/// The engine's values for `inputs`, in the model's order; copied, so that alignment is the engine's.
fn input_values(
    session: &ort::session::Session,
    inputs: &[Tensor],
) -> Result<Vec<SessionInputValue<'static>>, Failure> {
    let refuse = |message: String| Failure {
        kind: FailureKind::Input,
        message,
    };
    if let Some(unknown) = inputs
        .iter()
        .find(|tensor| session.inputs().iter().all(|input| input.name() != tensor.name))
    {
        let known: Vec<String> = session
            .inputs()
            .iter()
            .map(|input| format!("`{}`", input.name()))
            .collect();
        return Err(refuse(format!(
            "the model has no input `{}`; it has {}",
            unknown.name,
            known.join(", ")
        )));
    }
    session
        .inputs()
        .iter()
        .map(|input| {
            let tensor = inputs
                .iter()
                .find(|tensor| tensor.name == input.name())
                .ok_or_else(|| refuse(format!("nothing was given for input `{}`", input.name())))?;
            let wanted = spec(input);
            if wanted.element != tensor.element {
                return Err(refuse(format!(
                    "input `{}` takes {}, and was given {:?}",
                    tensor.name,
                    wanted.describe(),
                    tensor.element
                )));
            }
            engine_value(tensor).map(SessionInputValue::from)
        })
        .collect()
}

fn engine_value(tensor: &Tensor) -> Result<DynTensor, Failure> {
    let refuse = |message: String| Failure {
        kind: FailureKind::Input,
        message,
    };
    let element = engine_element(tensor.element).ok_or_else(|| {
        refuse(format!(
            "input `{}` holds {:?}, which cannot be fed",
            tensor.name, tensor.element
        ))
    })?;
    let shape = tensor
        .shape
        .iter()
        .map(|dim| i64::try_from(*dim))
        .collect::<Result<Vec<i64>, _>>()
        .map_err(|_| refuse(format!("input `{}` has a dimension beyond all bounds", tensor.name)))?;
    let mut value = DynTensor::new(&Allocator::default(), element, shape).map_err(|error| running(&error))?;
    if value.size() != Some(tensor.data.len()) {
        return Err(refuse(format!(
            "input `{}` has {} bytes, which is not what its shape needs",
            tensor.name,
            tensor.data.len()
        )));
    }
    if !tensor.data.is_empty() {
        let bytes = {
            let start = value.data_ptr_mut().cast::<u8>();
            // SAFETY: the value was just allocated in CPU memory with exactly `tensor.data.len()` bytes, all initialized (ort zeroes
            // them), nothing else refers to it, and any byte may stand in each.
            #[expect(unsafe_code, reason = "one copy for every element type")]
            unsafe {
                std::slice::from_raw_parts_mut(start, tensor.data.len())
            }
        };
        bytes.copy_from_slice(&tensor.data);
        if tensor.element == ElementType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
    }
    Ok(value)
}

fn output(name: &str, value: &ort::value::DynValue) -> Result<Tensor, Failure> {
    let other = || Tensor {
        name: name.to_owned(),
        element: ElementType::Other,
        shape: Vec::new(),
        data: bytes::Bytes::new(),
    };
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Ok(other());
    };
    let element = element(*ty);
    let shape: Vec<u64> = shape.iter().map(|dim| u64::try_from(*dim).unwrap_or(0)).collect();
    if element.size().is_none() {
        return Ok(Tensor {
            element,
            shape,
            ..other()
        });
    }
    let tensor = value
        .view()
        .downcast::<DynTensorValueType>()
        .map_err(|error| running(&error))?;
    let length = tensor.size().unwrap_or(0);
    let data = if length == 0 || !tensor.memory_info().is_cpu_accessible() {
        bytes::Bytes::new()
    } else {
        let start = tensor.data_ptr().cast::<u8>();
        // SAFETY: the engine holds `length` bytes of a CPU tensor at `start` for as long as `tensor` borrows the value, and every
        // byte of it is initialized; it is read as bytes, so no alignment or validity of elements is assumed.
        #[expect(unsafe_code, reason = "one copy for every element type")]
        let bytes = unsafe { std::slice::from_raw_parts(start, length) };
        bytes::Bytes::copy_from_slice(bytes)
    };
    let expected = element.size().map(|size| shape.iter().product::<u64>() * size as u64);
    if expected != Some(data.len() as u64) {
        return Err(Failure {
            kind: FailureKind::Engine,
            message: format!("output `{name}` is not in the CPU's memory"),
        });
    }
    Ok(Tensor {
        name: name.to_owned(),
        element,
        shape,
        data,
    })
}

fn spec(outlet: &Outlet) -> TensorSpec {
    let (element, dims) = match outlet.dtype() {
        ValueType::Tensor {
            ty,
            shape,
            dimension_symbols,
        } => {
            let dims = shape.iter().enumerate().map(|(at, dim)| {
                let symbol = dimension_symbols.get(at).filter(|symbol| !symbol.is_empty());
                match (u64::try_from(*dim), symbol) {
                    (Ok(size), _) => Dim::Fixed(size),
                    (Err(_), Some(symbol)) => Dim::Symbol(symbol.clone()),
                    (Err(_), None) => Dim::Unknown,
                }
            });
            (element(*ty), Some(dims.collect()))
        }
        _ => (ElementType::Other, None),
    };
    TensorSpec {
        name: outlet.name().to_owned(),
        element,
        dims,
    }
}

const ELEMENTS: [(ElementType, TensorElementType); 13] = [
    (ElementType::Float, TensorElementType::Float32),
    (ElementType::Float16, TensorElementType::Float16),
    (ElementType::BFloat16, TensorElementType::Bfloat16),
    (ElementType::Double, TensorElementType::Float64),
    (ElementType::Int8, TensorElementType::Int8),
    (ElementType::Int16, TensorElementType::Int16),
    (ElementType::Int32, TensorElementType::Int32),
    (ElementType::Int64, TensorElementType::Int64),
    (ElementType::UInt8, TensorElementType::Uint8),
    (ElementType::UInt16, TensorElementType::Uint16),
    (ElementType::UInt32, TensorElementType::Uint32),
    (ElementType::UInt64, TensorElementType::Uint64),
    (ElementType::Bool, TensorElementType::Bool),
];

fn engine_element(element: ElementType) -> Option<TensorElementType> {
    ELEMENTS
        .iter()
        .find(|(ours, _)| *ours == element)
        .map(|(_, theirs)| *theirs)
}

fn element(element: TensorElementType) -> ElementType {
    if element == TensorElementType::String {
        return ElementType::String;
    }
    let found = ELEMENTS.iter().find(|(_, theirs)| *theirs == element);
    found.map_or(ElementType::Other, |(ours, _)| *ours)
}

fn read_model(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
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

/// What went wrong while building a session.
fn loading<R>(error: &ort::Error<R>) -> Failure {
    let message = plain(error.message());
    let kind = if is_out_of_memory(&message) {
        FailureKind::Memory
    } else if is_unsupported(&message) || error.code() == ort::ErrorCode::NotImplemented {
        FailureKind::Unsupported
    } else {
        match error.code() {
            ort::ErrorCode::InvalidProtobuf
            | ort::ErrorCode::InvalidGraph
            | ort::ErrorCode::NoModel
            | ort::ErrorCode::InvalidArgument
            | ort::ErrorCode::GenericFailure => FailureKind::Model,
            _ => FailureKind::Engine,
        }
    };
    Failure { kind, message }
}

/// What went wrong while running.
fn running<R>(error: &ort::Error<R>) -> Failure {
    let message = plain(error.message());
    let kind = if is_out_of_memory(&message) {
        FailureKind::Memory
    } else if error.code() == ort::ErrorCode::NotImplemented {
        FailureKind::Unsupported
    } else if error.code() == ort::ErrorCode::InvalidArgument {
        FailureKind::Input
    } else {
        FailureKind::Engine
    };
    Failure { kind, message }
}

fn is_out_of_memory(message: &str) -> bool {
    [
        "bad_alloc",
        "bad allocation",
        "Failed to allocate memory",
        "Out of memory",
        "out of memory",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

fn is_unsupported(message: &str) -> bool {
    [
        "is not a registered function/op",
        "is under development and support for this is limited",
        "Unsupported model IR version",
        "Could not find an implementation for",
        "No Op registered for",
        "No opset import for domain",
        "Current official support for domain",
        "not supported opset",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

/// The engine's words without its source paths and C++ signatures, on one line, cut to [`MAX_MESSAGE`].
fn plain(message: &str) -> String {
    let mut words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(start) = words.find("/onnxruntime") {
        // `/onnxruntime_src/…/graph.cc:42 void onnxruntime::Graph::F(const X&) [with T = Y] what it says`
        let Some(open) = words[start..].find('(').map(|at| start + at) else {
            break;
        };
        let mut depth = 0_i32;
        let close = words[open..].char_indices().find(|(_, character)| {
            depth += i32::from(*character == '(') - i32::from(*character == ')');
            depth == 0
        });
        let Some((close, _)) = close else { break };
        let mut rest = words[open + close + 1..].trim_start();
        rest = rest.strip_prefix("const ").unwrap_or(rest);
        if rest.starts_with('[') {
            rest = rest.split_once("] ").map_or(rest, |(_, rest)| rest);
        }
        words = format!("{}{rest}", &words[..start]);
    }
    if let Some((cut, _)) = words.char_indices().nth(MAX_MESSAGE) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_paths_and_signatures_are_left_out() {
        let message = "Load model failed:/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:56 \
            void onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::unordered_map<std::basic_string<char>, int>&, \
            const logging::Logger&, bool, const string&, int) ONNX Runtime only *guarantees* support.";
        assert_eq!(
            plain(message),
            "Load model failed:ONNX Runtime only *guarantees* support."
        );
        assert_eq!(plain("two\n  lines"), "two lines");
        assert_eq!(
            plain("at /onnxruntime without a signature"),
            "at /onnxruntime without a signature"
        );
        assert_eq!(plain("/onnxruntime(((("), "/onnxruntime((((");
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let cut = plain(&"é".repeat(2 * MAX_MESSAGE));
        assert_eq!(cut.chars().count(), MAX_MESSAGE + 1);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn element_types_map_both_ways() {
        for (ours, theirs) in ELEMENTS {
            assert_eq!(engine_element(ours), Some(theirs));
            assert_eq!(element(theirs), ours);
            assert_eq!(theirs.byte_size(3), ours.size().map(|size| 3 * size));
        }
        assert_eq!(engine_element(ElementType::String), None);
        assert_eq!(element(TensorElementType::Int4), ElementType::Other);
    }
}
