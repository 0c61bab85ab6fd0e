-- :name archive_page
SELECT partition_id, ordinal, until_ordinal, name, named_us FROM archive_partition
WHERE owner = $owner ORDER BY partition_id

-- :name archive_put
INSERT INTO archive_partition (owner, partition_id, ordinal, until_ordinal, name, named_us)
VALUES ($owner, $partition, $ordinal, $ordinal, '', 0)
ON CONFLICT (owner, partition_id) DO UPDATE
SET ordinal = $ordinal, until_ordinal = $ordinal, name = ''

-- :name archive_seal
UPDATE archive_partition SET until_ordinal = $until, name = $name, named_us = $named_us
WHERE owner = $owner AND partition_id = $partition AND ordinal = $from

-- :name archive_commit
UPDATE archive_partition SET ordinal = $ordinal, until_ordinal = $ordinal, name = ''
WHERE owner = $owner AND partition_id = $partition AND ordinal = $from

-- :name archive_delete
DELETE FROM archive_partition WHERE owner = $owner
