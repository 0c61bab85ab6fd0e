-- Columns: those of an identity, as hub/registry reads them and without keys; those of a twin, as
-- hub/twin reads them, NULL where nobody has written it; where the row stands in its range.

-- :name query_devices
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.device_id > $device_id AND i.device_id < $end AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_modules
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE (i.device_id, i.module_id) > ($device_id, $module_id) AND i.device_id < $end
  AND i.module_id <> ''
ORDER BY i.device_id, i.module_id LIMIT $top
