'use strict';
/* mosquitto.js - Mosquitto's command line clients, signed in as a device. */

const { spawn } = require('child_process');
const { WAIT_MS } = require('./check');
const { token } = require('./sas');

/** Runs a client for at most `ms`; `status` is null if it had to be ended. */
function mosquitto(program, words, { ms = WAIT_MS, onStart } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(program, words);
        let said = '';
        child.stdout.on('data', (data) => { said += data; });
        child.stderr.on('data', (data) => { said += data; });
        child.on('error', reject);
        const timer = setTimeout(() => child.kill('SIGKILL'), ms);
        child.on('close', (status) => { clearTimeout(timer); resolve({ status, said }); });
        if (onStart) onStart(child);
    });
}

/** The words with which {deviceId, key} signs in at {host, port, ca}; `how` overrides the parts. */
function signIn(hub, { deviceId, key }, how = {}) {
    return ['-h', hub.host, '-p', String(hub.port), '--cafile', hub.ca, '-V', how.version || 'mqttv311',
        '-i', how.clientId || deviceId,
        '-u', how.user || `${hub.host}/${deviceId}/?api-version=2021-04-12`,
        '-P', how.password || token(`${hub.host}/devices/${deviceId}`, key, 3600)];
}

/** Publishes how.body to the device's telemetry topic or how.topic, at QoS 1 or how.qos. */
function publish(hub, device, how = {}) {
    const topic = how.topic || `devices/${device.deviceId}/messages/events/`;
    return mosquitto('mosquitto_pub', [...signIn(hub, device, how), '-t', topic, '-m', how.body || '{}',
        '-q', String(how.qos ?? 1), ...(how.words || [])], how);
}

module.exports = { mosquitto, publish, signIn };
