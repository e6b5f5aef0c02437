//! Building a session: the file mapped, the model compiled, buffers bound; and why that failed.

use std::ffi::c_char;
use std::ffi::c_int;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;

use memmap2::Mmap;

use crate::model::tensor::Tensor;
use crate::runtime::memory;
use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;
use crate::runtime::settings::Artifact;
use crate::runtime::settings::Loaded;
use crate::runtime::settings::SessionSettings;
use crate::runtime::stolen::Stopwatch;

use super::Engine;
use super::Shared;
use super::abi::CompiledModel;
use super::abi::Interface;
use super::abi::Layout;
use super::abi::Model;
use super::abi::Owned;
use super::abi::Requirements;
use super::abi::Status;
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
use super::session::Session;
use super::tensors::Buffer;
use super::tensors::in_order;

/// A compiled model and how it was compiled.
pub(super) struct Compiled {
    pub(super) handle: Owned<CompiledModel>,
    pub(super) compilation: Compilation,
    /// The shapes that it is prepared for.
    pub(super) shapes: Vec<Vec<c_int>>,
}

/// Buffers for all inputs and outputs.
pub(super) struct Bound {
    pub(super) inputs: Vec<Buffer>,
    pub(super) outputs: Vec<Buffer>,
    pub(super) output_types: Vec<TensorType>,
    pub(super) shapes: Vec<Vec<c_int>>,
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
pub(super) struct Blame {
    pub(super) stage: Stage,
    pub(super) status: Status,
    pub(super) said: String,
}

/// The failure with the operator and the tensors that it is about, where they can be found out.
pub(super) fn explain(
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
    pub(super) fn resize(
        &mut self,
        interface: &Interface,
        graph: &Graph,
        shapes: &[Vec<c_int>],
    ) -> Result<(), Failure> {
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
    pub(super) fn output_layouts(&self, interface: &Interface, graph: &Graph) -> Result<Vec<Layout>, Status> {
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
    pub(super) fn messages(&self, interface: &Interface) -> String {
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
pub(super) fn bind(shared: &Shared, graph: &Graph, compiled: &Compiled, inputs: &[&Tensor]) -> Result<Bound, Failure> {
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

/// A tensor's shape as the library takes it.
pub(super) fn shape(tensor: &Tensor) -> Result<Vec<c_int>, Failure> {
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
