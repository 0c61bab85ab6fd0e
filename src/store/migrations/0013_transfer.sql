-- Import and export of identities. type, status: enum transfer_type, enum transfer_status of
-- hub/transfer; lines, failed: of what was read or written so far; the containers' addresses have
-- signatures in them and are '' when the job has ended; times are microseconds since 1970, 0: not yet.
CREATE TABLE transfer (
    job_id TEXT PRIMARY KEY,
    type BIGINT NOT NULL,
    status BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT NOT NULL,
    progress BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    exclude_keys BIGINT NOT NULL,
    configurations BIGINT NOT NULL,
    input_uri TEXT NOT NULL,
    input_blob TEXT NOT NULL,
    output_uri TEXT NOT NULL,
    output_blob TEXT NOT NULL,
    configurations_blob TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX transfer_created ON transfer (created_us, job_id);
CREATE INDEX transfer_end ON transfer (end_us, job_id);
