'use strict';
/* account.js - an account of Cosmos DB: @vercel/cosmosdb-server behind a door, over TLS, that looks at signatures,
 * counts, throttles and is down.
 *
 * As a program: `account.js CERTIFICATE KEY DATABASE CONTAINER`, partitioned by /pk, with a key that it says in its
 * first line, `{"port", "inner", "key"}` (`inner`: the server without the door); then one line for each document
 * written, its Body. What it is told in lines of JSON becomes members of `account`. */

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');

const MODULES = process.env.COSMOS_MODULES || path.join(__dirname, '../../../build/conformance/cosmos/node_modules');
const { createHttpServer } = require(path.join(MODULES, '@vercel/cosmosdb-server'));

const KEY = crypto.randomBytes(64).toString('base64');
const account = { down: false, throttle: 0, key: KEY, seen: [], wrote: () => {} };

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => {
    server.unref();
    resolve(server.address().port);
}));

/** What @azure/cosmos signs and cosmosdb-server does not look at. */
function isSigned({ method, url, headers }) {
    const parts = decodeURIComponent(url).split('?')[0].split('/').filter(Boolean);
    const even = parts.length % 2 === 0;
    const type = parts[parts.length - (even ? 2 : 1)] ?? '';
    const link = (even ? parts : parts.slice(0, -1)).join('/');
    const text = `${method}\n${type}\n`.toLowerCase() + `${link}\n${headers['x-ms-date'].toLowerCase()}\n\n`;
    const sig = crypto.createHmac('sha256', Buffer.from(account.key, 'base64')).update(text).digest('base64');
    return decodeURIComponent(headers.authorization) === `type=master&ver=1.0&sig=${sig}`;
}

const agent = new http.Agent({ keepAlive: true });

/** What was asked goes to the server behind the door, and its answer back. */
function pass(inner, request, response, write) {
    const { method, headers, url } = request;
    request.pipe(http.request({ port: inner, host: '127.0.0.1', agent, method, path: url, headers }, (answer) => {
        const pieces = [];
        if (write && answer.statusCode < 300) {
            answer.on('data', (piece) => pieces.push(piece));
            answer.on('end', () => account.wrote(JSON.parse(Buffer.concat(pieces))));
        }
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    }));
}

/** The account with a certificate and its key in PEM: the ports of the door and of what is behind it. */
async function listen(cert, key) {
    const inner = await listening(createHttpServer());
    const port = await listening(https.createServer({ cert, key }, (request, response) => {
        const write = request.headers['x-ms-documentdb-is-upsert'] && request.method === 'POST';
        const refuse = (status, headers) => {
            request.resume();
            response.writeHead(status, headers).end('{"code":"no","message":"no"}');
        };
        if (account.down) { refuse(503); return; }
        if (!isSigned(request)) { refuse(401); return; }
        if (write && account.throttle-- > 0) { refuse(429, { 'x-ms-retry-after-ms': '50' }); return; }
        if (write) account.seen.push(request.headers['x-ms-documentdb-partitionkey']);
        pass(inner, request, response, write);
    }));
    return { port, inner };
}

async function main([certificate, key, database, container]) {
    const { port, inner } = await listen(fs.readFileSync(certificate), fs.readFileSync(key));
    const make = (where, what) => new Promise((resolve, reject) => http.request({ port: inner, host: '127.0.0.1', method: 'POST', path: where },
        (answer) => answer.resume().on('end', resolve)).on('error', reject).end(JSON.stringify(what)));
    await make('/dbs', { id: database });
    await make(`/dbs/${database}/colls`, { id: container, partitionKey: { paths: ['/pk'] } });
    account.wrote = ({ Body }) => console.log(Body);
    console.log(JSON.stringify({ port, inner, key: KEY }));
    const lines = require('readline').createInterface({ input: process.stdin });
    lines.on('line', (line) => Object.assign(account, JSON.parse(line)));
    lines.on('close', () => process.exit());
}

module.exports = { KEY, account, listen };
if (require.main === module) main(process.argv.slice(2));
