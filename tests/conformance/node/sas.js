'use strict';
/* sas.js - tokens and connection strings. */

const { SharedAccessSignature } = require('azure-iot-common');

/** The fields of a connection string. */
function fields(connectionString) {
    return Object.fromEntries(connectionString.split(';').map((part) => {
        const at = part.indexOf('=');
        return [part.slice(0, at), part.slice(at + 1)];
    }));
}

/** A token that `seconds` from now expires; without a policy it is signed with a device's key. */
function token(resource, key, seconds, policy) {
    const expiry = Math.floor(Date.now() / 1000) + seconds;
    return SharedAccessSignature.create(encodeURIComponent(resource), policy, key, expiry).toString();
}

module.exports = { fields, token };
