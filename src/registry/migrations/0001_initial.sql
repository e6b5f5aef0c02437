-- Builds, their files and lineage; measurements with raw samples; tags.
-- Digests are 64 lower-case hexadecimal digits, times ISO 8601 in UTC, sizes bytes.

CREATE TABLE builds (
    id           TEXT PRIMARY KEY CHECK (length(id) = 64),
    model        TEXT NOT NULL,
    source       TEXT NOT NULL CHECK (length(source) = 64),
    recipe       TEXT NOT NULL,
    target       TEXT,
    size         INTEGER NOT NULL CHECK (size >= 0),
    created_at   TEXT NOT NULL,
    parent       TEXT REFERENCES builds (id),
    root         TEXT NOT NULL REFERENCES builds (id) DEFERRABLE INITIALLY DEFERRED,
    tool_version TEXT NOT NULL,
    notes        TEXT NOT NULL CHECK (json_valid(notes))
) STRICT, WITHOUT ROWID;

CREATE INDEX builds_by_time ON builds (created_at);
CREATE INDEX builds_by_root ON builds (root);

CREATE TABLE artifacts (
    build    TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0),
    name     TEXT NOT NULL,
    digest   TEXT NOT NULL CHECK (length(digest) = 64),
    size     INTEGER NOT NULL CHECK (size >= 0),
    PRIMARY KEY (build, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE measurements (
    id              INTEGER PRIMARY KEY,
    build           TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    target          TEXT NOT NULL,
    runtime_version TEXT NOT NULL,
    machine         TEXT NOT NULL CHECK (json_valid(machine)),
    samples         TEXT NOT NULL CHECK (json_valid(samples)),
    created_at      TEXT NOT NULL
) STRICT;

CREATE INDEX measurements_by_build ON measurements (build);

CREATE TABLE tags (
    name  TEXT PRIMARY KEY,
    build TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
