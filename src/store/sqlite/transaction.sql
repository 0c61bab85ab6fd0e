-- :name tx_begin
BEGIN IMMEDIATE

-- :name tx_commit
COMMIT

-- :name tx_rollback
ROLLBACK

-- :name unit_begin
SAVEPOINT unit

-- :name unit_rollback
ROLLBACK TO unit

-- :name unit_end
RELEASE unit
