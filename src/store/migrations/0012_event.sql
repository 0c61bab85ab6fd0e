-- Events whose change is stored and that the log does not have yet, or whose row has not been deleted
-- since. pairs and sections are those of the log's record; source: enum record_source;
-- shard: of HUB_SHARDS, the device's home; of jobs, which are in the place of a device, 0.
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

-- Identities of which the last event of their connection says that they are connected.
CREATE TABLE event_connection (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    shard BIGINT NOT NULL,
    PRIMARY KEY (device_id, module_id)
);

-- One row: sequence numbers of connections are above that.
CREATE TABLE event_connection_last (id BIGINT NOT NULL);
INSERT INTO event_connection_last (id) VALUES (0);
