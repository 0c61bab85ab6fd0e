'use strict';
/* amqp_kit.js - a bare AMQP client (rhea) that has put a token: for what no SDK lets be seen. */

const rhea = require('rhea');
const { ca, host } = require('./hub');

/** A connection on which `token` was put for `resource`; it rejects where the token is refused. */
function amqpConnect(resource, token) {
    const connection = rhea.create_container().connect({
        host, port: 5671, transport: 'tls', ca, hostname: host, reconnect: false,
    });
    return new Promise((resolve, reject) => {
        const cbs = connection.open_sender('$cbs');
        const replies = connection.open_receiver('$cbs');
        cbs.once('sendable', () => cbs.send({
            message_id: 1, reply_to: 'cbs', body: token, application_properties: {
                operation: 'put-token', type: 'servicebus.windows.net:sastoken', name: resource,
            },
        }));
        replies.once('message', ({ message }) => {
            const { 'status-code': status, 'status-description': text } = message.application_properties;
            if (status < 300) resolve(connection);
            else reject(new Error(`${status} ${text}`));
        });
        connection.on('disconnected', (context) => reject(context.error || new Error('disconnected')));
    });
}

module.exports = { amqpConnect };
