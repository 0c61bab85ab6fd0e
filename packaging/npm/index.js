// index.js - a hub for the length of a test. State is in memory; nothing is left when it stops.
import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const READY_MS_MAX = 60_000
const STOP_MS_MAX = 15_000
const LOG_CHARACTERS_MAX = 64 * 1024
const PORTS = { mqtt: 8883, amqp: 5671, https: 443 } // as SDKs dial them

/** The program: as said, AZIMUTH_BINARY, the one in this package, or what PATH has. */
function program(binary) {
  const ours = fileURLToPath(new URL('./bin/azimuth', import.meta.url))
  const given = binary ?? process.env.AZIMUTH_BINARY
  if (given) return given
  try {
    accessSync(ours, constants.X_OK)
    return ours
  } catch {
    return 'azimuth'
  }
}

/** Loopback has 16 million addresses: hubs side by side each get theirs, with the ports that SDKs dial. */
function ownAddress() {
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(2, 255)}`
}

/** May this process bind it: is it free there, and on all addresses, and not below 1024 for others than root? */
function mayBind(address, port) {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, address, () => server.close(() => resolve(true)))
  })
}

/** The ports that must be other ones than SDKs dial. */
async function portsTaken(ports, address) {
  const names = Object.keys(PORTS)
  if (ports === 'free') return names
  const free = await Promise.all(names.map((name) => mayBind(address, PORTS[name])))
  return names.filter((_, index) => !free[index])
}

/** HTTPS without its port is for everybody but root; the others want a word. */
function warn(azimuth, taken) {
  for (const name of taken.filter((one) => one !== 'https'))
    process.emitWarning(`port ${PORTS[name]} is taken on all addresses of this machine: the hub has ${name.toUpperCase()} on ` +
      `${azimuth[name]}, and an SDK that always dials ${PORTS[name]} does not reach it`, 'AzimuthWarning')
}

/** Ends the hub when this process is gone, even by SIGKILL: it reads a pipe whose other end closes then. A line
 * says that the hub has ended by itself. */
function guard(pid) {
  const shell = spawn('/bin/sh', ['-c', 'read -r _ || kill "$1"', 'sh', `${pid}`], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  shell.once('error', () => {})
  shell.stdin.on('error', () => {}).unref()
  shell.unref()
  return () => shell.stdin.end('\n')
}

/** One of the hub's own, with the ports and the certificate of its ready line. */
export class Azimuth {
  #process
  #program
  #log = ''
  #ended

  constructor(process, program) {
    this.#process = process
    this.#program = program
    this.#ended = new Promise((resolve) => {
      process.once('exit', (code, signal) => resolve(code ?? signal))
      process.once('error', (error) => resolve(error.message))
    })
    if (process.pid) this.#ended.then(guard(process.pid))
    process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX)
    })
  }

  /** What it has logged, the end of it. */
  get log() {
    return this.#log
  }

  async _ready() {
    const line = new Promise((resolve) => createInterface(this.#process.stdout).once('line', resolve))
    let timer
    const late = new Promise((resolve) => (timer = setTimeout(resolve, READY_MS_MAX, 'too late')))
    const first = await Promise.race([line, late, this.#ended.then((status) => `ended with ${status}`)])
    clearTimeout(timer)
    if (!first.startsWith('{')) {
      this.#process.kill('SIGKILL')
      throw new Error(`azimuth is not ready: ${first}\n${this.#log}`)
    }
    Object.assign(this, JSON.parse(first))
    return this
  }

  /** Runs a verb of the command line on this hub; resolves to what it prints. */
  async run(...words) {
    const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }
    try {
      const done = await promisify(execFile)(this.#program, [...words, '--data', this.data], options)
      return done.stdout
    } catch (error) {
      throw new Error(error.stderr?.trim() || error.message)
    }
  }

  async createDevice(deviceId) {
    await this.run('hub', 'device-identity', 'create', '--device-id', deviceId)
    return this.connectionString({ deviceId })
  }

  /** { deviceId, moduleId, policy, eventHub: true, eventHubName, dps: true } */
  async connectionString(of = {}) {
    const words = Object.entries(of).flatMap(([name, value]) => {
      const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
      return value === true ? [option] : value === undefined || value === false ? [] : [option, value]
    })
    return (await this.run('connection-string', ...words)).trim()
  }

  /** The variables that Azure's samples read. */
  async env(deviceId) {
    return JSON.parse(await this.run('env', '--format', 'json', ...(deviceId ? ['--device-id', deviceId] : [])))
  }

  /** Ends it and waits until it is gone; may be called more than once. */
  async stop() {
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS_MAX)
    await this.#ended
    clearTimeout(timer)
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.stop()
  }
}

/** Starts a hub and waits until all its listeners accept. */
export async function startAzimuth({ binary, devices = [], seed, ports = 'standard', options = [] } = {}) {
  const address = ports === 'free' ? '127.0.0.1' : ownAddress()
  const taken = await portsTaken(ports, address)
  const words = ['serve', '--ephemeral', '--bind', address, '--console', `${address}:0`,
    ...(ports === 'free' ? [] : ['--hostname', address]), ...taken.flatMap((name) => [`--${name}-port`, '0']),
    ...(seed ? ['--seed', seed] : []), ...options]
  const found = program(binary)
  const child = spawn(found, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const azimuth = await new Azimuth(child, found)._ready()
  if (ports !== 'free') warn(azimuth, taken)
  try {
    for (const device of devices) await azimuth.createDevice(device)
  } catch (error) {
    await azimuth.stop()
    throw error
  }
  return azimuth
}
