//! What a registry keeps beside builds and samples: names, pins, remarks, figures, tags over time, removed and purged builds,
//! the history of commands, experiments and remotes.

use mlbuild::digest::Digest;
use mlbuild::hint::Hint as _;
use mlbuild::machine::Fingerprint;
use mlbuild::registry::About;
use mlbuild::registry::ArtifactFacts;
use mlbuild::registry::BuildFacts;
use mlbuild::registry::Figures;
use mlbuild::registry::Filter;
use mlbuild::registry::HistoryEntry;
use mlbuild::registry::HistoryFilter;
use mlbuild::registry::Measurement;
use mlbuild::registry::PINNED;
use mlbuild::registry::Registry;
use mlbuild::registry::RegistryError;
use mlbuild::registry::RemoteFacts;
use mlbuild::registry::RunMetric;
use mlbuild::registry::RunStatus;
use mlbuild::units::Bytes;
use serde_json::json;

const NOW: &str = "2026-03-01T00:00:00Z";

fn id(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A build named `name`, derived from `parent`, whose files are `blobs`.
fn build(name: &str, parent: Option<&str>, blobs: &[&str]) -> BuildFacts {
    BuildFacts {
        id: id(name),
        model: name.to_owned(),
        source: id("source"),
        recipe: if parent.is_some() { "fp16" } else { "fp32" }.to_owned(),
        target: None,
        artifacts: blobs
            .iter()
            .map(|blob| ArtifactFacts {
                name: format!("{blob}.onnx"),
                digest: id(blob),
                size: Bytes(10),
            })
            .collect(),
        created_at: format!("2026-01-{:02}T00:00:00Z", name.len()),
        parent: parent.map(id),
        tool_version: "0.1.0".to_owned(),
        notes: Vec::new(),
        about: About {
            file: Some(format!("{name}-v2.ONNX")),
            task: parent.is_none().then(|| "vision".to_owned()),
            ..About::default()
        },
    }
}

fn with(builds: &[BuildFacts]) -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = Registry::open(&folder.path().join("registry.db")).unwrap();
    for build in builds {
        assert!(registry.insert_build(build).unwrap());
    }
    (folder, registry)
}

/// a ─ bb ─ ccc ─ dddd, and bb ─ eeeee.
fn lineage() -> (tempfile::TempDir, Registry) {
    with(&[
        build("a", None, &["shared", "one"]),
        build("bb", Some("a"), &["shared", "two"]),
        build("ccc", Some("bb"), &["three"]),
        build("dddd", Some("ccc"), &["three", "four"]),
        build("eeeee", Some("bb"), &["five"]),
    ])
}

fn names(registry: &Registry, filter: &Filter) -> Vec<String> {
    let listed = registry.list(filter).unwrap();
    let whole = Filter {
        limit: None,
        offset: 0,
        ..filter.clone()
    };
    assert!(registry.count(&whole).unwrap() >= listed.len() as u64);
    listed
        .iter()
        .map(|listed| listed.build.shown_name().to_owned())
        .collect()
}

#[test]
fn a_purged_build_leaves_its_children_to_its_parent() {
    let (_folder, mut registry) = lineage();
    registry.tag("main-digits", &id("bb"), NOW).unwrap();
    let free = registry.purge(&[id("bb"), id("ccc")]).unwrap();
    // `three` is needed by dddd, `shared` by a.
    assert_eq!(free, [id("two")]);
    let line: Vec<String> = registry
        .lineage(&id("dddd"))
        .unwrap()
        .iter()
        .map(|build| build.facts.model.clone())
        .collect();
    assert_eq!(line, ["dddd", "a"]);
    let family = registry.descendants(&id("a")).unwrap();
    assert_eq!(family.len(), 3);
    assert_eq!(registry.tag_moves(Some("main-digits")).unwrap()[0].build, None);
    assert!(matches!(
        registry.resolve("main-digits"),
        Err(RegistryError::NotFound { .. })
    ));

    // Without the root, what is left are lineages of their own.
    registry.purge(&[id("a")]).unwrap();
    for name in ["dddd", "eeeee"] {
        let build = registry.build_by_prefix(id(name).as_str()).unwrap();
        assert_eq!((build.root, build.facts.parent), (id(name), None));
    }
    assert_eq!(registry.referenced_blobs().unwrap().len(), 3);
}

#[test]
fn a_root_that_goes_gives_each_child_its_own_lineage() {
    let (_folder, mut registry) = lineage();
    registry.purge(&[id("a")]).unwrap();
    let roots: Vec<Digest> = ["bb", "ccc", "dddd", "eeeee"]
        .iter()
        .map(|name| registry.build_by_prefix(id(name).as_str()).unwrap().root)
        .collect();
    assert_eq!(roots, vec![id("bb"); 4]);
}

