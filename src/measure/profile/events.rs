//! The engine's own file of events, read into runs and the kernels of each.
//!
//! The format is Chrome's trace events as ONNX Runtime writes them: one `model_run` a run, one `…_kernel_time` a kernel, in the
//! order in which they ended, times in whole microseconds. Kernels within a loop or a branch come before the kernel that they run
//! within, and begin after it did.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::types::byte_length;

/// Operators whose kernels run other kernels.
const CONTROL: &[&str] = &["If", "Loop", "Scan", "SequenceMap"];

/// Tensors of more dimensions are no tensors of any model.
const MAX_RANK: usize = 64;

/// What is wrong with a file of events.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// It is not what the engine writes.
    #[error("it is no list of trace events: {0}")]
    Json(#[from] serde_json::Error),
    /// An event contradicts itself.
    #[error("event {index} ({name}) {problem}")]
    Event {
        /// Counted from 0.
        index: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Runs are missing: the engine stops writing after a million events.
    #[error("it holds {found} whole runs of {expected}")]
    Runs {
        /// Whole runs.
        found: usize,
        /// What was run.
        expected: usize,
    },
}

/// All that is used of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Events {
    /// Every whole run, warm-up included.
    pub(super) runs: Vec<Run>,
    /// Seconds that the engine took to parse the model.
    pub(super) parse_seconds: Option<f64>,
    /// Seconds that it took to optimize the graph and to prepare its kernels.
    pub(super) initialize_seconds: Option<f64>,
}

/// One run.
#[derive(Debug, PartialEq)]
pub(super) struct Run {
    /// From calling the engine to its answer.
    pub(super) seconds: f64,
    /// The main graph's kernels in order.
    pub(super) calls: Vec<Call>,
}

/// One execution of a kernel.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    /// The node's name.
    pub(super) name: String,
    pub(super) op_type: String,
    pub(super) provider: String,
    /// Seconds since the run's start.
    pub(super) start: f64,
    /// Seconds, the kernels within it included.
    pub(super) seconds: f64,
    /// What it read; weights that were packed beforehand are missing.
    pub(super) inputs: Vec<Extent>,
    /// What it wrote.
    pub(super) outputs: Vec<Extent>,
    /// Kernels that ran within it, in order.
    pub(super) within: Vec<Call>,
}

impl Call {
    /// Seconds without the kernels within it.
    pub(super) fn own_seconds(&self) -> f64 {
        let within: f64 = self.within.iter().map(|call| call.seconds).sum();
        (self.seconds - within).max(0.0)
    }
}

/// Type and shape of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// ONNX's code; `None` for a type that this tool does not know.
    pub(super) data_type: Option<i32>,
    pub(super) dims: Vec<u64>,
}

impl Extent {
    /// The number of elements; `None` beyond 64 bits.
    pub(super) fn elements(&self) -> Option<u64> {
        self.dims
            .iter()
            .try_fold(1_u64, |product, dim| product.checked_mul(*dim))
    }

    /// Bytes in memory; `None` for text and unknown types.
    pub(super) fn bytes(&self) -> Option<u64> {
        byte_length(self.data_type?, self.elements()?)
    }
}

/// The sum of sizes; `None` where one is not known.
pub(super) fn total_bytes(extents: &[Extent]) -> Option<u64> {
    extents
        .iter()
        .try_fold(0_u64, |sum, extent| sum.checked_add(extent.bytes()?))
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    cat: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    ts: i64,
    dur: i64,
    #[serde(borrow, default)]
    args: Arguments<'a>,
}

#[derive(Deserialize, Default)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    op_name: Cow<'a, str>,
    #[serde(borrow, default)]
    provider: Cow<'a, str>,
    #[serde(borrow, default)]
    input_type_shape: Vec<BTreeMap<Cow<'a, str>, Vec<i64>>>,
    #[serde(borrow, default)]
    output_type_shape: Vec<BTreeMap<Cow<'a, str>, Vec<i64>>>,
}

