//! A session: a compiled model with the buffers that it is measured on.

use std::ffi::c_char;
use std::ffi::c_int;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use std::time::Instant;

use memmap2::Mmap;

use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;
use crate::runtime::memory;
use crate::runtime::observing::Observer;
use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;
use crate::runtime::settings::Artifact;
use crate::runtime::settings::Loaded;
use crate::runtime::settings::SessionSettings;
use crate::runtime::stolen::Stopwatch;
use crate::runtime::stolen::Timed;

use super::Engine;
use super::Shared;
use super::abi::CompiledModel;
use super::abi::Interface;
use super::abi::Layout;
use super::abi::Model;
use super::abi::Owned;
use super::abi::Requirements;
use super::abi::Status;
use super::abi::TensorBuffer;
use super::abi::TensorType;
use super::abi::call;
use super::abi::fetch;
use super::captured::captured;
use super::failure;
use super::failure::Stage;
use super::graph;
use super::graph::Graph;
use super::graph::Port;
use super::options;
use super::options::Compilation;
use super::options::Messages;
use super::tensors::Buffer;
use super::tensors::in_order;

/// A session with the inputs that it is measured on. Its fields are dropped in this order: what needs another one comes before it.
pub(in crate::runtime) struct Session {
    bound: Bound,
    compiled: Compiled,
    graph: Graph,
    pub(super) model: Owned<Model>,
    /// The model reads its weights where they lie.
    _file: Mmap,
    pub(super) shared: Rc<Shared>,
}

/// A compiled model and how it was compiled.
struct Compiled {
    handle: Owned<CompiledModel>,
    compilation: Compilation,
    /// The shapes that it is prepared for.
    shapes: Vec<Vec<c_int>>,
}

/// Buffers for all inputs and outputs.
struct Bound {
    inputs: Vec<Buffer>,
    outputs: Vec<Buffer>,
    output_types: Vec<TensorType>,
    shapes: Vec<Vec<c_int>>,
}

impl Engine {
    /// Builds a session, makes buffers of `inputs`, and runs it once, both under `watch`.
    pub(in crate::runtime) fn load(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        watch: &mut Stopwatch,
    ) -> Result<(Session, Loaded), Failure> {
        self.load_with(artifact, settings, inputs, watch, false)
    }

    pub(super) fn load_with(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        watch: &mut Stopwatch,
        profiling: bool,
    ) -> Result<(Session, Loaded), Failure> {
        if let Some((location, _)) = artifact.external.first() {
            return Err(Failure {
                kind: FailureKind::Unsupported,
                message: format!("weights outside of the model's file (`{location}`) cannot be read"),
            });
        }
        if settings.threads > 1 && !settings.litert.xnnpack {
            return Err(Failure {
                kind: FailureKind::Engine,
                message: format!(
                    "without XNNPACK every kernel runs on one thread, and {} were asked for",
                    settings.threads
                ),
            });
        }
        let file = map(&artifact.model)?;
        let compilation = Compilation {
            threads: settings.threads,
            xnnpack: settings.litert.xnnpack,
            profiling,
            messages: Messages::Kept,
        };
        let interface = &self.shared.interface;
        watch.renew();
        let (built, load) = watch.time(|| {
            let environment = self.shared.environment.get();
            let model = fetch!(
                interface,
                create_model(environment, file.as_ptr().cast(), file.len()),
                Model::NULL
            )
            .map_err(|status| failure::failure(Stage::Reading, status, ""))?;
            let model = Owned::new(model, interface.destroy_model);
            let graph = graph::read(interface, model.get(), settings.litert.signature.as_deref())?;
            let ordered = in_order(&graph.inputs, inputs)?;
            let shapes = ordered
                .iter()
                .map(|tensor| shape(tensor))
                .collect::<Result<Vec<_>, _>>()?;
            let compiled = self.compile(&model, &graph, &shapes, compilation)?;
            Ok((model, graph, ordered, compiled))
        });
        let (model, graph, ordered, compiled) = built?;
        let loaded_bytes = memory::resident();

        let bound = bind(&self.shared, &graph, &compiled, &ordered)?;
        let loaded = Loaded {
            load_seconds: load.own(),
            first_seconds: 0.0,
            loaded_bytes,
            runtime_version: self.version.to_owned(),
            inputs: graph.inputs.iter().map(Port::spec).collect(),
            outputs: graph.outputs.iter().map(Port::spec).collect(),
        };
        let mut session = Session {
            bound,
            compiled,
            graph,
            model,
            _file: file,
            shared: Rc::clone(&self.shared),
        };
        watch.renew();
        let first = session.time(watch)?;
        Ok((
            session,
            Loaded {
                first_seconds: first.own(),
                ..loaded
            },
        ))
    }

