-- Certification authorities whose devices the hub lets in. `der` is base64; `code` is what a proof of
-- possession must have as its common name, '' when none is awaited.
CREATE TABLE ca_certificate (
    name_lower TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    der TEXT NOT NULL,
    verified BIGINT NOT NULL,
    code TEXT NOT NULL,
    etag BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
