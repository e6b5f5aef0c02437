//! The worker's side: one request after the other, until the stream ends.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;

use bytes::Bytes;

use crate::config::ExecutionMode;
use crate::config::Sandbox;
use crate::machine::affinity;
use crate::model::tensor::Tensor;
use crate::runtime::confinement;
use crate::runtime::engine::Engine;
use crate::runtime::engine::Session;
use crate::runtime::limits;
use crate::runtime::memory;
use crate::runtime::observing::Observer;
use crate::runtime::onnxruntime;
use crate::runtime::profiling;
use crate::runtime::profiling::Profiled;
use crate::runtime::protocol;
use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;
use crate::runtime::protocol::Reply;
use crate::runtime::protocol::Request;
use crate::runtime::settings::Artifact;
use crate::runtime::settings::Loaded;
use crate::runtime::settings::SessionSettings;
use crate::runtime::stolen::Stopwatch;

/// One block may not be asked to return more than this many durations.
const MAX_BLOCK: u32 = 10_000_000;

/// A profile may not be asked for more inferences than this.
const MAX_PROFILED: u32 = 100_000;

/// What a worker holds between requests.
struct State {
    terms: Terms,
    engine: Option<(PathBuf, Engine)>,
    origin: Option<Origin>,
    session: Option<(Session, Stopwatch)>,
    observer: Observer,
}

/// What was agreed on at the greeting.
struct Terms {
    sandbox: Sandbox,
    folders: Vec<PathBuf>,
}

/// What the session was built from, to build it again.
struct Origin {
    artifact: Artifact,
    settings: SessionSettings,
    inputs: Vec<Tensor>,
}

/// Answers requests until `requests` ends. When it ends while a request is worked on (the parent is gone), the process ends at
/// once. The first request sets limits and affinity, and the first one that names a model confines the process, both before any other
/// thread is started: confinement holds for the thread that asks for it and for those that it starts.
pub fn serve(mut requests: impl Read + Send + 'static, mut replies: impl Write) -> io::Result<()> {
    let Some((hello, _)) = protocol::read::<Request>(&mut requests)? else {
        return Ok(());
    };
    let terms = match greet(hello) {
        Ok((reply, terms)) => {
            protocol::write(&mut replies, &reply, &[])?;
            terms
        }
        Err(failure) => return answer(&mut replies, Err(failure)),
    };
    let mut state = State {
        terms,
        engine: None,
        origin: None,
        session: None,
        observer: Observer::default(),
    };
    let (request, payload) = loop {
        let Some((request, payload)) = protocol::read::<Request>(&mut requests)? else {
            return Ok(());
        };
        match state.confine(&request) {
            Ok(false) => answer(&mut replies, state.answer(request, &payload))?,
            Ok(true) => break (request, payload),
            // Half confined: nothing may follow.
            Err(failure) => return answer(&mut replies, Err(failure)),
        }
    };

    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("requests".to_owned())
        .spawn(move || forward(requests, &sender))?;
    answer(&mut replies, state.answer(request, &payload))?;
    for received in receiver {
        let (request, payload) = received?;
        answer(&mut replies, state.answer(request, &payload))?;
    }
    Ok(())
}

/// Passes requests on, and ends the process when there will be no more: nobody is left to read an answer.
fn forward(mut requests: impl Read, sender: &mpsc::Sender<io::Result<(Request, Bytes)>>) {
    loop {
        match protocol::read(&mut requests).transpose() {
            Some(received) => {
                let failed = received.is_err();
                if sender.send(received).is_err() || failed {
                    return;
                }
            }
            // An inference that runs for nobody can only be ended with its process; no destructor may run beside it.
            None => std::process::abort(),
        }
    }
}

