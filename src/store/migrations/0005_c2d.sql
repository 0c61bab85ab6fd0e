-- Cloud-to-device messages that wait for their device. sections: AMQP properties, application
-- properties and data; ack: enum c2d_ack of hub/c2d; times are microseconds since 1970.
CREATE TABLE c2d_message (
    device_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    enqueued_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    ack BIGINT NOT NULL,
    delivery_count BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    sections BLOB NOT NULL,
    PRIMARY KEY (device_id, sequence)
);
CREATE INDEX c2d_message_expires ON c2d_message (expires_us, device_id);

-- The newest sequence number that was given in a device's queue.
CREATE TABLE c2d_queue (device_id TEXT PRIMARY KEY, sequence BIGINT NOT NULL);

-- What became of messages whose senders asked; status: enum c2d_status of hub/c2d.
CREATE TABLE c2d_feedback (
    at_us BIGINT NOT NULL,
    device_id TEXT NOT NULL,
    generation_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    status BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (at_us, device_id, generation_id, sequence)
);
