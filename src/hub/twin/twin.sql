-- :name twin_get
SELECT version, etag, desired_version, reported_version, tags, desired, desired_stamps, reported,
       reported_stamps, indexed, configurations
FROM twin WHERE device_id = $device_id AND module_id = $module_id

-- The first write of a twin; none for an identity that is gone or another one by now.
-- :name twin_insert
INSERT INTO twin (device_id, module_id, version, etag, desired_version, reported_version, tags,
                  desired, desired_stamps, reported, reported_stamps, indexed, configurations)
SELECT $device_id, $module_id, $version, $etag, $desired_version, $reported_version, $tags,
       $desired, $desired_stamps, $reported, $reported_stamps, $indexed, $configurations
FROM identity
WHERE device_id = $device_id AND module_id = $module_id AND generation_id = $generation_id

-- :name twin_update_reported
UPDATE twin SET version = $version, reported_version = $reported_version, reported = $reported,
       reported_stamps = $reported_stamps, indexed = $indexed
WHERE device_id = $device_id AND module_id = $module_id AND version = $old_version
  AND indexed = $old_indexed

-- :name twin_update
UPDATE twin SET version = $version, etag = $etag, desired_version = $desired_version,
       reported_version = $reported_version, tags = $tags, desired = $desired,
       desired_stamps = $desired_stamps, reported = $reported, reported_stamps = $reported_stamps,
       indexed = $indexed, configurations = $configurations
WHERE device_id = $device_id AND module_id = $module_id AND version = $old_version
  AND indexed = $old_indexed

-- One of a fixed number of places for each twin (history.c): what stood there goes.
-- :name twin_history_put
INSERT INTO twin_history (device_id, module_id, slot, etag, version, wall_us, by_whom, patch, undo)
VALUES ($device_id, $module_id, $slot, $etag, $version, $wall_us, $by_whom, $patch, $undo)
ON CONFLICT (device_id, module_id, slot) DO UPDATE
SET etag = $etag, version = $version, wall_us = $wall_us, by_whom = $by_whom, patch = $patch,
    undo = $undo

-- :name twin_history_get
SELECT etag, version, wall_us, by_whom, patch, undo FROM twin_history
WHERE device_id = $device_id AND module_id = $module_id AND etag > $after AND etag <= $upto
ORDER BY etag DESC

-- The index (prop.c). A row that is there already is one of another path with the same number.
-- :name twin_prop_add
INSERT INTO twin_prop (path_id, value, device_id, module_id)
VALUES ($path, $value, $device_id, $module_id)
ON CONFLICT DO NOTHING

-- :name twin_prop_add_many
INSERT INTO twin_prop (path_id, value, device_id, module_id)
VALUES ($path0, $value0, $device_id, $module_id), ($path1, $value1, $device_id, $module_id),
       ($path2, $value2, $device_id, $module_id), ($path3, $value3, $device_id, $module_id),
       ($path4, $value4, $device_id, $module_id), ($path5, $value5, $device_id, $module_id),
       ($path6, $value6, $device_id, $module_id), ($path7, $value7, $device_id, $module_id)
ON CONFLICT DO NOTHING

-- :name twin_prop_drop
DELETE FROM twin_prop
WHERE path_id = $path AND value = $value AND device_id = $device_id AND module_id = $module_id

-- By OR each row is looked up; a list of rows behind IN would be compared with the whole table.
-- :name twin_prop_drop_many
DELETE FROM twin_prop
WHERE (path_id = $path0 AND value = $value0 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path1 AND value = $value1 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path2 AND value = $value2 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path3 AND value = $value3 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path4 AND value = $value4 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path5 AND value = $value5 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path6 AND value = $value6 AND device_id = $device_id
       AND module_id = $module_id)
   OR (path_id = $path7 AND value = $value7 AND device_id = $device_id
       AND module_id = $module_id)

-- Before the identity goes, and its twin with it (gone.c).
-- :name twin_gone_add
INSERT INTO twin_gone (device_id, module_id, generation_id, indexed, tags, desired, reported)
SELECT t.device_id, t.module_id, i.generation_id, t.indexed, t.tags, t.desired, t.reported
FROM twin AS t JOIN identity AS i ON i.device_id = t.device_id AND i.module_id = t.module_id
WHERE t.device_id = $device_id AND t.module_id = $module_id
ON CONFLICT DO NOTHING

-- :name twin_gone_get
SELECT g.device_id, g.module_id, g.generation_id, g.indexed, g.tags, g.desired, g.reported,
       t.version, t.indexed, t.tags, t.desired, t.reported
FROM twin_gone AS g LEFT JOIN twin AS t ON t.device_id = g.device_id AND t.module_id = g.module_id
ORDER BY g.device_id, g.module_id LIMIT 1

-- Unless the twin of a new identity of that name is no longer the one that was read.
-- :name twin_gone_remove
DELETE FROM twin_gone
WHERE device_id = $device_id AND module_id = $module_id AND generation_id = $generation_id
  AND COALESCE((SELECT version FROM twin AS t
                WHERE t.device_id = $device_id AND t.module_id = $module_id), 0) = $version
  AND COALESCE((SELECT indexed FROM twin AS t
                WHERE t.device_id = $device_id AND t.module_id = $module_id), 0) = $indexed

-- Twins with one row for a half of the index (reindex.c).
-- :name twin_wide_get
SELECT t.device_id, t.module_id, t.version, t.indexed, t.tags, t.desired, t.reported
FROM twin_prop AS p JOIN twin AS t ON t.device_id = p.device_id AND t.module_id = p.module_id
WHERE p.path_id = $path AND p.value = $value
  AND (p.device_id, p.module_id) > ($device_id, $module_id)
ORDER BY p.device_id, p.module_id LIMIT $top

-- :name twin_reindex
UPDATE twin SET indexed = $indexed
WHERE device_id = $device_id AND module_id = $module_id AND version = $version
  AND indexed = $old_indexed
