-- Statements of tests of hub/c2d.

-- :name test_c2d_count
SELECT COUNT(*) FROM c2d_message WHERE device_id = $device_id

-- :name test_c2d_rest
SELECT (SELECT COUNT(*) FROM c2d_message WHERE device_id = $device_id)
     + (SELECT COUNT(*) FROM c2d_queue WHERE device_id = $device_id)

-- :name test_c2d_feedback_count
SELECT COUNT(*) FROM c2d_feedback WHERE device_id = $device_id
