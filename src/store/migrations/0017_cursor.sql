-- Places in partitions of the log: everything below the ordinal is done.
CREATE TABLE log_cursor (
    name TEXT NOT NULL,
    stream BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    PRIMARY KEY (name, stream, partition_id)
);
