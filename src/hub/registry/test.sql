-- :name test_set_etag
UPDATE identity SET etag = $etag WHERE device_id = $device_id

-- :name test_set_count
UPDATE identity_count SET number = $number WHERE name = 'devices'
