//! A profile out of what was measured: kernels with the model's nodes in them, and what became of every node.

use bytes::Bytes;

use crate::config::Engine;
use crate::measure::error::MeasureError;
use crate::measure::profile::cost;
use crate::measure::profile::cost::Macs;
use crate::measure::profile::events::Events;
use crate::measure::profile::events::total_bytes;
use crate::measure::profile::flow;
use crate::measure::profile::missed;
use crate::measure::profile::placed;
use crate::measure::profile::placed::Place;
use crate::measure::profile::totals;
use crate::measure::profile::totals::Total;
use crate::measure::profile::totals::Totals;
use crate::measure::profile::trace;
use crate::measure::profile::trace::Trace;
use crate::measure::profile::types::ColdStart;
use crate::measure::profile::types::Fate;
use crate::measure::profile::types::Fusion;
use crate::measure::profile::types::Kernel;
use crate::measure::profile::types::NodeFate;
use crate::measure::profile::types::Profile;
use crate::measure::profile::types::Roofline;
use crate::measure::side::Side;
use crate::model::Model;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::read;
use crate::runtime::RawProfile;
use crate::stats::summary::median;

/// All that was measured.
pub(super) struct Measured<'a> {
    pub(super) side: &'a Side,
    pub(super) model: &'a Model,
    pub(super) raw: &'a RawProfile,
    /// Without warm-up.
    pub(super) events: &'a Events,
    pub(super) cold: ColdStart,
    pub(super) roofline: Option<Roofline>,
    pub(super) warmup: u32,
}

/// Puts it together.
pub(super) fn assemble(measured: Measured<'_>) -> Result<Profile, MeasureError> {
    let empty = || MeasureError::Profile {
        detail: "it holds no run".to_owned(),
    };
    let totals = totals::sum_up(&measured.events.runs).ok_or_else(empty)?;
    // On the wall clock, as the engine's events are.
    let plain: Vec<f64> = measured.raw.plain.iter().map(|timed| timed.wall).collect();
    let plain_seconds = median(&plain).ok_or_else(empty)?;
    let mut warnings = Vec::new();
    let optimized = match &measured.raw.optimized {
        Ok(bytes) => decode(bytes).map_err(|reason| format!("what the engine saved cannot be read: {reason}")),
        Err(reason) => Err(format!("the engine could not save it: {reason}")),
    };
    // LiteRT names operators and partitions itself, and has no other graph than the model's.
    let has_own_names = measured.side.settings.target.engine() == Engine::LiteRt;
    let optimized = optimized.unwrap_or_else(|reason| {
        if !has_own_names {
            warnings.push(format!(
                "nodes cannot be traced into kernels, for there is no optimized graph: {reason}"
            ));
        }
        ModelProto::default()
    });
    let nothing = GraphProto::default();
    let original = measured.model.onnx().and_then(|proto| proto.graph.as_ref());
    let original = original.filter(|_| !has_own_names).unwrap_or(&nothing);
    let trace = trace::trace(original, optimized.graph.as_ref().unwrap_or(&nothing));
    let places = placed::place(&totals.kernels, &trace);
    let lost = places.iter().filter(|place| place.is_none()).count();
    if lost > 0 && warnings.is_empty() && !has_own_names {
        warnings.push(format!(
            "{lost} of {} kernels could not be found in the optimized graph",
            places.len()
        ));
    }

    let kernels = kernels(&measured, &totals, &places);
    let mut nodes = Vec::new();
    fates(&trace, &places, None, &mut nodes);
    let mut cold = measured.cold;
    cold.parse_seconds = measured.events.parse_seconds;
    cold.initialize_seconds = measured.events.initialize_seconds;
    let own: f64 = kernels.iter().map(|kernel| kernel.seconds).sum();
    Ok(Profile {
        runs: measured.events.runs.len() as u32,
        warmup: measured.warmup,
        engine: measured.side.settings.target.engine(),
        runtime_version: measured.raw.runtime_version.clone(),
        threads: measured.side.settings.threads,
        overhead_seconds: totals.run_seconds - own,
        run_seconds: totals.run_seconds,
        plain_seconds,
        memory: flow::flow(&totals.kernels, &places),
        cold,
        roofline: measured.roofline,
        fusions: fusions(&places),
        nodes,
        missed: missed::missed(&totals.kernels, &places),
        timeline: totals.timeline,
        kernels,
        warnings,
    })
}

