-- :name webhook_agreement_get
SELECT since_us, agreed_to FROM webhook_agreement WHERE endpoint = $endpoint

-- :name webhook_agreement_put
INSERT INTO webhook_agreement (endpoint, since_us, agreed_to)
VALUES ($endpoint, $since_us, $agreed_to)
ON CONFLICT (endpoint) DO UPDATE SET since_us = $since_us, agreed_to = $agreed_to

-- :name webhook_agreement_delete
DELETE FROM webhook_agreement WHERE endpoint = $endpoint AND since_us = $since_us
