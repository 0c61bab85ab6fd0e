-- :name test_set_etag
UPDATE identity SET etag = $etag WHERE device_id = $device_id

-- :name test_set_count
UPDATE identity_count SET number = $number WHERE name = 'devices'

-- :name test_add_message
INSERT INTO c2d_message (device_id, sequence, enqueued_us, expires_us, ack, delivery_count,
                         message_id, sections)
VALUES ($device_id, 1, 0, 0, 0, 0, '', '')
