//! The gate's limits.

use std::time::Duration;

use crate::config::defaults;
use crate::config::raw;
use crate::config::types::AccuracyGate;
use crate::config::types::Gate;
use crate::config::types::LatencyGate;
use crate::config::types::LatencyMetric;
use crate::config::types::Limit;
use crate::config::types::Policy;
use crate::config::types::StaticGate;
use crate::units::Bytes;
use crate::units::Count;
use crate::units::Millis;
use crate::units::PerSecond;
use crate::units::Percent;
use crate::units::Span;

use super::Resolver;

/// Anything that may be zero and must not be.
pub(super) trait Amount: Copy {
    fn is_zero(self) -> bool;
}

impl Amount for Millis {
    fn is_zero(self) -> bool {
        self.0 <= 0.0
    }
}

impl Amount for Bytes {
    fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Amount for PerSecond {
    fn is_zero(self) -> bool {
        self.0 <= 0.0
    }
}

impl Amount for Count {
    fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Amount for Span {
    fn is_zero(self) -> bool {
        self.0 == Duration::ZERO
    }
}

impl Resolver<'_> {
    /// A quantity that is more than nothing, where there is one.
    pub(super) fn positive<T: Amount>(&mut self, at: &str, amount: Option<T>) -> Option<T> {
        if amount.is_some_and(Amount::is_zero) {
            let hint = "leave it out where it should not limit anything";
            self.value(at, format!("`{at}` is zero"), "nothing could ever stay within", hint);
        }
        amount
    }

    fn limit<T: Amount>(
        &mut self,
        at: &str,
        max_regression: Option<Percent>,
        budget: Option<T>,
        default: Percent,
    ) -> Limit<T> {
        Limit {
            max_regression: max_regression.unwrap_or(default),
            budget: self.positive(&format!("{at}.budget"), budget),
        }
    }

    pub(super) fn gate(&mut self, gate: raw::Gate) -> Gate {
        let default = Gate::default();
        let policy = |policy: Option<raw::Policy>, default| match policy {
            None => default,
            Some(raw::Policy::Pass) => Policy::Pass,
            Some(raw::Policy::Neutral) => Policy::Neutral,
            Some(raw::Policy::Fail) => Policy::Fail,
        };
        let compressed = gate.size.as_ref().and_then(|size| size.compressed);
        let model = gate.memory.as_ref().and_then(|memory| memory.model);
        Gate {
            latency: gate.latency.map_or(default.latency, |latency| self.latency(&latency)),
            size: gate.size.map_or(default.size, |size| {
                self.limit("gate.size", size.max_regression, size.budget, defaults::SIZE_REGRESSION)
            }),
            compressed_size: self.bytes("gate.size.compressed", compressed, defaults::SIZE_REGRESSION),
            memory_explicit: gate
                .memory
                .as_ref()
                .is_some_and(|memory| memory.max_regression.is_some() || memory.budget.is_some()),
            memory: gate.memory.map_or(default.memory, |memory| {
                self.limit(
                    "gate.memory",
                    memory.max_regression,
                    memory.budget,
                    defaults::MEMORY_REGRESSION,
                )
            }),
            model_memory: self.bytes("gate.memory.model", model, defaults::MEMORY_REGRESSION),
            static_facts: gate
                .static_facts
                .map_or(default.static_facts, |facts| self.static_facts(&facts)),
            accuracy: gate
                .accuracy
                .map_or(default.accuracy, |accuracy| self.accuracy(&accuracy)),
            sources: default.sources,
            on_inconclusive: policy(gate.on_inconclusive, default.on_inconclusive),
            on_missing_baseline: policy(gate.on_missing_baseline, default.on_missing_baseline),
            strict: default.strict,
        }
    }

