/* connection.js - a device's or a module's connection string, as `azimuth connection-string` prints it. */
import { session } from './state.js';

/** Some SDKs want a dot in the host name: the hub answers to azimuth.localhost, too, and is dialled as it is. */
export function connectionString(deviceId, key, moduleId) {
    const { hostname } = session.value;
    const dotted = hostname.includes('.') || hostname.includes(':');
    const host = dotted ? hostname : 'azimuth.localhost';
    return `HostName=${host};DeviceId=${deviceId};${moduleId ? `ModuleId=${moduleId};` : ''}SharedAccessKey=${key}${dotted ? '' : `;GatewayHostName=${hostname}`}`;
}
