-- :name certificate_page
SELECT name_lower, name, der, verified, code, etag, created_us, updated_us FROM ca_certificate
WHERE name_lower > $after ORDER BY name_lower

-- :name certificate_insert
INSERT INTO ca_certificate (name_lower, name, der, verified, code, etag, created_us, updated_us)
VALUES ($name_lower, $name, $der, $verified, $code, $etag, $created_us, $updated_us)

-- :name certificate_update
UPDATE ca_certificate SET name = $name, der = $der, verified = $verified, code = $code, etag = $etag,
    created_us = $created_us, updated_us = $updated_us
WHERE name_lower = $name_lower AND etag = $old_etag

-- :name certificate_remove
DELETE FROM ca_certificate WHERE name_lower = $name_lower AND etag = $old_etag
