-- SPDX-License-Identifier: MIT
-- history.db. Steps are separated by lines "-- step N"; PRAGMA user_version says how many were taken. Never change a step: add one.
-- step 1
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  started INTEGER NOT NULL,          -- seconds since 1970
  ended INTEGER,                     -- NULL: it runs, or was killed
  matrix TEXT NOT NULL,
  driver TEXT NOT NULL,
  pid INTEGER NOT NULL
);
CREATE TABLE builds (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id),
  variant TEXT NOT NULL,
  started INTEGER NOT NULL,
  seconds REAL,
  status TEXT NOT NULL,              -- running, built, cached, failed, lying, stopped, lost
  derivation TEXT NOT NULL DEFAULT '',
  output TEXT NOT NULL DEFAULT '',
  log TEXT NOT NULL DEFAULT '',      -- file, relative to the state folder
  peak_bytes INTEGER,                -- largest sum over the build's processes
  output_bytes INTEGER,
  cores INTEGER,
  rule TEXT NOT NULL DEFAULT '',     -- of the diagnosis or of the broken promise
  verdict TEXT NOT NULL DEFAULT ''   -- one sentence
);
CREATE INDEX builds_of_variant ON builds (variant, started);
CREATE TABLE wanted (                -- what a run was to build: what --resume goes on with
  run INTEGER NOT NULL REFERENCES runs (id),
  variant TEXT NOT NULL
);
-- step 2
ALTER TABLE builds ADD COLUMN builder TEXT NOT NULL DEFAULT '';
-- step 3
ALTER TABLE builds ADD COLUMN carved_from TEXT NOT NULL DEFAULT '';  -- the variant that it was cut out of; '': it was built
-- step 4
CREATE TABLE published (             -- a row for each time that a variant was published
  id INTEGER PRIMARY KEY,
  variant TEXT NOT NULL,
  target TEXT NOT NULL,              -- 'flox:ORG', or the URI of a binary cache
  what TEXT NOT NULL,                -- the git revision of the recipes, or the store path
  at INTEGER NOT NULL,               -- seconds since 1970
  record TEXT NOT NULL DEFAULT ''    -- its JSON in the index of that cache
);
CREATE INDEX published_of_target ON published (target, variant);
-- step 5
UPDATE builds SET status = 'mismatch' WHERE status = 'lying';  -- its word up to 0.1
