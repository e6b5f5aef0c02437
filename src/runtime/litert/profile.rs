//! A session whose operators are timed, and what its events say, written as trace events: the form in which the other engine leaves its
//! own.
//!
//! Kept are the operators that the library's own kernels compute (with their index in the graph) and those that XNNPACK computes (with
//! their index in the partition that it took over; their start is not told). Times are whole microseconds. What the library's telemetry
//! records carries no durations and is left out.

use serde_json::Value;
use serde_json::json;

use crate::model::tensor::Tensor;
use crate::runtime::profiling::Profiled;
use crate::runtime::protocol::Failure;
use crate::runtime::settings::Artifact;
use crate::runtime::settings::SessionSettings;
use crate::runtime::stolen::Stopwatch;
use crate::runtime::stolen::Timed;

use super::Engine;
use super::abi::Event;
use super::abi::Profiler;
use super::abi::Status;
use super::abi::call;
use super::abi::fetch;
use super::failure;
use super::failure::Stage;
use super::graph;
use super::session::Session;

/// `Profiler::EventType::DEFAULT`: a phase of a run.
const PHASE: i32 = 1;

/// `Profiler::EventType::OPERATOR_INVOKE_EVENT`: one of the library's own kernels.
const OWN_KERNEL: i32 = 2;

/// `Profiler::EventType::DELEGATE_PROFILED_OPERATOR_INVOKE_EVENT`: a kernel of a delegate.
const DELEGATED_KERNEL: i32 = 8;

/// More events of one run are no run of any model.
const MAX_EVENTS: i32 = 1 << 20;

/// What took a run, in the order in which the library recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recorded {
    kind: i32,
    tag: String,
    start: u64,
    elapsed: u64,
    index: u64,
    subgraph: u64,
}

impl Engine {
    /// A session whose operators are timed, then a plain one: each runs once, `warmup` times, and `runs` times.
    pub(in crate::runtime) fn profile(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        warmup: u32,
        runs: u32,
    ) -> Result<Profiled, Failure> {
        let watch = &mut Stopwatch::new(settings.threads <= 1);
        let (mut session, _) = self.load_with(artifact, settings, inputs, watch, true)?;
        time(&mut session, warmup, watch)?;
        let mut events = Vec::new();
        for _ in 0..runs {
            let recorded = record(&mut session, watch)?;
            let named = |subgraph: u64, index: u64| own_kernel_name(&session, subgraph, index);
            trace(&recorded, &named, &mut events);
        }
        drop(session);
        let (mut session, loaded) = self.load(artifact, settings, inputs, watch)?;
        time(&mut session, warmup, watch)?;
        let plain = time(&mut session, runs, watch)?;
        Ok(Profiled {
            runtime_version: loaded.runtime_version,
            plain,
            events: Value::Array(events).to_string().into_bytes(),
            optimized: Err("LiteRT runs the graph as it is in the file".to_owned()),
        })
    }
}

fn time(session: &mut Session, runs: u32, watch: &mut Stopwatch) -> Result<Vec<Timed>, Failure> {
    (0..runs).map(|_| session.time(watch)).collect()
}

/// Runs once with the profiler on. One run a time, so that its buffer never overflows.
fn record(session: &mut Session, watch: &mut Stopwatch) -> Result<Vec<Recorded>, Failure> {
    let failed = |status: Status| failure::failure(Stage::Running, status, "");
    let profiler = fetch!(session.shared.interface, profiler(session.compiled()), Profiler::NULL).map_err(failed)?;
    call!(session.shared.interface, reset_profiler(profiler)).map_err(failed)?;
    call!(session.shared.interface, start_profiler(profiler)).map_err(failed)?;
    let ran = session.time(watch);
    let interface = &session.shared.interface;
    call!(interface, stop_profiler(profiler)).map_err(failed)?;
    ran?;
    let count = fetch!(interface, profiler_events(profiler), 0).map_err(failed)?;
    if count <= 0 {
        return Ok(Vec::new());
    }
    let mut events = vec![Event::NONE; count.min(MAX_EVENTS) as usize];
    call!(
        interface,
        get_profiler_events(profiler, count.min(MAX_EVENTS), events.as_mut_ptr())
    )
    .map_err(failed)?;
    let recorded = events.into_iter().map(|event| Recorded {
        kind: event.kind,
        tag: graph::text(event.tag),
        start: event.start_microseconds,
        elapsed: event.elapsed_microseconds,
        index: event.index,
        subgraph: event.subgraph,
    });
    Ok(recorded.collect())
}

/// The name of the first tensor that an operator writes: what readers of the model know it by.
fn own_kernel_name(session: &Session, subgraph: u64, index: u64) -> Option<String> {
    let (subgraph, index) = (usize::try_from(subgraph).ok()?, usize::try_from(index).ok()?);
    let around = graph::around(&session.shared.interface, session.model.get(), subgraph, index)?;
    around.writes.into_iter().next()
}

