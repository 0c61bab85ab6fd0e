-- :name event_insert
INSERT INTO event (device_id, id, shard, source, pair_count, pairs, sections, destinations, extra)
VALUES ($device_id, $id, $shard, $source, $pair_count, $pairs, $sections, $destinations, $extra)

-- :name event_delete
DELETE FROM event WHERE device_id = $device_id AND id = $id

-- :name event_page
SELECT device_id, id, source, pair_count, pairs, sections, destinations, extra FROM event
WHERE shard % $cores = $core ORDER BY id, device_id LIMIT $top

-- :name event_last
SELECT MAX(id) FROM (SELECT COALESCE(MAX(id), 0) AS id FROM event
                     UNION ALL SELECT id FROM event_connection_last) AS known

-- :name event_connection_number
UPDATE event_connection_last SET id = $id WHERE id < $id

-- :name event_connected
INSERT INTO event_connection (device_id, module_id, shard) VALUES ($device_id, $module_id, $shard)
ON CONFLICT DO NOTHING

-- :name event_disconnected
DELETE FROM event_connection WHERE device_id = $device_id AND module_id = $module_id

-- :name event_connection_page
SELECT device_id, module_id FROM event_connection
WHERE shard % $cores = $core AND (device_id, module_id) > ($device_id, $module_id)
ORDER BY device_id, module_id LIMIT $top
