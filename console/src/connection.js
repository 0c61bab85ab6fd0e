/* connection.js - connection strings of devices, modules and policies, as `azimuth connection-string` prints them. */
import { session } from './state.js';

/** Some SDKs want a dot in the host name: the hub answers to azimuth.localhost, too, and is dialled as it is. */
export function connectionString(deviceId, key, moduleId) {
    const { hostname } = session.value;
    const dotted = hostname.includes('.') || hostname.includes(':');
    const host = dotted ? hostname : 'azimuth.localhost';
    return `HostName=${host};DeviceId=${deviceId};${moduleId ? `ModuleId=${moduleId};` : ''}SharedAccessKey=${key}${dotted ? '' : `;GatewayHostName=${hostname}`}`;
}

export function policyConnectionString(name, key) {
    return `HostName=${session.value.hostname};SharedAccessKeyName=${name};SharedAccessKey=${key}`;
}
