-- What was looked for row by row: builds by the target that they were measured on, graphs, and what a check was made against.

CREATE INDEX figures_by_target ON figures (target, build);
CREATE INDEX builds_by_graph ON builds (graph) WHERE graph IS NOT NULL;
CREATE INDEX checks_by_other ON checks (against);
