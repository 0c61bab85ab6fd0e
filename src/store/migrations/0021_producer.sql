-- Idempotent producers (hub/producer): what a partition's had sent before `ordinal`; what is behind it the log has.
CREATE TABLE producer_state (
    stream BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    producers BLOB NOT NULL,
    PRIMARY KEY (stream, partition_id)
);
