//! Profiles made by hand: a large model of modules, a tiny one, and one whose names are an attack.
#![allow(dead_code, reason = "each topic uses its share")]

use mlbuild::measure::profile::Bound;
use mlbuild::measure::profile::ColdStart;
use mlbuild::measure::profile::Fate;
use mlbuild::measure::profile::Fusion;
use mlbuild::measure::profile::Kernel;
use mlbuild::measure::profile::MemoryFlow;
use mlbuild::measure::profile::MemoryStep;
use mlbuild::measure::profile::MissedFusion;
use mlbuild::measure::profile::NodeFate;
use mlbuild::measure::profile::Profile;
use mlbuild::measure::profile::Roofline;
use mlbuild::measure::profile::Span;
use mlbuild::measure::sensitivity::LayerError;
use mlbuild::measure::sensitivity::Sensitivity;

/// A kernel; its share is filled in by [`profile`].
pub(crate) fn kernel(name: &str, op_type: &str, nodes: &[&str], microseconds: f64, macs: u64, bytes: u64) -> Kernel {
    let intensity = 2.0 * macs as f64 / bytes.max(1) as f64;
    Kernel {
        name: name.to_owned(),
        op_type: op_type.to_owned(),
        domain: String::new(),
        provider: "CPUExecutionProvider".to_owned(),
        nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
        seconds: microseconds * 1e-6,
        share: 0.0,
        calls: 1,
        parent: None,
        macs: (macs > 0).then_some(macs),
        bytes: Some(bytes),
        bound: (macs > 0).then_some(if intensity > 4.0 { Bound::Compute } else { Bound::Memory }),
        output_bytes: Some(bytes / 3),
    }
}

/// Everything else out of the kernels.
pub(crate) fn profile(mut kernels: Vec<Kernel>) -> Profile {
    let busy: f64 = kernels.iter().map(|kernel| kernel.seconds).sum();
    let overhead = busy * 0.06;
    let run = busy + overhead;
    let mut timeline = Vec::new();
    let mut clock = 0.0;
    for (index, kernel) in kernels.iter_mut().enumerate() {
        kernel.share = kernel.seconds / run;
        clock += overhead / 100.0;
        let depth = u32::from(kernel.parent.is_some());
        timeline.push(Span {
            kernel: index,
            start: if depth > 0 { clock - kernel.seconds } else { clock },
            seconds: kernel.seconds,
            depth,
        });
        if depth == 0 {
            clock += kernel.seconds;
        }
    }
    let steps: Vec<MemoryStep> = kernels
        .iter()
        .enumerate()
        .filter(|(_, kernel)| kernel.parent.is_none())
        .map(|(index, kernel)| MemoryStep {
            kernel: index,
            live_bytes: kernel.output_bytes.unwrap_or(0) * (2 + index as u64 % 3),
            output_bytes: kernel.output_bytes.unwrap_or(0),
        })
        .collect();
    let peak = (0..steps.len()).max_by_key(|index| steps[*index].live_bytes);
    let nodes: Vec<NodeFate> = kernels
        .iter()
        .enumerate()
        .flat_map(|(index, kernel)| {
            let fate = if kernel.nodes.len() > 1 {
                Fate::Fused
            } else {
                Fate::Executed
            };
            kernel.nodes.iter().map(move |node| NodeFate {
                label: node.clone(),
                op_type: "Op".to_owned(),
                fate,
                kernel: Some(index),
                within: None,
            })
        })
        .chain((0..kernels.len() / 8).map(|index| NodeFate {
            label: format!("Constant #{index}"),
            op_type: "Constant".to_owned(),
            fate: Fate::Folded,
            kernel: None,
            within: None,
        }))
        .collect();
    let fusions: Vec<Fusion> = kernels
        .iter()
        .enumerate()
        .filter(|(_, kernel)| kernel.nodes.len() > 1)
        .map(|(index, kernel)| Fusion {
            kernel: index,
            pattern: format!("{} + {}", kernel.op_type.trim_start_matches("Fused"), "Relu"),
        })
        .collect();
    let missed = if kernels.len() > 3 {
        vec![MissedFusion {
            pattern: "MatMul + Add".to_owned(),
            kernels: vec![1, 2],
            seconds: kernels[1].seconds + kernels[2].seconds,
            reason: "the sum is read by another node too".to_owned(),
        }]
    } else {
        Vec::new()
    };
    Profile {
        engine: mlbuild::config::Engine::OnnxRuntime,
        runs: 30,
        warmup: 5,
        runtime_version: "1.31.1".to_owned(),
        threads: 1,
        overhead_seconds: overhead,
        run_seconds: run,
        plain_seconds: run / 1.09,
        memory: MemoryFlow {
            peak,
            steps,
            weight_bytes: 13_400_000,
            unknown_tensors: 0,
        },
        cold: ColdStart {
            processes: 3,
            process_seconds: 0.012,
            library_seconds: 0.031,
            session_seconds: 0.058,
            parse_seconds: Some(0.004),
            initialize_seconds: Some(0.049),
            first_seconds: run * 3.1,
            warmup: (0..24)
                .map(|index| run * (1.0 + 0.9 * (-f64::from(index) / 2.5).exp() + 0.02 * f64::from(index % 3)))
                .collect(),
            steady_seconds: run,
            runs_to_stable: Some(6),
            stable_seconds: Some(0.13),
        },
        roofline: Some(Roofline {
            gflops: 96.0,
            gigabytes: 14.2,
            threads: 1,
            method: "fused multiply-adds in registers, and a sum over 256 MB".to_owned(),
        }),
        fusions,
        nodes,
        missed,
        timeline,
        warnings: Vec::new(),
        kernels,
    }
}

