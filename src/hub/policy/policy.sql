-- :name setting_get
SELECT value FROM setting WHERE name = $name

-- :name setting_insert
INSERT INTO setting (name, value) VALUES ($name, $value)

-- :name setting_update
UPDATE setting SET value = $value WHERE name = $name
