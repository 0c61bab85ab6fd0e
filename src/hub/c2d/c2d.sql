-- Statements of hub/c2d.

-- :name c2d_queue_get
SELECT q.sequence, m.sequence, m.enqueued_us, m.expires_us, m.ack, m.delivery_count, m.message_id,
       LENGTH(m.sections)
FROM c2d_queue q LEFT JOIN c2d_message m ON m.device_id = q.device_id
WHERE q.device_id = $device_id ORDER BY m.sequence

-- :name c2d_insert
INSERT INTO c2d_message (device_id, sequence, enqueued_us, expires_us, ack, delivery_count,
                         message_id, sections)
SELECT device_id, CAST($sequence AS BIGINT), CAST($enqueued_us AS BIGINT),
       CAST($expires_us AS BIGINT), CAST($ack AS BIGINT), 0, $message_id, $sections
FROM identity
WHERE device_id = $device_id AND module_id = '' AND generation_id = $generation_id

-- :name c2d_queue_put
INSERT INTO c2d_queue (device_id, sequence) VALUES ($device_id, $sequence)
ON CONFLICT (device_id) DO UPDATE SET sequence = excluded.sequence
WHERE c2d_queue.sequence < excluded.sequence

-- :name c2d_sections
SELECT sequence, sections FROM c2d_message
WHERE device_id = $device_id AND sequence >= $from ORDER BY sequence LIMIT $most

-- :name c2d_remove
DELETE FROM c2d_message WHERE device_id = $device_id AND sequence = $sequence

-- :name c2d_abandon
UPDATE c2d_message SET delivery_count = $delivery_count
WHERE device_id = $device_id AND sequence = $sequence

-- :name c2d_expired
SELECT DISTINCT device_id FROM c2d_message WHERE expires_us <= $now_us LIMIT $most

-- :name c2d_remove_all
DELETE FROM c2d_message WHERE device_id = $device_id

-- :name c2d_queue_remove
DELETE FROM c2d_queue WHERE device_id = $device_id

-- :name c2d_feedback_insert
INSERT INTO c2d_feedback (at_us, device_id, generation_id, sequence, status, message_id)
VALUES ($at_us, $device_id, $generation_id, $sequence, $status, $message_id)

-- :name c2d_feedback_page
SELECT at_us, device_id, generation_id, sequence, status, message_id FROM c2d_feedback
ORDER BY at_us, device_id, generation_id, sequence LIMIT $most

-- :name c2d_feedback_remove
DELETE FROM c2d_feedback
WHERE at_us = $at_us AND device_id = $device_id AND generation_id = $generation_id
      AND sequence = $sequence

-- :name c2d_feedback_expire
DELETE FROM c2d_feedback WHERE at_us <= $at_us
