-- :name twin_get
SELECT version, etag, desired_version, reported_version, tags, desired, desired_stamps, reported,
       reported_stamps
FROM twin WHERE device_id = $device_id AND module_id = $module_id

-- The first write of a twin; none for an identity that is gone or another one by now.
-- :name twin_insert
INSERT INTO twin (device_id, module_id, version, etag, desired_version, reported_version, tags,
                  desired, desired_stamps, reported, reported_stamps)
SELECT $device_id, $module_id, $version, $etag, $desired_version, $reported_version, $tags,
       $desired, $desired_stamps, $reported, $reported_stamps
FROM identity
WHERE device_id = $device_id AND module_id = $module_id AND generation_id = $generation_id

-- :name twin_update_reported
UPDATE twin SET version = $version, reported_version = $reported_version, reported = $reported,
       reported_stamps = $reported_stamps
WHERE device_id = $device_id AND module_id = $module_id AND version = $old_version

-- :name twin_update
UPDATE twin SET version = $version, etag = $etag, desired_version = $desired_version,
       reported_version = $reported_version, tags = $tags, desired = $desired,
       desired_stamps = $desired_stamps, reported = $reported, reported_stamps = $reported_stamps
WHERE device_id = $device_id AND module_id = $module_id AND version = $old_version
