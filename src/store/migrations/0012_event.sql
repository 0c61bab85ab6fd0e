-- Events whose change is stored and that the log does not have yet, or whose row has not been deleted
-- since. pairs and sections are those of the log's record; source: enum record_source;
-- shard: of HUB_SHARDS, the device's home.
CREATE TABLE event (
    device_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    shard BIGINT NOT NULL,
    source BIGINT NOT NULL,
    pair_count BIGINT NOT NULL,
    pairs BLOB NOT NULL,
    sections BLOB NOT NULL,
    PRIMARY KEY (id, device_id)
);