fn greet(hello: Request) -> Result<(Reply, Terms), Failure> {
    let Request::Hello {
        protocol,
        cores,
        memory_limit,
        sandbox,
        folders,
    } = hello
    else {
        return Err(refuse("the first request must be a greeting"));
    };
    if protocol != protocol::VERSION {
        return Err(refuse(&format!(
            "this worker speaks protocol {}, the parent {protocol}",
            protocol::VERSION
        )));
    }
    limits::apply(memory_limit).map_err(|error| refuse(&format!("cannot set the limits: {error}")))?;
    let pinned = match cores {
        Some(cores) => {
            affinity::pin(&cores).map_err(|error| refuse(&format!("cannot pin to cores {cores:?}: {error}")))?
        }
        None => false,
    };
    let reply = Reply::Hello {
        protocol: protocol::VERSION,
        pinned,
    };
    Ok((reply, Terms { sandbox, folders }))
}

fn answer(replies: &mut impl Write, result: Result<(Reply, Vec<u8>), Failure>) -> io::Result<()> {
    match result {
        Ok((reply, payload)) => protocol::write(replies, &reply, &payload),
        Err(failure) => protocol::write(replies, &Reply::Failed(failure), &[]),
    }
}

impl State {
    /// Confines the process before the first model. `false` where `request` names none.
    fn confine(&self, request: &Request) -> Result<bool, Failure> {
        let (artifact, settings, writes) = match request {
            Request::Load { artifact, settings, .. } => (artifact, settings, false),
            Request::Profile { artifact, settings, .. } => (artifact, settings, true),
            _ => return Ok(false),
        };
        if settings.target.is_on_processor() {
            onnxruntime::link_before(artifact);
            let longest = if writes { profiling::MAX_FILE } else { 0 };
            limits::on_processor(longest).map_err(|error| refuse(&format!("cannot set the limits: {error}")))?;
        }
        confinement::confine(&confinement::Needs {
            settings,
            artifact,
            folders: &self.terms.folders,
            writes,
            sandbox: self.terms.sandbox,
        })?;
        Ok(true)
    }

    fn answer(&mut self, request: Request, payload: &Bytes) -> Result<(Reply, Vec<u8>), Failure> {
        match request {
            Request::Hello { .. } => Err(refuse("there was a greeting already")),
            Request::Load {
                artifact,
                settings,
                inputs,
            } => {
                let inputs = protocol::unpack(inputs, payload).map_err(|error| refuse(&error.to_string()))?;
                self.origin = Some(Origin {
                    artifact,
                    settings,
                    inputs,
                });
                Ok((Reply::Loaded(self.load()?), Vec::new()))
            }
            Request::Reload => Ok((Reply::Loaded(self.load()?), Vec::new())),
            Request::Block { discard, keep } => {
                if keep > MAX_BLOCK {
                    return Err(refuse("the block is too long"));
                }
                let (session, watch) = self.session.as_mut().ok_or_else(no_model)?;
                watch.renew();
                for _ in 0..discard {
                    session.time(watch)?;
                }
                let mut timed = Vec::with_capacity(keep as usize);
                for _ in 0..keep {
                    timed.push(session.time(watch)?);
                }
                Ok((Reply::Block, protocol::pack_timed(&timed)))
            }
            Request::Infer { inputs } => {
                let inputs = protocol::unpack(inputs, payload).map_err(|error| refuse(&error.to_string()))?;
                let (session, _) = self.session.as_mut().ok_or_else(no_model)?;
                let outputs = session.infer(&inputs)?;
                let (outputs, data) = protocol::pack(&outputs);
                Ok((Reply::Inferred { outputs }, data))
            }
            Request::Observe { watches } => {
                self.observer = Observer::of(watches);
                Ok((Reply::Watching, Vec::new()))
            }
            Request::Feed { inputs } => {
                let inputs = protocol::unpack(inputs, payload).map_err(|error| refuse(&error.to_string()))?;
                let (session, _) = self.session.as_mut().ok_or_else(no_model)?;
                let taken = session.observe(&inputs, &mut self.observer)?;
                let seconds = taken.as_secs_f64();
                Ok((Reply::Fed { seconds }, Vec::new()))
            }
            Request::Observed => {
                let (watched, data) = self.observer.pack();
                Ok((Reply::Observed { watched }, data))
            }
            Request::Profile {
                artifact,
                settings,
                inputs,
                warmup,
                runs,
            } => {
                let inputs = protocol::unpack(inputs, payload).map_err(|error| refuse(&error.to_string()))?;
                let profiled = self.profile(&artifact, &settings, &inputs, warmup, runs)?;
                let plain = protocol::pack_timed(&profiled.plain);
                let reply = Reply::Profiled {
                    runtime_version: profiled.runtime_version,
                    plain: plain.len() as u64,
                    events: profiled.events.len() as u64,
                    not_saved: profiled.optimized.as_ref().err().cloned(),
                };
                let optimized = profiled.optimized.unwrap_or_default();
                Ok((reply, [plain, profiled.events, optimized].concat()))
            }
            Request::PeakMemory => Ok((Reply::PeakMemory { bytes: memory::peak() }, Vec::new())),
        }
    }

