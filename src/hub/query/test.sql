-- :name test_ghosts
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $count)
INSERT INTO twin_prop (path_id, value, device_id, module_id)
SELECT path_id, value, 'ghost' || i, '' FROM twin_prop, n WHERE device_id = $device_id
