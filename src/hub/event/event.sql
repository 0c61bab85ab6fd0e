-- :name event_insert
INSERT INTO event (device_id, id, shard, source, pair_count, pairs, sections)
VALUES ($device_id, $id, $shard, $source, $pair_count, $pairs, $sections)

-- :name event_delete
DELETE FROM event WHERE device_id = $device_id AND id = $id

-- :name event_page
SELECT device_id, id, source, pair_count, pairs, sections FROM event
WHERE shard % $cores = $core ORDER BY id, device_id LIMIT $top

-- :name event_last
SELECT COALESCE(MAX(id), 0) FROM event
