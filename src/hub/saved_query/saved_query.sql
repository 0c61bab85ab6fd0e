-- :name saved_query_list
SELECT value FROM saved_query ORDER BY name

-- :name saved_query_put
INSERT INTO saved_query (name, value) SELECT $name, $value
WHERE EXISTS (SELECT 1 FROM saved_query WHERE name = $name)
   OR (SELECT COUNT(*) FROM saved_query) < $most
ON CONFLICT (name) DO UPDATE SET value = $value

-- :name saved_query_remove
DELETE FROM saved_query WHERE name = $name
