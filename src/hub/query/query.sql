-- Columns: those of an identity, as hub/registry reads them, without keys and subscriptions; those of a twin, as hub/twin
-- reads them, NULL where nobody has written it; where the row stands in its range (plan.h).

-- :name query_devices
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.device_id >= $device_id AND i.device_id < $end AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_modules
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE (i.device_id, i.module_id) > ($device_id, $module_id) AND i.device_id < $end
  AND i.module_id <> ''
ORDER BY i.device_id, i.module_id LIMIT $top

-- :name query_property
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m
        WHERE m.device_id = i.device_id AND i.module_id = ''),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, p.value
FROM twin_prop AS p JOIN identity AS i ON i.device_id = p.device_id AND i.module_id = p.module_id
     LEFT JOIN twin AS t ON t.device_id = p.device_id AND t.module_id = p.module_id
WHERE p.path_id = $path AND (p.value, p.device_id, p.module_id) > ($value, $device_id, $module_id)
  AND p.value < $end
ORDER BY p.value, p.device_id, p.module_id LIMIT $top

-- Those of some names.
-- :name query_named_devices
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.module_id = '' AND i.device_id IN ($device_id0, $device_id1, $device_id2, $device_id3,
      $device_id4, $device_id5, $device_id6, $device_id7, $device_id8, $device_id9, $device_id10,
      $device_id11, $device_id12, $device_id13, $device_id14, $device_id15, $device_id16,
      $device_id17, $device_id18, $device_id19, $device_id20, $device_id21, $device_id22,
      $device_id23, $device_id24, $device_id25, $device_id26, $device_id27, $device_id28,
      $device_id29)

-- :name query_named_modules
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE (i.device_id = $device_id0 AND i.module_id = $module_id0)
   OR (i.device_id = $device_id1 AND i.module_id = $module_id1)
   OR (i.device_id = $device_id2 AND i.module_id = $module_id2)
   OR (i.device_id = $device_id3 AND i.module_id = $module_id3)
   OR (i.device_id = $device_id4 AND i.module_id = $module_id4)
   OR (i.device_id = $device_id5 AND i.module_id = $module_id5)
   OR (i.device_id = $device_id6 AND i.module_id = $module_id6)
   OR (i.device_id = $device_id7 AND i.module_id = $module_id7)
   OR (i.device_id = $device_id8 AND i.module_id = $module_id8)
   OR (i.device_id = $device_id9 AND i.module_id = $module_id9)
   OR (i.device_id = $device_id10 AND i.module_id = $module_id10)
   OR (i.device_id = $device_id11 AND i.module_id = $module_id11)
   OR (i.device_id = $device_id12 AND i.module_id = $module_id12)
   OR (i.device_id = $device_id13 AND i.module_id = $module_id13)
   OR (i.device_id = $device_id14 AND i.module_id = $module_id14)

-- Names only.
-- :name query_device_names
SELECT '', device_id, module_id FROM identity
WHERE device_id >= $device_id AND device_id < $end AND module_id = ''
ORDER BY device_id LIMIT $top

-- :name query_module_names
SELECT '', device_id, module_id FROM identity
WHERE (device_id, module_id) > ($device_id, $module_id) AND device_id < $end AND module_id <> ''
ORDER BY device_id, module_id LIMIT $top

-- :name query_property_names
SELECT value, device_id, module_id FROM twin_prop
WHERE path_id = $path AND (value, device_id, module_id) > ($value, $device_id, $module_id)
  AND value < $end
ORDER BY value, device_id, module_id LIMIT $top

-- Where a turn through a range ends.
-- :name query_window
SELECT value, device_id, module_id FROM twin_prop
WHERE path_id = $path AND (value, device_id, module_id) > ($value, $device_id, $module_id)
  AND value < $end
ORDER BY value, device_id, module_id LIMIT 1 OFFSET $skip

-- Up to there, those that have some other properties too (filters in plan.h): each is looked up in the index.
-- :name query_filtered
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m
        WHERE m.device_id = i.device_id AND i.module_id = ''),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, p.value
FROM twin_prop AS p JOIN identity AS i ON i.device_id = p.device_id AND i.module_id = p.module_id
     LEFT JOIN twin AS t ON t.device_id = p.device_id AND t.module_id = p.module_id
