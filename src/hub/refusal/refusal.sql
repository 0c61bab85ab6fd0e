-- Another spelling of an id: they are case-sensitive, which people forget.  Looks at every device, for an
-- administrator who asks about an id that does not exist.
-- :name refusal_spelling
SELECT device_id FROM identity
WHERE lower(device_id) = lower($device_id) AND device_id <> $device_id AND module_id = '' LIMIT 1
