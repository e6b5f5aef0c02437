-- The length of token sequences that a measurement was taken with; NULL for models without a choice.

ALTER TABLE measurements ADD COLUMN sequence_length INTEGER CHECK (sequence_length > 0);