WHERE p.path_id = $path AND (p.value, p.device_id, p.module_id) > ($value, $device_id, $module_id)
  AND (p.value, p.device_id, p.module_id) <= ($last_value, $last_device_id, $last_module_id)
  AND ($path1 < 0
       OR EXISTS (SELECT 1 FROM twin_prop AS f
                  WHERE f.path_id = $path1 AND f.value IN ($a1, $b1, $c1, $d1, $e1)
                    AND f.device_id = p.device_id AND f.module_id = p.module_id)
       OR $wide1 >= 0
          AND EXISTS (SELECT 1 FROM twin_prop AS f
                      WHERE f.path_id = $wide1 AND f.value = $nothing
                        AND f.device_id = p.device_id AND f.module_id = p.module_id))
  AND ($path2 < 0
       OR EXISTS (SELECT 1 FROM twin_prop AS f
                  WHERE f.path_id = $path2 AND f.value IN ($a2, $b2, $c2, $d2, $e2)
                    AND f.device_id = p.device_id AND f.module_id = p.module_id)
       OR $wide2 >= 0
          AND EXISTS (SELECT 1 FROM twin_prop AS f
                      WHERE f.path_id = $wide2 AND f.value = $nothing
                        AND f.device_id = p.device_id AND f.module_id = p.module_id))
  AND ($path3 < 0
       OR EXISTS (SELECT 1 FROM twin_prop AS f
                  WHERE f.path_id = $path3 AND f.value IN ($a3, $b3, $c3, $d3, $e3)
                    AND f.device_id = p.device_id AND f.module_id = p.module_id)
       OR $wide3 >= 0
          AND EXISTS (SELECT 1 FROM twin_prop AS f
                      WHERE f.path_id = $wide3 AND f.value = $nothing
                        AND f.device_id = p.device_id AND f.module_id = p.module_id))
ORDER BY p.value, p.device_id, p.module_id LIMIT $top

-- :name query_disabled
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.enabled = 0 AND i.module_id = '' AND i.device_id > $device_id
ORDER BY i.device_id LIMIT $top

-- :name query_edge
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.iot_edge = 1 AND i.device_id > $device_id
ORDER BY i.device_id LIMIT $top

-- Once each: at its first message.
-- :name query_waiting
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM c2d_message AS q JOIN identity AS i ON i.device_id = q.device_id
     LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE q.device_id > $device_id AND i.module_id = ''
  AND q.sequence = (SELECT MIN(f.sequence) FROM c2d_message AS f WHERE f.device_id = q.device_id)
ORDER BY q.device_id LIMIT $top

-- :name query_scope
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.device_scope = $value AND i.device_id > $device_id AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_parent
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id,
       (SELECT COUNT(*) FROM c2d_message AS m WHERE m.device_id = i.device_id),
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.parent_scope = $value AND i.device_id > $device_id AND i.module_id = ''
ORDER BY i.device_id LIMIT $top

-- :name query_module
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, NULL, NULL,
       i.primary_thumbprint, i.secondary_thumbprint, i.status_reason, i.device_scope,
       i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, i.model_id, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations, ''
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE i.module_id = $value AND i.module_id <> '' AND i.device_id > $device_id
ORDER BY i.device_id LIMIT $top

-- How many rows a range has, as far as $top.
-- :name query_probe
SELECT COUNT(*) FROM (SELECT 1 FROM twin_prop
                      WHERE path_id = $path AND value >= $value AND value < $end LIMIT $top) AS p

-- Which values of a property there are, as many as $top: each is a look-up behind the one before.
-- :name query_values
WITH RECURSIVE v (value, number) AS (
    SELECT value, 1 FROM (SELECT value FROM twin_prop
                          WHERE path_id = $path AND value >= $value AND value < $end
                          ORDER BY value LIMIT 1) AS first
    UNION ALL
    SELECT (SELECT p.value FROM twin_prop AS p
            WHERE p.path_id = $path AND p.value > v.value AND p.value < $end
            ORDER BY p.value LIMIT 1), v.number + 1
    FROM v WHERE v.value IS NOT NULL AND v.number < $top)
SELECT value FROM v WHERE value IS NOT NULL

-- :name query_probe_devices
SELECT COUNT(*) FROM (SELECT 1 FROM identity WHERE device_id >= $device_id AND device_id < $end
                      LIMIT $top) AS p

-- :name query_probe_disabled
SELECT COUNT(*) FROM (SELECT 1 FROM identity WHERE enabled = 0 AND module_id = '' LIMIT $top) AS p

-- :name query_probe_edge
SELECT COUNT(*) FROM (SELECT 1 FROM identity WHERE iot_edge = 1 LIMIT $top) AS p

-- :name query_probe_waiting
SELECT COUNT(*) FROM (SELECT 1 FROM c2d_message LIMIT $top) AS p

-- :name query_count
SELECT number FROM identity_count WHERE name = 'devices'
