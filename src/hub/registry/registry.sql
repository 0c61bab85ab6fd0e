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
                      status_reason, device_scope, parent_scope, status_updated_us, managed_by)
VALUES ($device_id, $module_id, $generation_id, $etag, $enabled, $iot_edge, $auth_type,
        $primary_key, $secondary_key, $primary_thumbprint, $secondary_thumbprint,
        $status_reason, $device_scope, $parent_scope, $status_updated_us, $managed_by)

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
