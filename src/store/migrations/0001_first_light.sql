-- Identities: devices (module_id '') and modules. Keys are base64. Times are microseconds since
-- 1970, 0: never.
CREATE TABLE identity (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    etag BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    iot_edge BIGINT NOT NULL,
    auth_type TEXT NOT NULL,
    primary_key TEXT,
    secondary_key TEXT,
    primary_thumbprint TEXT,
    secondary_thumbprint TEXT,
    status_reason TEXT,
    device_scope TEXT,
    parent_scope TEXT,
    status_updated_us BIGINT NOT NULL,
    managed_by TEXT,
    PRIMARY KEY (device_id, module_id)
);

-- How many devices there are, kept in the same unit as the devices: 'devices', and of them 'disabled'.
CREATE TABLE identity_count (name TEXT PRIMARY KEY, number BIGINT NOT NULL);
INSERT INTO identity_count (name, number) VALUES ('devices', 0), ('disabled', 0);

-- Consumer groups besides $Default, by stream number (0: the built-in one). Names compare by their
-- lower-case form.
CREATE TABLE consumer_group (
    stream BIGINT NOT NULL,
    name_lower TEXT NOT NULL,
    name TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    PRIMARY KEY (stream, name_lower)
);

-- What the hub was born with: 'policies' (JSON), 'id_scope', 'created_us'.
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