    fn latency(&mut self, latency: &raw::Latency) -> LatencyGate {
        let metric = match latency.metric {
            None | Some(raw::LatencyMetric::P50) => LatencyMetric::P50,
            Some(raw::LatencyMetric::P95) => LatencyMetric::P95,
            Some(raw::LatencyMetric::P99) => LatencyMetric::P99,
            Some(raw::LatencyMetric::Mean) => LatencyMetric::Mean,
        };
        for (other, own) in [
            (LatencyMetric::P50, latency.p50),
            (LatencyMetric::P95, latency.p95),
            (LatencyMetric::P99, latency.p99),
            (LatencyMetric::Mean, latency.mean),
        ] {
            if own.is_some() && other == metric {
                self.limited_twice(metric, latency.metric.is_some());
            }
        }
        LatencyGate {
            metric,
            limit: self.limit(
                "gate.latency",
                latency.max_regression,
                latency.budget,
                defaults::LATENCY_REGRESSION,
            ),
            p50: self.time("gate.latency.p50", latency.p50),
            p95: self.time("gate.latency.p95", latency.p95),
            p99: self.time("gate.latency.p99", latency.p99),
            mean: self.time("gate.latency.mean", latency.mean),
            std: self.time("gate.latency.std", latency.std),
            throughput: latency.throughput.map(|rate| self.throughput(rate)),
            load: self.time("gate.latency.load", latency.load),
            first: self.time("gate.latency.first", latency.first),
            stable: self.time("gate.latency.stable", latency.stable),
        }
    }

    /// The statistic that decides has its limits in `gate.latency` itself.
    fn limited_twice(&mut self, metric: LatencyMetric, written: bool) {
        let name = metric.name();
        let hint = if written {
            format!("remove `metric: {name}` to gate p50 and {name}, or remove this")
        } else {
            format!("move what it says one level up: {name} is what `gate.latency` itself limits")
        };
        let label = if written {
            format!("here and by `metric: {name}`")
        } else {
            "here and by `gate.latency` itself".to_owned()
        };
        self.key(
            &format!("gate.latency.{name}"),
            format!("{name} is limited twice"),
            &label,
            &hint,
        );
    }

    fn time(&mut self, at: &str, limit: Option<raw::TimeLimit>) -> Option<Limit<Millis>> {
        limit.map(|limit| self.limit(at, limit.max_regression, limit.budget, defaults::LATENCY_REGRESSION))
    }

    fn throughput(&mut self, limit: raw::RateLimit) -> Limit<PerSecond> {
        let at = "gate.latency.throughput";
        if limit.max_regression.is_some_and(|percent| percent.0 >= 100.0) {
            self.value(
                &format!("{at}.max_regression"),
                format!("`{at}.max_regression` is 100 % or more"),
                "nothing loses more than all of its throughput",
                "write by how much it may fall, such as `5%`",
            );
        }
        self.limit(at, limit.max_regression, limit.budget, defaults::LATENCY_REGRESSION)
    }

    fn bytes(&mut self, at: &str, limit: Option<raw::BytesLimit>, default: Percent) -> Option<Limit<Bytes>> {
        limit.map(|limit| self.limit(at, limit.max_regression, limit.budget, default))
    }

    fn count(&mut self, at: &str, limit: Option<raw::CountLimit>) -> Option<Limit<Count>> {
        limit.map(|limit| self.limit(at, limit.max_regression, limit.budget, defaults::STATIC_REGRESSION))
    }

    fn static_facts(&mut self, facts: &raw::Static) -> StaticGate {
        StaticGate {
            macs: self.count("gate.static.macs", facts.macs),
            parameters: self.count("gate.static.parameters", facts.parameters),
            operators: self.count("gate.static.operators", facts.operators),
            activation_peak: self.bytes(
                "gate.static.activation_peak",
                facts.activation_peak,
                defaults::STATIC_REGRESSION,
            ),
        }
    }

    fn accuracy(&mut self, accuracy: &raw::Accuracy) -> AccuracyGate {
        for (key, share) in [("cosine", accuracy.cosine), ("top1", accuracy.top1)] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                let at = format!("gate.accuracy.{key}");
                self.value(
                    &at,
                    format!("`{at}` is not between 0 and 1"),
                    "0 to 1",
                    "write 99 % as `0.99`",
                );
            }
        }
        if accuracy.max_drop.is_some_and(|drop| drop.0 > 100.0) {
            let at = "gate.accuracy.max_drop";
            self.value(at, format!("`{at}` is more than 100 %"), "at most 100%", "");
        }
        AccuracyGate {
            cosine: accuracy.cosine.unwrap_or(defaults::COSINE),
            top1: accuracy.top1.unwrap_or(defaults::TOP1),
            max_drop: accuracy.max_drop.unwrap_or(defaults::MAX_DROP),
            explicit: accuracy.cosine.is_some() || accuracy.top1.is_some(),
            judged: true,
        }
    }
}
