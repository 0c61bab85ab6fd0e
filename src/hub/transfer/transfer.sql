-- :name transfer_insert
INSERT INTO transfer (job_id, type, status, created_us, start_us, end_us, progress, lines, failed,
                      exclude_keys, configurations, input_uri, input_blob, output_uri, output_blob,
                      configurations_blob, reason)
VALUES ($job_id, $type, $status, $created_us, $start_us, $end_us, $progress, $lines, $failed,
        $exclude_keys, $configurations, $input_uri, $input_blob, $output_uri, $output_blob,
        $configurations_blob, $reason)

-- :name transfer_update
UPDATE transfer SET status = $status, start_us = $start_us, end_us = $end_us, progress = $progress,
                    lines = $lines, failed = $failed, input_uri = $input_uri,
                    output_uri = $output_uri, reason = $reason
WHERE job_id = $job_id

-- :name transfer_get
SELECT job_id, type, status, created_us, start_us, end_us, progress, lines, failed, exclude_keys,
       configurations, input_uri, input_blob, output_uri, output_blob, configurations_blob, reason
FROM transfer WHERE job_id = $job_id

-- :name transfer_list
SELECT job_id, type, status, created_us, start_us, end_us, progress, lines, failed, exclude_keys,
       configurations, input_uri, input_blob, output_uri, output_blob, configurations_blob, reason
FROM transfer ORDER BY created_us DESC, job_id LIMIT $top

-- :name transfer_active
SELECT job_id, type, status, created_us, start_us, end_us, progress, lines, failed, exclude_keys,
       configurations, input_uri, input_blob, output_uri, output_blob, configurations_blob, reason
FROM transfer WHERE end_us = 0 ORDER BY created_us LIMIT 1

-- :name transfer_expire
DELETE FROM transfer WHERE end_us > 0 AND end_us < $before_us

-- :name transfer_devices
SELECT number FROM identity_count WHERE name = 'devices'

-- Columns: those of an identity as hub/registry reads them, those of its twin as hub/twin does, NULL
-- where nobody has written it.  Modules come right behind their device.
-- :name transfer_page
SELECT i.device_id, i.generation_id, i.etag, i.enabled, i.iot_edge, i.auth_type, i.primary_key,
       i.secondary_key, i.primary_thumbprint, i.secondary_thumbprint, i.status_reason,
       i.device_scope, i.parent_scope, i.status_updated_us, i.module_id, i.managed_by, 0, NULL, 0,
       t.version, t.etag, t.desired_version, t.reported_version, t.tags, t.desired,
       t.desired_stamps, t.reported, t.reported_stamps, t.indexed, t.configurations
FROM identity AS i LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
WHERE (i.device_id, i.module_id) > ($device_id, $module_id)
ORDER BY i.device_id, i.module_id LIMIT $top
