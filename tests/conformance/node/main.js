'use strict';
/* main.js GROUP [WORDS] - runs the cases of one group, or those of it whose names contain WORDS. */

const { runAll } = require('./check');

const [group, only] = process.argv.slice(2);
process.on('unhandledRejection', (error) => console.error('unhandled:', error));
require(`./${group}`);
runAll(`node ${group}`, only).then((good) => process.exit(good ? 0 : 1));
