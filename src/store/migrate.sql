-- :name schema_version
SELECT COALESCE(MAX(number), 0) FROM schema_migration

-- :name schema_migrated
INSERT INTO schema_migration (number, name, applied_us) VALUES ($number, $name, $applied_us)
