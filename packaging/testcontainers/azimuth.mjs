// azimuth.mjs - an example: the image of scripts/package/image.sh with Testcontainers for Node.
//
//   npm install testcontainers
//   const hub = await startAzimuthContainer({ devices: ['sensor-1'] })
//   const device = await hub.run('connection-string', '--device-id', 'sensor-1')
//   ...
//   await hub.stop()
import { GenericContainer, Wait } from 'testcontainers'

const PORTS = [8883, 5671, 443] // SDKs dial these very ports

/** `hostname` is what clients dial: the certificate has it. */
export async function startAzimuthContainer({ image = 'localhost/azimuth', hostname = 'localhost', devices = [] } = {}) {
  const container = await new GenericContainer(image)
    .withCommand(['serve', '--hostname', hostname, '--bind', '0.0.0.0'])
    .withExposedPorts(...PORTS.map((port) => ({ container: port, host: port })))
    .withWaitStrategy(Wait.forLogMessage(/"event":"ready"/))
    .start()
  const exec = async (...words) => {
    const done = await container.exec(words)
    if (done.exitCode !== 0) throw new Error(done.output.trim())
    return done.output.trim()
  }
  for (const device of devices) await exec('/usr/bin/azimuth', 'hub', 'device-identity', 'create', '--device-id', device)
  return {
    run: (...words) => exec('/usr/bin/azimuth', ...words),
    caArchive: () => container.copyArchiveFromContainer('/data/ca.pem'), // a stream, tar
    stop: () => container.stop()
  }
}