#[test]
fn removed_builds_are_hidden_and_come_back() {
    let (_folder, mut registry) = lineage();
    registry.remove(&[id("bb"), id("ccc")], NOW).unwrap();
    assert_eq!(names(&registry, &Filter::default()), ["eeeee", "dddd", "a"]);
    assert_eq!(registry.counts().unwrap().removed, 2);
    let error = registry.resolve(id("bb").short()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the build {} was removed on {NOW}", id("bb").short())
    );
    assert!(error.hints()[0].contains("prune --restore"));
    let all = Filter {
        with_removed: true,
        ..Filter::default()
    };
    assert_eq!(names(&registry, &all).len(), 5);
    registry.restore(&[id("bb")]).unwrap();
    // Made again, it is back.
    assert!(!registry.insert_build(&build("ccc", Some("bb"), &["three"])).unwrap());
    assert_eq!(names(&registry, &Filter::default()).len(), 5);
    // All or none.
    assert!(registry.remove(&[id("a"), id("absent")], NOW).is_err());
    assert_eq!(registry.counts().unwrap().removed, 0);
}

#[test]
fn filters_compose() {
    let (_folder, mut registry) = lineage();
    registry.rename(&id("dddd"), Some("Prod 100%_x")).unwrap();
    registry.tag("main-digits", &id("a"), NOW).unwrap();
    assert_eq!(registry.pin(&[id("a"), id("bb")], NOW).unwrap(), 2);
    assert_eq!(registry.pin(&[id("a")], NOW).unwrap(), 0);
    let only = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        names(&registry, &filter)
    };
    assert_eq!(
        only(&|filter| filter.name = Some("prod 100%_".to_owned())),
        ["Prod 100%_x"]
    );
    assert_eq!(
        only(&|filter| filter.name = Some("pr_d".to_owned())),
        Vec::<String>::new()
    );
    assert_eq!(
        only(&|filter| filter.source = Some("dddd-V2".to_owned())),
        ["Prod 100%_x"]
    );
    assert_eq!(only(&|filter| filter.roots_only = true), ["a"]);
    assert_eq!(only(&|filter| filter.task = Some("Vision".to_owned())), ["a"]);
    assert_eq!(only(&|filter| filter.task = Some("unknown".to_owned())).len(), 4);
    assert_eq!(only(&|filter| filter.tag = Some("main-digits".to_owned())), ["a"]);
    assert_eq!(only(&|filter| filter.tag = Some(PINNED.to_owned())), ["bb", "a"]);
    assert_eq!(
        only(&|filter| {
            filter.since = Some("2026-01-02".to_owned());
            filter.until = Some("2026-01-04".to_owned());
        }),
        ["ccc", "bb"]
    );
    assert_eq!(
        only(&|filter| {
            filter.limit = Some(2);
            filter.offset = 1;
        }),
        ["Prod 100%_x", "ccc"]
    );
    assert_eq!(
        only(&|filter| filter.format = Some("tflite".to_owned())),
        Vec::<String>::new()
    );
    let listed = registry.list(&Filter::default()).unwrap();
    assert_eq!(listed[4].tags, ["main-digits", PINNED]);
    assert_eq!(registry.unpin(&[id("a"), id("ccc")]).unwrap(), 1);
}

#[test]
fn a_name_finds_its_build_where_only_one_has_it() {
    let (_folder, mut registry) = lineage();
    registry.rename(&id("dddd"), Some("prod")).unwrap();
    assert_eq!(registry.resolve("prod").unwrap().facts.id, id("dddd"));
    registry.rename(&id("ccc"), Some("prod")).unwrap();
    let error = registry.resolve("prod").unwrap_err();
    assert!(
        error.to_string().starts_with("`prod` is the name of 2 builds: "),
        "{error}"
    );
    registry.tag("prod", &id("a"), NOW).unwrap();
    assert_eq!(registry.resolve("prod").unwrap().facts.id, id("a"));
    registry.rename(&id("ccc"), None).unwrap();
    assert_eq!(
        registry.build_by_prefix(id("ccc").as_str()).unwrap().shown_name(),
        "ccc"
    );
    assert_eq!(registry.resolve("prot").unwrap_err().hints(), ["did you mean `prod`?"]);
    assert!(registry.rename(&id("absent"), Some("x")).is_err());
}

