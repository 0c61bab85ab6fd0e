-- :name event_hub_page
SELECT name, stream, partitions, retention_us, retention_bytes, created_us, updated_us FROM event_hub
WHERE stream > $after ORDER BY stream

-- :name event_hub_insert
INSERT INTO event_hub
    (name_lower, name, stream, partitions, retention_us, retention_bytes, created_us, updated_us)
VALUES ($name_lower, $name, $stream, $partitions, $retention_us, $retention_bytes, $created_us, $updated_us)

-- :name event_hub_update
UPDATE event_hub SET retention_us = $retention_us, retention_bytes = $retention_bytes,
    updated_us = $updated_us WHERE stream = $stream

-- :name event_hub_remove
DELETE FROM event_hub WHERE stream = $stream

-- :name event_hub_remove_groups
DELETE FROM consumer_group WHERE stream = $stream

-- :name event_hub_remove_cursors
DELETE FROM log_cursor WHERE stream = $stream
