-- :name test_event_count
SELECT COUNT(*) FROM event
