export interface StartOptions {
  /** The program; else AZIMUTH_BINARY, the one in this package, or `azimuth` of PATH. */
  binary?: string
  /** Devices to make. */
  devices?: string[]
  /** A YAML file, as of `azimuth serve --seed`. */
  seed?: string
  /** 'standard' (the default): 8883, 5671 and 443 on a loopback address of its own, where this process may; else free ones. */
  ports?: 'standard' | 'free'
  /** More options of `azimuth serve`. */
  options?: string[]
}

export interface ConnectionStringOf {
  deviceId?: string
  moduleId?: string
  policy?: string
  eventHub?: boolean
  eventHubName?: string
  dps?: boolean
}

export declare class Azimuth {
  readonly hostname: string
  readonly mqtt: number
  readonly amqp: number
  readonly https: number
  readonly console: string | null
  /** Path of the certificate authority to trust (PEM). */
  readonly ca: string
  /** Directory for `azimuth VERB --data`. */
  readonly data: string
  readonly idScope: string
  readonly version: string
  readonly log: string
  run(...words: string[]): Promise<string>
  createDevice(deviceId: string): Promise<string>
  connectionString(of?: ConnectionStringOf): Promise<string>
  env(deviceId?: string): Promise<Record<string, string>>
  stop(): Promise<void>
}

export declare function startAzimuth(options?: StartOptions): Promise<Azimuth>
