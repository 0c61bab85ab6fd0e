-- Questions to the fleet that have a name: they were settings whose name began with 'savedQuery:'.
CREATE TABLE saved_query (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);
INSERT INTO saved_query (name, value)
SELECT SUBSTR(name, 12), value FROM setting WHERE SUBSTR(name, 1, 11) = 'savedQuery:';
DELETE FROM setting WHERE SUBSTR(name, 1, 11) = 'savedQuery:';
