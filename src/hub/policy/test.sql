-- :name test_damage
UPDATE setting SET value = '[{"keyName":"x"}]' WHERE name = 'policies'
