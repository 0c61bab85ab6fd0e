-- :name job_insert
INSERT INTO job (job_id, type, status, condition, work, max_s, created_us, start_us, end_us, reason,
                 place, found_all, found, succeeded, failed, canceled)
VALUES ($job_id, $type, $status, $condition, $work, $max_s, $created_us, $start_us, 0, '', '', 0, 0, 0,
        0, 0)

-- :name job_update
UPDATE job SET status = $status, start_us = $start_us, end_us = $end_us, reason = $reason,
               place = $place, found_all = $found_all, found = $found, succeeded = $succeeded,
               failed = $failed, canceled = $canceled
WHERE job_id = $job_id

-- :name job_get
SELECT job_id, type, status, condition, work, max_s, created_us, start_us, end_us, reason, found,
       succeeded, failed, canceled, place, found_all
FROM job WHERE job_id = $job_id

-- :name job_page
SELECT job_id, type, status, condition, work, max_s, created_us, start_us, end_us, reason, found,
       succeeded, failed, canceled, place, found_all
FROM job
WHERE (created_us < $created_us OR (created_us = $created_us AND job_id > $job_id))
  AND ($type < 0 OR type = $type) AND ($status < 0 OR status = $status)
ORDER BY created_us DESC, job_id LIMIT $top

-- :name job_active
SELECT job_id, type, status, condition, work, max_s, created_us, start_us, end_us, reason, found,
       succeeded, failed, canceled, place, found_all
FROM job WHERE end_us = 0 AND job_id > $job_id ORDER BY job_id

-- :name job_device_insert
INSERT INTO job_device (job_id, device_id, module_id, status, created_us, start_us, end_us, outcome,
                        error, text)
VALUES ($job_id, $device_id, $module_id, $status, $now_us, $now_us, 0, '', '', '')

-- :name job_device_update
UPDATE job_device SET status = $status, end_us = $end_us, outcome = $outcome, error = $error,
                      text = $text
WHERE job_id = $job_id AND device_id = $device_id AND module_id = $module_id

-- :name job_device_unfinished
SELECT device_id, module_id FROM job_device
WHERE end_us = 0 AND job_id = $job_id AND (device_id, module_id) > ($device_id, $module_id)
ORDER BY device_id, module_id LIMIT $top

-- :name job_device_page
SELECT d.job_id, d.device_id, d.module_id, d.status, d.created_us, d.start_us, d.end_us, d.outcome,
       d.error, d.text, j.type
FROM job_device AS d JOIN job AS j ON j.job_id = d.job_id
WHERE (d.job_id, d.device_id, d.module_id) > ($job_id, $device_id, $module_id)
ORDER BY d.job_id, d.device_id, d.module_id LIMIT $top

-- :name job_expired
SELECT job_id FROM job WHERE end_us > 0 AND end_us < $before_us ORDER BY end_us LIMIT 1

-- :name job_device_nth
SELECT device_id, module_id FROM job_device WHERE job_id = $job_id
ORDER BY device_id, module_id LIMIT 1 OFFSET $skip

-- :name job_device_drop_upto
DELETE FROM job_device
WHERE job_id = $job_id AND (device_id, module_id) <= ($device_id, $module_id)

-- :name job_device_drop
DELETE FROM job_device WHERE job_id = $job_id

-- :name job_drop
DELETE FROM job WHERE job_id = $job_id
