-- What it takes to derive a build again without running models, and how far its outputs were found to be from those of another build.

CREATE TABLE derivations (
    build       TEXT PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
    -- Unsigned, so written in decimal.
    seed        TEXT NOT NULL,
    evidence    TEXT NOT NULL CHECK (json_valid(evidence)),
    -- The digest of the calibration data; NULL where nothing was calibrated.
    calibration TEXT CHECK (length(calibration) = 64)
) STRICT, WITHOUT ROWID;

CREATE TABLE checks (
    id              INTEGER PRIMARY KEY,
    build           TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    against         TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    target          TEXT NOT NULL,
    runtime_version TEXT NOT NULL,
    result          TEXT NOT NULL CHECK (json_valid(result)),
    created_at      TEXT NOT NULL
) STRICT;

CREATE INDEX checks_by_build ON checks (build);
