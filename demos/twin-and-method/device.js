// device.js - an oven with a twin and a method, by Azure's SDK for Node: docs/tutorials/twin-and-method.md.
//
// It takes over the desired `interval`, reports it, and answers the method `reboot`. Runs until it is ended.
const { Client, Message } = require('azure-iot-device')
const { Mqtt } = require('azure-iot-device-mqtt')

const client = Client.fromConnectionString(process.env.IOTHUB_DEVICE_CONNECTION_STRING, Mqtt)
let timer

function every (seconds) {
  clearInterval(timer)
  timer = setInterval(() => {
    client.sendEvent(new Message(JSON.stringify({ temperature: 180 + Math.random() })), () => {})
  }, seconds * 1000)
}

function report (twin, patch) {
  twin.properties.reported.update(patch, (error) => console.log(error ? error.message : `reported ${JSON.stringify(patch)}`))
}

// Called once with all that is desired, then with each change.
function obey (twin, desired) {
  const interval = desired.interval ?? 60
  every(interval)
  report(twin, { interval })
}

function reboot (request, response) {
  console.log(`asked to reboot in ${request.payload?.in ?? 0} s`)
  response.send(200, { rebooting: true }, () => {})
}

async function main () {
  await client.open()
  client.onDeviceMethod('reboot', reboot)
  const twin = await client.getTwin()
  twin.on('properties.desired', (desired) => obey(twin, desired))
  console.log('listening')
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