    /// Profiles in a process that may write files into its own folder, as no other one may.
    fn profile(
        &mut self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        warmup: u32,
        runs: u32,
    ) -> Result<Profiled, Failure> {
        if self.engine.is_some() {
            return Err(refuse("profiling needs a worker of its own"));
        }
        if runs == 0 || runs.saturating_add(warmup) > MAX_PROFILED {
            return Err(refuse("a profile needs at least one run, and not that many"));
        }
        let engine = Engine::open(settings)?;
        let engine = &self.engine.insert((settings.library.clone(), engine)).1;
        engine.profile(artifact, settings, inputs, warmup, runs)
    }

    fn load(&mut self) -> Result<Loaded, Failure> {
        // Two sessions at once would count as this model's peak memory.
        self.session = None;
        let origin = self
            .origin
            .as_ref()
            .ok_or_else(|| refuse("no model was loaded before"))?;
        let engine = match &self.engine {
            Some((library, engine))
                if *library == origin.settings.library && engine.name() == origin.settings.target.engine() =>
            {
                engine
            }
            Some(_) => return Err(refuse("another library is loaded in this worker")),
            None => {
                let engine = Engine::open(&origin.settings)?;
                &self.engine.insert((origin.settings.library.clone(), engine)).1
            }
        };
        let settings = &origin.settings;
        let alone = settings.threads <= 1 && settings.execution_mode == ExecutionMode::Sequential;
        let mut watch = Stopwatch::new(alone);
        let (session, loaded) = engine.load(&origin.artifact, settings, &origin.inputs, &mut watch)?;
        self.session = Some((session, watch));
        Ok(loaded)
    }
}

fn no_model() -> Failure {
    refuse("no model is loaded")
}

fn refuse(message: &str) -> Failure {
    Failure {
        kind: FailureKind::Request,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(requests: &[Request]) -> Vec<Reply> {
        let stream: Vec<u8> = requests
            .iter()
            .flat_map(|request| protocol::encode(request, &[]).unwrap())
            .collect();
        let mut replies = Vec::new();
        serve(io::Cursor::new(stream), &mut replies).unwrap();
        let mut rest = replies.as_slice();
        std::iter::from_fn(|| protocol::read::<Reply>(&mut rest).unwrap())
            .map(|(reply, _)| reply)
            .collect()
    }

    #[test]
    fn refuses_a_conversation_without_greeting_or_of_another_version() {
        let replies = conversation(&[Request::PeakMemory]);
        assert!(
            matches!(&replies[..], [Reply::Failed(failure)] if failure.message.contains("greeting")),
            "{replies:?}"
        );
        let hello = Request::Hello {
            protocol: protocol::VERSION + 1,
            cores: None,
            memory_limit: None,
            sandbox: Sandbox::default(),
            folders: Vec::new(),
        };
        let replies = conversation(&[hello]);
        assert!(
            matches!(&replies[..], [Reply::Failed(failure)] if failure.message.contains("protocol")),
            "{replies:?}"
        );
        assert!(conversation(&[]).is_empty());
    }
}
