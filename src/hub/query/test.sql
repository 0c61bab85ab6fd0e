-- :name test_query_message
INSERT INTO c2d_message (device_id, sequence, enqueued_us, expires_us, ack, delivery_count, message_id, sections)
VALUES ($device_id, $sequence, 0, 0, 0, 0, '', '')
