-- Uploads that devices have begun; expires_us: until when their signature is good.
CREATE TABLE upload (
    device_id TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    blob_name TEXT NOT NULL,
    host TEXT NOT NULL,
    expires_us BIGINT NOT NULL,
    PRIMARY KEY (device_id, correlation_id)
);
CREATE INDEX upload_expires ON upload (expires_us);

-- Files that were uploaded, until a service has been told.
CREATE TABLE upload_notice (
    at_us BIGINT NOT NULL,
    correlation_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    blob_name TEXT NOT NULL,
    blob_uri TEXT NOT NULL,
    size BIGINT NOT NULL,
    modified_us BIGINT NOT NULL,
    PRIMARY KEY (at_us, correlation_id)
);
