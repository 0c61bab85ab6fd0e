'use strict';
/* queue.js - what lies in a queue of the broker, taken with rhea.
 *
 * As a program: `queue.js PORT QUEUE` takes each message and prints its body, until it is killed. */

const path = require('path');

const MODULES = process.env.NODE_PATH || path.join(__dirname, '../../../build/conformance/node/node_modules');
const rhea = require(path.join(MODULES, 'rhea'));

const LOGIN = { username: 'send', password: 'a2V5' };

/** Gives each message to `took`; the connection. */
function taking(port, address, took) {
    const connection = rhea.create_container().connect({ host: '127.0.0.1', port, ...LOGIN });
    connection.on('connection_error', () => {});
    connection.open_receiver({ source: address, credit_window: 50 });
    connection.on('message', ({ message }) => took(message));
    return connection;
}

module.exports = { taking };
if (require.main === module) taking(process.argv[2], process.argv[3], ({ body }) => console.log(String(body.content)));
