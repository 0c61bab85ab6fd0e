-- Webhooks that somebody agreed to by hand, by asking for the address that the handshake gave away. `since_us`
-- is when the endpoint was made, `agreed_to` a digest of its address and schema: it holds for those alone.
CREATE TABLE webhook_agreement (
    endpoint TEXT NOT NULL,
    since_us BIGINT NOT NULL,
    agreed_to BLOB NOT NULL,
    PRIMARY KEY (endpoint)
);
