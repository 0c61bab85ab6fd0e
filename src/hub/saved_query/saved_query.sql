-- Each is a setting: ';' is what follows ':' in order.
-- :name saved_query_list
SELECT value FROM setting WHERE name > 'savedQuery:' AND name < 'savedQuery;' ORDER BY name

-- :name saved_query_put
INSERT INTO setting (name, value) SELECT $name, $value
WHERE EXISTS (SELECT 1 FROM setting WHERE name = $name)
   OR (SELECT COUNT(*) FROM setting WHERE name > 'savedQuery:' AND name < 'savedQuery;') < $most
ON CONFLICT (name) DO UPDATE SET value = $value

-- :name saved_query_remove
DELETE FROM setting WHERE name = $name
