-- Message routing: one row, if somebody ever changed it. `document` is the JSON of the routes, endpoints,
-- enrichments and the fallback route; `bits` says which endpoint has, or had, which bit of records.
CREATE TABLE routing (
    id BIGINT PRIMARY KEY,
    document TEXT NOT NULL,
    bits TEXT NOT NULL,
    etag BIGINT NOT NULL,
    changed_us BIGINT NOT NULL
);

-- What was chosen for an event when it was made: its destinations and enrichments.
ALTER TABLE event ADD COLUMN destinations BIGINT NOT NULL DEFAULT 1;
ALTER TABLE event ADD COLUMN extra BLOB;
