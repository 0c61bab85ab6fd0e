-- Who signs in to the console by name. Names compare by their lower-case form. Of a password there is what
-- scrypt (RFC 7914) makes of it, with the parameters it was made with: N is 2 to the power of `cost`.
CREATE TABLE local_user (
    name_lower TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    password_us BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    blocks BIGINT NOT NULL,
    lanes BIGINT NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (name_lower)
);
