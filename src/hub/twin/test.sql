-- :name test_props
SELECT COUNT(*) FROM twin_prop

-- :name test_props_at
SELECT COUNT(*) FROM twin_prop WHERE path_id = $path

-- :name test_gone
SELECT COUNT(*) FROM twin_gone
