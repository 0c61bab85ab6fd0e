'use strict';
/* matrix.js - every capability over every transport of azure-iot-device: one case each, named
 * `TRANSPORT: CAPABILITY`. What a transport of the SDK does not have is said so, with its reason. */

const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { check, notOffered } = require('./check');
const cells = require('./matrix_cells');

const TRANSPORTS = { MQTT: Mqtt, 'MQTT-WS': MqttWs, AMQP: Amqp, 'AMQP-WS': AmqpWs, HTTPS: Http };

/** The error of each method that the SDK has only to refuse it. */
const MQTT = 'azure-iot-device-mqtt/dist/mqtt.js: NotImplementedError';
const HTTP = 'azure-iot-device-http/dist/http.js: NotImplementedError';
const NO_REJECT = `${MQTT} "the MQTT transport does not support rejecting messages."`;
const NO_ABANDON = `${MQTT} "The MQTT transport does not support abandoning messages."`;
const NO_TWINS = `${HTTP} "Twin is not implemented over HTTP."`;
const NOT_OFFERED = {
    'MQTT: C2D reject': NO_REJECT,
    'MQTT: C2D abandon': NO_ABANDON,
    'MQTT-WS: C2D reject': NO_REJECT,
    'MQTT-WS: C2D abandon': NO_ABANDON,
    'HTTPS: twin get': NO_TWINS,
    'HTTPS: twin reported': NO_TWINS,
    'HTTPS: twin desired': NO_TWINS,
    'HTTPS: methods': `${HTTP} "Direct methods are not implemented over HTTP."`,
    'HTTPS: modules': `${HTTP} "Output events are not implemented over HTTP.", and the rest of a module likewise`,
};

for (const [transport, Transport] of Object.entries(TRANSPORTS)) {
    for (const [capability, run] of Object.entries(cells.capabilities)) {
        const name = `${transport}: ${capability}`;
        if (NOT_OFFERED[name]) notOffered(name, NOT_OFFERED[name]);
        else check(name, () => run({ transport, Transport }));
    }
}
