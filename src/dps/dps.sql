-- Ids compare by their lower-case form. kind: enum dps_kind.

-- :name dps_enrollment_get
SELECT document, etag, created_us, updated_us FROM dps_enrollment
WHERE kind = $kind AND id_lower = $id_lower

-- :name dps_enrollment_page
SELECT document, etag, created_us, updated_us, id_lower FROM dps_enrollment
WHERE kind = $kind AND id_lower > $after ORDER BY id_lower LIMIT $top

-- :name dps_enrollment_insert
INSERT INTO dps_enrollment (kind, id_lower, document, etag, created_us, updated_us)
VALUES ($kind, $id_lower, $document, $etag, $created_us, $updated_us)

-- :name dps_enrollment_update
UPDATE dps_enrollment SET document = $document, etag = $etag, created_us = $created_us,
       updated_us = $updated_us
WHERE kind = $kind AND id_lower = $id_lower AND etag = $old_etag

-- Of an individual one, unless somebody has changed it meanwhile.
-- :name dps_enrollment_note
UPDATE dps_enrollment SET document = $document
WHERE kind = 0 AND id_lower = $id_lower AND etag = $etag

-- :name dps_enrollment_remove
DELETE FROM dps_enrollment WHERE kind = $kind AND id_lower = $id_lower AND etag = $old_etag

-- What is known of one registration id: its individual enrollment, if there is one, and what became
-- of it, if it has registered.
-- :name dps_registration_load
SELECT e.document, e.etag, e.created_us, e.updated_us,
       r.registration_id, r.group_lower, r.operation_id, r.status, r.substatus, r.hub, r.device_id,
       r.error_code, r.error_message, r.payload, r.work, r.proof, r.etag, r.created_us, r.updated_us
FROM (SELECT $id_lower AS id_lower) k
LEFT JOIN dps_enrollment e ON e.kind = 0 AND e.id_lower = k.id_lower
LEFT JOIN dps_registration r ON r.id_lower = k.id_lower

-- :name dps_registration_put
INSERT INTO dps_registration (id_lower, registration_id, group_lower, operation_id, status,
                              substatus, hub, device_id, error_code, error_message, payload, work,
                              proof, etag, created_us, updated_us)
VALUES ($id_lower, $registration_id, $group_lower, $operation_id, $status, $substatus, $hub,
        $device_id, $error_code, $error_message, $payload, $work, $proof, $etag, $created_us,
        $updated_us)
ON CONFLICT (id_lower) DO UPDATE SET
    registration_id = excluded.registration_id, group_lower = excluded.group_lower,
    operation_id = excluded.operation_id, status = excluded.status,
    substatus = excluded.substatus, hub = excluded.hub, device_id = excluded.device_id,
    error_code = excluded.error_code, error_message = excluded.error_message,
    payload = excluded.payload, work = excluded.work, proof = excluded.proof,
    etag = excluded.etag, created_us = excluded.created_us, updated_us = excluded.updated_us

-- :name dps_registration_remove
DELETE FROM dps_registration WHERE id_lower = $id_lower

-- :name dps_registration_remove_if
DELETE FROM dps_registration WHERE id_lower = $id_lower AND etag = $old_etag

-- :name dps_registration_remove_group
DELETE FROM dps_registration WHERE group_lower = $group_lower

-- :name dps_registration_page
SELECT NULL, 0, 0, 0,
       registration_id, group_lower, operation_id, status, substatus, hub, device_id,
       error_code, error_message, payload, work, proof, etag, created_us, updated_us, id_lower
FROM dps_registration WHERE group_lower = $group_lower AND id_lower > $after
ORDER BY id_lower LIMIT $top

-- :name dps_linked_hub_all
SELECT document, etag, created_us, updated_us, id_lower FROM dps_linked_hub ORDER BY id_lower

-- :name dps_linked_hub_get
SELECT etag FROM dps_linked_hub WHERE id_lower = $id_lower

-- :name dps_linked_hub_insert
INSERT INTO dps_linked_hub (id_lower, document, etag, created_us, updated_us)
VALUES ($id_lower, $document, $etag, $created_us, $updated_us)

-- :name dps_linked_hub_update
UPDATE dps_linked_hub SET document = $document, etag = $etag, created_us = $created_us,
       updated_us = $updated_us
WHERE id_lower = $id_lower AND etag = $old_etag

-- :name dps_linked_hub_remove
DELETE FROM dps_linked_hub WHERE id_lower = $id_lower AND etag = $old_etag
