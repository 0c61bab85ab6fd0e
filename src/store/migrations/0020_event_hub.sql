-- Event hubs besides the built-in one (hub/event_hub). A stream's number is the log's, which gives none twice.
CREATE TABLE event_hub (
    name_lower TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    stream BIGINT NOT NULL UNIQUE,
    partitions BIGINT NOT NULL,
    retention_us BIGINT NOT NULL,
    retention_bytes BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
