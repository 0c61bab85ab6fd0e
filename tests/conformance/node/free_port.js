'use strict';
/* free_port.js - ports for programs that are not ours and cannot choose one themselves: below the range from which the
 * kernel takes ports, so that nobody's connection and nobody's port 0 gets one before the program does. */

const net = require('net');

const FIRST = 12000;
const LAST = 30000;
const TRIES_MAX = 10;

function listen(port) {
    return new Promise((resolve, reject) => {
        const server = net.createServer().once('error', reject).listen(port, '127.0.0.1', () => resolve(server));
    });
}

/** So many different ports that are free now. */
async function freePorts(count) {
    const held = [];
    while (held.length < count) {
        const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
        await listen(port).then((server) => held.push(server), () => {});
    }
    const ports = held.map((server) => server.address().port);
    await Promise.all(held.map((server) => new Promise((resolve) => { server.close(resolve); })));
    return ports;
}

/** The ports at which `start(...ports)` started a program: others are tried where it ends, for somebody else may be as
 * fast. */
async function atFreePorts(count, start) {
    for (let tries = 1; ; tries += 1) {
        const ports = await freePorts(count);
        try {
            await start(...ports);
            return ports;
        } catch (error) {
            if (tries === TRIES_MAX) throw error;
        }
    }
}

module.exports = { atFreePorts };
