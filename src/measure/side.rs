//! One side as a worker process: the real subject of a measurement.

use std::time::Duration;

use crate::config::ExecutionMode;
use crate::measure::samples::Block;
use crate::measure::subject::Started;
use crate::measure::subject::Subject;
use crate::model::tensor::Tensor;
use crate::runtime::Artifact;
use crate::runtime::Loaded;
use crate::runtime::SessionSettings;
use crate::runtime::Worker;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;

/// Where a process can't be stopped, its pool gets this long to fall asleep.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is measured: files, engine settings, one set of inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The model's files.
    pub artifact: Artifact,
    /// How its session is set up.
    pub settings: SessionSettings,
    /// What it is fed, over and over.
    pub inputs: Vec<Tensor>,
}

impl Side {
    /// True where a session keeps threads that spin while they wait, and so must not wait beside the other side.
    pub fn has_pool(&self) -> bool {
        self.settings.threads > 1 || self.settings.execution_mode == ExecutionMode::Parallel
    }
}

/// A side and the worker that runs it at the moment.
pub struct WorkerSubject<'a> {
    side: &'a Side,
    command: &'a WorkerCommand,
    options: WorkerOptions,
    worker: Option<Worker>,
    /// The engine's version, once it has been loaded.
    runtime_version: String,
}

impl<'a> WorkerSubject<'a> {
    /// A side that has not been started.
    pub fn new(side: &'a Side, command: &'a WorkerCommand, options: WorkerOptions) -> Self {
        Self {
            side,
            command,
            options,
            worker: None,
            runtime_version: String::new(),
        }
    }

    /// The engine's version; empty before the first start.
    pub fn runtime_version(&self) -> &str {
        &self.runtime_version
    }

    /// The running worker, started where there is none.
    fn running(&mut self) -> Result<&mut Worker, WorkerError> {
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => self.fresh()?.0,
        };
        Ok(self.worker.insert(worker))
    }

    fn fresh(&mut self) -> Result<(Worker, Loaded), WorkerError> {
        let mut worker = Worker::spawn(self.command, &self.options)?;
        let loaded = worker.load(&self.side.artifact, &self.side.settings, &self.side.inputs)?;
        self.runtime_version.clone_from(&loaded.runtime_version);
        Ok((worker, loaded))
    }

    /// Runs once on other inputs than the side's own and returns every output.
    pub fn infer(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, WorkerError> {
        self.running()?.infer(inputs)
    }
}

impl Subject for WorkerSubject<'_> {
    type Error = WorkerError;

    fn start(&mut self) -> Result<Started, WorkerError> {
        self.stop();
        let (worker, loaded) = self.fresh()?;
        self.worker = Some(worker);
        Ok(Started {
            load_seconds: loaded.load_seconds,
            first_seconds: loaded.first_seconds,
            loaded_bytes: loaded.loaded_bytes,
        })
    }

    fn reload(&mut self) -> Result<(), WorkerError> {
        self.running()?.reload().map(drop)
    }

    fn block(&mut self, discard: u32, keep: u32) -> Result<Block, WorkerError> {
        Ok(Block::of(&self.running()?.block(discard, keep)?))
    }

    fn peak_memory(&mut self) -> Result<Option<u64>, WorkerError> {
        self.running()?.peak_memory()
    }

    fn pause(&mut self) -> Result<(), WorkerError> {
        let worker = self.running()?;
        if !worker.pause() {
            worker.settle(PATIENCE);
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), WorkerError> {
        self.running()?.resume();
        Ok(())
    }

    fn stop(&mut self) {
        self.worker = None;
    }
}
