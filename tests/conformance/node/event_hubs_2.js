'use strict';
/* event_hubs_2.js - @azure/event-hubs 2 with the one rhea that npm gives it where nothing else wants a newer one: here its
 * dependency has another copy, which does not know the filters that this one makes. */

const { registerHooks } = require('module');
const { pathToFileURL } = require('url');

const shared = require.resolve('rhea-promise', { paths: [require.resolve('@azure/amqp-common')] });

registerHooks({
    resolve(specifier, context, next) {
        return specifier === 'rhea-promise' && context.parentURL?.includes('/event-hubs-2/')
            ? { url: pathToFileURL(shared).href, format: 'commonjs', shortCircuit: true }
            : next(specifier, context);
    },
});

module.exports = require('event-hubs-2');
