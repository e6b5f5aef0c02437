-- The workspace of a desk: what people say of builds, what they typed, what they try out, and where they share.

-- The name that a person gave, above the model's; NULL where nobody did.
ALTER TABLE builds ADD COLUMN name TEXT;
ALTER TABLE builds ADD COLUMN format TEXT NOT NULL DEFAULT 'onnx';
-- What kind of data it takes; NULL where nobody looked.
ALTER TABLE builds ADD COLUMN task TEXT;
-- The file name of the source model when it was first seen.
ALTER TABLE builds ADD COLUMN file TEXT;
ALTER TABLE builds ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));
-- The digest of the ONNX graph that a compiled model came from, where one was given.
ALTER TABLE builds ADD COLUMN graph TEXT CHECK (length(graph) = 64);
ALTER TABLE builds ADD COLUMN pinned_at TEXT;
-- Set where it was removed but not purged: hidden, and nothing is lost.
ALTER TABLE builds ADD COLUMN removed_at TEXT;

CREATE INDEX builds_by_parent ON builds (parent);
-- Counts, names and families of builds without reading the builds. Time stands first: by `removed_at` alone the planner would look for builds even
-- where a tag or an id says which.
CREATE INDEX builds_in_lists ON builds (created_at, removed_at, root, name, model);
CREATE INDEX artifacts_by_digest ON artifacts (digest);
-- Counts measurements without their samples, and finds the machines that none is left of.
CREATE INDEX measurements_by_machine ON measurements (machine);

-- The figures of a measurement, so that a list needs no raw samples. Milliseconds, inferences a second, bytes.
CREATE TABLE figures (
    measurement     INTEGER PRIMARY KEY REFERENCES measurements (id) ON DELETE CASCADE,
    build           TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    created_at      TEXT NOT NULL,
    target          TEXT NOT NULL,
    sequence_length INTEGER,
    inferences      INTEGER NOT NULL CHECK (inferences >= 0),
    p50_ms          REAL,
    p95_ms          REAL,
    p99_ms          REAL,
    mean_ms         REAL,
    std_ms          REAL,
    throughput      REAL,
    load_ms         REAL,
    peak_bytes      INTEGER,
    -- Where another tool measured: which. Such figures are history, never evidence.
    origin          TEXT
) STRICT;

CREATE INDEX figures_by_build ON figures (build, created_at);
CREATE INDEX figures_by_time ON figures (created_at);

ALTER TABLE tags ADD COLUMN created_at TEXT;
CREATE INDEX tags_by_build ON tags (build);

-- Every time that a tag was set, moved or taken away (build NULL). Builds that are purged stay named.
CREATE TABLE tag_moves (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL,
    build TEXT,
    at    TEXT NOT NULL
) STRICT;

CREATE INDEX tag_moves_by_name ON tag_moves (name, id);

-- What people write about a build; builds.notes is what the tool says.
CREATE TABLE remarks (
    id         INTEGER PRIMARY KEY,
    build      TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    text       TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX remarks_by_build ON remarks (build, id);

-- Every command that was run. No end: it was killed, or still runs.
CREATE TABLE history (
    id         TEXT PRIMARY KEY CHECK (length(id) = 32),
    command    TEXT NOT NULL,
    arguments  TEXT NOT NULL CHECK (json_valid(arguments)),
    started_at TEXT NOT NULL,
    ended_at   TEXT,
    exit_code  INTEGER,
    machine    TEXT NOT NULL,
    host       TEXT NOT NULL,
    version    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX history_by_time ON history (started_at);

-- The builds that a command was about; they may be gone.
CREATE TABLE history_builds (
    entry TEXT NOT NULL REFERENCES history (id) ON DELETE CASCADE,
    build TEXT NOT NULL,
    PRIMARY KEY (entry, build)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_by_build ON history_builds (build);

CREATE TABLE experiments (
    id          TEXT PRIMARY KEY CHECK (length(id) = 32),
    name        TEXT NOT NULL UNIQUE,
    description TEXT,
    created_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id         TEXT PRIMARY KEY CHECK (length(id) = 32),
    experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name       TEXT,
    status     TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    started_at TEXT NOT NULL,
    ended_at   TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_by_experiment ON runs (experiment, started_at);
CREATE INDEX runs_by_time ON runs (started_at);

CREATE TABLE run_params (
    run   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_metrics (
    id    INTEGER PRIMARY KEY,
    run   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value REAL NOT NULL,
    at    TEXT NOT NULL
) STRICT;

CREATE INDEX run_metrics_by_run ON run_metrics (run, key, id);

CREATE TABLE run_builds (
    run   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    build TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    PRIMARY KEY (run, build)
) STRICT, WITHOUT ROWID;

-- Where builds are shared. Credentials are never in here.
CREATE TABLE remotes (
    name       TEXT PRIMARY KEY,
    backend    TEXT NOT NULL CHECK (backend IN ('s3', 'local')),
    bucket     TEXT,
    prefix     TEXT,
    region     TEXT,
    endpoint   TEXT,
    path       TEXT,
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
