-- Reported properties are in the index, too (hub/twin/index.h). twin.indexed has a bit for each half: 1 for
-- tags and desired, 2 for reported. What was reported before is in it from the next report on; until then such a
-- twin has one row with path 2 (devices) or 3 (modules).
UPDATE twin SET indexed = indexed + 2 WHERE reported = '{}';
INSERT INTO twin_prop (path_id, value, device_id, module_id)
SELECT CASE WHEN module_id = '' THEN 2 ELSE 3 END, x'', device_id, module_id
FROM twin WHERE reported <> '{}';
ALTER TABLE twin_gone ADD COLUMN reported TEXT NOT NULL DEFAULT '{}';
