'use strict';
/* modules_kit.js - modules as the cases see them: identities and connected clients. */

const { ModuleClient } = require('azure-iot-device');
const { host, openClient, registry } = require('./hub');
const { transport } = require('./transport');

/** Creates a module of a device and returns it as the hub describes it. */
async function moduleIdentity(deviceId, moduleId, more = {}) {
    await registry.addModule({ deviceId, moduleId, ...more });
    return (await registry.getModule(deviceId, moduleId)).responseBody;
}

function moduleString(module, key = module.authentication.symmetricKey.primaryKey) {
    return `HostName=${host};DeviceId=${module.deviceId};ModuleId=${module.moduleId};SharedAccessKey=${key}`;
}

/** A connected module client, from a module's description or a connection string. */
function openModule(module) {
    const string = typeof module === 'string' ? module : moduleString(module);
    return openClient(ModuleClient.fromConnectionString(string, transport));
}

module.exports = { moduleIdentity, moduleString, openModule };
