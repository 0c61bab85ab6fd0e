/* snippets.js - the shortest program of each SDK that sends one message, and how each is told to trust us. */

const js = (text) => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
const java = (text) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');

/** [id, name, program] per SDK, with that connection string; without the id of a device that is there, one is made. */
export function snippets(connection, id) {
    return [
        ['cli', 'azimuth', ['azimuth', 'device', 'simulate', '-d', ...(id ? [id, '--existing'] : ['my-device']), '--rate', '1']],
        ['node', 'Node.js', `const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const client = Client.fromConnectionString('${js(connection)}', Mqtt);
client.setOptions({ ca: require('fs').readFileSync('ca.pem', 'utf8') });
client.open().then(() => client.sendEvent(new Message('{"temperature":21}')));`],
        ['python', 'Python', `from azure.iot.device import IoTHubDeviceClient
client = IoTHubDeviceClient.create_from_connection_string(
    '${js(connection)}', server_verification_cert=open('ca.pem').read())
client.connect()
client.send_message('{"temperature":21}')`],
        ['csharp', 'C#', `using System.Text;
using Microsoft.Azure.Devices.Client;
var client = DeviceClient.CreateFromConnectionString("${java(connection)}", TransportType.Mqtt);
await client.SendEventAsync(new Message(Encoding.UTF8.GetBytes("{\\"temperature\\":21}")));`],
        ['java', 'Java', `import com.microsoft.azure.sdk.iot.device.*;
DeviceClient client = new DeviceClient("${java(connection)}", IotHubClientProtocol.MQTT);
client.open(true);
client.sendEvent(new Message("{\\"temperature\\":21}"));`],
    ];
}

/** What makes that SDK trust the hub's certificate; `ca` is where the server has its CA. */
export function trust(sdk, ca) {
    const copied = `scp HUB:${ca} ca.pem`;
    return {
        cli: '# on the server itself nothing is to do; elsewhere\n' + copied,
        node: `${copied}\nNODE_EXTRA_CA_CERTS=ca.pem node device.js   # or the line with setOptions`,
        python: `${copied}\nSSL_CERT_FILE=ca.pem python3 device.py   # or server_verification_cert`,
        csharp: `${copied}\nsudo cp ca.pem /usr/local/share/ca-certificates/azimuth.crt && sudo update-ca-certificates`,
        java: `${copied}\nkeytool -importcert -noprompt -alias azimuth -file ca.pem -keystore trust.jks -storepass public
java -Djavax.net.ssl.trustStore=trust.jks -Djavax.net.ssl.trustStorePassword=public Device`,
    }[sdk];
}
