-- Device provisioning. Enrollments (kind 0: individual, 1: group) as JSON, with their keys; ids compare
-- by their lower-case form.
CREATE TABLE dps_enrollment (
    kind BIGINT NOT NULL,
    id_lower TEXT NOT NULL,
    document TEXT NOT NULL,
    etag BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    PRIMARY KEY (kind, id_lower)
);

-- What became of each device that registered, through which group ('': an individual enrollment). work
-- is what is yet to be done at its hub, payload what its allocation gave it, proof how it was attested (JSON).
CREATE TABLE dps_registration (
    id_lower TEXT PRIMARY KEY,
    registration_id TEXT NOT NULL,
    group_lower TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    status TEXT NOT NULL,
    substatus TEXT NOT NULL,
    hub TEXT NOT NULL,
    device_id TEXT NOT NULL,
    error_code BIGINT NOT NULL,
    error_message TEXT NOT NULL,
    payload TEXT,
    work TEXT,
    proof TEXT,
    etag BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
CREATE INDEX dps_registration_group ON dps_registration (group_lower, id_lower);
