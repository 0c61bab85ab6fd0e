-- Event hubs that are captured; description: a captureDescription with the account's connection string.
CREATE TABLE capture (
    stream BIGINT PRIMARY KEY,
    description TEXT NOT NULL
);

-- Of each partition: everything below `ordinal` is in files. While `name` is not empty, a file of that
-- name with what comes before `until_ordinal` is made; named_us is the time in the newest name.
CREATE TABLE capture_partition (
    stream BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    until_ordinal BIGINT NOT NULL,
    name TEXT NOT NULL,
    named_us BIGINT NOT NULL,
    PRIMARY KEY (stream, partition_id)
);