    /// Compiles `model` for inputs of `shapes`.
    fn compile(
        &self,
        model: &Owned<Model>,
        graph: &Graph,
        shapes: &[Vec<c_int>],
        compilation: Compilation,
    ) -> Result<Compiled, Failure> {
        match attempt(&self.shared, model, graph, shapes, compilation) {
            Ok(compiled) => Ok(compiled),
            Err(Attempt::Refused(failure)) => Err(failure),
            Err(Attempt::Failed(status, mut said)) => {
                if said.is_empty() {
                    // Where nothing was compiled, the words are nowhere but on stderr.
                    let told = Compilation {
                        messages: Messages::Stderr,
                        ..compilation
                    };
                    (_, said) = captured(|| attempt(&self.shared, model, graph, shapes, told).is_ok());
                }
                Err(explain(
                    &self.shared,
                    model,
                    graph,
                    shapes,
                    compilation,
                    Blame {
                        stage: Stage::Building,
                        status,
                        said,
                    },
                ))
            }
        }
    }
}

/// A failure as the library put it.
struct Blame {
    stage: Stage,
    status: Status,
    said: String,
}

/// The failure with the operator and the tensors that it is about, where they can be found out.
fn explain(
    shared: &Shared,
    model: &Owned<Model>,
    graph: &Graph,
    shapes: &[Vec<c_int>],
    compilation: Compilation,
    blame: Blame,
) -> Failure {
    let interface = &shared.interface;
    let Blame {
        stage,
        status,
        mut said,
    } = blame;
    if compilation.xnnpack && failure::blames_delegate(&said) {
        // Its own kernels check the same things one operator at a time, and name it.
        let plainly = Compilation {
            xnnpack: false,
            profiling: false,
            ..compilation
        };
        if let Err(Attempt::Failed(_, better)) = attempt(shared, model, graph, shapes, plainly)
            && !better.is_empty()
        {
            said = better;
        }
    }
    let mut failure = failure::failure(stage, status, &said);
    // The library does not say in which subgraph; with several, a number could mean another operator.
    if let Some(index) = failure::blamed(&said)
        && let Some(around) = graph::around(interface, model.get(), 0, index)
        && fetch!(interface, subgraphs(model.get()), 0) == Ok(1)
    {
        let list = |names: &[String]| {
            let names: Vec<String> = names.iter().take(6).map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        failure.message = format!(
            "{}; that operator makes {} of {}",
            failure.message,
            list(&around.writes),
            list(&around.reads)
        );
    }
    failure
}

/// Why nothing was compiled.
enum Attempt {
    /// The library failed, and said this.
    Failed(Status, String),
    /// The inputs don't fit.
    Refused(Failure),
}

fn attempt(
    shared: &Shared,
    model: &Owned<Model>,
    graph: &Graph,
    shapes: &[Vec<c_int>],
    compilation: Compilation,
) -> Result<Compiled, Attempt> {
    let interface = &shared.interface;
    let silent = |status| Attempt::Failed(status, String::new());
    let options = options::options(interface, compilation).map_err(silent)?;
    let handle = fetch!(
        interface,
        compile(shared.environment.get(), model.get(), options.get()),
        CompiledModel::NULL
    )
    .map_err(silent)?;
    let mut compiled = Compiled {
        handle: Owned::new(handle, interface.destroy_compiled),
        compilation,
        shapes: graph
            .inputs
            .iter()
            .map(|port| port.kind.layout.dimensions().to_vec())
            .collect(),
    };
    compiled.resize(interface, graph, shapes).map_err(Attempt::Refused)?;
    compiled
        .output_layouts(interface, graph)
        .map_err(|status| Attempt::Failed(status, compiled.messages(interface)))?;
    Ok(compiled)
}

impl Compiled {
    /// Prepares it for inputs of other shapes, where they are others.
    fn resize(&mut self, interface: &Interface, graph: &Graph, shapes: &[Vec<c_int>]) -> Result<(), Failure> {
        for (index, (port, shape)) in graph.inputs.iter().zip(shapes).enumerate() {
            let Some(now) = self.shapes.get_mut(index).filter(|now| *now != shape) else {
                continue;
            };
            call!(
                interface,
                resize_input(self.handle.get(), graph.signature, index, shape.as_ptr(), shape.len())
            )
            .map_err(|_| Failure {
                kind: FailureKind::Input,
                message: format!(
                    "input `{}` takes {}, and was given {shape:?}; only dimensions that the model leaves open can have another size",
                    port.tensor,
                    port.spec().describe()
                ),
            })?;
            now.clone_from(shape);
        }
        Ok(())
    }

    /// The shapes of the outputs; the first call prepares every operator.
    fn output_layouts(&self, interface: &Interface, graph: &Graph) -> Result<Vec<Layout>, Status> {
        let mut layouts = vec![Layout::default(); graph.outputs.len()];
        call!(
            interface,
            output_layouts(
                self.handle.get(),
                graph.signature,
                layouts.len(),
                layouts.as_mut_ptr(),
                true
            )
        )?;
        Ok(layouts)
    }

    /// What the library has said about this model since it was last asked.
    fn messages(&self, interface: &Interface) -> String {
        let Ok(start) = fetch!(
            interface,
            error_messages(self.handle.get()),
            std::ptr::null_mut::<c_char>()
        ) else {
            return String::new();
        };
        // The copy is the caller's to free, by the C library of the engine; a failure ends the session, so it is left.
        let said = graph::text(start);
        let _ = call!(interface, clear_errors(self.handle.get()));
        said
    }
}

/// Makes buffers for all ports of a model that is prepared for the shapes of `inputs`, and fills the inputs.
fn bind(shared: &Shared, graph: &Graph, compiled: &Compiled, inputs: &[&Tensor]) -> Result<Bound, Failure> {
    let interface = &shared.interface;
    let failed = |status| failure::failure(Stage::Building, status, &compiled.messages(interface));
    let (handle, signature) = (compiled.handle.get(), graph.signature);
    let environment = shared.environment.get();
    let mut bound = Bound {
        inputs: Vec::with_capacity(inputs.len()),
        outputs: Vec::with_capacity(graph.outputs.len()),
        output_types: Vec::with_capacity(graph.outputs.len()),
        shapes: compiled.shapes.clone(),
    };
    for (index, (port, tensor)) in graph.inputs.iter().zip(inputs).enumerate() {
        let layout = fetch!(interface, input_layout(handle, signature, index), Layout::default()).map_err(failed)?;
        let kind = TensorType {
            element: port.kind.element,
            layout,
        };
        let requirements = fetch!(
            interface,
            input_requirements(handle, signature, index),
            Requirements::NULL
        )
        .map_err(failed)?;
        let mut buffer = Buffer::new(interface, environment, &kind, requirements).map_err(failed)?;
        if buffer.bytes() != tensor.data.len() {
            return Err(Failure {
                kind: FailureKind::Input,
                message: format!(
                    "input `{}` has {} bytes, and the engine wants {}",
                    port.tensor,
                    tensor.data.len(),
                    buffer.bytes()
                ),
            });
        }
        buffer.write(interface, &tensor.data, tensor.element).map_err(failed)?;
        bound.inputs.push(buffer);
    }
    let layouts = compiled.output_layouts(interface, graph).map_err(failed)?;
    for (index, (port, layout)) in graph.outputs.iter().zip(layouts).enumerate() {
        let kind = TensorType {
            element: port.kind.element,
            layout,
        };
        let requirements = fetch!(
            interface,
            output_requirements(handle, signature, index),
            Requirements::NULL
        )
        .map_err(failed)?;
        let buffer = Buffer::new(interface, environment, &kind, requirements).map_err(|status| {
            if port.spec().element.size().is_none() {
                Failure {
                    kind: FailureKind::Unsupported,
                    message: format!(
                        "output `{}` holds {:?}, which cannot be read",
                        port.tensor,
                        port.spec().element
                    ),
                }
            } else {
                failed(status)
            }
        })?;
        bound.outputs.push(buffer);
        bound.output_types.push(kind);
    }
    Ok(bound)
}

impl Session {
    /// Runs on the loaded inputs under `watch`.
    pub(in crate::runtime) fn time(&mut self, watch: &mut Stopwatch) -> Result<Timed, Failure> {
        let handles = Handles::of(&self.bound);
        let (status, timed) = watch.time(|| self.run(&handles));
        match status {
            Ok(()) => Ok(timed),
            Err(status) => Err(self.explain(status)),
        }
    }

    /// Runs on other inputs and returns every output, in the model's order.
    pub(in crate::runtime) fn infer(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        let (bound, _) = self.run_on(inputs)?;
        let mut outputs = Vec::with_capacity(bound.outputs.len());
        self.look(&bound, &mut |spec, shape, data| {
            outputs.push(Tensor {
                name: spec.name,
                element: spec.element,
                shape: shape.to_vec(),
                data: bytes::Bytes::copy_from_slice(data),
            });
        })?;
        Ok(outputs)
    }

    /// Runs on other inputs and shows `observer` every output where it lies; the time that the engine took of that.
    pub(in crate::runtime) fn observe(
        &mut self,
        inputs: &[Tensor],
        observer: &mut Observer,
    ) -> Result<Duration, Failure> {
        let (bound, taken) = self.run_on(inputs)?;
        self.look(&bound, &mut |spec, shape, data| {
            observer.add(&spec.name, spec.element, shape, data)
        })?;
        Ok(taken)
    }

    /// The compiled model, for its profiler.
    pub(super) fn compiled(&self) -> CompiledModel {
        self.compiled.handle.get()
    }

    /// Runs on other inputs in buffers of their own, and leaves the session as it was.
    fn run_on(&mut self, inputs: &[Tensor]) -> Result<(Bound, Duration), Failure> {
        let shared = Rc::clone(&self.shared);
        let ordered = in_order(&self.graph.inputs, inputs)?;
        let shapes = ordered
            .iter()
            .map(|tensor| shape(tensor))
            .collect::<Result<Vec<_>, _>>()?;
        let usual = self.bound.shapes.clone();
        let resized = self.compiled.resize(&shared.interface, &self.graph, &shapes);
        let ran = resized.and_then(|()| {
            let bound = bind(&shared, &self.graph, &self.compiled, &ordered)?;
            let handles = Handles::of(&bound);
            let started = Instant::now();
            self.run(&handles).map_err(|status| self.explain(status))?;
            Ok((bound, started.elapsed()))
        });
        if usual != self.compiled.shapes {
            self.compiled.resize(&shared.interface, &self.graph, &usual)?;
            self.compiled
                .output_layouts(&shared.interface, &self.graph)
                .map_err(|status| self.explain(status))?;
        }
        ran
    }

    fn run(&self, handles: &Handles) -> Result<(), Status> {
        // The library takes arrays that may be written to, and writes to none.
        call!(
            self.shared.interface,
            run(
                self.compiled.handle.get(),
                self.graph.signature,
                handles.inputs.len(),
                handles.inputs.as_ptr().cast_mut(),
                handles.outputs.len(),
                handles.outputs.as_ptr().cast_mut()
            )
        )
    }

    fn explain(&self, status: Status) -> Failure {
        explain(
            &self.shared,
            &self.model,
            &self.graph,
            &self.compiled.shapes,
            self.compiled.compilation,
            Blame {
                stage: Stage::Running,
                status,
                said: self.compiled.messages(&self.shared.interface),
            },
        )
    }

    fn look(&self, bound: &Bound, look: &mut Look<'_>) -> Result<(), Failure> {
        let outputs = bound.outputs.iter().zip(&bound.output_types);
        for (port, (buffer, kind)) in self.graph.outputs.iter().zip(outputs) {
            let (spec, shape) = (port.spec(), graph::sizes(&kind.layout));
            let elements = shape.iter().product::<u64>();
            let expected = spec.element.size().map(|size| elements.saturating_mul(size as u64));
            let read = buffer.read(&self.shared.interface, |data| {
                if expected == Some(data.len() as u64) {
                    look(spec, &shape, data);
                } else {
                    look(spec, &shape, &[]);
                }
            });
            read.map_err(|status| self.explain(status))?;
        }
        Ok(())
    }
}

/// Is shown an output: what it is, its shape, its elements.
type Look<'a> = dyn FnMut(TensorSpec, &[u64], &[u8]) + 'a;

/// The buffers' handles, as the library takes them.
struct Handles {
    inputs: Vec<TensorBuffer>,
    outputs: Vec<TensorBuffer>,
}

impl Handles {
    fn of(bound: &Bound) -> Self {
        Self {
            inputs: bound.inputs.iter().map(Buffer::handle).collect(),
            outputs: bound.outputs.iter().map(Buffer::handle).collect(),
        }
    }
}

/// A tensor's shape as the library takes it.
fn shape(tensor: &Tensor) -> Result<Vec<c_int>, Failure> {
    let sizes = tensor.shape.iter().map(|dim| c_int::try_from(*dim));
    sizes.collect::<Result<_, _>>().map_err(|_| Failure {
        kind: FailureKind::Input,
        message: format!("input `{}` has a dimension beyond all bounds", tensor.name),
    })
}

/// Maps the model's file as applications do: what the engine never touches takes no memory.
fn map(path: &Path) -> Result<Mmap, Failure> {
    let failed = |error: std::io::Error| Failure {
        kind: FailureKind::Artifact,
        message: format!("cannot read `{}`: {error}", path.display()),
    };
    let file = File::open(path).map_err(failed)?;
    // SAFETY: the file is content-addressed or was just scanned, and nobody writes to it; were it cut meanwhile, this worker alone would
    // die, which its parent reports.
    #[expect(unsafe_code, reason = "the model's weights stay in its file")]
    let mapped = unsafe { Mmap::map(&file) };
    mapped.map_err(failed)
}
