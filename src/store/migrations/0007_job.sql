-- Jobs: one change of a twin, or one method, for all identities that match a condition. type, status:
-- enum job_type, enum job_status of hub/job; work: JSON of what is to be done; place: from where the
-- query goes on; times are microseconds since 1970, 0: not yet.
CREATE TABLE job (
    job_id TEXT PRIMARY KEY,
    type BIGINT NOT NULL,
    status BIGINT NOT NULL,
    condition TEXT NOT NULL,
    work TEXT NOT NULL,
    max_s BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT NOT NULL,
    reason TEXT NOT NULL,
    place TEXT NOT NULL,
    found_all BIGINT NOT NULL,
    found BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    canceled BIGINT NOT NULL
);
CREATE INDEX job_created ON job (created_us, job_id);
CREATE INDEX job_end ON job (end_us, job_id);

-- What became of each identity of a job; status: enum job_device_status; outcome: JSON of what a device
-- answered to a method.
CREATE TABLE job_device (
    job_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    module_id TEXT NOT NULL,
    status BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    start_us BIGINT NOT NULL,
    end_us BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job_id, device_id, module_id)
);
CREATE INDEX job_device_unfinished ON job_device (job_id, device_id, module_id) WHERE end_us = 0;