/// Adds the events of one run to `events`: its kernels in order, then the run itself.
fn trace(recorded: &[Recorded], named: &dyn Fn(u64, u64) -> Option<String>, events: &mut Vec<Value>) {
    let phases = recorded.iter().filter(|event| event.kind == PHASE);
    let begins = phases.clone().map(|event| event.start).min().unwrap_or(0);
    let ends = phases.map(|event| event.start + event.elapsed).max().unwrap_or(begins);
    let invoked = recorded
        .iter()
        .find(|event| event.kind == PHASE && event.tag == "Invoke");
    let mut clock = invoked.map_or(begins, |event| event.start);
    let (mut partition, mut last_delegated) = (0, None);
    for (at, event) in recorded.iter().enumerate() {
        let (name, provider, start, elapsed) = match event.kind {
            OWN_KERNEL => {
                last_delegated = None;
                clock = clock.max(event.start);
                let name = named(event.subgraph, event.index).unwrap_or_else(|| format!("operator {}", event.index));
                (name, "LiteRT".to_owned(), event.start, own_time(recorded, at))
            }
            DELEGATED_KERNEL => {
                // Within a partition the index rises.
                if last_delegated.is_none_or(|last| event.index <= last) {
                    partition += 1;
                }
                last_delegated = Some(event.index);
                let name = format!("partition {partition}, kernel {}", event.index);
                (name, format!("XNNPACK, partition {partition}"), clock, event.elapsed)
            }
            _ => continue,
        };
        events.push(json!({
            "cat": "Node",
            "name": format!("{name}_kernel_time"),
            "ts": start,
            "dur": elapsed,
            "args": { "op_name": event.tag, "provider": provider },
        }));
        clock = clock.max(start + elapsed);
    }
    events.push(json!({
        "cat": "Session",
        "name": "model_run",
        "ts": begins,
        "dur": ends - begins,
    }));
}

/// What a kernel took without those that it ran itself, as a loop does: they are recorded after it, and within its time.
fn own_time(recorded: &[Recorded], at: usize) -> u64 {
    let Some(event) = recorded.get(at) else { return 0 };
    let ends = event.start + event.elapsed;
    let after = recorded.iter().skip(at + 1);
    let within = after
        .filter(|other| other.kind == OWN_KERNEL)
        .take_while(|other| other.start < ends && other.start + other.elapsed <= ends)
        .filter(|other| other.subgraph != event.subgraph)
        .map(|other| other.elapsed)
        .sum();
    event.elapsed.saturating_sub(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: i32, tag: &str, start: u64, elapsed: u64, index: u64) -> Recorded {
        Recorded {
            kind,
            tag: tag.to_owned(),
            start,
            elapsed,
            index,
            subgraph: 0,
        }
    }

    #[test]
    fn kernels_come_in_order_and_partitions_are_told_apart() {
        let recorded = [
            event(PHASE, "LiteRT::Run[buffer registration]", 1000, 10, 0),
            event(PHASE, "Invoke", 1012, 40, 0),
            event(DELEGATED_KERNEL, "Abs (NC)", 0, 4, 0),
            event(DELEGATED_KERNEL, "Convolution", 0, 6, 1),
            event(OWN_KERNEL, "CUMSUM", 1030, 3, 2),
            event(DELEGATED_KERNEL, "Negate (NC)", 0, 2, 0),
            event(32, "Invoke", 0, u64::MAX, 0),
            event(PHASE, "LiteRT::Run[Buffer sync]", 1060, 8, 0),
        ];
        let mut events = Vec::new();
        trace(
            &recorded,
            &|_, index| (index == 2).then(|| "sums".to_owned()),
            &mut events,
        );
        let read: Vec<(&str, u64, u64)> = events
            .iter()
            .map(|event| {
                let number = |key: &str| event[key].as_u64().unwrap();
                (event["name"].as_str().unwrap(), number("ts"), number("dur"))
            })
            .collect();
        assert_eq!(
            read,
            [
                ("partition 1, kernel 0_kernel_time", 1012, 4),
                ("partition 1, kernel 1_kernel_time", 1016, 6),
                ("sums_kernel_time", 1030, 3),
                ("partition 2, kernel 0_kernel_time", 1033, 2),
                ("model_run", 1000, 68),
            ]
        );
        assert_eq!(events[3]["args"]["provider"], "XNNPACK, partition 2");
    }

    #[test]
    fn a_loop_is_charged_for_itself_alone() {
        let mut body = event(OWN_KERNEL, "ADD", 12, 5, 0);
        body.subgraph = 1;
        let recorded = [
            event(OWN_KERNEL, "WHILE", 10, 20, 3),
            body,
            event(OWN_KERNEL, "ADD", 31, 2, 4),
        ];
        assert_eq!(own_time(&recorded, 0), 15);
        assert_eq!(own_time(&recorded, 2), 2);
    }
}