#[test]
fn tags_remember_where_they_were() {
    let (_folder, mut registry) = lineage();
    registry.tag("release", &id("a"), "2026-03-01T00:00:00Z").unwrap();
    registry.tag("release", &id("a"), "2026-03-02T00:00:00Z").unwrap();
    registry.tag("release", &id("bb"), "2026-03-03T00:00:00Z").unwrap();
    assert!(registry.untag("release", "2026-03-04T00:00:00Z").unwrap());
    assert!(!registry.untag("release", NOW).unwrap());
    let moves: Vec<(Option<Digest>, String)> = registry
        .tag_moves(Some("release"))
        .unwrap()
        .into_iter()
        .map(|entry| (entry.build, entry.at))
        .collect();
    assert_eq!(
        moves,
        [
            (None, "2026-03-04T00:00:00Z".to_owned()),
            (Some(id("bb")), "2026-03-03T00:00:00Z".to_owned()),
            (Some(id("a")), "2026-03-01T00:00:00Z".to_owned()),
        ]
    );
    assert_eq!(registry.all_tags().unwrap(), []);
    assert!(matches!(
        registry.tag(PINNED, &id("a"), NOW),
        Err(RegistryError::BadTag { .. })
    ));
}

#[test]
fn figures_stand_beside_their_samples() {
    let (_folder, mut registry) = lineage();
    let measured = |day: u32, p50: f64| Measurement {
        build: id("bb"),
        target: "onnxruntime_cpu".to_owned(),
        sequence: None,
        runtime_version: "1.31.1".to_owned(),
        machine: Fingerprint::of_this_machine(),
        samples: json!([]),
        created_at: format!("2026-02-{day:02}T00:00:00Z"),
        figures: Some(Figures {
            inferences: 100,
            p50_ms: Some(p50),
            p95_ms: Some(f64::INFINITY),
            peak_bytes: Some(1 << 20),
            ..Figures::default()
        }),
    };
    for (day, p50) in [(3, 3.0), (1, 1.0), (2, 2.0)] {
        registry.insert_measurement(&measured(day, p50)).unwrap();
    }
    let medians: Vec<Option<f64>> = registry
        .figures(&id("bb"))
        .unwrap()
        .iter()
        .map(|figured| figured.figures.p50_ms)
        .collect();
    assert_eq!(medians, [Some(3.0), Some(2.0), Some(1.0)]);
    let latest = registry.latest_figures(&id("bb")).unwrap().unwrap();
    assert_eq!(
        (latest.figures.p95_ms, latest.figures.peak_bytes),
        (None, Some(1 << 20))
    );
    let target = Filter {
        target: Some("onnxruntime-cpu".to_owned()),
        ..Filter::default()
    };
    assert_eq!(names(&registry, &target), ["bb"]);
    assert_eq!(registry.counts().unwrap().measurements, 3);
    assert_eq!(registry.newest_figures().unwrap().unwrap().0, id("bb"));
    registry.remove(&[id("bb")], NOW).unwrap();
    assert_eq!(registry.newest_figures().unwrap(), None);
    assert_eq!(registry.counts().unwrap().measurements, 0);
    registry.purge(&[id("bb")]).unwrap();
    assert_eq!(registry.figures(&id("bb")).unwrap(), []);
}

fn entry(number: u32, command: &str) -> HistoryEntry {
    HistoryEntry {
        id: format!("{number:08x}{:024x}", 0),
        command: command.to_owned(),
        arguments: vec!["a \"b\"\n".to_owned()],
        started_at: format!("2026-02-{number:02}T00:00:00.000Z"),
        ended_at: None,
        exit_code: None,
        machine: "m".to_owned(),
        host: "desk".to_owned(),
        version: "0.1.0".to_owned(),
        builds: Vec::new(),
    }
}

