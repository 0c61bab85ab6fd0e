// device.js - one message, sent by Azure's SDK for Node: docs/tutorials/first-message.md.
//
// Reads what `azimuth env` sets: the connection string, and NODE_EXTRA_CA_CERTS, which Node looks at itself.
const { Client, Message } = require('azure-iot-device')
const { Mqtt } = require('azure-iot-device-mqtt')

const client = Client.fromConnectionString(process.env.IOTHUB_DEVICE_CONNECTION_STRING, Mqtt)

async function main () {
  await client.open()
  await client.sendEvent(new Message(JSON.stringify({ temperature: 21.5, from: 'node' })))
  console.log('acknowledged: the message is on disk')
  await client.close()
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
