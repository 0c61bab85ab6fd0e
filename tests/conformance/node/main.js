'use strict';
/* main.js GROUP[:TRANSPORT] [WORDS] - runs the cases of one group, or those of it whose names contain
 * WORDS. Devices connect over TRANSPORT, Mqtt unless it is given. */

const { runAll } = require('./check');

const [group, transport] = process.argv[2].split(':');
if (transport) process.env.HUB_TRANSPORT = transport;
process.on('unhandledRejection', (error) => console.error('unhandled:', error));
require(`./${group}`);
const name = transport ? `node ${group} ${transport}` : `node ${group}`;
runAll(name, process.argv[3]).then((good) => process.exit(good ? 0 : 1));
