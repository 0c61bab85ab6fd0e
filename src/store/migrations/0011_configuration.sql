-- Automatic device management. body: JSON of a configuration, as its maker gave it.
CREATE TABLE configuration (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    etag BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);

-- Which twins a configuration means, and whether something of it counts there.
CREATE TABLE configuration_twin (
    id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    applied BIGINT NOT NULL,
    PRIMARY KEY (id, device_id, module_id)
);

CREATE INDEX configuration_twin_who ON configuration_twin (device_id, module_id);

-- The same as services see it in a twin: {"ID":{"status":"Applied"}}; '' for none.
ALTER TABLE twin ADD COLUMN configurations TEXT NOT NULL DEFAULT '';
