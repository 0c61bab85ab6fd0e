-- :name capture_page
SELECT c.stream, c.description, COALESCE(e.name, '') FROM capture c LEFT JOIN event_hub e ON e.stream = c.stream
WHERE c.stream > $after ORDER BY c.stream

-- :name capture_put
INSERT INTO capture (stream, description) VALUES ($stream, $description)
ON CONFLICT (stream) DO UPDATE SET description = $description

-- :name capture_delete
DELETE FROM capture WHERE stream = $stream
