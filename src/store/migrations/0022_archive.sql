-- Partitions on their way into files, of whatever owner ("capture/0", "endpoint/..."). Everything below
-- `ordinal` is in files. While `name` is not empty, a file of that name with what comes before
-- `until_ordinal` is made; named_us says what the newest name was made of.
CREATE TABLE archive_partition (
    owner TEXT NOT NULL,
    partition_id BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    until_ordinal BIGINT NOT NULL,
    name TEXT NOT NULL,
    named_us BIGINT NOT NULL,
    PRIMARY KEY (owner, partition_id)
);

INSERT INTO archive_partition (owner, partition_id, ordinal, until_ordinal, name, named_us)
SELECT 'capture/' || stream, partition_id, ordinal, until_ordinal, name, named_us FROM capture_partition;

DROP TABLE capture_partition;
