-- :name consumer_group_page
SELECT stream, name_lower, name, created_us FROM consumer_group
WHERE stream > $stream OR (stream = $stream AND name_lower > $after) ORDER BY stream, name_lower

-- :name consumer_group_insert
INSERT INTO consumer_group (stream, name_lower, name, created_us)
VALUES ($stream, $name_lower, $name, $created_us) ON CONFLICT (stream, name_lower) DO NOTHING

-- :name consumer_group_remove
DELETE FROM consumer_group WHERE stream = $stream AND name_lower = $name_lower
