-- :name quota_get
SELECT day, used FROM message_quota WHERE name = 'messages'

-- :name quota_put
INSERT INTO message_quota (name, day, used) VALUES ('messages', $day, $used)
ON CONFLICT (name) DO UPDATE SET day = excluded.day, used = excluded.used
