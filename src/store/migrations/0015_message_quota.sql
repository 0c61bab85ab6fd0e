-- How many messages the hub took on the newest day that it took any: days since 1970, UTC.
CREATE TABLE message_quota (
    name TEXT PRIMARY KEY,
    day BIGINT NOT NULL,
    used BIGINT NOT NULL
);
