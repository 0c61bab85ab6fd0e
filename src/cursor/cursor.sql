-- :name cursor_get
SELECT ordinal FROM log_cursor
WHERE name = $name AND stream = $stream AND partition_id = $partition

-- :name cursor_put
INSERT INTO log_cursor (name, stream, partition_id, ordinal)
VALUES ($name, $stream, $partition, $ordinal)
ON CONFLICT (name, stream, partition_id) DO UPDATE SET ordinal = $ordinal

-- :name cursor_delete
DELETE FROM log_cursor WHERE name = $name AND stream = $stream AND partition_id = $partition
