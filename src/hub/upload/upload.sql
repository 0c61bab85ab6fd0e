-- Statements of hub/upload.

-- :name upload_insert
INSERT INTO upload (device_id, correlation_id, blob_name, host, expires_us)
SELECT device_id, $correlation_id, $blob_name, $host, CAST($expires_us AS BIGINT)
FROM identity
WHERE device_id = $device_id AND module_id = ''
      AND (SELECT COUNT(*) FROM upload AS u
           WHERE u.device_id = $device_id AND u.expires_us > $now_us) < $most

-- :name upload_count
SELECT (SELECT COUNT(*) FROM upload WHERE device_id = $device_id AND expires_us > $now_us),
       (SELECT COUNT(*) FROM identity WHERE device_id = $device_id AND module_id = '')

-- :name upload_get
SELECT blob_name, host FROM upload
WHERE device_id = $device_id AND correlation_id = $correlation_id AND expires_us > $now_us

-- :name upload_remove
DELETE FROM upload WHERE device_id = $device_id AND correlation_id = $correlation_id

-- :name upload_expired
SELECT device_id, correlation_id, blob_name,
       (SELECT COUNT(*) FROM upload AS u
        WHERE u.device_id = upload.device_id AND u.blob_name = upload.blob_name
              AND u.expires_us > $now_us)
FROM upload WHERE expires_us <= $now_us
ORDER BY expires_us LIMIT $most

-- :name upload_notice_insert
INSERT INTO upload_notice (at_us, correlation_id, device_id, blob_name, blob_uri, size, modified_us)
VALUES ($at_us, $correlation_id, $device_id, $blob_name, $blob_uri, $size, $modified_us)

-- :name upload_notice_page
SELECT at_us, correlation_id, device_id, blob_name, blob_uri, size, modified_us FROM upload_notice
ORDER BY at_us, correlation_id LIMIT $most

-- :name upload_notice_remove
DELETE FROM upload_notice WHERE at_us = $at_us AND correlation_id = $correlation_id

-- :name upload_notice_expire
DELETE FROM upload_notice WHERE at_us <= $at_us
