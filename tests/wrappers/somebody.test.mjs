// somebody.test.mjs - how somebody's own test uses the package, as he would write it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { connect } from 'node:tls'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startAzimuth } from 'azimuth-iot'

let azimuth
before(async () => (azimuth = await startAzimuth({ devices: ['sensor-1'] })))
after(() => azimuth.stop())

test('a device is there with its connection string', async () => {
  assert.match(await azimuth.connectionString({ deviceId: 'sensor-1' }), new RegExp(`^HostName=${azimuth.hostname};DeviceId=sensor-1;`))
  assert.match(await azimuth.connectionString({ eventHub: true }), /^Endpoint=sb:.*EntityPath=azimuth$/)
  assert.match(await azimuth.createDevice('sensor-2'), /DeviceId=sensor-2;/)
})

test('what it sends is on the stream', async () => {
  await azimuth.run('device', 'send-d2c-message', '--device-id', 'sensor-1', '--da', 'hello')
  const said = await azimuth.run('hub', 'monitor-events', '--from', 'beginning', '--count', '1', '--timeout', '60', '-o', 'jsonl')
  assert.equal(JSON.parse(said).event.payload, 'hello')
})

test('its address is in its certificate', async () => {
  const ca = await readFile(azimuth.ca)
  await new Promise((resolve, reject) => {
    const socket = connect({ host: azimuth.hostname, port: azimuth.mqtt, ca }, () => socket.end(resolve)).once('error', reject)
  })
  const status = await new Promise((resolve, reject) => {
    request({ host: azimuth.hostname, port: azimuth.https, path: '/readyz', ca }, (answer) => resolve(answer.resume().statusCode))
      .once('error', reject).end()
  })
  assert.equal(status, 200)
})

test('the variables of samples', async () => {
  const env = await azimuth.env('sensor-1')
  assert.equal(env.AZ_IOT_HUB_DEVICE_ID, 'sensor-1')
  assert.equal(env.NODE_EXTRA_CA_CERTS, azimuth.ca)
})

test('two side by side have the same ports and not the same devices', async () => {
  const other = await startAzimuth()
  try {
    assert.equal(other.mqtt, azimuth.mqtt)
    assert.deepEqual(JSON.parse(await other.run('hub', 'device-identity', 'list')), [])
  } finally {
    await other.stop()
  }
  assert.equal(existsSync(other.data), false)
})

for (const end of ["process.kill(process.pid, 'SIGKILL')", 'process.exit()', "throw new Error('of a test')"]) {
  test(`no hub is left by ${end}`, async () => {
    const script = `import { startAzimuth } from 'azimuth-iot'
      import { writeSync } from 'node:fs'
      writeSync(1, (await startAzimuth({ ports: 'free' })).data)
      ${end}`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    assert.match(stdout, /^\//)
    const until = Date.now() + 60_000
    while (existsSync(stdout) && Date.now() < until) await setTimeout(20)
    assert.equal(existsSync(stdout), false)
  })
}

test('what is wrong is said in one sentence', async () => {
  await assert.rejects(azimuth.run('hub', 'device-identity', 'show', '-d', 'nobody'), /there is no device 'nobody'/)
  await assert.rejects(startAzimuth({ options: ['--no-such-option'] }), /--no-such-option/)
  await assert.rejects(startAzimuth({ binary: '/nonexistent' }), /not ready/)
})

test('ports that are free', async () => {
  const other = await startAzimuth({ ports: 'free' })
  assert.equal(other.hostname, 'localhost')
  await other.stop()
  await other.stop()
})