/// A convolutional model of modules with `blocks` blocks.
pub(crate) fn large(blocks: usize) -> Profile {
    let mut kernels = vec![kernel(
        "/stem/conv",
        "FusedConv",
        &["/stem/conv", "/stem/act"],
        320.0,
        10_800_000,
        2_100_000,
    )];
    for block in 0..blocks {
        let path = |name: &str| format!("/features/{block}/{name}");
        let wide = 1.0 + (block % 7) as f64 / 3.0;
        let (expand, act) = (path("expand/conv"), path("expand/relu6"));
        kernels.push(kernel(
            &expand,
            "FusedConv",
            &[&expand, &act],
            110.0 * wide,
            (3_000_000.0 * wide) as u64,
            900_000,
        ));
        let (depthwise, act) = (path("depthwise/conv"), path("depthwise/relu6"));
        kernels.push(kernel(
            &depthwise,
            "FusedConv",
            &[&depthwise, &act],
            60.0 * wide,
            280_000,
            1_100_000,
        ));
        if block % 4 == 1 {
            let reorder = path("reorder");
            kernels.push(kernel(&reorder, "ReorderOutput", &[], 14.0, 0, 640_000));
        }
        let project = path("project/conv");
        kernels.push(kernel(&project, "Conv", &[&project], 84.0, 2_600_000, 700_000));
        if block % 2 == 1 {
            let add = path("add");
            kernels.push(kernel(&add, "Add", &[&add], 12.0, 0, 400_000));
        }
        if block % 5 == 3 {
            for op in ["GlobalAveragePool", "Mul", "Sigmoid"] {
                let name = path(&format!("se/{}", op.to_lowercase()));
                kernels.push(kernel(&name, op, &[&name], 9.0, 0, 120_000));
            }
        }
    }
    kernels.push(kernel(
        "/classifier/flatten",
        "Reshape",
        &["/classifier/flatten"],
        2.0,
        0,
        5_000,
    ));
    kernels.push(kernel(
        "/classifier/fc",
        "Gemm",
        &["/classifier/fc"],
        240.0,
        1_280_000,
        5_100_000,
    ));
    kernels.push(kernel("/softmax", "Softmax", &["/softmax"], 6.0, 0, 8_000));
    profile(kernels)
}

/// Three kernels without modules, and a loop with one inside.
pub(crate) fn tiny() -> Profile {
    let mut body = kernel("body_add", "Add", &[], 3.0, 0, 400);
    body.parent = Some(1);
    body.calls = 4;
    profile(vec![
        kernel("gemm_1", "Gemm", &["gemm_1"], 11.0, 40_000, 9_000),
        kernel("loop", "Loop", &["loop"], 9.0, 0, 400),
        body,
        kernel("", "Softmax", &[], 1.5, 0, 300),
    ])
}

/// A profile whose every name is `hostile`.
pub(crate) fn hostile(hostile: &str) -> Profile {
    let mut profile = large(3);
    for kernel in &mut profile.kernels {
        kernel.name = hostile.to_owned();
        kernel.op_type = hostile.to_owned();
        kernel.domain = hostile.to_owned();
        kernel.nodes = vec![hostile.to_owned(), format!("{hostile}/{hostile}")];
    }
    for node in &mut profile.nodes {
        node.label = hostile.to_owned();
    }
    for fusion in &mut profile.fusions {
        fusion.pattern = hostile.to_owned();
    }
    for missed in &mut profile.missed {
        missed.pattern = hostile.to_owned();
        missed.reason = hostile.to_owned();
    }
    profile.runtime_version = hostile.to_owned();
    if let Some(roofline) = &mut profile.roofline {
        roofline.method = hostile.to_owned();
    }
    profile
}

/// Layers of a second build, all of one name.
pub(crate) fn sensitivity(name: &str) -> Sensitivity {
    let mut layers: Vec<LayerError> = (0..24)
        .map(|place| LayerError {
            tensor: format!("{name}_{place}"),
            node: name.to_owned(),
            op_type: "Conv".to_owned(),
            matched: format!("{name}_{place}_DequantizeLinear_Output"),
            place,
            elements: 4096,
            sqnr_db: Some(38.0 - place as f64 * 0.7 - if place > 11 { 9.0 } else { 0.0 }),
            cosine: 0.999,
            max_abs_error: 0.013,
            not_finite: 0,
        })
        .collect();
    layers.reverse();
    Sensitivity {
        layers,
        samples: 8,
        unmatched: 3,
        left_out: 1,
    }
}
