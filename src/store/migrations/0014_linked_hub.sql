-- Hubs that device provisioning assigns devices to, besides this server's own ('.own': what was set for it).
-- The document has the connection string.
CREATE TABLE dps_linked_hub (
    id_lower TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    etag BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL
);
