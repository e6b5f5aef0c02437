-- The length of token sequences that a measurement was taken with; NULL for models without a choice. And each machine once: measurements refer to the
-- machine that they were made on; before, each held its description.

CREATE TABLE machines (
    id          INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE CHECK (json_valid(fingerprint))
) STRICT;

INSERT INTO machines (fingerprint) SELECT DISTINCT machine FROM measurements;

CREATE TABLE measurements_2 (
    id              INTEGER PRIMARY KEY,
    build           TEXT NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    target          TEXT NOT NULL,
    runtime_version TEXT NOT NULL,
    machine         INTEGER NOT NULL REFERENCES machines (id),
    samples         TEXT NOT NULL CHECK (json_valid(samples)),
    created_at      TEXT NOT NULL,
    sequence_length INTEGER CHECK (sequence_length > 0)
) STRICT;

INSERT INTO measurements_2
    SELECT measurements.id, build, target, runtime_version, machines.id, samples, created_at, NULL
    FROM measurements JOIN machines ON machines.fingerprint = measurements.machine;

DROP TABLE measurements;
ALTER TABLE measurements_2 RENAME TO measurements;
CREATE INDEX measurements_by_build ON measurements (build);
