-- Twins that somebody has written; an identity without a row has the fresh one. A row goes with its
-- identity. tags, desired and reported are JSON objects; the stamps say when each of their nodes was
-- written (hub/twin/section.h). version counts every write, etag those of tags and desired.
CREATE TABLE twin (
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    etag BIGINT NOT NULL,
    desired_version BIGINT NOT NULL,
    reported_version BIGINT NOT NULL,
    tags TEXT NOT NULL,
    desired TEXT NOT NULL,
    desired_stamps TEXT NOT NULL,
    reported TEXT NOT NULL,
    reported_stamps TEXT NOT NULL,
    PRIMARY KEY (device_id, module_id),
    FOREIGN KEY (device_id, module_id) REFERENCES identity (device_id, module_id) ON DELETE CASCADE
);
