-- The IoT Plug and Play model that an identity announced when it connected last; NULL: none yet.
ALTER TABLE identity ADD COLUMN model_id TEXT;
