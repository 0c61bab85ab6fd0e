'use strict';
/* matrix.js - every capability over every transport of azure-iot-device: one case each, named
 * `TRANSPORT: CAPABILITY`. What a transport of the SDK does not have is said so, with its reason. */

const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Amqp, AmqpWs } = require('azure-iot-device-amqp');
const { Http } = require('azure-iot-device-http');
const { check, notOffered } = require('./check');
const cells = require('./matrix_cells');

const TRANSPORTS = { MQTT: Mqtt, 'MQTT-WS': MqttWs, AMQP: Amqp, 'AMQP-WS': AmqpWs, HTTPS: Http };

const NO_SETTLING = 'the SDK\'s MQTT transport has no reject and no abandon';
const NO_HTTP = 'the SDK\'s HTTP transport has none';
const NOT_OFFERED = {
    'MQTT: C2D reject': NO_SETTLING,
    'MQTT: C2D abandon': NO_SETTLING,
    'MQTT-WS: C2D reject': NO_SETTLING,
    'MQTT-WS: C2D abandon': NO_SETTLING,
    'HTTPS: twin get': NO_HTTP,
    'HTTPS: twin reported': NO_HTTP,
    'HTTPS: twin desired': NO_HTTP,
    'HTTPS: methods': NO_HTTP,
    'HTTPS: modules': NO_HTTP,
};

for (const [transport, Transport] of Object.entries(TRANSPORTS)) {
    for (const [capability, run] of Object.entries(cells.capabilities)) {
        const name = `${transport}: ${capability}`;
        if (NOT_OFFERED[name]) notOffered(name, NOT_OFFERED[name]);
        else check(name, () => run({ transport, Transport }));
    }
}
