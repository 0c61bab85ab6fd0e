-- Columns: those of an identity, as hub/registry reads them and without keys; those of a twin, as
-- hub/twin reads them, NULL where nobody has written it; where the row stands in its range (plan.h).

-- :name query_devices
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.device_id >= $device_id AND i.device_id < $end AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_modules
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE (i.device_id, i.module_id) > ($device_id, $module_id) AND i.device_id < $end
  AND i.module_id <> ''
ORDER BY i.device_id, i.module_id LIMIT $top

-- :name query_property
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, p.value
FROM twin_prop AS p JOIN identity AS i ON i.device_id = p.device_id AND i.module_id = p.module_id
     LEFT JOIN twin AS t ON t.device_id = p.device_id AND t.module_id = p.module_id
WHERE p.path_id = $path AND (p.value, p.device_id, p.module_id) > ($value, $device_id, $module_id)
  AND p.value < $end
ORDER BY p.value, p.device_id, p.module_id LIMIT $top

-- :name query_disabled
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.enabled = 0 AND i.module_id = '' AND i.device_id > $device_id
ORDER BY i.device_id LIMIT $top

-- :name query_edge
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.iot_edge = 1 AND i.device_id > $device_id
ORDER BY i.device_id LIMIT $top

-- :name query_scope
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.device_scope = $value AND i.device_id > $device_id AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_parent
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.parent_scope = $value AND i.device_id > $device_id AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_module
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.module_id = $value AND i.module_id <> '' AND i.device_id > $device_id
ORDER BY i.device_id LIMIT $top

-- How many rows a range has, as far as $top.
-- :name query_probe
SELECT COUNT(*) FROM (SELECT 1 FROM twin_prop
                      WHERE path_id = $path AND value >= $value AND value < $end LIMIT $top) AS p

-- :name query_count
SELECT number FROM identity_count WHERE name = 'devices'