fn decode(bytes: &Bytes) -> Result<ModelProto, String> {
    read::decode(std::path::Path::new("optimized.onnx"), bytes).map_err(|error| error.to_string())
}

fn kernels(measured: &Measured<'_>, totals: &Totals, places: &[Option<Place<'_, '_>>]) -> Vec<Kernel> {
    let macs = Macs::of(measured.model, &measured.side.inputs);
    let of = |total: &Total, place: Option<&Place<'_, '_>>| {
        let node = place.and_then(Place::node);
        let macs = place.and_then(|place| macs.of_kernel(place, total.parent.is_none(), &total.samples));
        let bytes = place.and_then(|place| cost::bytes(place, &total.samples));
        let bound = node
            .zip(measured.roofline.as_ref())
            .and_then(|(node, roofline)| cost::bound(node, macs, bytes, total.seconds, roofline));
        let written = total.samples.iter().map(|sample| total_bytes(&sample.outputs));
        Kernel {
            name: total.name.clone(),
            op_type: total.op_type.clone(),
            domain: node.map(|node| node.domain().to_owned()).unwrap_or_default(),
            provider: total.provider.clone(),
            nodes: place.map(labels).unwrap_or_default(),
            seconds: total.seconds,
            share: if totals.run_seconds > 0.0 {
                total.seconds / totals.run_seconds
            } else {
                0.0
            },
            calls: total.calls,
            parent: total.parent,
            macs,
            bytes,
            bound,
            output_bytes: written.max().flatten(),
        }
    };
    let each = totals.kernels.iter().zip(places);
    each.map(|(total, place)| of(total, place.as_ref())).collect()
}

/// Labels of the model's nodes that a kernel computes.
fn labels(place: &Place<'_, '_>) -> Vec<String> {
    claimed(place).map(|(index, node)| label(index, node)).collect()
}

fn claimed<'a>(place: &Place<'_, 'a>) -> impl Iterator<Item = (usize, &'a NodeProto)> {
    let claims = place
        .trace
        .claims
        .get(place.index)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let original = place.trace.original;
    claims
        .iter()
        .filter_map(move |index| Some((*index, original.node.get(*index)?)))
}

fn label(index: usize, node: &NodeProto) -> String {
    if node.name().is_empty() {
        format!("{} #{index}", node.op_type())
    } else {
        node.name().to_owned()
    }
}

fn fusions(places: &[Option<Place<'_, '_>>]) -> Vec<Fusion> {
    let mut fusions = Vec::new();
    for (kernel, place) in places.iter().enumerate() {
        let Some(place) = place else { continue };
        let operators: Vec<&str> = claimed(place).map(|(_, node)| node.op_type()).collect();
        if operators.len() > 1 {
            fusions.push(Fusion {
                kernel,
                pattern: operators.join(" + "),
            });
        }
    }
    fusions
}

/// What became of every node of a graph, then of those in the graphs within it.
fn fates(trace: &Trace<'_>, places: &[Option<Place<'_, '_>>], within: Option<&str>, fates_so_far: &mut Vec<NodeFate>) {
    let kernel_of = |index: usize| {
        places.iter().position(|place| {
            let mut found = place.iter().filter(|place| std::ptr::eq(place.trace, trace));
            found.any(|place| place.index == index)
        })
    };
    for ((index, node), (fate, optimized)) in trace.original.node.iter().enumerate().zip(&trace.fates) {
        let kernel = optimized.and_then(kernel_of);
        let fate = match fate {
            Fate::Executed | Fate::Fused if kernel.is_none() => Fate::Skipped,
            fate => *fate,
        };
        fates_so_far.push(NodeFate {
            label: label(index, node),
            op_type: node.op_type().to_owned(),
            within: within.map(str::to_owned),
            fate,
            kernel,
        });
    }
    for body in &trace.bodies {
        let owner = trace
            .fates
            .iter()
            .position(|fate| *fate == (Fate::Executed, Some(body.owner)));
        let owner = owner.and_then(|index| Some(label(index, trace.original.node.get(index)?)));
        fates(&body.trace, places, owner.as_deref(), fates_so_far);
    }
}
