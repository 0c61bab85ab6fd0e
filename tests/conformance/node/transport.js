'use strict';
/* transport.js - the transport of azure-iot-device over which this run's devices connect (main.js). */

const transports = { ...require('azure-iot-device-mqtt'), ...require('azure-iot-device-amqp') };

const name = process.env.HUB_TRANSPORT || 'Mqtt';

const overAmqp = name.startsWith('Amqp');

module.exports = {
    name, overAmqp, overWebSocket: transports[overAmqp ? 'AmqpWs' : 'MqttWs'], transport: transports[name],
};
