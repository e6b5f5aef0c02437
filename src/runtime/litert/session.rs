//! A session: a compiled model with the buffers that it is measured on, and how it is run.

use std::rc::Rc;
use std::time::Duration;
use std::time::Instant;

use memmap2::Mmap;

use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;
use crate::runtime::observing::Observer;
use crate::runtime::protocol::Failure;
use crate::runtime::stolen::Stopwatch;
use crate::runtime::stolen::Timed;

use super::Shared;
use super::abi::CompiledModel;
use super::abi::Model;
use super::abi::Owned;
use super::abi::Status;
use super::abi::TensorBuffer;
use super::abi::call;
use super::building::Blame;
use super::building::Bound;
use super::building::Compiled;
use super::building::bind;
use super::building::explain;
use super::building::shape;
use super::failure::Stage;
use super::graph;
use super::graph::Graph;
use super::tensors::Buffer;
use super::tensors::in_order;

/// A session with the inputs that it is measured on. Its fields are dropped in this order: what needs another one comes before it.
pub(in crate::runtime) struct Session {
    pub(super) bound: Bound,
    pub(super) compiled: Compiled,
    pub(super) graph: Graph,
    pub(super) model: Owned<Model>,
    /// The model reads its weights where they lie.
    pub(super) _file: Mmap,
    pub(super) shared: Rc<Shared>,
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
