-- What queries find twins by: each property of tags and desired with its path and the beginning of its
-- value (hub/twin/index.h); kept in the unit that writes the twin. Of twins with too many properties,
-- and of those from before there was an index (twin.indexed 0), one row with path 0 (devices) or 1
-- (modules).
CREATE TABLE twin_prop (
    path_id BIGINT NOT NULL,
    value BLOB NOT NULL,
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    PRIMARY KEY (path_id, value, device_id, module_id)
) WITHOUT ROWID;
ALTER TABLE twin ADD COLUMN indexed BIGINT NOT NULL DEFAULT 0;
INSERT INTO twin_prop (path_id, value, device_id, module_id)
SELECT CASE WHEN module_id = '' THEN 0 ELSE 1 END, x'', device_id, module_id FROM twin;

-- Twins of deleted identities whose rows in twin_prop are still to be removed.
CREATE TABLE twin_gone (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    indexed BIGINT NOT NULL,
    tags TEXT NOT NULL,
    desired TEXT NOT NULL,
    PRIMARY KEY (device_id, module_id, generation_id)
);

-- What queries find identities by.
CREATE INDEX identity_disabled ON identity (device_id) WHERE enabled = 0 AND module_id = '';
CREATE INDEX identity_edge ON identity (device_id) WHERE iot_edge = 1;
CREATE INDEX identity_scope ON identity (device_scope, device_id) WHERE device_scope IS NOT NULL;
CREATE INDEX identity_parent ON identity (parent_scope, device_id) WHERE parent_scope IS NOT NULL;
CREATE INDEX identity_modules ON identity (device_id, module_id) WHERE module_id <> '';
CREATE INDEX identity_module ON identity (module_id, device_id) WHERE module_id <> '';