#[test]
fn history_knows_how_commands_ended_and_what_they_were_about() {
    let (_folder, mut registry) = lineage();
    for (number, command) in [(1, "baseline set"), (2, "baseline"), (3, "baselines"), (4, "validate")] {
        registry.begin_entry(&entry(number, command)).unwrap();
    }
    let ended = |registry: &mut Registry, number: u32, code, builds: &[Digest]| {
        let id = entry(number, "").id;
        registry
            .end_entry(&id, "2026-02-09T00:00:00.000Z", code, builds)
            .unwrap();
    };
    ended(&mut registry, 1, 0, &[id("bb"), id("a"), id("bb")]);
    ended(&mut registry, 2, 0, &[]);
    ended(&mut registry, 4, 1, &[id("a")]);
    let find = |registry: &Registry, filter: HistoryFilter| -> Vec<String> {
        registry
            .history(&filter)
            .unwrap()
            .into_iter()
            .map(|entry| entry.command)
            .collect()
    };
    let all = HistoryFilter::default();
    assert_eq!(
        find(&registry, all.clone()),
        ["validate", "baselines", "baseline", "baseline set"]
    );
    let command = Some("baseline".to_owned());
    assert_eq!(
        find(&registry, HistoryFilter { command, ..all.clone() }),
        ["baseline", "baseline set"]
    );
    assert_eq!(
        find(
            &registry,
            HistoryFilter {
                failed: true,
                ..all.clone()
            }
        ),
        ["validate", "baselines"]
    );
    let build = Some(id("bb").short().to_uppercase());
    assert_eq!(
        find(&registry, HistoryFilter { build, ..all.clone() }),
        ["baseline set"]
    );
    let first = registry.history(&all).unwrap().pop().unwrap();
    let mut about = vec![id("a").to_string(), id("bb").to_string()];
    about.sort();
    assert_eq!((first.exit_code, first.builds), (Some(0), about));
    assert_eq!(first.arguments, ["a \"b\"\n"]);

    assert!(matches!(
        registry.delete_entry("0000"),
        Err(RegistryError::NoRecord { .. })
    ));
    assert_eq!(registry.delete_entry("00000004").unwrap(), entry(4, "").id);
    assert_eq!(registry.clear_history().unwrap(), 3);
    // The command that cleared it has no entry to end.
    ended(&mut registry, 3, 0, &[id("a")]);
    assert_eq!(registry.history(&all).unwrap(), []);
    assert_eq!(registry.counts().unwrap().builds, 5);
}

#[test]
fn runs_keep_what_was_logged() {
    let (_folder, mut registry) = lineage();
    let (experiment, run) = ("e".repeat(32), "f".repeat(32));
    registry.create_experiment(&experiment, "smaller", None, NOW).unwrap();
    let error = registry
        .create_experiment(&"d".repeat(32), "smaller", None, NOW)
        .unwrap_err();
    assert_eq!(error.to_string(), "there is an experiment `smaller` already");
    registry.start_run(&run, &experiment, Some("first"), NOW).unwrap();
    assert_eq!(registry.current_run().unwrap().unwrap().id, run);
    registry.log_param(&run, "bits", "8").unwrap();
    registry.log_param(&run, "bits", "4").unwrap();
    for value in [5.6, 5.1] {
        let metric = RunMetric {
            key: "p50".to_owned(),
            value,
            at: NOW.to_owned(),
        };
        registry.log_metric(&run, &metric).unwrap();
    }
    registry.attach_build(&run, &id("a")).unwrap();
    let log = registry.run_log(&run).unwrap();
    assert_eq!(log.params, [("bits".to_owned(), "4".to_owned())]);
    assert_eq!(
        log.metrics.iter().map(|metric| metric.value).collect::<Vec<_>>(),
        [5.6, 5.1]
    );
    assert_eq!(log.builds, [id("a")]);
    assert!(registry.end_run(&run, RunStatus::Failed, NOW).unwrap());
    assert!(!registry.end_run(&run, RunStatus::Completed, NOW).unwrap());
    assert_eq!(registry.run("ffff").unwrap().status, RunStatus::Failed);
    assert_eq!(registry.current_run().unwrap(), None);
    assert_eq!(registry.experiment("eeee").unwrap().runs, 1);
    registry.delete_experiment(&experiment).unwrap();
    assert_eq!(registry.runs(None).unwrap(), []);
}

#[test]
fn one_remote_is_the_default() {
    let (_folder, mut registry) = lineage();
    let remote = |name: &str, is_default| RemoteFacts {
        name: name.to_owned(),
        backend: "local".to_owned(),
        path: Some("/srv/models".to_owned()),
        is_default,
        created_at: NOW.to_owned(),
        ..RemoteFacts::default()
    };
    let default = |registry: &Registry| registry.remote(None).map(|remote| remote.name);
    registry.add_remote(&remote("one", false)).unwrap();
    registry.add_remote(&remote("two", false)).unwrap();
    assert_eq!(default(&registry).unwrap(), "one");
    registry.add_remote(&remote("three", true)).unwrap();
    assert_eq!(default(&registry).unwrap(), "three");
    assert!(matches!(
        registry.add_remote(&remote("one", true)),
        Err(RegistryError::Taken { .. })
    ));
    registry.set_default_remote("two").unwrap();
    registry.remove_remote("two").unwrap();
    assert_eq!(default(&registry).unwrap(), "one");
    assert_eq!(
        registry
            .remotes()
            .unwrap()
            .iter()
            .filter(|remote| remote.is_default)
            .count(),
        1
    );
    assert!(registry.set_default_remote("absent").is_err());
    registry.remove_remote("one").unwrap();
    registry.remove_remote("three").unwrap();
    assert!(default(&registry).unwrap_err().hints()[0].contains("mlbuild remote"));
}
