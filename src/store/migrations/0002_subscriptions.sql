-- What an identity's MQTT session is subscribed to (enum session_feature of hub/session): sessions with
-- clean session 0 outlive their connections and the server.
ALTER TABLE identity ADD COLUMN subscriptions BIGINT NOT NULL DEFAULT 0;