/// Reads a file of events of a session that ran `expected` times at least.
pub(super) fn read(bytes: &[u8], expected: usize) -> Result<Events, EventsError> {
    let raw: Vec<Raw<'_>> = serde_json::from_slice(bytes)?;
    let mut events = Events {
        runs: Vec::new(),
        parse_seconds: None,
        initialize_seconds: None,
    };
    let mut calls: Vec<Call> = Vec::new();
    for (index, event) in raw.into_iter().enumerate() {
        let failed = |name: &str, problem| EventsError::Event {
            index,
            name: name.chars().take(80).collect(),
            problem,
        };
        if event.dur < 0 || event.ts < 0 {
            return Err(failed(&event.name, "lasts less than nothing"));
        }
        let (start, seconds) = (event.ts as f64 * 1e-6, event.dur as f64 * 1e-6);
        match (&*event.cat, &*event.name) {
            ("Session", "model_run") => {
                for call in &mut calls {
                    shift(call, start);
                }
                events.runs.push(Run {
                    seconds,
                    calls: std::mem::take(&mut calls),
                });
            }
            ("Session", name) if name.starts_with("model_loading") => events.parse_seconds = Some(seconds),
            ("Session", "session_initialization") => events.initialize_seconds = Some(seconds),
            ("Node", name) => {
                let Some(name) = name.strip_suffix("_kernel_time") else {
                    continue;
                };
                let odd = || failed(name, "has a shape that no tensor has");
                let mut call = Call {
                    name: name.to_owned(),
                    op_type: event.args.op_name.into_owned(),
                    provider: event.args.provider.into_owned(),
                    start,
                    seconds,
                    inputs: extents(event.args.input_type_shape).ok_or_else(odd)?,
                    outputs: extents(event.args.output_type_shape).ok_or_else(odd)?,
                    within: Vec::new(),
                };
                if CONTROL.contains(&call.op_type.as_str()) {
                    let inner = calls.iter().rev().take_while(|other| other.start >= start).count();
                    call.within = calls.split_off(calls.len() - inner);
                }
                calls.push(call);
            }
            _ => {}
        }
    }
    if events.runs.len() < expected {
        return Err(EventsError::Runs {
            found: events.runs.len(),
            expected,
        });
    }
    Ok(events)
}

fn shift(call: &mut Call, origin: f64) {
    call.start = (call.start - origin).max(0.0);
    for inner in &mut call.within {
        shift(inner, origin);
    }
}

fn extents(shapes: Vec<BTreeMap<Cow<'_, str>, Vec<i64>>>) -> Option<Vec<Extent>> {
    let each = shapes.into_iter().flatten();
    each.map(|(name, dims)| {
        if dims.len() > MAX_RANK {
            return None;
        }
        Some(Extent {
            data_type: data_type(&name),
            dims: dims
                .into_iter()
                .map(|dim| u64::try_from(dim).ok())
                .collect::<Option<_>>()?,
        })
    })
    .collect()
}

