-- A device's row has module_id ''.

-- :name identity_get
SELECT device_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, secondary_key,
       primary_thumbprint, secondary_thumbprint, status_reason, device_scope, parent_scope,
       status_updated_us, module_id, managed_by, subscriptions, model_id,
       (SELECT COUNT(*) FROM c2d_message m
        WHERE m.device_id = identity.device_id AND identity.module_id = '')
FROM identity WHERE device_id = $device_id AND module_id = $module_id

-- :name identity_page
SELECT device_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, secondary_key,
       primary_thumbprint, secondary_thumbprint, status_reason, device_scope, parent_scope,
       status_updated_us, module_id, managed_by, subscriptions, model_id,
       (SELECT COUNT(*) FROM c2d_message m WHERE m.device_id = identity.device_id)
FROM identity WHERE device_id > $after AND module_id = '' ORDER BY device_id LIMIT $top

-- :name identity_modules
SELECT device_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, secondary_key,
       primary_thumbprint, secondary_thumbprint, status_reason, device_scope, parent_scope,
       status_updated_us, module_id, managed_by, subscriptions, model_id, 0
FROM identity WHERE device_id = $device_id AND module_id > $after ORDER BY module_id

-- :name identity_insert
INSERT INTO identity (device_id, module_id, generation_id, etag, enabled, iot_edge, auth_type,
                      primary_key, secondary_key, primary_thumbprint, secondary_thumbprint,
                      status_reason, device_scope, parent_scope, status_updated_us, managed_by,
                      model_id)
VALUES ($device_id, $module_id, $generation_id, $etag, $enabled, $iot_edge, $auth_type,
        $primary_key, $secondary_key, $primary_thumbprint, $secondary_thumbprint,
        $status_reason, $device_scope, $parent_scope, $status_updated_us, $managed_by,
        $model_id)

-- :name identity_update
UPDATE identity SET generation_id = $generation_id, etag = $etag, enabled = $enabled,
       iot_edge = $iot_edge, auth_type = $auth_type, primary_key = $primary_key,
       secondary_key = $secondary_key, primary_thumbprint = $primary_thumbprint,
       secondary_thumbprint = $secondary_thumbprint, status_reason = $status_reason,
       device_scope = $device_scope, parent_scope = $parent_scope,
       status_updated_us = $status_updated_us, managed_by = $managed_by
WHERE device_id = $device_id AND module_id = $module_id AND etag = $old_etag

-- :name identity_delete
DELETE FROM identity
WHERE device_id = $device_id AND module_id = $module_id AND etag = $old_etag

-- :name identity_delete_modules
DELETE FROM identity WHERE device_id = $device_id AND module_id <> ''

-- :name identity_enable_modules
UPDATE identity SET enabled = $enabled WHERE device_id = $device_id AND module_id <> ''

-- Touches the device's row if there is room for one more module; those of the hub do not count.
-- :name identity_module_room
UPDATE identity SET etag = etag
WHERE device_id = $device_id AND module_id = ''
  AND (SELECT COUNT(*) FROM identity AS other
       WHERE other.device_id = $device_id AND other.module_id <> ''
         AND substr(other.module_id, 1, 1) <> '$') < $most

-- :name identity_set_session
UPDATE identity SET subscriptions = $subscriptions, model_id = $model_id
WHERE device_id = $device_id AND module_id = $module_id AND generation_id = $generation_id

-- :name identity_count_add
UPDATE identity_count SET number = number + $by WHERE name = $name AND number + $by <= $most

-- :name identity_count_get
SELECT (SELECT number FROM identity_count WHERE name = 'devices'),
       (SELECT number FROM identity_count WHERE name = 'disabled')

-- The device, its parent, and so on up, each with the keys of its $edgeHub.
-- :name identity_ancestry
WITH RECURSIVE up (device_id, parent_scope, enabled, iot_edge, depth) AS (
    SELECT device_id, parent_scope, enabled, iot_edge, 0
    FROM identity WHERE device_id = $device_id AND module_id = ''
    UNION ALL
    SELECT parent.device_id, parent.parent_scope, parent.enabled, parent.iot_edge, up.depth + 1
    FROM identity AS parent JOIN up ON parent.device_scope = up.parent_scope
    WHERE parent.iot_edge = 1 AND parent.module_id = '' AND up.depth + 1 < $most
)
SELECT up.device_id, up.enabled, up.iot_edge, hub.primary_key, hub.secondary_key
FROM up LEFT JOIN identity AS hub
     ON hub.device_id = up.device_id AND hub.module_id = '$edgeHub' AND hub.auth_type = 'sas'
ORDER BY up.depth

-- Touches the device's row if no more than $most edge devices are below each other on any line through
-- it; a device below itself is on one without end.
-- :name identity_hierarchy_room
UPDATE identity SET etag = etag
WHERE device_id = $device_id AND module_id = ''
  AND (WITH RECURSIVE up (parent_scope, edges) AS (
           SELECT parent_scope, iot_edge FROM identity
           WHERE device_id = $device_id AND module_id = ''
           UNION ALL
           SELECT parent.parent_scope, up.edges + 1
           FROM identity AS parent JOIN up ON parent.device_scope = up.parent_scope
           WHERE parent.iot_edge = 1 AND parent.module_id = '' AND up.edges <= $most
       )
       SELECT MAX(edges) FROM up)
    + (WITH RECURSIVE down (device_scope, edges) AS (
           SELECT device_scope, 0 FROM identity
           WHERE device_id = $device_id AND module_id = '' AND iot_edge = 1
           UNION ALL
           SELECT child.device_scope, down.edges + 1
           FROM identity AS child JOIN down ON child.parent_scope = down.device_scope
           WHERE child.iot_edge = 1 AND child.module_id = '' AND down.edges <= $most
       )
       SELECT COALESCE(MAX(edges), 0) FROM down) <= $most

-- An edge device, its children, and the modules of all of them.
-- :name identity_scope
SELECT device_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, secondary_key,
       primary_thumbprint, secondary_thumbprint, status_reason, device_scope, parent_scope,
       status_updated_us, module_id, managed_by, subscriptions, model_id, 0
FROM identity
WHERE (device_id = $device_id OR device_id IN (
           SELECT child.device_id FROM identity AS child
           WHERE child.module_id = '' AND child.parent_scope = (
               SELECT edge.device_scope FROM identity AS edge
               WHERE edge.device_id = $device_id AND edge.module_id = '')))
  AND (device_id > $after_device OR (device_id = $after_device AND module_id > $after_module))
ORDER BY device_id, module_id LIMIT $top

-- :name identity_with_device
SELECT device_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, secondary_key,
       primary_thumbprint, secondary_thumbprint, status_reason, device_scope, parent_scope,
       status_updated_us, module_id, managed_by, subscriptions, model_id, 0
FROM identity WHERE device_id = $device_id AND (module_id = '' OR module_id = $module_id)
ORDER BY module_id
