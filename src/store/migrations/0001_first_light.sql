-- Identities: devices (module_id '') and modules. Keys are base64 text. Times are microseconds
-- since 1970, 0: never.
CREATE TABLE identity (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    etag BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    status_reason TEXT,
    status_updated_us BIGINT NOT NULL,
    auth_type TEXT NOT NULL,
    primary_key TEXT,
    secondary_key TEXT,
    primary_thumbprint TEXT,
    secondary_thumbprint TEXT,
    iot_edge BIGINT NOT NULL,
    device_scope TEXT,
    parent_scopes TEXT,
    managed_by TEXT,
    PRIMARY KEY (device_id, module_id)
);