/// ONNX's code of a type by the engine's name of it.
fn data_type(name: &str) -> Option<i32> {
    let data_type = match name {
        "float" => DataType::Float,
        "double" => DataType::Double,
        "float16" => DataType::Float16,
        "bfloat16" => DataType::Bfloat16,
        "int8" => DataType::Int8,
        "uint8" => DataType::Uint8,
        "int16" => DataType::Int16,
        "uint16" => DataType::Uint16,
        "int32" => DataType::Int32,
        "uint32" => DataType::Uint32,
        "int64" => DataType::Int64,
        "uint64" => DataType::Uint64,
        "bool" => DataType::Bool,
        "int4" => DataType::Int4,
        "uint4" => DataType::Uint4,
        _ => return None,
    };
    Some(data_type as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOP: &str = r#"[
        {"cat":"Session","pid":1,"tid":1,"dur":900,"ts":10,"ph":"X","name":"model_loading_from_saved_proto","args":{}},
        {"cat":"Session","pid":1,"tid":1,"dur":4000,"ts":1000,"ph":"X","name":"session_initialization","args":{}},
        {"cat":"Node","pid":1,"tid":1,"dur":10,"ts":6005,"ph":"X","name":"a_kernel_time","args":{"op_name":"Relu","provider":"CPUExecutionProvider","input_type_shape":[{"float":[1,4]}],"output_type_shape":[{"float":[1,4]}],"output_size":"16"}},
        {"cat":"Node","pid":1,"tid":1,"dur":0,"ts":6016,"ph":"X","name":"a_fence_before","args":{"op_name":"Relu"}},
        {"cat":"Node","pid":1,"tid":1,"dur":5,"ts":6022,"ph":"X","name":"b_kernel_time","args":{"op_name":"Add","output_type_shape":[{"int64":[]}]}},
        {"cat":"Node","pid":1,"tid":1,"dur":6,"ts":6030,"ph":"X","name":"b_kernel_time","args":{"op_name":"Add"}},
        {"cat":"Session","pid":1,"tid":1,"dur":7,"ts":6029,"ph":"X","name":"SequentialExecutor::Execute","args":{}},
        {"cat":"Node","pid":1,"tid":1,"dur":20,"ts":6020,"ph":"X","name":"l_kernel_time","args":{"op_name":"Loop"}},
        {"cat":"Session","pid":1,"tid":1,"dur":50,"ts":6000,"ph":"X","name":"model_run","args":{}}
    ]"#;

    #[test]
    fn kernels_of_a_body_are_within_their_loop() {
        let events = read(LOOP.as_bytes(), 1).unwrap();
        assert_eq!(events.parse_seconds, Some(900e-6));
        assert_eq!(events.initialize_seconds, Some(4000e-6));
        let [run] = &events.runs[..] else { panic!("{events:?}") };
        let names: Vec<&str> = run.calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["a", "l"]);
        assert!((run.calls[0].start - 5e-6).abs() < 1e-12);
        assert_eq!(run.calls[1].within.len(), 2);
        assert!((run.calls[1].own_seconds() - 9e-6).abs() < 1e-12);
        assert_eq!(run.calls[0].outputs[0].bytes(), Some(16));
        assert_eq!(run.calls[1].within[0].outputs[0].bytes(), Some(8));
    }

    /// As ONNX Runtime 1.31.1 wrote it, two runs, without process and thread.
    const RECORDED: &str = include_str!("../../../tests/fixtures/profiles/control_flow_if_loop.json");

    #[test]
    fn a_recorded_file_is_read() {
        let events = read(RECORDED.as_bytes(), 2).unwrap();
        assert_eq!(events.runs.len(), 2);
        for run in &events.runs {
            let operators: Vec<&str> = run.calls.iter().map(|call| call.op_type.as_str()).collect();
            let expected = [
                "Conv",
                "ReorderOutput",
                "ReduceMean",
                "Flatten",
                "Loop",
                "ReduceSum",
                "Greater",
                "If",
                "MatMul",
            ];
            assert_eq!(operators, expected);
            assert_eq!(run.calls[4].within.len(), 15);
            assert_eq!(run.calls[7].within.len(), 2);
            let kernels: f64 = run.calls.iter().map(|call| call.seconds).sum();
            assert!(kernels < run.seconds);
            assert_eq!(total_bytes(&run.calls[0].outputs), Some(4096));
        }
    }

    #[test]
    fn a_recorded_file_cut_anywhere_is_an_error() {
        for length in (0..RECORDED.len() - 2).step_by(997) {
            assert!(read(&RECORDED.as_bytes()[..length], 2).is_err(), "{length}");
        }
    }

    #[test]
    fn missing_runs_are_an_error() {
        let error = read(LOOP.as_bytes(), 2).unwrap_err().to_string();
        assert_eq!(error, "it holds 1 whole runs of 2");
    }

    #[test]
    fn odd_files_are_errors() {
        for text in [
            "",
            "{}",
            "[1]",
            "[{}]",
            r#"[{"cat":"Node","name":"a_kernel_time","ts":0,"dur":-1}]"#,
            r#"[{"cat":"Node","name":"a_kernel_time","ts":0,"dur":1,"args":{"output_type_shape":[{"float":[-1]}]}}]"#,
            r#"[{"cat":"Node","name":"a_kernel_time","ts":0,"dur":1e300}]"#,
        ] {
            assert!(read(text.as_bytes(), 0).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_beyond_reason_are_unknown() {
        let huge = Extent {
            data_type: Some(1),
            dims: vec![1 << 40, 1 << 40],
        };
        assert_eq!(huge.bytes(), None);
        assert_eq!(data_type("sequence(tensor(float))"), None);
    }
}
