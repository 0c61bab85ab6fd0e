-- :name consumer_group_page
SELECT stream, name_lower, name, created_us FROM consumer_group
WHERE stream > $stream OR (stream = $stream AND name_lower > $after) ORDER BY stream, name_lower

-- :name consumer_group_insert
INSERT INTO consumer_group (stream, name_lower, name, created_us)
SELECT $stream, $name_lower, $name, $created_us
WHERE $stream = 0 OR EXISTS (SELECT 1 FROM event_hub WHERE stream = $stream)

-- :name consumer_group_remove
DELETE FROM consumer_group WHERE stream = $stream AND name_lower = $name_lower
