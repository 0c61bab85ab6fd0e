-- :name test_make_tables
CREATE TABLE thing (id BIGINT PRIMARY KEY, number BIGINT, words TEXT, bytes BLOB)

-- :name test_make_pairs
CREATE TABLE pair (id BIGINT PRIMARY KEY, thing BIGINT NOT NULL)

-- :name test_insert
INSERT INTO thing (id, number, words, bytes) VALUES ($id, $number, $words, $bytes)

-- :name test_insert_number
INSERT INTO thing (id, number) VALUES ($id, $number)

-- :name test_insert_words
INSERT INTO thing (id, words) VALUES ($id, $words)

-- :name test_insert_pair
INSERT INTO pair (id, thing) VALUES ($id, $thing)

-- :name test_set
UPDATE thing SET number = $number WHERE id >= $from AND id <= $upto

-- :name test_append_digit
UPDATE thing SET number = number * 10 + $digit WHERE id = $id

-- :name test_put_newer
INSERT INTO thing (id, number) VALUES ($id, $number)
ON CONFLICT (id) DO UPDATE SET number = excluded.number WHERE thing.number < excluded.number

-- :name test_put_returning
INSERT INTO thing (id, number) VALUES ($id, $number)
ON CONFLICT (id) DO UPDATE SET number = thing.number + 1 RETURNING number

-- :name test_exists
SELECT 1 FROM thing WHERE id = $id

-- :name test_get
SELECT number, words, bytes FROM thing WHERE id = $id

-- :name test_page
SELECT id, number, words FROM thing WHERE id > $after ORDER BY id

-- :name test_count
SELECT COUNT(*), (SELECT COUNT(*) FROM pair) FROM thing

-- :name test_nonsense
SELECT number FROM no_such_table WHERE id = $id

-- :name test_whole
SELECT (SELECT COUNT(*) FROM thing WHERE id = $id), (SELECT COUNT(*) FROM pair WHERE thing = $id)
