-- :name capture_page
SELECT stream, description FROM capture WHERE stream > $after ORDER BY stream

-- :name capture_put
INSERT INTO capture (stream, description) VALUES ($stream, $description)
ON CONFLICT (stream) DO UPDATE SET description = $description

-- :name capture_delete
DELETE FROM capture WHERE stream = $stream

-- :name capture_partition_page
SELECT partition_id, ordinal, until_ordinal, name, named_us FROM capture_partition
WHERE stream = $stream ORDER BY partition_id

-- :name capture_partition_put
INSERT INTO capture_partition (stream, partition_id, ordinal, until_ordinal, name, named_us)
VALUES ($stream, $partition, $ordinal, $ordinal, '', 0)
ON CONFLICT (stream, partition_id) DO UPDATE
SET ordinal = $ordinal, until_ordinal = $ordinal, name = ''

-- :name capture_partition_seal
UPDATE capture_partition SET until_ordinal = $until, name = $name, named_us = $named_us
WHERE stream = $stream AND partition_id = $partition AND ordinal = $from

-- :name capture_partition_commit
UPDATE capture_partition SET ordinal = $ordinal, until_ordinal = $ordinal, name = ''
WHERE stream = $stream AND partition_id = $partition AND ordinal = $from

-- :name capture_partition_delete
DELETE FROM capture_partition WHERE stream = $stream
