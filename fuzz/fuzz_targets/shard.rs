//! Any bytes as a shard's file and as a plan: what is accepted is written again byte for byte, and can be judged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlbuild::config::Config;
use mlbuild::pipeline::sharding::merge;
use mlbuild::pipeline::sharding::partial::Partial;
use mlbuild::pipeline::sharding::plan::ShardPlan;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut partial) = Partial::parse(bytes) {
        assert_eq!(partial.to_bytes().unwrap(), bytes);
        let config = Config::for_model(std::path::Path::new("model.onnx"));
        let comparisons = merge::judge(&mut partial.comparisons, &config, &config.gate);
        assert_eq!(comparisons.len(), partial.comparisons.len());
    }
    if let Ok(plan) = ShardPlan::parse(bytes) {
        assert!(plan.units.iter().all(|unit| (1..=plan.shards).contains(&unit.shard)));
    }
});
