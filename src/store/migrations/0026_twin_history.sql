-- What services wrote into a twin lately: a ring of places, at the place `etag` modulo their number. patch is
-- what a write changed of tags and desired properties, undo what takes it back: JSON merge patches of a twin.
-- A row goes with its twin.
CREATE TABLE twin_history (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    slot BIGINT NOT NULL,
    etag BIGINT NOT NULL,
    version BIGINT NOT NULL,
    wall_us BIGINT NOT NULL,
    by_whom TEXT NOT NULL,
    patch TEXT NOT NULL,
    undo TEXT NOT NULL,
    PRIMARY KEY (device_id, module_id, slot),
    FOREIGN KEY (device_id, module_id) REFERENCES twin (device_id, module_id) ON DELETE CASCADE
);
