-- :name routing_read
SELECT document, bits, etag, changed_us FROM routing WHERE id = 1

-- :name routing_insert
INSERT INTO routing (id, document, bits, etag, changed_us)
VALUES (1, $document, $bits, $etag, $changed_us)

-- :name routing_update
UPDATE routing SET document = $document, bits = $bits, etag = $etag, changed_us = $changed_us
WHERE id = 1 AND etag = $old_etag
