-- :name configuration_page
SELECT id, body, etag, created_us, updated_us FROM configuration WHERE id > $after ORDER BY id

-- :name configuration_insert
INSERT INTO configuration (id, body, etag, created_us, updated_us)
VALUES ($id, $body, $etag, $created_us, $updated_us)

-- :name configuration_update
UPDATE configuration SET body = $body, etag = $etag, updated_us = $updated_us WHERE id = $id

-- :name configuration_remove
DELETE FROM configuration WHERE id = $id

-- :name configuration_twin_put
INSERT INTO configuration_twin (id, device_id, module_id, applied)
VALUES ($id, $device_id, $module_id, $applied)
ON CONFLICT (id, device_id, module_id) DO UPDATE SET applied = $applied

-- :name configuration_twin_remove
DELETE FROM configuration_twin
WHERE id = $id AND device_id = $device_id AND module_id = $module_id

-- :name configuration_twin_page
SELECT device_id, module_id FROM configuration_twin
WHERE id = $id AND (device_id, module_id) > ($device_id, $module_id)
ORDER BY device_id, module_id LIMIT $top

-- :name configuration_count
SELECT id, COUNT(*), SUM(applied) FROM configuration_twin
WHERE id >= $from AND id <= $upto GROUP BY id ORDER BY id

-- :name configuration_twin_remove_all
DELETE FROM configuration_twin WHERE device_id = $device_id AND module_id = $module_id

-- Deleted, but not yet everywhere.
-- :name configuration_left
SELECT DISTINCT id FROM configuration_twin WHERE id NOT IN (SELECT id FROM configuration)
