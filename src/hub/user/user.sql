-- :name user_page
SELECT name, role, enabled, created_us, password_us, cost, blocks, lanes, salt, hash
FROM local_user WHERE name_lower > $after ORDER BY name_lower LIMIT 1000

-- :name user_insert
INSERT INTO local_user (name_lower, name, role, enabled, created_us, password_us, cost, blocks, lanes, salt, hash)
VALUES ($name_lower, $name, $role, 1, $created_us, $password_us, $cost, $blocks, $lanes, $salt, $hash)

-- :name user_set_role
UPDATE local_user SET role = $role WHERE name_lower = $name_lower

-- :name user_set_enabled
UPDATE local_user SET enabled = $enabled WHERE name_lower = $name_lower

-- :name user_set_password
UPDATE local_user SET password_us = $password_us, cost = $cost, blocks = $blocks, lanes = $lanes, salt = $salt, hash = $hash
WHERE name_lower = $name_lower

-- :name user_remove
DELETE FROM local_user WHERE name_lower = $name_lower
