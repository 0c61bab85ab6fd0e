-- :name producer_state_get
SELECT ordinal, producers FROM producer_state WHERE stream = $stream AND partition_id = $partition

-- :name producer_state_put
INSERT INTO producer_state (stream, partition_id, ordinal, producers)
VALUES ($stream, $partition, $ordinal, $producers)
ON CONFLICT (stream, partition_id) DO UPDATE SET ordinal = $ordinal, producers = $producers

-- :name producer_state_delete
DELETE FROM producer_state WHERE stream = $stream
